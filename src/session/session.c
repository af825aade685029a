/*
 * A session process: one client, from accept to the last record. Before login it holds
 * no secret; after login it holds one target's credentials until the target is connected.
 */
#include "session/session.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
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
#include "net/net_tls.h"
#include "session/session_judge.h"
#include "session/session_pin.h"
#include "session/session_stage.h"
#include "session/session_state.h"

/* How long the end of a session waits for its records to reach storage. */
#define SESSION_CLOSE_US	5000000
/* How long a client that is to be refused may take to say who it is. */
#define SESSION_REFUSE_US	5000000

volatile sig_atomic_t	session_draining, session_stopping, session_rang;
static volatile sig_atomic_t	session_retired;

static void
session_signal(int sig)
{
	switch (sig) {
	case SIGTERM:	session_draining = 1; break;
	case SIGINT:	session_stopping = 1; break;
	case SIGIO:	session_rang = 1; break;
	case SIGUSR1:	session_retired = 1; break;
	}
}

void
session_warm(void)
{
	static const char	sql[] = "SELECT 1";
	struct policy		read = { .access = POLICY_READ };
	struct policy_verdict	v;

	session_relay_warm();
	policy_statement(&read, (struct slice){ (const unsigned char *)sql, sizeof(sql) - 1 }, &v);
}

/* As a spare there is nothing to finish: any signal to stop is obeyed at once. */
static void
session_spare_signals(void)
{
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
}

static void
session_busy_signals(void)
{
	struct sigaction	sa = { .sa_handler = session_signal };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	/* waits end by it, and nothing else */
	sa.sa_flags = SA_RESTART;
	sigaction(SIGIO, &sa, NULL);
	/* cancels run in children nobody waits for */
	signal(SIGCHLD, SIG_IGN);
}

/*
 * The wait of all spares for the sockets they share: the kernel wakes one of them for each client (EPOLLEXCLUSIVE),
 * and not all to find that one was quicker.
 */
static int
session_queue(const struct runtime *rt)
{
	int	queue = epoll_create1(EPOLL_CLOEXEC);

	for (int i = 0; i < rt->npg_fds; i++) {
		struct epoll_event	ev = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = rt->pg_fds[i] };

		if (epoll_ctl(queue, EPOLL_CTL_ADD, rt->pg_fds[i], &ev) != 0)
			log_fatal(EX_OSERR, "epoll: %m");
	}
	return queue;
}

/*
 * SIGUSR1: a spare is of no use any more, and ends; but never with a client in its hands, nor when it was woken for
 * one. So the signal is let in only while it waits, and caught: the kernel hands out what has happened before it.
 */
static void
session_retirable(sigset_t *mask)
{
	struct sigaction	sa = { .sa_handler = session_signal };
	sigset_t		retire;

	sigemptyset(&retire);
	sigaddset(&retire, SIGUSR1);
	sigprocmask(SIG_BLOCK, &retire, mask);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR1, &sa, NULL);
}

/*
 * A spare has time, and a login has not: what can be done without a client is done now. Most of it is to touch memory, of
 * which a process that was forked has nothing yet; the buffers are those that the client's bytes will come to.
 */
static void
session_rehearse(struct session *s)
{
	crypto_rehearse();
	session_target_rehearse();
	session_io_rehearse(s);
	scoreboard_rehearse(s->rt->board, s->rt->slot);
}

/* Waits for a client. The listening sockets are closed when it has one. */
static int
session_accept(struct runtime *rt)
{
	struct epoll_event	ev;
	sigset_t		mask;
	int			queue = session_queue(rt), fd = -1;

	session_retirable(&mask);
	while (fd < 0) {
		if (epoll_pwait(queue, &ev, 1, -1, &mask) > 0)
			fd = accept4(ev.data.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		else if (errno != EINTR)
			log_fatal(EX_OSERR, "epoll: %m");
		else if (session_retired)
			_exit(0);
	}
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(queue);
	for (int i = 0; i < rt->npg_fds; i++)
		close(rt->pg_fds[i]);
	rt->npg_fds = 0;
	return fd;
}

/* After login: the title, the log. */
static void
session_begin(const struct session *s)
{
	const struct session_grant	*g = &s->grant;

	title_set("session %s@%s %s:%d", s->user, s->database, s->peer.host, s->peer.port);
	log_prefix("session %llu %s@%s: ", (unsigned long long)g->connection_id, s->user, s->database);
	log_info("logged in from %s:%d, %s grant %llu%s", s->peer.host, s->peer.port,
	    g->access == POLICY_WRITE ? "write" : "read", (unsigned long long)g->grant_id,
	    s->tls ? ", TLS" : "");
}

/* Without a record there is no session. */
static int
session_record(struct session *s)
{
	struct session_grant	*g = &s->grant;
	struct error		 err;
	char			*dir = xasprintf("%s/journal", s->conf->state_dir);

	s->record = record_open(&(struct record_options){
		.dsn = g->log_dsn, .dir = dir, .connection_id = g->connection_id, .user_id = g->user_id,
		.database_id = g->database_id, .grant_id = g->grant_id, .started_us = g->started_us,
		.limited = s->limit.queries.limited || s->limit.bytes.limited,
		.ship_interval_us = s->conf->ship_interval * 1000,
		.journal_max = (size_t)s->conf->journal_max,
		.sync = (enum record_sync)s->conf->audit_sync,
		.capture = g->capture,
		.capture_key = g->capture_sealed ? g->capture_key : NULL,
		.capture_salt = g->capture_salt,
		.board = s->rt->board,
		.slot = s->rt->slot,
	}, &err);
	explicit_bzero(g->capture_key, sizeof(g->capture_key));
	secret_free(g->log_dsn);
	g->log_dsn = NULL;
	free(dir);
	if (s->record != NULL)
		return 0;
	log_error("the session cannot be recorded and is refused: %s", err.msg);
	if (!s->end.decided)
		session_fatal(s, "53100", "DBBat cannot record the session, so it is refused",
		    "The operator finds the reason in DBBat's log.");
	session_bye(s);
	return -1;
}

static void
session_finish(struct session *s)
{
	uint64_t	left;
	bool		settled;

	/* the client need not wait for our book-keeping */
	stream_shutdown(&s->client);
	close(s->fd);
	session_target_close(s);
	settled = session_bye(s);
	left = record_close(s->record, &(struct record_end){
		.ended_us = time_now_us(), .reason = s->end.reason,
		.statements = s->total_statements, .bytes = s->total_bytes,
	}, SESSION_CLOSE_US, !settled);
	if (left > 0)
		log_warn("%llu records are left to be shipped when storage is back",
		    (unsigned long long)left);
	log_info("ended: %s; %llu statements, %llu bytes", s->end.reason,
	    (unsigned long long)s->total_statements, (unsigned long long)s->total_bytes);
}

static void
session_serve(struct session *s, bool no_room)
{
	int64_t	deadline = time_mono_us() + (no_room ? SESSION_REFUSE_US : s->conf->login_timeout * 1000);
	bool	allowed;

	if (session_startup(s, no_room, deadline) != 0)
		return;
	stage_enter(STAGE_LOGIN);
	if (session_login(s, deadline) != 0)
		return;
	session_begin(s);
	stage_enter(STAGE_CONNECT);
	allowed = session_target_start(s) == 0;
	/* while the target starts a backend; it is sent nothing before there is a record */
	stage_enter(STAGE_RECORD);
	if (session_record(s) != 0) {
		session_target_close(s);
		return;
	}
	stage_enter(STAGE_CONNECT);
	if (allowed && session_target(s) == 0)
		session_relay(s);
	else
		session_end(s, "the target could not be reached");
	session_finish(s);
	judge_free(s->judge);
	buf_wipe(&s->capture_spare);
	pin_free(s);
	lane_free(&s->up);
	lane_free(&s->down);
	if (s->statements != NULL) {
		named_skip_end(&s->skipped);
		named_free_all(s->statements);
		named_free_all(s->portals);
		pending_free(&s->pending);
	}
}

_Noreturn void
session_main(struct runtime *rt)
{
	struct session	s = { .rt = rt, .conf = rt->conf, .keeper_fd = -1, .cancel_fd = -1 };
	bool		no_room;

	session_spare_signals();
	pending_init(&s.pending);
	s.statements = map_new();
	s.portals = map_new();
	session_rehearse(&s);
	s.fd = session_accept(rt);
	stage_enter(STAGE_STARTUP);
	session_busy_signals();
	no_room = !scoreboard_login(rt->board, rt->slot, time_mono_us());
	close(rt->board->event_fd);
	if (!no_room)
		session_place(rt);
	net_peer(s.fd, &s.peer);
	net_tune(s.fd);
	title_set("session (login) %s:%d", s.peer.host, s.peer.port);
	log_prefix("client %s:%d: ", s.peer.host, s.peer.port);
	stream_init(&s.client, s.fd, NULL);

	session_serve(&s, no_room);
	net_tls_free(s.tls);
	free(s.startup_bytes);
	buf_wipe(&s.in);
	buf_wipe(&s.out);
	/* the one packet with secrets was wiped when it was read: of the pages it has, most were never touched */
	buf_free(&s.packet);
	/* all that is to be said has been said: the libraries need not take themselves apart */
	_exit(0);
}
