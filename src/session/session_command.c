/*
 * The client's commands: what each says, what it changes in the picture of prepared
 * statements and portals, and the verdict on what it would run.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"
#include "session/session_client.h"
#include "session/session_judge.h"
#include "session/session_pin.h"

#define FIRST_NORMAL_OID	16384	/* below are what the server comes with */

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
	if (cut && s->grant.access == POLICY_READ)
		client_too_long(v);
	else
		judge_statement(&s->judge, &s->policy, text, v);
}

void
client_query(struct session *s, const struct client_message *m)
{
	struct policy_verdict	v;
	struct wire_query	q;

	if (wire_query(m->body, m->partial, &q) != 0) {
		client_malformed(s, m, PENDING_QUERY);
		return;
	}
	client_judge(s, q.text, q.cut, &v);
	if (v.allowed && q.cut && s->limit.queries.limited)
		v = (struct policy_verdict){ .sqlstate = "54000", .rule = "too-long",
		    .message = "the statement is too long for its statements to be counted, and your grant has a quota of them",
		    .hint = "Send it in smaller parts, or by COPY." };
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

/* The arguments of a FunctionCall are laid out as the parameters of a Bind: as those of a portal they are recorded. */
static struct named *
client_arguments(const struct session *s, const struct client_message *m)
{
	const size_t	 oid = 4, format = m->partial ? 0 : 2;	/* of the result */
	size_t		 n = m->body.n - oid - format, keep = (size_t)s->conf->log_text_max;
	struct named	*call = named_new('P', "");

	call->bind_cut = m->partial || keep < n;
	buf_put(&call->bind, "\0", 2);		/* names of portal and statement */
	buf_put(&call->bind, m->body.p + oid, keep < n ? keep : n);
	buf_put_u16(&call->bind, 0);		/* formats of the result */
	return call;
}

void
client_function(struct session *s, const struct client_message *m)
{
	struct policy_verdict	v;
	struct wire_function	f;
	struct named		*call;
	char			text[64];
	int			n;

	if (wire_function(m->body, m->partial, &f) != 0) {
		client_malformed(s, m, PENDING_FUNCTION);
		return;
	}
	policy_function_call(&s->policy, f.oid, client_second(&f), &v);
	n = snprintf(text, sizeof(text), "FunctionCall of function %u", f.oid);
	call = client_arguments(s, m);
	client_run(s, m, PENDING_FUNCTION, (struct slice){ (const unsigned char *)text, (size_t)n }, false,
	    call, &v);
	named_unref(call);
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
		    .hint = "Give it another name." };
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
	if (!v->allowed || named_weight() + m->body.n <= SESSION_NAMED_MAX)
		return;
	if (client_awaits_sync(s))
		s->hold = HOLD_NAME;
	else
		*v = (struct policy_verdict){ .sqlstate = "53200", .rule = "too-many-statements",
		    .message = "the prepared statements and portals of this session are too large to be logged",
		    .hint = "Close those that are not needed any more, or run DEALLOCATE ALL." };
}

/* Is a parameter of a type that is not the server's own? To read one may run code, whatever the statement is. */
static bool
client_has_own_type(const struct wire_parse *p)
{
	struct reader	types = p->types;

	for (unsigned i = 0; i < p->ntypes; i++)
		if (reader_u32(&types) >= FIRST_NORMAL_OID)
			return true;
	return false;
}

/*
 * NULL: it was not prepared here. Code of the database can prepare another statement under a name, but the empty one,
 * which SQL cannot write.
 */
static bool
client_may_run_code(const struct named *stmt)
{
	return stmt == NULL || stmt->effect.code || *stmt->name != '\0';
}

/*
 * A message that may change a name was not read, or what it makes is not kept. The target refuses it, or skips
 * already: to the next Sync no name is known but those that come behind it.
 */
static void
client_lost(struct session *s)
{
	s->lost = ++s->changes;
	s->lost_segment = s->segment;
}

/* Whether it is not known what a name stands for that the picture has n for, or NULL. */
static bool
client_is_unknown(const struct session *s, const struct named *n)
{
	return s->lost > 0 && s->lost_segment == s->segment && (n == NULL || n->at <= s->lost);
}

/*
 * A comment in the place of a text that is not known, or not for certain. Of the name no more than counts is told,
 * on one line: where that of a refused message is kept, it must not weigh.
 */
static void
client_put_unknown(struct buf *b, const char *what, const char *name, const char *says)
{
	buf_putf(b, "-- %s \"", what);
	for (size_t i = 0; i < NAMED_NAME_MAX && name[i] != '\0'; i++)
		buf_put_u8(b, (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : (uint8_t)name[i]);
	buf_putf(b, "\", %s", says);
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
	if (n->text_cut)
		/* while more of it is there */
		n->names = named_in_sql(p->text, p->cut) ? 1 : -1;
	n->refused = !v->allowed;
	n->effect = v->effect;
	n->segment = s->segment;
	n->copies = !s->pin.read && client_may_copy(p->text, p->cut);
	n->ntypes = v->allowed ? p->ntypes : 0;
	if (n->ntypes > 0)
		n->types = xcalloc(n->ntypes, sizeof(*n->types));
	for (unsigned i = 0; i < n->ntypes; i++)
		n->types[i] = reader_u32(&types);
	named_weigh(n);
	return n;
}

/*
 * The last message makes n (whose reference it takes), or removes it (NULL), also where it was refused: what comes behind it
 * is about this one. It may yet be undone, as long as its reply has not come or the target skips.
 */
static void
client_changed(struct session *s, struct map *map, const char *name, struct named *n)
{
	/* that can be many: one that is refused for what the others weigh must not weigh itself */
	bool			heavy = s->skipping && named_weight() > SESSION_NAMED_MAX;
	struct named_change	c = named_set(map, name, heavy ? NULL : n);

	if (n != NULL)
		n->at = ++s->changes;
	if (heavy) {
		named_unref(n);
		client_lost(s);
	}
	if (s->skipping)
		named_skip(&s->skipped, &c);
	else
		pending_at(&s->pending, s->pending.count - 1)->change = c;
}

void
client_parse(struct session *s, const struct client_message *m)
{
	struct policy_verdict	 v;
	struct wire_parse	 p;
	struct error		 err;
	struct named		*n;

	if (wire_parse(m->body, m->partial, &p) != 0) {
		client_malformed(s, m, PENDING_PARSE);
		client_lost(s);
		return;
	}
	client_judge(s, p.text, p.cut, &v);
	client_check_name(p.name, &v);
	v.effect.code |= client_has_own_type(&p);
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
	} else {
		pin_prepare(s, p.text, v.effect.code);
		if (pin_hides(s, &v.effect)) {
			lane_cut(&s->up, m->size);
			wire_put_parse(lane_insert(&s->up), p.name, PIN_HIDDEN);
		} else
			lane_pass(&s->up, m->size);
		if (!s->skipping)
			pending_push(&s->pending, PENDING_PARSE);
	}
	client_changed(s, s->statements, n->name, n);
}

/* Forwards the Bind that makes this portal, whose reference it takes, with a record, if it may come to be planned. */
static void
client_bound(struct session *s, const struct client_message *m, struct named *n)
{
	struct policy_verdict	 v;
	struct error		 err;
	struct run		*r = NULL;

	/* what is skipped plans nothing: its Execute is recorded, if one comes */
	if (!s->skipping && (n->statement == NULL || !n->statement->refused)) {
		r = run_start(s, named_text(n), n->statement != NULL && n->statement->text_cut, n, &err);
		if (r == NULL) {
			client_unrecorded(s, &v);
			client_refuse(s, m, PENDING_BIND, &v, NULL);
			client_changed(s, s->portals, n->name, n);
			return;
		}
		n->recorded = true;
	}
	pin_prepare(s, (struct slice){ NULL, 0 }, client_may_run_code(n->statement));
	lane_pass(&s->up, m->size);
	if (!s->skipping)
		pending_push(&s->pending, PENDING_BIND)->run = r;
	client_changed(s, s->portals, n->name, n);
}

void
client_bind(struct session *s, const struct client_message *m)
{
	struct policy_verdict	 v;
	struct wire_bind	 b;
	struct named		*n, *stmt;
	size_t			 keep = m->body.n;
	bool			 unknown;

	if (wire_bind(m->body, m->partial, &b) != 0) {
		/* the target may run code for its parameters before it finds what is wrong with it */
		client_malformed(s, m, PENDING_BIND);
		client_lost(s);
		return;
	}
	stmt = named_get(s->statements, b.statement);
	unknown = client_is_unknown(s, stmt);
	if (unknown)
		stmt = NULL;
	else if (client_waits_for_name(s, s->statements, b.statement, stmt))
		return;
	policy_allow(&s->policy, &v);
	client_check_name(b.portal, &v);
	client_check_name(b.statement, &v);
	client_weigh(s, m, &v);
	if (s->hold != HOLD_NONE)
		return;
	n = named_new('P', b.portal);
	n->segment = s->segment;
	n->statement = named_ref(stmt);
	if (stmt == NULL)
		client_put_unknown(&n->text, "statement", b.statement, unknown ? "not known" : "prepared in SQL");
	if (!v.allowed) {
		named_weigh(n);
		client_refuse(s, m, PENDING_BIND, &v, NULL);
		client_changed(s, s->portals, n->name, n);
		return;
	}
	if (stmt != NULL && stmt->doubtful) {
		client_put_unknown(&n->text, "statement", stmt->name, "or what was prepared in SQL since\n");
		buf_put(&n->text, stmt->text.data, stmt->text.len);
	}
	if (keep > (size_t)s->conf->log_text_max)
		keep = (size_t)s->conf->log_text_max;
	n->bind_cut = m->partial || keep < m->body.n;
	if (b.nparams > 0)
		buf_put(&n->bind, m->body.p, keep);
	if (s->grant.capture && b.results_known) {
		n->formats_known = true;
		buf_put(&n->formats, b.results.p, b.nresults * 2);
	}
	named_weigh(n);
	client_bound(s, m, n);
}

void
client_describe(struct session *s, const struct client_message *m)
{
	struct policy_verdict	v;
	struct wire_target	t;
	struct named		*n;

	if (wire_target(m->body, &t) != 0) {
		client_unreadable(s, m, PENDING_DESCRIBE);
		return;
	}
	policy_allow(&s->policy, &v);
	client_check_name(t.name, &v);
	if (!v.allowed) {
		client_refuse(s, m, PENDING_DESCRIBE, &v, NULL);
		return;
	}
	n = named_get(t.kind == 'S' ? s->statements : s->portals, t.name);
	pin_prepare(s, (struct slice){ NULL, 0 }, client_may_run_code(t.kind == 'S' || n == NULL ? n : n->statement));
	lane_pass(&s->up, m->size);
	if (!s->skipping)
		pending_push(&s->pending, PENDING_DESCRIBE)->object = named_ref(n);
}

void
client_close(struct session *s, const struct client_message *m)
{
	struct policy_verdict	v;
	struct wire_target	t;

	if (wire_target(m->body, &t) != 0) {
		client_unreadable(s, m, PENDING_CLOSE);
		client_lost(s);
		return;
	}
	policy_allow(&s->policy, &v);
	client_check_name(t.name, &v);
	if (!v.allowed) {
		client_refuse(s, m, PENDING_CLOSE, &v, NULL);
		return;
	}
	s->pin.group = true;
	lane_pass(&s->up, m->size);
	if (!s->skipping)
		pending_push(&s->pending, PENDING_CLOSE);
	client_changed(s, t.kind == 'S' ? s->statements : s->portals, t.name, NULL);
}

void
client_execute(struct session *s, const struct client_message *m)
{
	struct policy_verdict	 v;
	struct wire_execute	 x;
	struct named		*portal, *stmt;
	struct buf		 said = { 0 };
	struct slice		 text;
	bool			 lost;

	if (wire_execute(m->body, &x) != 0) {
		client_unreadable(s, m, PENDING_EXECUTE);
		return;
	}
	policy_allow(&s->policy, &v);
	client_check_name(x.portal, &v);
	portal = named_get(s->portals, x.portal);
	lost = client_is_unknown(s, portal);
	if (lost)
		portal = NULL;
	else if (client_waits_for_name(s, s->portals, x.portal, portal))
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
	if (stmt != NULL)
		v.effect = stmt->effect;
	if (lost)
		client_put_unknown(&said, "portal", x.portal, "not known");
	else if (portal == NULL)
		client_put_unknown(&said, "cursor", x.portal, "declared in SQL");
	else if (portal->doubtful)
		client_put_unknown(&said, "portal", portal->name, "or a cursor that was declared in SQL since\n");
	text = portal == NULL ? (struct slice){ NULL, 0 } : named_text(portal);
	if (said.len > 0) {
		buf_put(&said, text.p, text.n);
		text = (struct slice){ (const unsigned char *)buf_text(&said), said.len };
	}
	client_run(s, m, PENDING_EXECUTE, text, stmt != NULL && stmt->text_cut, portal, &v);
	buf_wipe(&said);
}
