/*
 * The client's messages, one after the other: framing, COPY data, Sync and the
 * end. What a command means is session_command.c's, whether it goes on is session_gate.c's.
 */
#include <string.h>

#include "base/base_log.h"
#include "session/session_client.h"
#include "session/session_pin.h"

/* PostgreSQL's limit for messages that carry a name or nothing. */
#define CLIENT_SMALL_MAX	10000

/*
 * The stream cannot be followed any further. As PostgreSQL does, what was sent
 * before is answered first; then comes the FATAL (an empty message: nothing is said).
 */
static void
client_fault(struct session *s, const char *message)
{
	log_info("the client broke the protocol: %s", *message ? message : "invalid message length");
	s->fault = message;
	/* what is owed must come, though no Sync will */
	wire_put_flush(lane_insert(&s->up));
}

static void
client_sync(struct session *s, const struct client_message *m)
{
	/* in the middle of COPY data the target ignores it, unless COPY has failed meanwhile */
	bool	maybe = client_in_copy(s);

	pin_sync(s);
	lane_pass(&s->up, m->size);
	s->skipping = s->skip_unknown = false;
	named_skip_end(&s->skipped);
	s->segment++;
	pending_push(&s->pending, PENDING_SYNC)->maybe = maybe;
}

/* The statement that takes COPY data, also before the target has asked for it. NULL: nothing does. */
static struct run *
client_copy_run(const struct session *s)
{
	size_t	i = s->pending.count;

	if (s->copies == 0)
		return NULL;
	while (i-- > 0)
		if (pending_at(&s->pending, i)->copies)
			return pending_at(&s->pending, i)->run;
	return NULL;
}

/* COPY data of the client counts for the statement that takes it. */
static void
client_copy_data(struct session *s, const struct client_message *m)
{
	struct run		*r = client_copy_run(s);
	enum limit_answer	a = session_charge_bytes(s, r ? m->size : 0);

	if (a == LIMIT_WAIT)
		s->hold = HOLD_LEASE;
	if (a != LIMIT_OK)
		return;
	if (r != NULL) {
		r->bytes += m->size;
		if (!r->capture.open)
			capture_begin(s, r, RECORD_CHUNK_COPY_IN, (struct slice){ NULL, 0 }, NULL);
		if (capture_message(s, r, m->size, WIRE_HEADER))
			s->keeping_up = r;
	}
	lane_pass(&s->up, m->size);
}

static void
client_copy_end(struct session *s, const struct client_message *m)
{
	lane_pass(&s->up, m->size);
	capture_end(s, client_copy_run(s));
	s->copy_ended = s->copy_in;
	if (s->copies > 0)
		pending_push(&s->pending, PENDING_COPY_END);
}

static bool
client_is_command(unsigned char type)
{
	return type == WIRE_QUERY || type == WIRE_FUNCTION_CALL || type == WIRE_PARSE || type == WIRE_BIND ||
	    type == WIRE_DESCRIBE || type == WIRE_EXECUTE || type == WIRE_CLOSE;
}

/* One message that is there as far as it must be. */
static void
client_message(struct session *s, const struct client_message *m)
{
	if (s->pin.read && !s->copy_in &&
	    (m->h.type == WIRE_COPY_DATA || m->h.type == WIRE_COPY_DONE || m->h.type == WIRE_COPY_FAIL)) {
		/* the target would ignore it; there is nothing to send it for */
		lane_cut(&s->up, m->size);
		return;
	}
	if (pin_waits(s, m->h.type))
		return;
	if (client_is_command(m->h.type) && !s->skipping && client_waits_for_copy(s))
		return;
	switch ((enum wire_client_type)m->h.type) {
	case WIRE_QUERY:
		client_query(s, m);
		break;
	case WIRE_PARSE:
		client_parse(s, m);
		break;
	case WIRE_BIND:
		client_bind(s, m);
		break;
	case WIRE_DESCRIBE:
		client_describe(s, m);
		break;
	case WIRE_EXECUTE:
		client_execute(s, m);
		break;
	case WIRE_CLOSE:
		client_close(s, m);
		break;
	case WIRE_FUNCTION_CALL:
		client_function(s, m);
		break;
	case WIRE_SYNC:
		client_sync(s, m);
		break;
	case WIRE_COPY_DATA:
		client_copy_data(s, m);
		break;
	case WIRE_COPY_DONE:
	case WIRE_COPY_FAIL:
		client_copy_end(s, m);
		break;
	case WIRE_TERMINATE:
		s->terminated = true;
		lane_pass(&s->up, m->size);
		break;
	case WIRE_FLUSH:
		lane_pass(&s->up, m->size);
		break;
	case WIRE_PASSWORD:
		client_fault(s, "invalid frontend message type 112");
		break;
	}
}

/* How much of a message must be there in one piece, -1 for a type that does not exist. */
static int64_t
client_wanted(const struct wire_header *h)
{
	switch ((enum wire_client_type)h->type) {
	case WIRE_QUERY:
	case WIRE_PARSE:
	case WIRE_BIND:
	case WIRE_FUNCTION_CALL:
		return h->body < SESSION_INSPECT_MAX ? (int64_t)h->body : SESSION_INSPECT_MAX;
	case WIRE_DESCRIBE:
	case WIRE_EXECUTE:
	case WIRE_CLOSE:
	case WIRE_SYNC:
	case WIRE_FLUSH:
	case WIRE_TERMINATE:
	case WIRE_PASSWORD:
		return h->body <= CLIENT_SMALL_MAX ? (int64_t)h->body : -2;
	case WIRE_COPY_DATA:
	case WIRE_COPY_DONE:
	case WIRE_COPY_FAIL:
		return 0;
	}
	return -1;
}

size_t
session_client_walk(struct session *s)
{
	struct lane		*l = &s->up;
	struct client_message	 m;
	const unsigned char	*p;
	size_t			 n;
	int64_t			 wanted;
	int			 rc;

	s->hold = HOLD_NONE;
	while (!s->end.decided && !s->terminated && s->fault == NULL && s->hold == HOLD_NONE) {
		if (l->rest > 0) {
			n = lane_continue(l, &p);
			if (s->keeping_up != NULL)
				capture_bytes(s, s->keeping_up, p, n, l->rest == 0);
			if (l->rest > 0)
				return 0;
			s->keeping_up = NULL;
		}
		if (s->pending.count >= SESSION_PENDING_MAX) {
			s->hold = HOLD_PENDING;
			return 0;
		}
		rc = wire_header(l->in + l->walk, lane_ready(l), &m.h);
		if (rc == 0)
			return WIRE_HEADER;
		wanted = rc < 0 ? -2 : client_wanted(&m.h);
		if (wanted < 0) {
			if (wanted == -1) {
				snprintf(s->fault_text, sizeof(s->fault_text),
				    "invalid frontend message type %d", m.h.type);
				client_fault(s, s->fault_text);
			} else
				client_fault(s, "");
			return 0;
		}
		if (lane_ready(l) - WIRE_HEADER < (size_t)wanted)
			return WIRE_HEADER + (size_t)wanted;
		m.body = (struct slice){ l->in + l->walk + WIRE_HEADER, (size_t)wanted };
		m.partial = (uint64_t)wanted < m.h.body;
		m.size = (uint64_t)m.h.body + WIRE_HEADER;
		client_message(s, &m);
	}
	return 0;
}
