/*
 * Whether a command of the client's goes on: it is let through, held until a
 * lease or a reply is there, or replaced. A statement that is refused is swapped for one that the target
 * is certain to reject, so that order and transaction state stay the target's own. A
 * statement is recorded before its first byte is forwarded.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_text.h"
#include "session/session_client.h"
#include "session/session_pin.h"

/* How much is leased at once. */
#define CLIENT_LEASE_QUERIES	50

/* The stand-in's own syntax error is certain: no statement begins with an identifier. */
static void
client_stand_in(const struct session *s, const char *rule, char *sql, size_t size)
{
	snprintf(sql, size, "dbbat_refused /* DBBat connection %llu: refused by rule %s */",
	    (unsigned long long)s->grant.connection_id, rule);
}

/* Takes the message out and puts a statement that fails in its place. */
static void
client_replace(struct session *s, const struct client_message *m, bool query, const char *rule)
{
	char	sql[256];

	client_stand_in(s, rule, sql, sizeof(sql));
	lane_cut(&s->up, m->size);
	if (query)
		wire_put_query(lane_insert(&s->up), sql);
	else
		/* a reserved name: a failed Parse of the unnamed statement would destroy the client's */
		wire_put_parse(lane_insert(&s->up), "dbbat_refused", sql);
}

/*
 * A Query, Parse, Bind or FunctionCall that cannot be read is not forwarded: what the target
 * makes of it might be more than we do. An empty one of its kind gets the error it deserves.
 */
void
client_malformed(struct session *s, const struct client_message *m, enum pending_kind kind)
{
	struct buf	*out;

	log_info("a malformed message of type %c", m->h.type);
	lane_cut(&s->up, m->size);
	out = lane_insert(&s->up);
	wire_end(out, wire_begin(out, m->h.type));
	s->pin.group = true;
	if (s->skipping)
		return;
	pending_push(&s->pending, kind);
	if (pending_is_simple(kind))
		pin_query_end(s, NULL);
}

/*
 * One that names what exists already and cannot be read: it carries no statement,
 * so it is forwarded for the target's own words.
 */
void
client_unreadable(struct session *s, const struct client_message *m, enum pending_kind kind)
{
	pin_prepare(s, (struct slice){ NULL, 0 }, true);
	lane_pass(&s->up, m->size);
	if (!s->skipping)
		pending_push(&s->pending, kind);
}

/* What an Execute, Query or FunctionCall may do next. */
enum client_gate { GATE_OPEN, GATE_HELD, GATE_REFUSED };

/* Takes n statements from the quota. A refusal fills *v. */
static enum client_gate
client_charge(struct session *s, unsigned n, struct policy_verdict *v)
{
	switch (session_take(s, &s->limit.queries, n)) {
	case LIMIT_OK:
		return GATE_OPEN;
	case LIMIT_ASK:
		session_lease(s, n > CLIENT_LEASE_QUERIES ? n : CLIENT_LEASE_QUERIES, 0);
		/* FALLTHROUGH */
	case LIMIT_WAIT:
		s->hold = HOLD_LEASE;
		return GATE_HELD;
	case LIMIT_EXHAUSTED:
		*v = (struct policy_verdict){ .sqlstate = "53400", .rule = "quota-queries" };
		session_exhausted(&s->limit.queries, "statements", "max_queries", v->message, sizeof(v->message));
		snprintf(v->hint, sizeof(v->hint), SESSION_QUOTA_HINT);
		return GATE_REFUSED;
	case LIMIT_UNKNOWN:
		break;
	}
	*v = (struct policy_verdict){ .sqlstate = "57P03", .rule = "storage-away",
	    .message = "DBBat cannot reach its storage database, so the quota cannot be checked",
	    .hint = "Try again shortly." };
	return GATE_REFUSED;
}

void
client_unrecorded(const struct session *s, struct policy_verdict *v)
{
	*v = (struct policy_verdict){ .rule = "no-record",
	    .message = "DBBat cannot record the statement, so it is not run",
	    .hint = "The operator finds the reason in DBBat's log. Try again shortly." };
	snprintf(v->sqlstate, sizeof(v->sqlstate), "%s", record_refusal(s->record));
}

/* Whether a record says already that what this Execute is of failed, or was skipped. The target skips the Execute, too. */
static bool
client_told(const struct session *s, const struct named *portal)
{
	return s->skipping && portal != NULL && (portal->told || (portal->statement != NULL && portal->statement->told));
}

/* The outcome of a statement that the target will skip because an earlier one failed. */
static void
client_skipped(struct run *r)
{
	run_fail(r, RECORD_ERROR, "", "not executed: an earlier message of the pipeline failed");
}

/* Queues the reply of a refused message and records the refusal, unless it has a record. */
void
client_refuse(struct session *s, const struct client_message *m, enum pending_kind kind,
    const struct policy_verdict *v, struct run *r)
{
	struct pending	*e;
	char		 recorded[sizeof(v->message) + 64];

	/* query_list.sql takes the two apart */
	snprintf(recorded, sizeof(recorded), "%s: %s", v->rule, v->message);
	run_fail(r, RECORD_REFUSED, v->sqlstate, recorded);
	log_info("a statement was refused by rule %s (%s)", v->rule, v->sqlstate);
	client_replace(s, m, pending_is_simple(kind), v->rule);
	if (s->skipping) {
		/* the target swallows the stand-in as it would have swallowed the message */
		run_finish(s, r);
		return;
	}
	e = pending_push(&s->pending, kind);
	e->run = r;
	e->refusal = refusal_new(v->sqlstate, v->message, v->hint);
	s->pin.group = true;
	if (pending_is_simple(kind))
		pin_query_end(s, NULL);
}

/*
 * Whether the text may have a COPY FROM STDIN in it. No judgement, and wrong on the safe side: a key word
 * cannot be written without its letters, and no function reads the client's COPY data.
 */
bool
client_may_copy(struct slice text, bool cut)
{
	return cut || text_has_word(text.p, text.n, "copy", 3);
}

/* Everything sent behind the start of COPY is data, or a Sync that the target ignores in it. */
bool
client_in_copy(const struct session *s)
{
	return s->copy_in && !s->copy_ended &&
	    (s->pending.count == 1 || pending_at(&s->pending, s->pending.count - 1)->maybe);
}

/*
 * A command behind one that may be COPY FROM STDIN: the target takes it for a fault in the data, or runs it,
 * as COPY goes; the commands behind it cannot be understood before that is known. So they wait; in
 * the middle of the data one alone goes out, which ends COPY. True: it must not go now.
 */
bool
client_waits_for_copy(struct session *s)
{
	if (s->skip_unknown) {
		session_end_fatal(s, "protocol violation", "08P01",
		    "terminating connection: DBBat cannot follow a command behind a Sync in COPY data that failed", "");
		return true;
	}
	if (s->copies == 0 || client_in_copy(s))
		return false;
	s->hold = HOLD_COPY;
	if (!s->copy_flushed)
		/* no Sync may come that would make the target speak */
		wire_put_flush(lane_insert(&s->up));
	s->copy_flushed = true;
	return true;
}

/*
 * Whether an earlier segment (up to a Sync) changes this name and may yet fail, so that it is not known
 * what the name stands for. A change in the same segment is no doubt: fails it, then
 * the message at walk is skipped. n: what the name stands for.
 */
bool
client_waits_for_name(struct session *s, const struct map *map, const char *name, const struct named *n)
{
	bool	synced = false;

	if (s->skipping || (n != NULL && n->segment == s->segment) ||
	    pending_changes(&s->pending, 0, map, name) == NULL)
		return false;
	for (size_t i = s->pending.count; i-- > 0;) {
		const struct pending	*e = pending_at(&s->pending, i);

		synced |= e->kind == PENDING_SYNC && !e->maybe;
		if (e->change.map != map || !named_changes(&e->change, name))
			continue;
		/* the last change decides */
		if (synced)
			s->hold = HOLD_NAME;
		return synced;
	}
	return false;
}

/* SQL that may give a name to something else: also where an older meaning of it may yet come back. */
static void
client_doubt(struct session *s, struct slice text, bool cut)
{
	named_doubt(s->statements, text, cut);
	named_doubt(s->portals, text, cut);
	for (size_t i = 0; i < s->pending.count; i++) {
		struct named	*before = pending_at(&s->pending, i)->change.before;

		if (before != NULL && *before->name != '\0')
			before->doubtful = true;
	}
}

/* Whether any name is in the picture but the empty one, which SQL cannot write. */
static bool
client_has_names(const struct map *map)
{
	size_t	n = map_count(map);

	return n > 1 || (n == 1 && named_get(map, "") == NULL);
}

/* Whether a statement that is about to run may give a name of the picture to something else. stmt: what is executed, NULL: a Query. */
static bool
client_may_rename(const struct session *s, struct named *stmt, struct slice text, bool cut)
{
	/* what a Close on its way has taken out may come back */
	if (s->pending.of[PENDING_CLOSE] == 0 && !client_has_names(s->statements) && !client_has_names(s->portals))
		return false;
	if (stmt == NULL)
		return named_in_sql(text, cut);
	if (stmt->names == 0)
		stmt->names = named_in_sql(text, cut) ? 1 : -1;
	return stmt->names > 0;
}

/* A statement that is allowed and recorded goes to the target. */
static void
client_forward(struct session *s, const struct client_message *m, enum pending_kind kind, struct slice text,
    bool text_cut, struct named *portal, const struct policy_effect *effect, struct run *r)
{
	struct pending		*e;
	const unsigned char	*p;
	const char		*retag = NULL;
	struct buf		 other = { 0 };
	struct named		*stmt = portal != NULL ? portal->statement : NULL;
	struct slice		 own;

	if (kind == PENDING_EXECUTE && pin_execute(s, effect, portal != NULL ? portal->name : "",
	    stmt != NULL ? buf_text(&stmt->text) : (const char *)text.p, r)) {
		lane_cut(&s->up, m->size);
		return;
	}
	if (kind != PENDING_EXECUTE && pin_query(s, effect, text, &other, &retag)) {
		lane_cut(&s->up, m->size);
		wire_put_query(lane_insert(&s->up), buf_text(&other));
		buf_wipe(&other);
	} else
		lane_pass(&s->up, m->size);
	if (s->skipping) {
		client_skipped(r);
		run_finish(s, r);
		return;
	}
	e = pending_push(&s->pending, kind);
	e->run = r;
	e->retag = retag;
	e->object = named_ref(portal);
	own = stmt != NULL ? (struct slice){ stmt->text.data, stmt->text.len } : text;
	if ((kind == PENDING_QUERY || stmt != NULL) && client_may_rename(s, stmt, own, text_cut))
		client_doubt(s, own, text_cut);
	if (s->pin.on)
		/* all of it is there: what follows goes behind it */
		lane_continue(&s->up, &p);
	if (kind != PENDING_EXECUTE)
		pin_query_end(s, effect);
	if (s->pin.read)
		return;		/* COPY FROM STDIN is refused */
	if (kind == PENDING_QUERY)
		e->copies = client_may_copy(text, text_cut);
	else
		e->copies = stmt != NULL && stmt->copies;
	if (e->copies) {
		s->copies++;
		s->copy_flushed = false;
	}
}

/*
 * The common way of a statement that is about to run: verdict, quota, record,
 * and on. `v` holds the verdict. The text of an Execute is terminated.
 */
void
client_run(struct session *s, const struct client_message *m, enum pending_kind kind, struct slice text,
    bool text_cut, struct named *portal, struct policy_verdict *v)
{
	struct error	 err;
	struct run	*r;
	enum client_gate gate = GATE_OPEN;
	unsigned	 n = 0;		/* taken from the quota */

	if (s->cancel_fd >= 0) {
		s->hold = HOLD_CANCEL;
		return;
	}
	pin_judge(s, &v->effect, v);
	if (v->allowed && !s->skipping) {
		n = s->limit.queries.limited && kind == PENDING_QUERY ? policy_count(text, s->pin.read) : 1;
		gate = client_charge(s, n, v);
		if (gate == GATE_HELD)
			return;
		v->allowed = gate == GATE_OPEN;
	}
	if (v->allowed && client_told(s, portal)) {
		lane_pass(&s->up, m->size);
		return;
	}
	/* that of a portal that is doubtful stays what it is */
	r = portal != NULL && portal->doubtful ? NULL : run_of_bind(s, portal);
	if (r == NULL)
		r = run_start(s, text, text_cut, portal, &err);
	if (r == NULL) {
		if (v->allowed)
			session_give_back(s, n);
		client_unrecorded(s, v);
		v->allowed = false;
	}
	if (!v->allowed) {
		client_refuse(s, m, kind, v, r);
		return;
	}
	r->charged = n;
	client_forward(s, m, kind, text, text_cut, portal, &v->effect, r);
}
