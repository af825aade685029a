/*
 * The client's messages. Each is let through, held until a lease is there, or
 * replaced: a statement that is refused is swapped for one that the target is certain to
 * reject, so that order and transaction state stay the target's own. A
 * statement is recorded before its first byte is forwarded.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "session/session_judge.h"
#include "session/session_pin.h"
#include "session/session_run.h"

/* PostgreSQL's limit for messages that carry a name or nothing. */
#define CLIENT_SMALL_MAX	10000

/* How much is leased at once. */
#define CLIENT_LEASE_QUERIES	50
#define CLIENT_LEASE_BYTES	(1024 * 1024)

/* The message at walk. */
struct client_message {
	struct wire_header	 h;
	struct slice		 body;		/* what of it is there */
	bool			 partial;
	uint64_t		 size;		/* header included */
};

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
 * A Query, Parse or FunctionCall that cannot be read is not forwarded: what the target
 * makes of it might be more than we do. An empty one of its kind gets the error it deserves.
 */
static void
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
	if (kind != PENDING_PARSE)
		pin_query_end(s, NULL);
}

/* What an Execute, Query or FunctionCall may do next. */
enum client_gate { GATE_OPEN, GATE_HELD, GATE_REFUSED };

/* Takes one statement from the quota. A refusal fills *v. */
static enum client_gate
client_charge(struct session *s, struct policy_verdict *v)
{
	switch (limit_take(&s->limit, &s->limit.queries, 1)) {
	case LIMIT_OK:
		return GATE_OPEN;
	case LIMIT_ASK:
		session_lease(s, CLIENT_LEASE_QUERIES, 0);
		/* FALLTHROUGH */
	case LIMIT_WAIT:
		s->hold = HOLD_LEASE;
		return GATE_HELD;
	case LIMIT_EXHAUSTED:
		*v = (struct policy_verdict){ .sqlstate = "53400", .rule = "quota-queries",
		    .message = "the grant's quota of statements (max_queries) is used up",
		    .hint = "Ask an administrator for a new grant." };
		return GATE_REFUSED;
	case LIMIT_UNKNOWN:
		break;
	}
	*v = (struct policy_verdict){ .sqlstate = "57P03", .rule = "storage-away",
	    .message = "DBBat cannot reach its storage database, so the quota cannot be checked",
	    .hint = "Try again shortly." };
	return GATE_REFUSED;
}

/* A refusal for lack of a record. */
static void
client_unrecorded(const struct session *s, struct policy_verdict *v)
{
	*v = (struct policy_verdict){ .rule = "no-record",
	    .message = "DBBat cannot record the statement, so it is not run",
	    .hint = "The operator finds the reason in DBBat's log. Try again shortly." };
	snprintf(v->sqlstate, sizeof(v->sqlstate), "%s", record_refusal(s->record));
}

/* The outcome of a statement that the target will skip because an earlier one failed. */
static void
client_skipped(struct run *r)
{
	run_fail(r, RECORD_ERROR, "", "not executed: an earlier message of the pipeline failed");
}

/* Queues the reply of a refused message and records the refusal, unless it has a record. */
static void
client_refuse(struct session *s, const struct client_message *m, enum pending_kind kind,
    const struct policy_verdict *v, struct run *r)
{
	struct pending	*e;

	run_fail(r, RECORD_REFUSED, v->sqlstate, v->message);
	log_info("a statement was refused by rule %s (%s)", v->rule, v->sqlstate);
	client_replace(s, m, kind == PENDING_QUERY || kind == PENDING_FUNCTION, v->rule);
	if (s->skipping) {
		/* the target swallows the stand-in as it would have swallowed the message */
		run_finish(s, r);
		return;
	}
	e = pending_push(&s->pending, kind);
	e->run = r;
	e->refusal = refusal_new(v->sqlstate, v->message, v->hint);
	s->pin.group = true;
	if (kind == PENDING_QUERY || kind == PENDING_FUNCTION)
		pin_query_end(s, NULL);
}

/*
 * Whether the text may have a COPY FROM STDIN in it. No judgement, and wrong on the safe side: a key word
 * cannot be written without its letters, and no function reads the client's COPY data.
 */
static bool
client_may_copy(struct slice text, bool cut)
{
	static const char	word[] = "copy";

	for (size_t i = 0; i + 4 <= text.n; i++)
		if ((text.p[i] | 0x20) == 'c' && strncasecmp((const char *)text.p + i, word, 4) == 0)
			return true;
	return cut;
}

/* Everything sent behind the start of COPY is data, or a Sync that the target ignores in it. */
static bool
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
static bool
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
static bool
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

/* A statement that is allowed and recorded goes to the target. */
static void
client_forward(struct session *s, const struct client_message *m, enum pending_kind kind, struct slice text,
    bool text_cut, struct named *portal, const struct policy_effect *effect, struct run *r)
{
	struct pending		*e;
	const unsigned char	*p;
	const char		*retag = NULL;
	struct buf		 other = { 0 };

	r->charged = !s->skipping;
	if (kind == PENDING_EXECUTE && pin_execute(s, effect, (const char *)text.p, r)) {
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
	if (s->pin.on) {
		/* all of it is there: what follows goes behind it; and COPY FROM STDIN is refused */
		lane_continue(&s->up, &p);
		if (kind != PENDING_EXECUTE)
			pin_query_end(s, effect);
		return;
	}
	if (kind == PENDING_QUERY)
		e->copies = client_may_copy(text, text_cut);
	else
		e->copies = portal != NULL && portal->statement != NULL && portal->statement->copies;
	if (e->copies) {
		s->copies++;
		s->copy_flushed = false;
	}
}

/*
 * The common way of a statement that is about to run: verdict, quota, record,
 * and on. `v` holds the verdict. The text of an Execute is terminated.
 */
static void
client_run(struct session *s, const struct client_message *m, enum pending_kind kind, struct slice text,
    bool text_cut, struct named *portal, struct policy_verdict *v)
{
	struct error	 err;
	struct run	*r;
	enum client_gate gate = GATE_OPEN;

	if (s->cancel_fd >= 0) {
		s->hold = HOLD_CANCEL;
		return;
	}
	pin_judge(s, &v->effect, v);
	if (v->allowed && !s->skipping) {
		gate = client_charge(s, v);
		if (gate == GATE_HELD)
			return;
		v->allowed = gate == GATE_OPEN;
	}
	r = run_start(s, text, text_cut, portal, &err);
	if (r == NULL) {
		if (v->allowed && !s->skipping)
			limit_return(&s->limit.queries, 1);
		client_unrecorded(s, v);
		v->allowed = false;
	}
	if (!v->allowed) {
		client_refuse(s, m, kind, v, r);
		return;
	}
	client_forward(s, m, kind, text, text_cut, portal, &v->effect, r);
}

static void
client_too_long(struct policy_verdict *v)
{
	*v = (struct policy_verdict){ .sqlstate = "42501", .rule = "too-long",
	    .message = "the statement is too long to be checked, and your DBBat grant is read-only",
	    .hint = "Send it in smaller parts, or ask an administrator for a write grant." };
}

static void
client_judge(struct session *s, struct slice text, bool cut, struct policy_verdict *v)
{
	*v = (struct policy_verdict){ .allowed = true };
	if (cut && s->grant.access == POLICY_READ)
		client_too_long(v);
	else
		judge_statement(&s->judge, s->grant.access, text, v);
}

static void
client_query(struct session *s, const struct client_message *m)
{
	struct policy_verdict	v;
	struct wire_query	q;

	if (wire_query(m->body, m->partial, &q) != 0) {
		client_malformed(s, m, PENDING_QUERY);
		return;
	}
	client_judge(s, q.text, q.cut, &v);
	client_run(s, m, PENDING_QUERY, q.text, q.cut, NULL, &v);
}

/* The second argument of a FunctionCall, where it is binary and whole. */
static struct slice
client_second(struct wire_function *f)
{
	struct wire_value	v;

	if (wire_bind_next(&f->arguments, &v) == 1 && wire_bind_next(&f->arguments, &v) == 1 &&
	    v.binary && !v.null && !v.cut)
		return v.bytes;
	return (struct slice){ NULL, 0 };
}

static void
client_function(struct session *s, const struct client_message *m)
{
	struct policy_verdict	v = { .allowed = true };
	struct wire_function	f;
	char			text[64];
	int			n;

	if (wire_function(m->body, m->partial, &f) != 0) {
		client_malformed(s, m, PENDING_FUNCTION);
		return;
	}
	policy_function_call(s->grant.access, f.oid, client_second(&f), &v);
	n = snprintf(text, sizeof(text), "FunctionCall of function %u", f.oid);
	client_run(s, m, PENDING_FUNCTION, (struct slice){ (const unsigned char *)text, (size_t)n }, false,
	    NULL, &v);
}

/*
 * One that names what exists already and cannot be read: it carries no statement,
 * so it is forwarded for the target's own words.
 */
static void
client_unreadable(struct session *s, const struct client_message *m, enum pending_kind kind)
{
	pin_prepare(s, (struct slice){ NULL, 0 });
	lane_pass(&s->up, m->size);
	if (!s->skipping)
		pending_push(&s->pending, kind);
}

/*
 * The server converts names from the client's encoding: two that differ here may be one
 * there, and a statement would run under the text of another. So they are ASCII.
 */
static void
client_check_name(const char *name, struct policy_verdict *v)
{
	while (*name != '\0' && (unsigned char)*name < 0x80)
		name++;
	if (v->allowed && *name != '\0')
		*v = (struct policy_verdict){ .sqlstate = "42602", .rule = "name",
		    .message = "DBBat takes ASCII names of prepared statements and portals only",
		    .hint = "" };
}

/* Whether a Sync is on its way that will be answered. */
static bool
client_awaits_sync(const struct session *s)
{
	for (size_t i = s->pending.count; i-- > 0;)
		if (pending_at(&s->pending, i)->kind == PENDING_SYNC && !pending_at(&s->pending, i)->maybe)
			return true;
	return false;
}

/*
 * What a client makes the session keep has an end. What it closes in a pipeline counts until
 * that is answered. Fills *v, or sets the hold.
 */
static void
client_weigh(struct session *s, const struct client_message *m, struct policy_verdict *v)
{
	if (!v->allowed || s->skipping || named_weight() + m->body.n <= SESSION_NAMED_MAX)
		return;
	if (client_awaits_sync(s))
		s->hold = HOLD_NAME;
	else
		*v = (struct policy_verdict){ .sqlstate = "53200", .rule = "too-many-statements",
		    .message = "the prepared statements and portals of this session are too large to be logged",
		    .hint = "Close those that are not needed any more, or run DEALLOCATE ALL." };
}

/* A statement as the target will know it. */
static struct named *
client_statement(const struct session *s, const struct wire_parse *p, const struct policy_verdict *v)
{
	struct named	*n = named_new('S', p->name);
	struct reader	 types = p->types;
	size_t		 keep = p->text.n;

	if (keep > (size_t)s->conf->log_text_max)
		keep = (size_t)s->conf->log_text_max;
	if (v->allowed)
		buf_put(&n->text, p->text.p, keep);
	n->text_cut = p->cut || keep < p->text.n;
	n->refused = !v->allowed;
	n->effect = v->effect;
	n->segment = s->segment;
	n->copies = !s->pin.on && client_may_copy(p->text, p->cut);
	n->ntypes = p->ntypes;
	if (p->ntypes > 0)
		n->types = xcalloc(p->ntypes, sizeof(*n->types));
	for (unsigned i = 0; i < p->ntypes; i++)
		n->types[i] = reader_u32(&types);
	named_weigh(n);
	return n;
}

static void
client_parse(struct session *s, const struct client_message *m)
{
	struct policy_verdict	 v;
	struct wire_parse	 p;
	struct error		 err;
	struct named		*n;
	struct pending		*e;

	if (wire_parse(m->body, m->partial, &p) != 0) {
		client_malformed(s, m, PENDING_PARSE);
		return;
	}
	client_judge(s, p.text, p.cut, &v);
	client_check_name(p.name, &v);
	if (v.effect.kind != POLICY_PLAIN && p.text.n > (size_t)s->conf->log_text_max)
		/* it could not be executed by its text */
		client_too_long(&v);
	client_weigh(s, m, &v);
	if (s->hold != HOLD_NONE)
		return;
	n = client_statement(s, &p, &v);
	if (!v.allowed) {
		/* its record is made here: no Execute of it will ever run */
		client_refuse(s, m, PENDING_PARSE, &v, run_start(s, p.text, p.cut, NULL, &err));
		if (s->skipping) {
			named_unref(n);
			return;
		}
		e = pending_at(&s->pending, s->pending.count - 1);
	} else {
		pin_prepare(s, p.text);
		lane_pass(&s->up, m->size);
		if (s->skipping) {
			named_unref(n);
			return;
		}
		e = pending_push(&s->pending, PENDING_PARSE);
	}
	e->change = named_set(s->statements, n->name, n);
}

static void
client_bind(struct session *s, const struct client_message *m)
{
	struct policy_verdict	 v = { .allowed = true };
	struct wire_bind	 b;
	struct named		*n, *stmt;
	size_t			 keep = m->body.n;

	if (wire_bind(m->body, m->partial, &b) != 0) {
		/* of one that is not whole the target might read more than we do */
		if (m->partial)
			client_malformed(s, m, PENDING_BIND);
		else
			client_unreadable(s, m, PENDING_BIND);
		return;
	}
	stmt = named_get(s->statements, b.statement);
	if (client_waits_for_name(s, s->statements, b.statement, stmt))
		return;
	client_check_name(b.portal, &v);
	client_check_name(b.statement, &v);
	client_weigh(s, m, &v);
	if (s->hold != HOLD_NONE)
		return;
	if (!v.allowed) {
		client_refuse(s, m, PENDING_BIND, &v, NULL);
		return;
	}
	pin_prepare(s, (struct slice){ NULL, 0 });
	lane_pass(&s->up, m->size);
	if (s->skipping)
		return;
	n = named_new('P', b.portal);
	n->segment = s->segment;
	n->statement = named_ref(stmt);
	if (stmt == NULL)
		buf_putf(&n->text, "-- statement \"%s\", prepared in SQL", b.statement);
	if (keep > (size_t)s->conf->log_text_max)
		keep = (size_t)s->conf->log_text_max;
	n->bind_cut = m->partial || keep < m->body.n;
	if (b.nparams > 0)
		buf_put(&n->bind, m->body.p, keep);
	named_weigh(n);
	pending_push(&s->pending, PENDING_BIND)->change = named_set(s->portals, b.portal, n);
}

static void
client_describe(struct session *s, const struct client_message *m)
{
	struct policy_verdict	v = { .allowed = true };
	struct wire_target	t;

	if (wire_target(m->body, &t) != 0) {
		client_unreadable(s, m, PENDING_DESCRIBE);
		return;
	}
	client_check_name(t.name, &v);
	if (!v.allowed) {
		client_refuse(s, m, PENDING_DESCRIBE, &v, NULL);
		return;
	}
	pin_prepare(s, (struct slice){ NULL, 0 });
	lane_pass(&s->up, m->size);
	if (!s->skipping)
		pending_push(&s->pending, PENDING_DESCRIBE)->object =
		    named_ref(named_get(t.kind == 'S' ? s->statements : s->portals, t.name));
}

static void
client_close(struct session *s, const struct client_message *m)
{
	struct policy_verdict	v = { .allowed = true };
	struct wire_target	t;

	if (wire_target(m->body, &t) != 0) {
		client_unreadable(s, m, PENDING_CLOSE);
		return;
	}
	client_check_name(t.name, &v);
	if (!v.allowed) {
		client_refuse(s, m, PENDING_CLOSE, &v, NULL);
		return;
	}
	s->pin.group = true;
	lane_pass(&s->up, m->size);
	if (!s->skipping)
		pending_push(&s->pending, PENDING_CLOSE)->change =
		    named_set(t.kind == 'S' ? s->statements : s->portals, t.name, NULL);
}

static void
client_execute(struct session *s, const struct client_message *m)
{
	struct policy_verdict	 v = { .allowed = true };
	struct wire_execute	 x;
	struct named		*portal, *stmt;
	struct buf		 unknown = { 0 };
	struct buf		*text = &unknown;

	if (wire_execute(m->body, &x) != 0) {
		client_unreadable(s, m, PENDING_EXECUTE);
		return;
	}
	client_check_name(x.portal, &v);
	portal = named_get(s->portals, x.portal);
	if (client_waits_for_name(s, s->portals, x.portal, portal))
		return;
	stmt = portal != NULL ? portal->statement : NULL;
	if (stmt != NULL && stmt->refused) {
		/* its Parse was refused and recorded; the target skips this message */
		lane_pass(&s->up, m->size);
		if (!s->skipping)
			pending_push(&s->pending, PENDING_EXECUTE)->object = named_ref(portal);
		return;
	}
	v.effect.executes = stmt == NULL;
	if (stmt != NULL) {
		text = &stmt->text;
		v.effect = stmt->effect;
	} else if (portal != NULL)
		text = &portal->text;
	else
		buf_putf(&unknown, "-- cursor \"%s\", declared in SQL", x.portal);
	client_run(s, m, PENDING_EXECUTE, (struct slice){ (const unsigned char *)buf_text(text), text->len },
	    stmt != NULL && stmt->text_cut, portal, &v);
	buf_free(&unknown);
}

static void
client_sync(struct session *s, const struct client_message *m)
{
	/* in the middle of COPY data the target ignores it, unless COPY has failed meanwhile */
	bool	maybe = client_in_copy(s);

	pin_sync(s);
	lane_pass(&s->up, m->size);
	s->skipping = s->skip_unknown = false;
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
	struct run	*r = client_copy_run(s);

	switch (limit_take(&s->limit, &s->limit.bytes, r ? m->size : 0)) {
	case LIMIT_OK:
		break;
	case LIMIT_ASK:
		session_lease(s, 0, m->size > CLIENT_LEASE_BYTES ? m->size : CLIENT_LEASE_BYTES);
		/* FALLTHROUGH */
	case LIMIT_WAIT:
		s->hold = HOLD_LEASE;
		return;
	case LIMIT_EXHAUSTED:
		session_end_fatal(s, "quota of bytes used up", "53400",
		    "the grant's quota of bytes (max_bytes) is used up",
		    "Ask an administrator for a new grant.");
		return;
	case LIMIT_UNKNOWN:
		session_end_fatal(s, "storage away", "57P03",
		    "DBBat cannot reach its storage database, so the quota cannot be checked",
		    "Try again shortly.");
		return;
	}
	if (r != NULL)
		r->bytes += m->size;
	lane_pass(&s->up, m->size);
}

static void
client_copy_end(struct session *s, const struct client_message *m)
{
	lane_pass(&s->up, m->size);
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
	if (s->pin.on && !s->copy_in &&
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
	int64_t			 wanted;
	int			 rc;

	s->hold = HOLD_NONE;
	while (!s->end.decided && !s->terminated && s->fault == NULL && s->hold == HOLD_NONE) {
		if (l->rest > 0) {
			lane_continue(l, &p);
			if (l->rest > 0)
				return 0;
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
