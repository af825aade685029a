/*
 * The supervisor's life: sockets, children, signals. It sleeps in ppoll until
 * a signal comes or a session becomes busy; signal handlers only set flags. It
 * speaks to nobody outside.
 */
#include "supervisor/supervisor_state.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "base/base_title.h"
#include "ipc/ipc.h"
#include "net/net_addr.h"

/* Processes beyond max_sessions that tell clients there is no room. */
#define SUPERVISOR_REFUSERS	32
#define SUPERVISOR_DELAY_MIN	100000		/* us: first delay of a restart */
#define SUPERVISOR_DELAY_MAX	30000000
#define SUPERVISOR_STEADY	60000000	/* us: who ran this long starts again at once */
#define SUPERVISOR_GRACE	10000000	/* us: sessions get this long after their time, then helpers */
#define SUPERVISOR_REMAINS	15000000	/* us: what a supervisor that was killed has left holds addresses, at most */
#define SUPERVISOR_AGAIN	50000		/* us: between two tries to listen */

static volatile sig_atomic_t	got_term, got_int, got_hup, got_chld;

static void
supervisor_signal(int sig)
{
	switch (sig) {
	case SIGTERM:	got_term = 1; break;
	case SIGINT:
	case SIGQUIT:	got_int = 1; break;
	case SIGHUP:	got_hup = 1; break;
	case SIGCHLD:	got_chld = 1; break;
	}
}

static const int supervisor_signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD };

#define SUPERVISOR_NSIGNALS	(sizeof(supervisor_signals) / sizeof(supervisor_signals[0]))

static void
supervisor_catch(void (*handler)(int))
{
	struct sigaction	sa = { .sa_handler = handler };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < SUPERVISOR_NSIGNALS; i++)
		sigaction(supervisor_signals[i], &sa, NULL);
}

static void
supervisor_block(sigset_t *old)
{
	sigset_t	set;

	sigemptyset(&set);
	for (size_t i = 0; i < SUPERVISOR_NSIGNALS; i++)
		sigaddset(&set, supervisor_signals[i]);
	sigprocmask(SIG_BLOCK, &set, old);
}

/* Takes our signals out of a mask: they may have been blocked by who executed us. */
static void
supervisor_unmask(sigset_t *mask)
{
	for (size_t i = 0; i < SUPERVISOR_NSIGNALS; i++)
		sigdelset(mask, supervisor_signals[i]);
}

/* Listens; what is in the way may go until then. Number of sockets, or -1 and err. */
static int
supervisor_listen(const char *addresses, int fds[RUNTIME_LISTEN_MAX], int64_t until_us, struct error *err)
{
	int	n;

	while ((n = net_listen(addresses, fds, err)) < 0 && time_mono_us() < until_us)
		usleep(SUPERVISOR_AGAIN);
	return n;
}

static int
supervisor_open(struct supervisor *s, int slots, struct error *err)
{
	bool	killed;
	int64_t	until;

	s->lock_fd = node_lock(s->conf->state_dir, &killed, err);
	if (s->lock_fd < 0)
		return -1;
	if (killed)
		log_warn("the supervisor before this one was killed; what it left ends by itself");
	until = killed ? time_mono_us() + SUPERVISOR_REMAINS : 0;
	node_random_id(s->rt.boot_id);
	s->rt.npg_fds = supervisor_listen(s->conf->listen_pg, s->rt.pg_fds, until, err);
	if (s->rt.npg_fds < 0)
		return -1;
	s->rt.napi_fds = supervisor_listen(s->conf->listen_api, s->rt.api_fds, until, err);
	if (s->rt.napi_fds < 0)
		return -1;
	s->rt.keeper_fd = ipc_listen(s->rt.keeper_path, err);
	if (s->rt.keeper_fd < 0)
		return -1;
	s->rt.board = scoreboard_new(slots, (int)s->conf->max_sessions);
	return 0;
}

struct supervisor *
supervisor_new(struct conf *conf, const struct process_kind *kinds, unsigned char key[32],
    struct ssl_ctx_st *tls, const struct origin *origin, struct handover *handover, struct error *err)
{
	struct supervisor	*s = xcalloc(1, sizeof(*s));
	int			 slots;

	s->conf = conf;
	s->kinds = kinds;
	while (kinds[s->nkinds].title != NULL)
		s->nkinds++;
	s->backoff = xcalloc((size_t)s->nkinds, sizeof(*s->backoff));
	s->origin = origin;
	s->handover = handover;
	/* the secrets are nobody's business, of our account either */
	prctl(PR_SET_DUMPABLE, 0);
	/* the same token: API workers that are there go on until they are replaced */
	s->secrets = secrets_new(key, conf->dsn, conf->log_dsn, handover ? handover->token : NULL);

	s->rt.conf = conf;
	s->rt.tls = tls;
	s->rt.keeper_path = xasprintf("%s/keeper.sock", conf->runtime_dir);
	slots = (int)conf->max_sessions + (int)conf->min_spare + SUPERVISOR_REFUSERS;
	if ((handover ? handover_adopt(s, handover, slots, err) : supervisor_open(s, slots, err)) == 0 &&
	    node_identify(conf->state_dir, s->rt.node_id, err) == 0)
		return s;
	/* the program ends now, and its sockets with it */
	free(s);
	return NULL;
}

struct child *
supervisor_entry(struct supervisor *s)
{
	int	more = s->nchildren > 0 ? s->nchildren : 64, free_one = 0;

	while (free_one < s->nchildren && s->children[free_one].pid != 0)
		free_one++;
	if (free_one == s->nchildren) {
		s->children = xrealloc(s->children, (size_t)(s->nchildren + more) * sizeof(*s->children));
		memset(s->children + s->nchildren, 0, (size_t)more * sizeof(*s->children));
		s->nchildren += more;
	}
	return &s->children[free_one];
}

static void
close_all(int *fds, int *n)
{
	for (int i = 0; i < *n; i++)
		close(fds[i]);
	*n = 0;
}

/* In the child: becomes a process of this kind and never returns. */
static _Noreturn void
supervisor_child(struct supervisor *s, const struct process_kind *kind, int slot, int secrets_fd, pid_t parent,
    const sigset_t *mask)
{
	struct runtime	*rt = &s->rt;

	supervisor_catch(SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* a reload is the supervisor's business, whomever somebody has signalled */
	signal(SIGHUP, SIG_IGN);
	/* what another supervisor handed over is not for us */
	handover_free(s->handover);
	/* no core file and no ptrace by our own user: this memory may hold credentials */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EX_OSERR);

	if (!(kind->needs & NEED_KEEPER)) {
		close(rt->keeper_fd);
		rt->keeper_fd = -1;
	}
	if (!(kind->needs & NEED_PG)) {
		close_all(rt->pg_fds, &rt->npg_fds);
		close(rt->board->event_fd);
		rt->tls = NULL;
	}
	close(rt->board->memory_fd);
	/* whoever of us outlives the supervisor does not keep another from starting */
	close(s->lock_fd);
	if (!(kind->needs & NEED_API))
		close_all(rt->api_fds, &rt->napi_fds);
	rt->slot = slot;
	if (secrets_take(rt, kind->needs, secrets_fd) != 0)
		_exit(EX_OSERR);
	free(s->children);
	s->children = NULL;
	title_set("%s", kind->title);
	kind->main(rt);
}

/* Forks one process of this kind. Its entry, or NULL. */
static struct child *
supervisor_launch(struct supervisor *s, const struct process_kind *kind)
{
	struct child	*c = supervisor_entry(s);
	pid_t		 parent = getpid();
	sigset_t	 mask;
	int		 fds[2];

	*c = (struct child){ .kind = kind, .slot = -1, .started_us = time_mono_us() };
	if (kind->needs & NEED_PG && (c->slot = scoreboard_take(s->rt.board)) < 0)
		return NULL;
	if (pipe2(fds, O_CLOEXEC) != 0) {
		log_error("cannot start %s: pipe: %m", kind->title);
		goto fail;
	}
	/* a signal between fork and the child's own handlers must not run ours */
	supervisor_block(&mask);
	c->pid = fork();
	if (c->pid == 0) {
		close(fds[1]);
		supervisor_unmask(&mask);
		supervisor_child(s, kind, c->slot, fds[0], parent, &mask);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(fds[0]);
	if (c->pid < 0) {
		log_error("cannot start %s: fork: %m", kind->title);
		close(fds[1]);
		c->pid = 0;
		goto fail;
	}
	secrets_give(s->secrets, kind->needs, fds[1]);
	return c;
fail:
	if (c->slot >= 0)
		scoreboard_free(s->rt.board, c->slot);
	return NULL;
}

int
supervisor_prepare(struct supervisor *s)
{
	for (int i = 0; i < s->nkinds; i++) {
		struct child	*c;
		int		 status;

		if (s->kinds[i].restart != RESTART_ONCE)
			continue;
		c = supervisor_launch(s, &s->kinds[i]);
		if (c == NULL)
			return EX_OSERR;
		while (waitpid(c->pid, &status, 0) < 0)
			if (errno != EINTR)
				return EX_OSERR;
		c->pid = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
	}
	return 0;
}

/* Those that do the work of this kind; of sessions, those that wait for a client. */
static int
supervisor_count(const struct supervisor *s, const struct process_kind *kind)
{
	int	n = 0;

	for (int i = 0; i < s->nchildren; i++) {
		const struct child	*c = &s->children[i];

		n += c->pid != 0 && c->kind == kind && !c->retired &&
		    (kind->restart != RESTART_SPARE || s->rt.board->slots[c->slot] == SLOT_SPARE);
	}
	return n;
}

/* Starts what is missing. Returns when to look again, monotonic us. */
static int64_t
supervisor_fill(struct supervisor *s)
{
	int64_t	now = time_mono_us(), next = INT64_MAX;

	for (int i = 0; i < s->nkinds; i++) {
		const struct process_kind	*kind = &s->kinds[i];
		int				 missing;

		if (kind->restart == RESTART_ONCE)
			continue;
		missing = kind->count - supervisor_count(s, kind);
		if (missing <= 0)
			continue;
		if (s->backoff[i].not_before_us > now) {
			if (s->backoff[i].not_before_us < next)
				next = s->backoff[i].not_before_us;
			continue;
		}
		while (missing-- > 0 && supervisor_launch(s, kind) != NULL)
			;
	}
	return next;
}

/* Takes the place of the program that was here before: new processes first, then the old ones go. */
static void
supervisor_take_over(struct supervisor *s)
{
	handover_adopt_listeners(s, s->handover);
	handover_free(s->handover);
	s->handover = NULL;
	supervisor_fill(s);
	for (int i = 0; i < s->nchildren; i++) {
		const struct child	*c = &s->children[i];

		if (c->pid != 0 && c->retired && c->kind->retire != 0 &&
		    (c->slot < 0 || s->rt.board->slots[c->slot] == SLOT_SPARE))
			kill(c->pid, c->kind->retire);
	}
}

/* A process that was not meant to end did: log it and choose the delay. */
static void
supervisor_failed(struct supervisor *s, const struct child *c, int status, int64_t now)
{
	struct backoff	*b;

	if (WIFSIGNALED(status))
		log_error("%s [%d] was killed by signal %d (%s)", c->kind->title, (int)c->pid,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_error("%s [%d] ended with exit code %d", c->kind->title, (int)c->pid,
		    WEXITSTATUS(status));
	if (c->retired || (c->kind->restart == RESTART_SPARE && s->rt.board->slots[c->slot] != SLOT_SPARE))
		return;		/* it cost one client; others are not delayed */
	b = &s->backoff[c->kind - s->kinds];
	if (now - c->started_us > SUPERVISOR_STEADY || b->delay_us == 0)
		b->delay_us = SUPERVISOR_DELAY_MIN;
	else if (b->delay_us < SUPERVISOR_DELAY_MAX)
		b->delay_us *= 2;
	b->not_before_us = now + b->delay_us;
	log_warn("%s starts again in %lld ms", c->kind->title, (long long)b->delay_us / 1000);
}

/* Whether this end is part of a process's normal life. */
static bool
supervisor_expected(const struct supervisor *s, const struct child *c, int status)
{
	bool	clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (s->state != SERVING)
		return clean || WIFSIGNALED(status);
	if (c->retired)
		return clean || (WIFSIGNALED(status) && WTERMSIG(status) == c->kind->retire);
	return clean && c->kind->restart == RESTART_SPARE;
}

static void
supervisor_reap(struct supervisor *s)
{
	int64_t	now = time_mono_us();
	int	status;
	pid_t	pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child	*c = s->children;

		while (c < s->children + s->nchildren && c->pid != pid)
			c++;
		if (c == s->children + s->nchildren)
			continue;
		if (c->kind == &supervisor_check_kind) {
			c->pid = 0;
			supervisor_reload_checked(s, status);
			continue;
		}
		if (!supervisor_expected(s, c, status))
			supervisor_failed(s, c, status, now);
		if (c->slot >= 0)
			scoreboard_free(s->rt.board, c->slot);
		c->pid = 0;
	}
}

static void
supervisor_kill(const struct supervisor *s, bool sessions, int sig)
{
	for (int i = 0; i < s->nchildren; i++) {
		const struct child	*c = &s->children[i];

		if (c->pid != 0 && (c->kind->restart == RESTART_SPARE) == sessions)
			kill(c->pid, sig);
	}
}

/* No more clients; the sessions that are open get `sig` and their time. */
static void
supervisor_drain(struct supervisor *s, int sig)
{
	if (s->state == SERVING) {
		close_all(s->rt.pg_fds, &s->rt.npg_fds);
		close_all(s->rt.api_fds, &s->rt.napi_fds);
		s->state = DRAINING;
		supervisor_notify("STOPPING=1");
	}
	if (s->state == DRAINING)
		s->end_us = time_mono_us() + (sig == SIGTERM ? s->conf->shutdown_timeout * 1000 : 0) + SUPERVISOR_GRACE;
	supervisor_kill(s, true, sig);
}

/* One step of stopping. True when every process is gone. */
static bool
supervisor_stopping(struct supervisor *s)
{
	bool	sessions = false, helpers = false;
	int64_t	now = time_mono_us();

	for (int i = 0; i < s->nchildren; i++)
		if (s->children[i].pid != 0) {
			if (s->children[i].kind->restart == RESTART_SPARE)
				sessions = true;
			else
				helpers = true;
		}
	if (s->state == DRAINING && !sessions) {
		/* the sessions' last words went to the keeper: now it can go too */
		supervisor_kill(s, false, SIGTERM);
		s->state = ENDING;
		s->end_us = now + SUPERVISOR_GRACE;
	}
	/* who is stopped, or hangs: what a session has recorded is shipped from its journal */
	if (now >= s->end_us)
		supervisor_kill(s, s->state == DRAINING, SIGKILL);
	return !sessions && !helpers;
}

static int
supervisor_wait(struct supervisor *s, int64_t until)
{
	struct pollfd	pfd = { .fd = s->rt.board->event_fd, .events = POLLIN };
	struct timespec	ts = time_left(until);
	uint64_t	count;
	int		n;

	n = ppoll(&pfd, 1, until == INT64_MAX ? NULL : &ts, &s->mask);
	if (n > 0 && read(pfd.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("scoreboard: %m");
	return n;
}

int
supervisor_run(struct supervisor *s)
{
	/* handlers run only inside ppoll */
	supervisor_block(&s->mask);
	supervisor_unmask(&s->mask);
	supervisor_catch(supervisor_signal);
	node_serving(s->lock_fd);
	if (s->handover != NULL) {
		supervisor_take_over(s);
		/* children may have ended when nobody looked */
		got_chld = 1;
	}
	supervisor_notify("READY=1\nSTATUS=Serving PostgreSQL on %s and the API on %s", s->conf->listen_pg,
	    s->conf->listen_api);
	for (;;) {
		int64_t	next = INT64_MAX;

		if (got_chld) {
			got_chld = 0;
			supervisor_reap(s);
		}
		if (got_hup) {
			got_hup = 0;
			supervisor_reload(s);
		}
		if (got_term) {
			got_term = 0;
			log_info("SIGTERM: no new clients; open sessions have %lld s to finish",
			    (long long)s->conf->shutdown_timeout / 1000);
			supervisor_drain(s, SIGTERM);
		}
		if (got_int) {
			got_int = 0;
			log_info("fast shutdown: open sessions are ended");
			supervisor_drain(s, SIGINT);
		}
		if (s->state == SERVING)
			next = supervisor_fill(s);
		else if (supervisor_stopping(s))
			break;
		else
			next = time_mono_us() + 1000000;
		supervisor_wait(s, next);
	}
	unlink(s->rt.keeper_path);
	node_unlock(s->lock_fd);
	log_info("stopped");
	return 0;
}
