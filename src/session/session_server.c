/*
 * The target's messages, matched with the replies it owes. Rows and COPY data
 * pass after the quota of bytes was asked; what ends a statement closes its record; the error
 * of a stand-in is swapped for the refusal. A reply that fits nothing owed
 * means that we no longer know what runs: the session ends.
 */
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "session/session_pin.h"
#include "session/session_server.h"

void
server_lost_track(struct session *s, unsigned char type)
{
	log_error("the target sent a message of type 0x%02x that answers nothing", type);
	session_end_fatal(s, "target out of step", "08P01",
	    "terminating connection: DBBat cannot follow the replies of the server", "");
}

/* The entry the next reply belongs to, or NULL. */
struct pending *
server_head(struct session *s)
{
	/* the end of COPY data has no reply of its own, and a Sync within may have none */
	while (s->pending.count > 0 && !s->copy_in && (pending_at(&s->pending, 0)->maybe ||
	    pending_at(&s->pending, 0)->kind == PENDING_COPY_END))
		pending_pop(&s->pending);
	return s->pending.count > 0 ? pending_at(&s->pending, 0) : NULL;
}

/* The run that rows, tags and errors belong to now. */
static struct run *
server_run(struct session *s)
{
	struct pending	*e = server_head(s);

	return e != NULL ? e->run : NULL;
}

/* To the client, unless it answers a message of ours. */
void
server_pass(struct session *s, const struct pending *e, const struct server_message *m)
{
	if (e != NULL && e->own != OWN_NONE)
		lane_cut(&s->down, m->size);
	else
		lane_pass(&s->down, m->size);
}

/* A Query was charged for all that its text might be; what did not run goes back. */
static void
server_recount(struct session *s, const struct run *r)
{
	unsigned	ran = r->ended + (r->status != RECORD_OK);

	if (ran == 0)
		ran = 1;
	if (ran < r->charged)
		session_give_back(s, r->charged - ran);
}

/* The head got its reply. */
void
server_complete(struct session *s)
{
	struct pending	*e = pending_at(&s->pending, 0);

	if (e->kind == PENDING_QUERY && e->run != NULL)
		server_recount(s, e->run);
	s->copies -= e->copies;
	if (pin_holds(s, e))
		run_hold(s, e->run);
	else
		run_finish(s, e->run);
	pending_settle(&s->pending);
}

/* Completes the head if it is of this kind; else the target is out of step. */
static void
server_expect(struct session *s, enum pending_kind kind, const struct server_message *m)
{
	struct pending	*e = server_head(s);

	if (e == NULL || e->kind != kind) {
		server_lost_track(s, m->h.type);
		return;
	}
	server_pass(s, e, m);
	server_complete(s);
}

/* The record stays for the Execute, if none has taken it yet. */
static void
server_bind_complete(struct session *s, const struct server_message *m)
{
	struct pending	*e = server_head(s);

	if (e != NULL && e->kind == PENDING_BIND && e->run != NULL) {
		run_bound(s, e->run, e->change.now);
		e->run = NULL;
	}
	server_expect(s, PENDING_BIND, m);
}

bool
server_is_statement(const struct pending *e)
{
	return pending_is_simple(e->kind) || e->kind == PENDING_EXECUTE;
}

/* The Syncs inside COPY data were ignored: COPY read on behind them. */
void
server_forget_syncs(struct session *s)
{
	size_t	n = 0;

	while (n + 1 < s->pending.count && pending_at(&s->pending, n + 1)->maybe)
		n++;
	pending_remove(&s->pending, 1, n);
}

/* --- what ends or describes a statement --------------------------------------------- */

static void
server_tag(struct run *r, const char *tag, int64_t rows)
{
	if (r == NULL)
		return;
	if (r->tags.len > 0)
		buf_put_str(&r->tags, "; ");
	buf_put_str(&r->tags, tag);
	if (rows >= 0)
		r->rows = (r->rows < 0 ? 0 : r->rows) + rows;
}

/* The target has forgotten its prepared statements; those whose Parse is on its way come later. */
static void
server_discarded(struct session *s, const char *tag)
{
	if ((strcmp(tag, "DISCARD ALL") == 0 || strcmp(tag, "DEALLOCATE ALL") == 0) &&
	    s->pending.of[PENDING_PARSE] + s->pending.of[PENDING_CLOSE] == 0)
		named_clear(s->statements);
}

/* The result that is kept is complete; one without rows has columns, too. */
static void
server_result_end(struct session *s, const struct pending *e, const struct server_message *m)
{
	if (e->run == NULL || !e->run->captures)
		return;
	if (e->kind == PENDING_EXECUTE && e->run->rows_seen == 0 && e->run->capture.chunk.result == 0 &&
	    m->h.type == WIRE_COMMAND_COMPLETE && e->object != NULL && (e->object->description.len > 0 ||
	    (e->object->statement != NULL && e->object->statement->description.len > 0)))
		capture_begin_execute(s, e->run, e->object);
	capture_end(s, e->run);
}

/* CommandComplete, EmptyQueryResponse, PortalSuspended. */
static void
server_statement_end(struct session *s, const struct server_message *m)
{
	struct pending	*e = server_head(s);
	const char	*tag = "";
	int64_t		 rows = -1;

	if (e == NULL || (e->kind != PENDING_QUERY && e->kind != PENDING_EXECUTE) ||
	    (m->h.type == WIRE_PORTAL_SUSPENDED && e->kind != PENDING_EXECUTE) ||
	    (m->h.type == WIRE_COMMAND_COMPLETE && wire_command_complete(m->body, &tag, &rows) != 0)) {
		server_lost_track(s, m->h.type);
		return;
	}
	if (m->h.type == WIRE_PORTAL_SUSPENDED) {
		tag = "(portal suspended)";
		rows = e->run != NULL ? (int64_t)e->run->rows_seen : -1;
	}
	if (e->retag != NULL && m->h.type == WIRE_COMMAND_COMPLETE)
		tag = e->retag;
	if (m->h.type != WIRE_EMPTY_QUERY)
		server_tag(e->run, tag, rows);
	if (e->run != NULL)
		e->run->ended++;
	server_result_end(s, e, m);
	server_discarded(s, tag);
	if (s->copy_in) {
		/* its data has ended: the mark of that is used up */
		s->copy_in = false;
		server_forget_syncs(s);
		if (s->pending.count > 1 && pending_at(&s->pending, 1)->kind == PENDING_COPY_END)
			pending_remove(&s->pending, 1, 1);
	}
	if (tag == e->retag) {
		lane_cut(&s->down, m->size);
		wire_put_command_complete(lane_insert(&s->down), tag);
	} else
		server_pass(s, e, m);
	pin_executed(s, e);
	if (e->kind == PENDING_EXECUTE)
		server_complete(s);
}

/*
 * The entry that a ReadyForQuery completes: of a run of Syncs one that is answered for
 * certain, since those inside COPY data may never be.
 */
static size_t
server_ready_entry(const struct session *s)
{
	size_t	n = 0;

	while (n < s->pending.count && (pending_at(&s->pending, n)->maybe ||
	    pending_at(&s->pending, n)->kind == PENDING_COPY_END))
		n++;
	return n < s->pending.count && pending_at(&s->pending, n)->kind == PENDING_SYNC ? n : 0;
}

static void
server_ready(struct session *s, const struct server_message *m)
{
	struct pending	*e;
	size_t		 at;
	char		 status;
	bool		 hidden;

	while (s->pending.count > 0 && pending_at(&s->pending, 0)->kind == PENDING_COPY_END)
		pending_pop(&s->pending);
	at = server_ready_entry(s);
	e = at < s->pending.count ? pending_at(&s->pending, at) : NULL;
	if (e == NULL || s->copy_in || wire_ready(m->body, &status) != 0 ||
	    (!pending_is_simple(e->kind) && e->kind != PENDING_SYNC)) {
		server_lost_track(s, m->h.type);
		return;
	}
	hidden = e->hidden;
	run_unexecuted(s);
	if (at > 0)
		pending_remove(&s->pending, at, 1);
	else
		server_complete(s);
	s->skip_unknown = false;
	if (hidden || pin_ready(s, status)) {
		lane_cut(&s->down, m->size);
		return;
	}
	lane_pass(&s->down, m->size);
	/* portals end with their transaction: those of which no Bind is on its way */
	if (status == 'I' && s->pending.of[PENDING_BIND] + s->pending.of[PENDING_CLOSE] == 0)
		named_clear(s->portals);
}

static void
server_keep_description(struct session *s, struct named *n, struct slice body)
{
	if (n == NULL || !s->grant.capture)
		return;
	buf_reset(&n->description);
	buf_put(&n->description, body.p, body.n);
	named_weigh(n);
	/* later portals of the statement have the same columns; their formats are their own */
	if (n->statement != NULL && n->statement->description.len == 0)
		server_keep_description(s, n->statement, body);
}

static void
server_row_description(struct session *s, const struct server_message *m)
{
	struct pending	*e = server_head(s);

	if (e != NULL && e->kind == PENDING_QUERY) {
		capture_begin(s, e->run, RECORD_CHUNK_ROWS, m->partial ? (struct slice){ NULL, 0 } : m->body, NULL);
		lane_pass(&s->down, m->size);
		return;
	}
	if (e != NULL && e->kind == PENDING_DESCRIBE && !m->partial)
		server_keep_description(s, e->object, m->body);
	server_expect(s, PENDING_DESCRIBE, m);
}

static void
server_parameter_types(struct session *s, const struct server_message *m)
{
	struct pending	*e = server_head(s);
	struct named	*n;
	struct reader	 types;
	unsigned	 count;

	if (e == NULL || e->kind != PENDING_DESCRIBE ||
	    (!m->partial && wire_parameter_description(m->body, &count, &types) != 0)) {
		server_lost_track(s, m->h.type);
		return;
	}
	n = e->object;
	if (n != NULL && n->kind == 'S' && !m->partial && count > 0) {
		n->types = xrealloc(n->types, count * sizeof(*n->types));
		n->ntypes = count;
		for (unsigned i = 0; i < count; i++)
			n->types[i] = reader_u32(&types);
	}
	lane_pass(&s->down, m->size);
}

/* --- data ------------------------------------------------------------------------ */

/* Takes the bytes from the quota. False: held, or the session ends. */
static bool
server_charge(struct session *s, uint64_t n)
{
	enum limit_answer	a = session_charge_bytes(s, n);

	if (a == LIMIT_EXHAUSTED)
		run_fail(server_run(s), RECORD_ERROR, "53400", "cut: the quota of bytes (max_bytes) is used up");
	s->down_held = a == LIMIT_WAIT;
	return a == LIMIT_OK;
}

/*
 * Every message that can carry data of the target to the client counts, errors and notices included: the quota
 * is asked before anything else is done about it. False: held, or the session ends.
 */
static bool
server_count(struct session *s, const struct server_message *m)
{
	struct pending	*e = server_head(s);
	bool		 ours = e != NULL && e->own != OWN_NONE;

	/* what is ours is swallowed, and the error of a stand-in is swapped */
	if (m->h.type != WIRE_NOTIFICATION && m->h.type != WIRE_PARAMETER_STATUS &&
	    (ours || (m->h.type == WIRE_ERROR && e != NULL && e->refusal != NULL)))
		return true;
	if (!server_charge(s, m->size))
		return false;
	if (e != NULL && e->run != NULL)
		e->run->bytes += m->size;
	else
		s->total_bytes += m->size;
	return true;
}

/* DataRow, CopyData, FunctionCallResponse. */
static void
server_data(struct session *s, const struct server_message *m)
{
	struct pending	*e = server_head(s);

	if (e == NULL || !server_is_statement(e)) {
		server_lost_track(s, m->h.type);
		return;
	}
	if (e->own != OWN_NONE) {
		if (e->own == OWN_SAVE && !m->partial)
			pin_saved(s, m->body);
		lane_cut(&s->down, m->size);
		return;
	}
	if (e->run != NULL && m->h.type == WIRE_DATA_ROW) {
		if (e->run->rows_seen++ == 0 && e->kind == PENDING_EXECUTE)
			capture_begin_execute(s, e->run, e->object);
		if (capture_message(s, e->run, m->size, 0))
			s->keeping_down = e->run;
	} else if (e->run != NULL && m->h.type == WIRE_COPY_DATA_OUT) {
		if (capture_message(s, e->run, m->size, WIRE_HEADER))
			s->keeping_down = e->run;
	}
	lane_pass(&s->down, m->size);
}

/*
 * COPY IN begins: the target reads on in the client's stream, and ignores the
 * Syncs it finds there up to the end of the data.
 */
static void
server_copy_in(struct session *s, const struct server_message *m)
{
	struct pending	*e = server_head(s);
	size_t		 n = 1;

	if (e == NULL || !e->copies) {
		server_lost_track(s, m->h.type);
		return;
	}
	if (e->run != NULL && !m->partial)
		wire_copy_response(m->body, &e->run->capture.binary);
	/* Syncs sent already are in the data, unless COPY fails before it reads them */
	while (n < s->pending.count && pending_at(&s->pending, n)->kind == PENDING_SYNC)
		pending_at(&s->pending, n++)->maybe = true;
	s->copy_in = true;
	s->copy_ended = n < s->pending.count && pending_at(&s->pending, n)->kind == PENDING_COPY_END;
	lane_pass(&s->down, m->size);
}

static void
server_copy_out(struct session *s, const struct server_message *m)
{
	struct run	*r = server_run(s);

	capture_begin(s, r, RECORD_CHUNK_COPY_OUT, (struct slice){ NULL, 0 }, NULL);
	if (r != NULL && !m->partial)
		wire_copy_response(m->body, &r->capture.binary);
	lane_pass(&s->down, m->size);
}

static void
server_parameter_status(struct session *s, const struct server_message *m)
{
	const char	*name, *value;

	if (!m->partial && wire_parameter_status(m->body, &name, &value) == 0)
		pin_parameter(s, name, value);
	lane_pass(&s->down, m->size);
}

static bool
server_counts(unsigned char type)
{
	return type == WIRE_DATA_ROW || type == WIRE_COPY_DATA_OUT || type == WIRE_FUNCTION_RESULT ||
	    type == WIRE_ROW_DESCRIPTION || type == WIRE_PARAMETER_DESCRIPTION || type == WIRE_ERROR || type == WIRE_NOTICE || type == WIRE_NOTIFICATION ||
	    type == WIRE_PARAMETER_STATUS;
}

static void
server_message(struct session *s, const struct server_message *m)
{
	if (server_counts(m->h.type) && !server_count(s, m))
		return;
	switch ((enum wire_server_type)m->h.type) {
	case WIRE_DATA_ROW:
	case WIRE_COPY_DATA_OUT:
	case WIRE_FUNCTION_RESULT:
		server_data(s, m);
		return;
	case WIRE_COMMAND_COMPLETE:
	case WIRE_EMPTY_QUERY:
	case WIRE_PORTAL_SUSPENDED:
		server_statement_end(s, m);
		return;
	case WIRE_READY:
		server_ready(s, m);
		return;
	case WIRE_ERROR:
		server_error(s, m);
		return;
	case WIRE_PARSE_COMPLETE:
		server_expect(s, PENDING_PARSE, m);
		return;
	case WIRE_BIND_COMPLETE:
		server_bind_complete(s, m);
		return;
	case WIRE_CLOSE_COMPLETE:
		server_expect(s, PENDING_CLOSE, m);
		return;
	case WIRE_NO_DATA:
		server_expect(s, PENDING_DESCRIBE, m);
		return;
	case WIRE_ROW_DESCRIPTION:
		server_row_description(s, m);
		return;
	case WIRE_PARAMETER_DESCRIPTION:
		server_parameter_types(s, m);
		return;
	case WIRE_COPY_IN:
		server_copy_in(s, m);
		return;
	case WIRE_COPY_OUT:
		server_copy_out(s, m);
		return;
	case WIRE_COPY_DONE_OUT:
	case WIRE_NOTIFICATION:
		lane_pass(&s->down, m->size);
		return;
	case WIRE_NOTICE:
		/* a warning that a statement of ours brought is not the client's */
		server_pass(s, server_head(s), m);
		return;
	case WIRE_PARAMETER_STATUS:
		server_parameter_status(s, m);
		return;
	case WIRE_AUTHENTICATION:
	case WIRE_BACKEND_KEY:
	case WIRE_COPY_BOTH:
	case WIRE_NEGOTIATE_VERSION:
		break;
	}
	server_lost_track(s, m->h.type);
}

/* How much of a message must be there in one piece. */
static size_t
server_wanted(const struct session *s, const struct wire_header *h)
{
	switch (h->type) {
	case WIRE_DATA_ROW:
		if (s->pin.saving)
			break;
		return 0;
	case WIRE_COPY_DATA_OUT:
	case WIRE_FUNCTION_RESULT:
	case WIRE_NOTICE:
	case WIRE_NOTIFICATION:
		return 0;
	}
	return h->body < SESSION_INSPECT_MAX ? h->body : SESSION_INSPECT_MAX;
}

/* Walks over the message under way; what is captured is copied as it passes. */
static void
server_continue(struct session *s)
{
	const unsigned char	*p;
	size_t			 n = lane_continue(&s->down, &p);

	if (s->keeping_down != NULL) {
		capture_bytes(s, s->keeping_down, p, n, s->down.rest == 0);
		if (s->down.rest == 0)
			s->keeping_down = NULL;
	}
}

size_t
session_server_walk(struct session *s)
{
	struct lane		*l = &s->down;
	struct server_message	 m;

	s->down_held = false;
	for (;;) {
		size_t	wanted;
		int	rc;

		if (l->rest > 0) {
			server_continue(s);
			if (l->rest > 0)
				return 0;
		}
		if (s->end.decided || s->down_held || s->target_fatal)
			return 0;
		rc = wire_header(l->in + l->walk, lane_ready(l), &m.h);
		if (rc == 0)
			return WIRE_HEADER;
		if (rc < 0) {
			server_lost_track(s, l->in[l->walk]);
			return 0;
		}
		wanted = server_wanted(s, &m.h);
		if (lane_ready(l) - WIRE_HEADER < wanted)
			return WIRE_HEADER + wanted;
		m.body = (struct slice){ l->in + l->walk + WIRE_HEADER, wanted };
		m.partial = wanted < m.h.body;
		m.size = (uint64_t)m.h.body + WIRE_HEADER;
		server_message(s, &m);
		s->replies += !s->down_held;
	}
}
