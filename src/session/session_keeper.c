/*
 * The session's end of the channel to the keeper. A session without a keeper
 * would not hear of a revocation, so it ends.
 */
#include <string.h>

#include "base/base_log.h"
#include "session/session_state.h"

#define KEEPER_CONNECT_MS	5000

int
session_keeper_connect(struct session *s)
{
	struct error	err;

	s->keeper_fd = ipc_connect(s->rt->keeper_path, KEEPER_CONNECT_MS, &err);
	if (s->keeper_fd < 0) {
		log_error("the keeper cannot be reached: %s", err.msg);
		return -1;
	}
	if (!ipc_peer_is_us(s->keeper_fd)) {
		log_error("%s does not belong to our keeper", s->rt->keeper_path);
		return -1;
	}
	return 0;
}

static void
keeper_lost(struct session *s)
{
	session_end_fatal(s, "keeper lost", "57P01", "terminating connection: DBBat is restarting a part of itself",
	    "Connect again.");
}

static void
keeper_packet(struct session *s, struct slice packet)
{
	struct ipc_terminate	t;
	struct ipc_leased	l;
	struct ipc_cancel	c;
	enum ipc_type		type = ipc_type(packet);

	if (type == IPC_TERMINATE && ipc_get_terminate(packet, &t) == 0)
		session_end_fatal(s, t.message, t.sqlstate, t.message, "");
	else if (type == IPC_LEASED && ipc_get_leased(packet, &l) == 0)
		limit_answer(&s->limit, l.queries, l.bytes, l.failed);
	else if (type == IPC_CANCEL && ipc_get_cancel(packet, &c) == 0) {
		/* idle: the statement it was meant for is over */
		if (s->pending.count > 0)
			session_cancel_send(s);
	} else {
		log_error("the keeper sent %s, which has no place here", ipc_type_name(type));
		keeper_lost(s);
	}
}

void
session_keeper_read(struct session *s)
{
	int	rc;

	while ((rc = ipc_recv(s->keeper_fd, &s->packet, 0)) == 1 && !s->end.decided)
		keeper_packet(s, (struct slice){ s->packet.data, s->packet.len });
	if (rc < 0)
		keeper_lost(s);
}

void
session_started(struct session *s, uint32_t backend_pid)
{
	buf_reset(&s->packet);
	ipc_put_started(&s->packet, &(struct ipc_started){ .backend_pid = backend_pid });
	if (ipc_send(s->keeper_fd, &s->packet) != 0)
		keeper_lost(s);
}

void
session_lease(struct session *s, uint64_t queries, uint64_t bytes)
{
	/* one request at a time: who waits asks again when this one is answered */
	if (s->limit.queries.asked != 0 || s->limit.bytes.asked != 0)
		return;
	buf_reset(&s->packet);
	ipc_put_lease(&s->packet, &(struct ipc_lease){ .queries = queries, .bytes = bytes });
	if (ipc_send(s->keeper_fd, &s->packet) != 0) {
		keeper_lost(s);
		return;
	}
	s->limit.queries.asked = queries;
	s->limit.bytes.asked = bytes;
}

void
session_bye(struct session *s)
{
	if (s->keeper_fd < 0)
		return;
	buf_reset(&s->packet);
	ipc_put_bye(&s->packet, &(struct ipc_bye){
		.queries = s->limit.queries.limited ? s->limit.queries.left : 0,
		.bytes = s->limit.bytes.limited ? s->limit.bytes.left : 0,
	});
	if (ipc_send(s->keeper_fd, &s->packet) != 0)
		log_warn("the keeper did not hear the end of the session");
}
