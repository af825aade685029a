/*
 * Both ends of a handover, see supervisor_handover.h. The reader is the same program or another
 * version of it: it refuses what does not begin with its own format, and whoever writes sends a
 * checking process first. There is a moment, between the execution of the program and its first
 * steps, when processes of the same account could look at it with ptrace(2), as at any start.
 */
#include "supervisor/supervisor_handover.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_reader.h"
#include "base/base_scoreboard.h"
#include "base/base_text.h"
#include "net/net_tls.h"
#include "supervisor/supervisor_state.h"

#define HANDOVER_VARIABLE	"DBBAT_HANDOVER"
#define HANDOVER_FORMAT		"dbbat handover 2"
#define HANDOVER_FDS		4	/* besides the listening sockets */
#define HANDOVER_MAX		((size_t)16 * 1024 * 1024)

/* --- giving ------------------------------------------------------------------------ */

/* The descriptors that go along, in the order they are read. */
static int
handover_fds(const struct supervisor *s, int fds[2 * RUNTIME_LISTEN_MAX + HANDOVER_FDS])
{
	int	n = 0;

	for (int i = 0; i < s->rt.npg_fds; i++)
		fds[n++] = s->rt.pg_fds[i];
	for (int i = 0; i < s->rt.napi_fds; i++)
		fds[n++] = s->rt.api_fds[i];
	fds[n++] = s->rt.keeper_fd;
	fds[n++] = s->rt.board->memory_fd;
	fds[n++] = s->rt.board->event_fd;
	fds[n++] = s->lock_fd;
	return n;
}

static void
handover_put_children(const struct supervisor *s, struct buf *b)
{
	uint32_t	n = 0;

	for (int i = 0; i < s->nchildren; i++)
		n += s->children[i].pid != 0;
	buf_put_u32(b, n);
	for (int i = 0; i < s->nchildren; i++) {
		const struct child	*c = &s->children[i];

		if (c->pid == 0)
			continue;
		buf_put_u32(b, (uint32_t)c->pid);
		buf_put_cstr(b, c->kind->title);
		buf_put_u8(b, (uint8_t)c->kind->restart);
		buf_put_u32(b, (uint32_t)c->slot);
		buf_put_u64(b, (uint64_t)c->started_us);
	}
}

static void
handover_put(const struct supervisor *s, bool check, struct buf *b)
{
	const struct conf	*conf = s->conf;
	struct buf		 pem = { 0 };
	int			 fds[2 * RUNTIME_LISTEN_MAX + HANDOVER_FDS], n = handover_fds(s, fds);

	/* secrets are in it: it is not to grow */
	b->max = HANDOVER_MAX;
	buf_reserve(b, 65536 + (size_t)s->nchildren * 64);
	buf_put_cstr(b, HANDOVER_FORMAT);
	buf_put_u8(b, check);
	secrets_put(s->secrets, b);
	buf_put_u8(b, s->origin->dsn_env);
	buf_put_u8(b, s->origin->log_dsn_env);
	buf_put_u8(b, s->origin->key_env);
	buf_put_cstr(b, s->origin->file ? s->origin->file : "");
	buf_put_cstr(b, conf->user);
	buf_put_cstr(b, conf->state_dir);
	buf_put_cstr(b, conf->runtime_dir);
	buf_put_cstr(b, conf->pid_file);
	if (s->rt.tls != NULL && net_tls_export(s->rt.tls, &pem) != 0)
		log_warn("the certificate in use cannot be handed over");
	buf_put_u32(b, (uint32_t)pem.len);
	buf_put(b, pem.data, pem.len);
	buf_wipe(&pem);
	buf_put_u8(b, (uint8_t)(n - HANDOVER_FDS));
	for (int i = 0; i < n; i++)
		buf_put_u32(b, (uint32_t)fds[i]);
	buf_put_u32(b, (uint32_t)s->rt.board->size);
	buf_put_cstr(b, s->rt.boot_id);
	handover_put_children(s, b);
}

/* The memory, of a size that is fixed, or -1 with errno. */
static int
handover_memory(const struct buf *b)
{
	int	fd = memfd_create("dbbat handover", MFD_CLOEXEC | MFD_ALLOW_SEALING), saved;

	/* not sealed against writing: it is to be wiped */
	if (fd >= 0 && !b->failed && write(fd, b->data, b->len) == (ssize_t)b->len &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	saved = b->failed ? E2BIG : errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

int
handover_give(const struct supervisor *s, bool check)
{
	struct buf	b = { 0 };
	int		memory, saved;

	handover_put(s, check, &b);
	memory = handover_memory(&b);
	saved = errno;
	buf_wipe(&b);
	errno = saved;
	return memory;
}

void
handover_wipe(int fd)
{
	static const char	zeros[65536];
	struct stat		st;

	if (fstat(fd, &st) == 0)
		for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros)) {
			off_t	left = st.st_size - at;

			if (pwrite(fd, zeros, left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros), at) < 0)
				log_warn("the memory of a handover cannot be wiped: %m");
		}
	close(fd);
}

void
handover_exec(const struct supervisor *s, int memory)
{
	char	number[12];
	int	fds[2 * RUNTIME_LISTEN_MAX + HANDOVER_FDS], n = handover_fds(s, fds), saved;

	snprintf(number, sizeof(number), "%d", memory);
	if (setenv(HANDOVER_VARIABLE, number, 1) == 0) {
		for (int i = 0; i < n; i++)
			fcntl(fds[i], F_SETFD, 0);
		fcntl(memory, F_SETFD, 0);
		execv(s->origin->program, s->origin->argv);
	}
	saved = errno;
	for (int i = 0; i < n; i++)
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	fcntl(memory, F_SETFD, FD_CLOEXEC);
	unsetenv(HANDOVER_VARIABLE);
	errno = saved;
}

/* --- taking ------------------------------------------------------------------------- */

static char *
handover_str(struct reader *r)
{
	return xstrdup(reader_cstr(r));
}

static int
handover_fd(struct reader *r)
{
	int	fd = (int)reader_u32(r);

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		r->failed = true;
	return fd;
}

static void
handover_read_children(struct reader *r, struct handover *h)
{
	uint32_t	n = reader_u32(r);

	/* each takes more than this */
	if (n > r->left) {
		r->failed = true;
		return;
	}
	h->children = xcalloc(n, sizeof(*h->children));
	for (; h->nchildren < n && !r->failed; h->nchildren++) {
		struct handed_child	*c = &h->children[h->nchildren];

		c->pid = (pid_t)reader_u32(r);
		c->title = handover_str(r);
		c->restart = reader_u8(r);
		c->slot = (int)reader_u32(r);
		c->started_us = (int64_t)reader_u64(r);
		if (c->slot >= h->board_size || c->restart > RESTART_SPARE)
			r->failed = true;
	}
}

static int
handover_read(struct handover *h, struct slice bytes)
{
	struct reader	r = reader_init(bytes.p, bytes.n);
	struct slice	s;

	if (strcmp(reader_cstr(&r), HANDOVER_FORMAT) != 0)
		return -1;
	h->check = reader_u8(&r) != 0;
	s = reader_bytes(&r, sizeof(h->key));
	memcpy(h->key, s.p, s.n);
	s = reader_bytes(&r, sizeof(h->token));
	memcpy(h->token, s.p, s.n);
	h->dsn = handover_str(&r);
	h->log_dsn = handover_str(&r);
	h->dsn_env = reader_u8(&r) != 0;
	h->log_dsn_env = reader_u8(&r) != 0;
	h->key_env = reader_u8(&r) != 0;
	h->file = handover_str(&r);
	if (*h->file == '\0') {
		free(h->file);
		h->file = NULL;
	}
	h->user = handover_str(&r);
	h->state_dir = handover_str(&r);
	h->runtime_dir = handover_str(&r);
	h->pid_file = handover_str(&r);
	s = reader_bytes(&r, reader_u32(&r));
	buf_reserve(&h->pem, s.n);
	buf_put(&h->pem, s.p, s.n);
	h->listeners.n = reader_u8(&r);
	if (h->listeners.n > 2 * NET_LISTEN_MAX)
		return -1;
	for (int i = 0; i < h->listeners.n; i++)
		h->listeners.fds[i] = handover_fd(&r);
	h->keeper_fd = handover_fd(&r);
	h->board_fd = handover_fd(&r);
	h->event_fd = handover_fd(&r);
	h->lock_fd = handover_fd(&r);
	h->board_size = (int)reader_u32(&r);
	h->boot_id = handover_str(&r);
	handover_read_children(&r, h);
	return reader_done(&r) ? 0 : -1;
}

struct handover *
handover_take(void)
{
	const char	*number = getenv(HANDOVER_VARIABLE);
	struct handover	*h;
	struct stat	 st;
	unsigned char	*bytes;
	int		 fd, rc = -1;

	if (number == NULL)
		return NULL;
	/* what was so before the execution is so again: nobody of our account looks into this process */
	prctl(PR_SET_DUMPABLE, 0);
	fd = atoi(number);
	unsetenv(HANDOVER_VARIABLE);
	if (fstat(fd, &st) != 0 || st.st_size <= 0 || (size_t)st.st_size > HANDOVER_MAX)
		log_fatal(EX_SOFTWARE, "nothing was handed over");
	h = xcalloc(1, sizeof(*h));
	bytes = xmalloc((size_t)st.st_size);
	if (pread(fd, bytes, (size_t)st.st_size, 0) == (ssize_t)st.st_size)
		rc = handover_read(h, (struct slice){ bytes, (size_t)st.st_size });
	secret_free_n(bytes, (size_t)st.st_size);
	handover_wipe(fd);
	if (rc != 0)
		log_fatal(EX_SOFTWARE, "this version (" DBBAT_VERSION ") cannot take over from the one that runs: "
		    "stop that one and start again");
	return h;
}

void
handover_environment(const struct handover *h)
{
	char	key[TEXT_BASE64_SIZE(sizeof(h->key))];

	if (h->key_env) {
		text_base64_encode(h->key, sizeof(h->key), key);
		setenv("DBB_KEY", key, 1);
		explicit_bzero(key, sizeof(key));
	}
	if (h->dsn_env)
		setenv("DBB_DSN", h->dsn, 1);
	if (h->log_dsn_env)
		setenv("DBB_LOG_DSN", h->log_dsn, 1);
	setenv("DBB_USER", h->user, 1);
	setenv("DBB_STATE_DIR", h->state_dir, 1);
	setenv("DBB_RUNTIME_DIR", h->runtime_dir, 1);
	setenv("DBB_PID_FILE", h->pid_file, 1);
}

void
handover_free(struct handover *h)
{
	if (h == NULL)
		return;
	for (unsigned i = 0; i < h->nchildren; i++)
		free(h->children[i].title);
	free(h->children);
	free(h->file);
	free(h->user);
	free(h->state_dir);
	free(h->runtime_dir);
	free(h->pid_file);
	secret_free(h->dsn);
	secret_free(h->log_dsn);
	free(h->boot_id);
	buf_wipe(&h->pem);
	secret_free_n(h, sizeof(*h));
}

/* --- adopting ------------------------------------------------------------------------ */

/* Children of a kind that this version does not have; they end by themselves or when they are told to. */
static const struct process_kind	strangers[] = {
	[RESTART_ONCE] = { .title = "former helper", .restart = RESTART_ONCE },
	[RESTART_KEEP] = { .title = "former helper", .restart = RESTART_KEEP, .retire = SIGTERM },
	[RESTART_SPARE] = { .title = "former session", .restart = RESTART_SPARE, .retire = SIGUSR1 },
};

static void
adopt_children(struct supervisor *s, const struct handover *h)
{
	for (unsigned i = 0; i < h->nchildren; i++) {
		const struct handed_child	*from = &h->children[i];
		struct child			*c = supervisor_entry(s);

		*c = (struct child){ .pid = from->pid, .kind = &strangers[from->restart], .slot = from->slot,
		    .started_us = from->started_us, .retired = true };
		for (int k = 0; k < s->nkinds; k++)
			if (strcmp(s->kinds[k].title, from->title) == 0)
				c->kind = &s->kinds[k];
	}
}

int
handover_adopt(struct supervisor *s, const struct handover *h, int slots, struct error *err)
{
	s->rt.keeper_fd = h->keeper_fd;
	s->lock_fd = h->lock_fd;
	snprintf(s->rt.boot_id, sizeof(s->rt.boot_id), "%s", h->boot_id);
	/* children that are there keep their slots */
	s->rt.board = scoreboard_adopt(slots > h->board_size ? slots : h->board_size, (int)s->conf->max_sessions,
	    h->board_fd, h->event_fd, err);
	if (s->rt.board == NULL)
		return -1;
	adopt_children(s, h);
	return 0;
}

/*
 * What is listened on already goes on; what is not wanted any more is closed first, because it may be in the
 * way. Processes that are yet to retire hold it too, so closing is not enough: shutdown ends the listening.
 */
void
handover_adopt_listeners(struct supervisor *s, struct handover *h)
{
	bool		keep[2 * NET_LISTEN_MAX] = { false };
	struct error	err;

	/* what is wrong with them is said below */
	net_listen_probe(s->conf->listen_pg, &h->listeners, keep, &err);
	net_listen_probe(s->conf->listen_api, &h->listeners, keep, &err);
	for (int i = 0; i < h->listeners.n; i++)
		if (!keep[i]) {
			shutdown(h->listeners.fds[i], SHUT_RDWR);
			close(h->listeners.fds[i]);
			h->listeners.fds[i] = -1;
		}
	if (net_listen_from(s->conf->listen_pg, &h->listeners, s->rt.pg_fds, &s->rt.npg_fds, &err) != 0)
		log_error("listen_pg: %s; SIGHUP tries again", err.msg);
	if (net_listen_from(s->conf->listen_api, &h->listeners, s->rt.api_fds, &s->rt.napi_fds, &err) != 0)
		log_error("listen_api: %s; SIGHUP tries again", err.msg);
}
