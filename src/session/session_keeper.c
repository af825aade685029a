/*
 * The session's end of the channel to the keeper. When the keeper goes it registers with the next
 * one, and relays on meanwhile what needs no lease; a session that no keeper answers in time would
 * not hear of a revocation, so it ends.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_time.h"
#include "session/session_state.h"

#define KEEPER_CONNECT_MS	5000
#define KEEPER_LEASE_BYTES	(1024 * 1024)	/* how much is leased at once */
#define KEEPER_RETRY_MS		1		/* to connect, while the relay waits */
#define KEEPER_RETRY_US		100000		/* between two tries */
#define KEEPER_PATIENCE_US	15000000	/* to be registered again */
#define KEEPER_USED_US		500000		/* between two words on what was used */
#define KEEPER_SETTLE_MS	5000		/* for the leases to be settled */

/*
 * SIGIO when the keeper speaks: then the relay need not look at the channel before each statement, and still hears
 * of a cancel before the statement that its sender sends next.
 */
static void
keeper_bell(int fd)
{
	int	flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETOWN, getpid()) != 0 || fcntl(fd, F_SETFL, flags | O_ASYNC) != 0)
		log_fatal(EX_OSERR, "no signal from the keeper: %m");
}

static int
keeper_dial(struct session *s, int ms, struct error *err)
{
	s->keeper_fd = ipc_connect(s->rt->keeper_path, ms, err);
	if (s->keeper_fd < 0)
		return -1;
	if (ipc_peer_is_us(s->keeper_fd))
		return 0;
	close(s->keeper_fd);
	s->keeper_fd = -1;
	return error_set(err, "%s does not belong to our keeper", s->rt->keeper_path);
}

int
session_keeper_connect(struct session *s)
{
	struct error	err;

	if (keeper_dial(s, KEEPER_CONNECT_MS, &err) == 0)
		return 0;
	log_error("the keeper cannot be reached: %s", err.msg);
	return -1;
}

/* Hangs up on a keeper that is gone or going. What it leased stays leased: storage knows of it. */
static void
keeper_lost(struct session *s)
{
	int64_t	now = time_mono_us();

	if (s->keeper_until == 0) {
		log_debug("the keeper is gone or going: looking for the next");
		s->keeper_until = now + KEEPER_PATIENCE_US;
		s->keeper_retry = now;
	} else
		s->keeper_retry = now + KEEPER_RETRY_US;
	if (s->keeper_fd >= 0)
		close(s->keeper_fd);
	s->keeper_fd = -1;
}

static void
keeper_register(struct session *s, int64_t now)
{
	struct error	err;

	s->keeper_retry = now + KEEPER_RETRY_US;
	if (keeper_dial(s, KEEPER_RETRY_MS, &err) != 0) {
		log_debug("the keeper cannot be reached: %s", err.msg);
		return;
	}
	keeper_bell(s->keeper_fd);
	buf_reset(&s->packet);
	ipc_put_register(&s->packet, &(struct ipc_register){
		.connection_id = s->grant.connection_id, .backend_pid = s->backend_pid,
		.ticket = { s->grant.ticket.data, s->grant.ticket.len },
	});
	if (ipc_send(s->keeper_fd, &s->packet) != 0)
		keeper_lost(s);
}

/* What the API shows of the quotas, and what is settled at the end. */
static void
keeper_used(struct session *s)
{
	s->used_told = time_mono_us();
	s->queries_told = s->limit.queries.used;
	s->bytes_told = s->limit.bytes.used;
	buf_reset(&s->packet);
	ipc_put_used(&s->packet, &(struct ipc_used){ .queries = s->queries_told, .bytes = s->bytes_told });
	if (ipc_send(s->keeper_fd, &s->packet) != 0)
		keeper_lost(s);
}

/* The next time to tell, if there is something. */
static int64_t
keeper_tell(struct session *s, int64_t now)
{
	if (s->queries_told == s->limit.queries.used && s->bytes_told == s->limit.bytes.used)
		return INT64_MAX;
	if (now >= s->used_told + KEEPER_USED_US)
		keeper_used(s);
	return s->used_told + KEEPER_USED_US;
}

int64_t
session_keeper_clock(struct session *s, int64_t now)
{
	if (s->keeper_until == 0)
		return keeper_tell(s, now);
	if (now >= s->keeper_until)
		session_end_fatal(s, "keeper lost", "57P01",
		    "terminating connection: DBBat is restarting a part of itself", "Connect again.");
	else if (s->keeper_fd < 0 && now >= s->keeper_retry)
		keeper_register(s, now);
	return s->keeper_fd < 0 && s->keeper_retry < s->keeper_until ? s->keeper_retry : s->keeper_until;
}

static void
keeper_lease(struct session *s)
{
	buf_reset(&s->packet);
	ipc_put_lease(&s->packet, &(struct ipc_lease){
		.queries = s->limit.queries.asked, .bytes = s->limit.bytes.asked });
	if (ipc_send(s->keeper_fd, &s->packet) != 0)
		keeper_lost(s);
}

static void
keeper_packet(struct session *s, struct slice packet)
{
	struct ipc_terminate	t;
	struct ipc_leased	l;
	struct ipc_cancel	c;
	struct ipc_registered	r;
	enum ipc_type		type = ipc_type(packet);

	if (type == IPC_TERMINATE && ipc_get_terminate(packet, &t) == 0)
		session_end_fatal(s, t.message, t.sqlstate, t.message, "");
	else if (type == IPC_LEASED && ipc_get_leased(packet, &l) == 0)
		limit_answer(&s->limit, l.queries, l.bytes, l.failed);
	else if (type == IPC_CANCEL && ipc_get_cancel(packet, &c) == 0) {
		/* idle: the statement it was meant for is over */
		if (s->pending.count > 0)
			session_cancel_send(s);
	} else if (type == IPC_REGISTERED && ipc_get_registered(packet, &r) == 0) {
		s->keeper_until = 0;
		/* what was asked of the keeper before it, or of none, is asked now */
		if (s->limit.queries.asked != 0 || s->limit.bytes.asked != 0)
			keeper_lease(s);
	} else {
		log_error("the keeper sent %s, which has no place here", ipc_type_name(type));
		session_end_fatal(s, "keeper misunderstood", "57P01",
		    "terminating connection: DBBat is restarting a part of itself", "Connect again.");
	}
}

void
session_keeper_read(struct session *s)
{
	int	rc = 1;

	session_rang = 0;
	while (s->keeper_fd >= 0 && !s->end.decided && (rc = ipc_recv(s->keeper_fd, &s->packet, 0)) == 1)
		keeper_packet(s, (struct slice){ s->packet.data, s->packet.len });
	if (rc < 0)
		keeper_lost(s);
}

void
session_started(struct session *s, uint32_t backend_pid)
{
	s->backend_pid = backend_pid;
	/* only now: during the login it is waited for. It may have spoken before: the relay looks first. */
	if (s->keeper_fd >= 0)
		keeper_bell(s->keeper_fd);
	session_rang = 1;
	buf_reset(&s->packet);
	ipc_put_started(&s->packet, &(struct ipc_started){ .backend_pid = backend_pid });
	if (s->keeper_fd >= 0 && ipc_send(s->keeper_fd, &s->packet) == 0)
		return;
	/* it may have gone while the target was waited for: now is the time to look for another */
	s->keeper_until = 0;
	keeper_lost(s);
}

void
session_lease(struct session *s, uint64_t queries, uint64_t bytes)
{
	/* one request at a time: who waits asks again when this one is answered */
	if (s->limit.queries.asked != 0 || s->limit.bytes.asked != 0)
		return;
	s->limit.queries.asked = queries;
	s->limit.bytes.asked = bytes;
	if (s->keeper_until == 0)
		keeper_lease(s);
}

/* The journal knows before the target or the client does. */
enum limit_answer
session_take(struct session *s, struct limit_quota *q, uint64_t n)
{
	enum limit_answer	a = limit_take(&s->limit, q, n);

	if (a == LIMIT_OK && q->limited)
		record_used(s->record, s->limit.queries.used, s->limit.bytes.used);
	return a;
}

void
session_give_back(struct session *s, uint64_t queries)
{
	limit_return(&s->limit.queries, queries);
	if (s->limit.queries.limited)
		record_used(s->record, s->limit.queries.used, s->limit.bytes.used);
}

void
session_exhausted(const struct limit_quota *q, const char *what, const char *option, char *message, size_t size)
{
	snprintf(message, size, "the grant's quota of %s (%s) is used up: all %" PRIu64 " are spent, %" PRIu64 " of them by this "
	    "session, or held by others that are open", what, option, q->max, q->used);
}

enum limit_answer
session_charge_bytes(struct session *s, uint64_t n)
{
	enum limit_answer	a = session_take(s, &s->limit.bytes, n);
	char			message[256];

	switch (a) {
	case LIMIT_OK:
	case LIMIT_WAIT:
		break;
	case LIMIT_ASK:
		session_lease(s, 0, n > KEEPER_LEASE_BYTES ? n : KEEPER_LEASE_BYTES);
		return LIMIT_WAIT;
	case LIMIT_EXHAUSTED:
		session_exhausted(&s->limit.bytes, "bytes", "max_bytes", message, sizeof(message));
		session_end_fatal(s, "quota of bytes used up", "53400", message, SESSION_QUOTA_HINT);
		break;
	case LIMIT_UNKNOWN:
		session_end_fatal(s, "storage away", "57P03",
		    "DBBat cannot reach its storage database, so the quota cannot be checked",
		    "Try again shortly.");
		break;
	}
	return a;
}

bool
session_bye(struct session *s)
{
	bool	limited = s->limit.queries.limited || s->limit.bytes.limited;

	if (s->keeper_fd < 0)
		return !limited;
	if (limited)
		keeper_used(s);
	buf_reset(&s->packet);
	ipc_put_bye(&s->packet, &(struct ipc_bye){ .queries = s->limit.queries.left, .bytes = s->limit.bytes.left });
	if (s->keeper_fd < 0 || ipc_send(s->keeper_fd, &s->packet) != 0) {
		log_warn("the keeper did not hear the end of the session");
		return !limited;
	}
	/* leases and words of an administrator that crossed it are of no use any more */
	while (limited && ipc_recv(s->keeper_fd, &s->packet, KEEPER_SETTLE_MS) == 1)
		if (ipc_type((struct slice){ s->packet.data, s->packet.len }) == IPC_SETTLED)
			return true;
	return !limited;
}
