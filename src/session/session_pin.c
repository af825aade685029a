/*
 * Pinned transactions. It puts messages around the client's, and never answers the client itself.
 */
#include "session/session_pin.h"

#include <string.h>

#include "base/base_log.h"

/* Reserved; a statement of ours is gone before the next begins. */
#define PIN_NAME	"dbbat_pin"

#define PIN_CHECK(assigned) \
	"SELECT 1 OPERATOR(pg_catalog./) (pg_catalog." assigned "() IS NULL AND " \
	"pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.=) 'on')::pg_catalog.int4"
/* Where they are refused, one that is held is of code in the database; it would outlive the transaction. */
#define PIN_UNLOCK		"pg_catalog.pg_advisory_unlock_all()"

/* By the name of the first function, and whether locks are given up. */
static const char *const	pin_checks[2][2] = {
	{ PIN_CHECK("txid_current_if_assigned"), PIN_CHECK("txid_current_if_assigned") ", " PIN_UNLOCK },
	{ PIN_CHECK("pg_current_xact_id_if_assigned"), PIN_CHECK("pg_current_xact_id_if_assigned") ", " PIN_UNLOCK },
};

/*
 * Does the server's lexer read the next text as ours does? A function can have changed that within one group; at
 * the end of a group a ParameterStatus would tell.
 */
static const char	pin_lexer[] =
	"SELECT 1 OPERATOR(pg_catalog./) (pg_catalog.current_setting('standard_conforming_strings') "
	"OPERATOR(pg_catalog.=) 'on' AND pg_catalog.current_setting('client_encoding') OPERATOR(pg_catalog.<>) ALL "
	"('{SJIS,BIG5,GBK,UHC,GB18030,JOHAB,SHIFT_JIS_2004}'::pg_catalog.text[]))::pg_catalog.int4";

void
pin_start(struct session *s, int version, const char *superuser, const char *role)
{
	bool	unlocks;

	if (s->grant.access != POLICY_READ)
		return;
	unlocks = (s->policy.refused & POLICY_ADVISORY_LOCK) != 0;
	/* an older server does not report default_transaction_read_only */
	s->pin = (struct pin){ .read = true, .on = s->grant.pin || version < 140000, .status = 'I',
		.check = pin_checks[version >= 130000][unlocks],
		.unlock = unlocks ? "SELECT " PIN_UNLOCK : NULL,
		.superuser = superuser,
		.role = role,
	};
}

bool
pin_waits(struct session *s, unsigned char type)
{
	if (!s->pin.on || !s->pin.waiting || type == WIRE_TERMINATE)
		return false;
	s->hold = HOLD_TURN;
	return true;
}

/* --- messages of our own ------------------------------------------------------------ */

/* A statement. OWN_AROUND: it is the client's, in other words; r, if any, is its record. */
static void
pin_put(struct session *s, const char *sql, enum pending_own own, struct run *r, const char *retag)
{
	static const enum pending_kind	replies[] = { PENDING_PARSE, PENDING_BIND, PENDING_EXECUTE,
	    PENDING_CLOSE, PENDING_CLOSE };

	/* the target skips everything up to the Sync */
	if (s->skipping)
		return;
	if (s->pin.stale) {
		wire_put_close(lane_insert(&s->up), 'S', PIN_NAME);
		pending_push(&s->pending, PENDING_CLOSE)->own = own;
		s->pin.stale = false;
	}
	wire_put_whole(lane_insert(&s->up), PIN_NAME, sql);
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct pending	*e = pending_push(&s->pending, replies[i]);

		e->own = own;
		if (replies[i] == PENDING_EXECUTE && own == OWN_AROUND) {
			e->own = OWN_NONE;
			e->run = r;
			e->retag = retag;
		}
	}
}

static void
pin_put_sync(struct session *s)
{
	wire_put_sync(lane_insert(&s->up));
	s->segment++;
	pending_push(&s->pending, PENDING_SYNC);
}

static void
pin_enter(struct session *s)
{
	struct pin	*p = &s->pin;

	if (p->status != 'I' || p->own || s->skipping)
		return;
	pin_put(s, "BEGIN READ ONLY", OWN_BEGIN, NULL, NULL);
	p->own = true;
	/* it joins what was run outside, if no Sync came since */
	p->used = p->loose;
}

/* Nothing of the client's was executed in it. */
static void
pin_leave(struct session *s)
{
	if (s->pin.own)
		pin_put(s, "ROLLBACK", OWN_END, NULL, NULL);
	s->pin.own = s->pin.used = false;
}

/* Before the end of a transaction that was to be committed: what of it is restored behind. */
static void
pin_save(struct session *s)
{
	struct pin	*p = &s->pin;
	struct buf	 sql = { 0 };

	if (!p->keep || !p->code || s->skipping)
		return;
	if (p->kept[0] != 0 || p->kept[1] != 0) {
		buf_put_str(&sql, "SELECT 'SELECT ' OPERATOR(pg_catalog.||) pg_catalog.string_agg(pg_catalog.format("
		    "'pg_catalog.set_config(%L, %L, false)', name, setting), ', ') FROM pg_catalog.pg_settings "
		    "WHERE pg_catalog.lower(name) OPERATOR(pg_catalog.=) ANY ('{");
		policy_kept_put(&sql, p->kept);
		/* one that the role may not set has not been set */
		buf_put_str(&sql, "}'::pg_catalog.text[]) AND (context OPERATOR(pg_catalog.=) 'user' OR "
		    "source OPERATOR(pg_catalog.=) 'session')");
		if (p->resets) {
			buf_put_cstr(&p->restore, "RESET ALL");
			buf_put_str(&sql, " AND source OPERATOR(pg_catalog.=) 'session'");
		}
		pin_put(s, buf_text(&sql), OWN_SAVE, NULL, NULL);
		buf_free(&sql);
		p->saving = true;
	}
	buf_put(&p->restore, p->listens.data, p->listens.len);
}

/* Does COMMIT do no more than keep settings? */
static bool
pin_may_commit(const struct pin *p)
{
	return p->keep && !p->code;
}

/* The transaction ends. What was to be kept is still to be behind AND CHAIN, as it is restored in the next one. */
static void
pin_forget(struct pin *p, bool chain)
{
	p->code = false;
	buf_wipe(&p->listens);
	if (chain)
		return;
	p->keep = p->resets = false;
	p->kept[0] = p->kept[1] = 0;
}

static void
pin_close(struct session *s)
{
	if (!s->pin.own || s->skipping)
		return;
	pin_put(s, s->pin.check, OWN_CHECK, NULL, NULL);
	pin_save(s);
	pin_put(s, pin_may_commit(&s->pin) ? "COMMIT" : "ROLLBACK", OWN_END, NULL, NULL);
}

/* A group is complete. */
static void
pin_done(struct session *s)
{
	s->pin.group = false;
	s->pin.waiting = true;
}

/* --- what may run where ------------------------------------------------------------- */

static bool
pin_is_control(const struct policy_effect *e)
{
	return e->kind != POLICY_PLAIN && e->kind != POLICY_SETTING;
}

void
pin_judge(struct session *s, const struct policy_effect *e, struct policy_verdict *v)
{
	struct pin	*p = &s->pin;
	const char	*block = e->block;

	if (!p->on || !v->allowed || s->skipping)
		return;
	if (e->kind == POLICY_MIXED || (e->kind == POLICY_ENDS && e->begins != (p->status == 'I')) ||
	    (p->status == 'I' && pin_is_control(e) && (p->used || p->loose)))
		*v = (struct policy_verdict){ .sqlstate = "42501", .rule = "transaction-behind",
		    .message = "BEGIN, COMMIT and ROLLBACK may not stand behind other statements of one message or "
		    "pipeline: your DBBat grant is read-only",
		    .hint = "Send it by itself." };
	else if (e->listens && e->several && (p->status != 'I' || e->kind != POLICY_SETTING))
		*v = (struct policy_verdict){ .sqlstate = "42501", .rule = "listen-beside",
		    .message = "LISTEN and UNLISTEN may not stand beside other statements of one message: your DBBat grant "
		    "is read-only",
		    .hint = "Send it by itself." };
	else if (p->status == 'I' && block != NULL && !e->begins) {
		*v = (struct policy_verdict){ .sqlstate = "25P01", .rule = "outside-block" };
		snprintf(v->message, sizeof(v->message), "%s can only be used in transaction blocks", block);
	}
}

static void
pin_note_code(struct pin *p, bool code)
{
	p->code |= code;
	p->locks |= code;
}

static void
pin_note(struct session *s, const struct policy_effect *e, const char *text)
{
	struct pin	*p = &s->pin;

	p->keep |= e->sets || (e->executes && p->prepared);
	pin_note_code(p, e->code);
	p->unchecked |= e->kind == POLICY_ROLLBACK;
	/* RESET ALL is in no PREPARE */
	if (e->kind == POLICY_PLAIN && !e->resets) {
		p->prepared |= e->sets;
		for (int i = 0; i < 2; i++)
			p->prepared_kept[i] |= e->kept[i];
	}
	for (int i = 0; i < 2; i++)
		p->kept[i] |= e->executes ? p->prepared_kept[i] | e->kept[i] : e->kept[i];
	p->resets |= e->resets;
	if (e->unlistens) {
		buf_wipe(&p->listens);
		buf_put_cstr(&p->listens, "UNLISTEN *");
	}
	if (e->listens && !e->several)
		buf_put_cstr(&p->listens, text);
}

/* --- simple ------------------------------------------------------------------------- */

static const char *
pin_end_text(const struct pin *p, const struct policy_effect *e)
{
	if (e->kind == POLICY_COMMIT && pin_may_commit(p))
		return e->chain ? "COMMIT AND CHAIN" : "COMMIT";
	return e->chain ? "ROLLBACK AND CHAIN" : "ROLLBACK";
}

bool
pin_query(struct session *s, const struct policy_effect *e, struct slice text, struct buf *other, const char **retag)
{
	struct pin	*p = &s->pin;
	struct buf	 one = { 0 };

	if (!p->on || s->skipping)
		return false;
	if (p->status == 'T' && e->kind == POLICY_COMMIT) {
		pin_put(s, p->check, OWN_CHECK, NULL, NULL);
		pin_save(s);
		*retag = "COMMIT";
		buf_put_str(other, pin_end_text(p, e));
		pin_forget(p, e->chain);
		return true;
	}
	if (p->status == 'I') {
		if (e->kind == POLICY_PLAIN)
			pin_enter(s);
		else if (!p->used)
			pin_leave(s);
	}
	buf_put(&one, text.p, e->listens ? text.n : 0);
	pin_note(s, e, buf_text(&one));
	buf_wipe(&one);
	if (e->kind != POLICY_ENDS)
		return false;
	/* its last statement comes behind the check */
	buf_put(other, text.p, e->tail < text.n ? e->tail : text.n);
	return true;
}

void
pin_query_end(struct session *s, const struct policy_effect *e)
{
	struct pin	*p = &s->pin;
	bool		 ends = e != NULL && e->kind == POLICY_ENDS;
	bool		 begins = e != NULL && e->kind == POLICY_BEGIN && p->status == 'I';

	if (!p->on)
		p->group = false;
	if (!p->on || s->skipping)
		return;
	if (p->own || begins || ends) {
		pending_at(&s->pending, s->pending.count - 1)->hidden = true;
		if (begins)
			pin_put(s, "SET TRANSACTION READ ONLY", OWN_MODE, NULL, NULL);
		else if (ends) {
			pin_put(s, p->check, OWN_CHECK_BEHIND, NULL, NULL);
			if (e->commits)
				pin_save(s);
			pin_put(s, e->commits && pin_may_commit(p) ? "COMMIT" : "ROLLBACK", OWN_AROUND, NULL,
			    e->commits ? "COMMIT" : NULL);
		} else
			pin_close(s);
		pin_put_sync(s);
	}
	pin_done(s);
}

/* --- extended ----------------------------------------------------------------------- */

static bool
pin_is_special(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\\' || text.p[i] >= 0x80)
			return true;
	return false;
}

void
pin_prepare(struct session *s, struct slice text, bool code)
{
	bool	behind = s->pin.group;

	if (!s->pin.read)
		return;
	s->pin.group = true;
	if (s->pin.on) {
		pin_enter(s);
		pin_note_code(&s->pin, code);
	}
	if (behind && s->pin.status != 'E' && pin_is_special(text))
		pin_put(s, pin_lexer, OWN_CHECK, NULL, NULL);
}

bool
pin_hides(const struct session *s, const struct policy_effect *e)
{
	return s->pin.on && (e->kind == POLICY_BEGIN || e->kind == POLICY_COMMIT || e->kind == POLICY_ROLLBACK);
}

bool
pin_execute(struct session *s, const struct policy_effect *e, const char *portal, const char *text, struct run *r)
{
	struct pin	*p = &s->pin;
	bool		 outside = p->status == 'I' && !p->used && e->kind != POLICY_PLAIN;

	if (!p->on || s->skipping)
		return false;
	p->group = true;
	if (outside) {
		pin_leave(s);
		pin_put(s, text, OWN_AROUND, r, NULL);
		pin_note(s, e, text);
		if (e->kind == POLICY_BEGIN) {
			pin_put(s, "SET TRANSACTION READ ONLY", OWN_MODE, NULL, NULL);
			p->status = 'T';
		} else
			p->loose = true;
		return true;
	}
	if (p->status != 'I' && (e->kind == POLICY_COMMIT || e->kind == POLICY_ROLLBACK)) {
		bool		 failed = p->status == 'E', checked = !failed && e->kind == POLICY_COMMIT;
		/* of a transaction that has failed the target makes what it makes, whatever it is */
		const char	*end = failed ? text : pin_end_text(p, e);

		p->unchecked |= failed || e->kind == POLICY_ROLLBACK;
		p->status = e->chain ? 'T' : 'I';
		p->used = p->loose = false;
		if (checked) {
			pin_put(s, p->check, OWN_CHECK, NULL, NULL);
			pin_save(s);
		}
		pin_forget(p, e->chain);
		if (failed) {
			/* the target warns of one that is there, and was never executed, when a failed transaction ends */
			wire_put_close(lane_insert(&s->up), 'P', portal);
			pending_push(&s->pending, PENDING_CLOSE)->own = OWN_AROUND;
		}
		pin_put(s, end, OWN_AROUND, r, checked ? "COMMIT" : NULL);
		return true;
	}
	pin_enter(s);
	if (p->status == 'E')
		/* ROLLBACK TO, or it fails */
		p->status = 'T';
	p->used = true;
	pin_note(s, e, text);
	if (!pin_hides(s, e))
		return false;
	pin_put(s, text, OWN_AROUND, r, NULL);
	return true;
}

void
pin_sync(struct session *s)
{
	if (!s->pin.on) {
		s->pin.group = false;
		return;
	}
	pin_close(s);
	pin_done(s);
}

/* --- replies ------------------------------------------------------------------------ */

void
pin_error(struct session *s)
{
	/* the Close of a statement of ours may have been skipped, and the check */
	s->pin.stale = s->pin.unchecked = true;
}

bool
pin_holds(const struct session *s, const struct pending *e)
{
	/* a transaction of ours is open, or messages of ours stand behind a Query that is part of one */
	return e->run != NULL && e->run->status == RECORD_OK && (s->pin.begun || e->hidden);
}

void
pin_saved(struct session *s, struct slice row)
{
	struct wire_row	r;
	struct slice	sql;
	bool		null;

	s->pin.saving = false;
	if (wire_data_row(row, &r) != 0 || wire_field_next(&r, &null, &sql) != 1 || null)
		return;
	buf_put(&s->pin.restore, sql.p, sql.n);
	buf_put_u8(&s->pin.restore, 0);
}

void
pin_free(struct session *s)
{
	buf_wipe(&s->pin.listens);
	buf_wipe(&s->pin.restore);
}

void
pin_executed(struct session *s, const struct pending *e)
{
	if (e->own != OWN_NONE && e->own != OWN_BEGIN)
		run_release(s, "", "");
	if (e->own == OWN_BEGIN)
		s->pin.begun = true;
	else if (e->own == OWN_END)
		s->pin.begun = false;
}

bool
pin_tells(const struct session *s, const char *sqlstate)
{
	return !s->pin.on && strcmp(sqlstate, "22012") != 0;
}

/* What ran in the transaction of ours is not kept, nor is the client's COMMIT that the check stood before. */
static void
pin_fail_runs(struct session *s)
{
	static const char	why[] = "not kept: the transaction changed the database or its own read-only mode, and the "
				"grant is read-only";

	run_release(s, "25006", why);
	for (size_t i = 0; i < s->pending.count; i++)
		run_fail(pending_at(&s->pending, i)->run, RECORD_ERROR, "25006", why);
}

void
pin_failed(struct session *s, const struct pending *e, const char *sqlstate)
{
	bool	lost = s->pin.own && s->pin.keep;

	/* the client's own statement failed before it: then the transaction is rolled back, as it would be */
	if (strcmp(sqlstate, "25P02") == 0 && (e->own == OWN_MODE ||
	    e->own == OWN_CHECK_BEHIND || (e->own == OWN_CHECK && s->pin.begun)))
		return;
	/* a cancel that came late; nothing was to be kept */
	if (strcmp(sqlstate, "57014") == 0 && e->own == OWN_CHECK && s->pin.begun && !lost)
		return;
	if (strcmp(sqlstate, "22012") == 0) {
		pin_fail_runs(s);
		log_error("a transaction under a read grant has written, or is not read-only any more");
		session_end_fatal(s, "read-only check failed", "25006",
		    "terminating connection: the transaction changed the database or its own read-only mode, and your "
		    "DBBat grant is read-only", "Nothing was kept. A function or view of the database does it.");
		return;
	}
	log_error("a statement that pins the transaction failed (%s)", sqlstate);
	session_end_fatal(s, "read-only pin failed", "25006",
	    "terminating connection: DBBat could not make sure that the transaction is read-only", "Connect again.");
}

bool
pin_ready(struct session *s, char status)
{
	struct pin	*p = &s->pin;

	/* behind a Terminate nothing can be sent, and the target rolls back by itself */
	if (!p->on || s->terminated)
		return false;
	if (p->begun) {
		/* it failed, and what would have ended it was skipped */
		pin_put(s, "ROLLBACK", OWN_END, NULL, NULL);
		pin_put_sync(s);
		return true;
	}
	if (status == 'I' && p->unlock != NULL && p->locks && p->unchecked)
		buf_put_cstr(&p->restore, p->unlock);
	if (status == 'I')
		p->locks = p->unchecked = false;
	if (p->restore.len > 0 && status != 'E') {
		for (size_t at = 0; at < p->restore.len; at += strlen((const char *)p->restore.data + at) + 1)
			pin_put(s, (const char *)p->restore.data + at, OWN_RESTORE, NULL, NULL);
		buf_wipe(&p->restore);
		pin_put_sync(s);
		return true;
	}
	p->saving = false;
	p->status = status;
	p->waiting = p->own = p->used = p->loose = false;
	if (status == 'I')
		pin_forget(p, false);
	return false;
}

void
pin_parameter(struct session *s, const char *name, const char *value)
{
	struct policy_verdict	v = { .allowed = true };
	struct pin		*p = &s->pin;

	if (!p->read)
		return;
	if (strcmp(name, "default_transaction_read_only") == 0 || strcmp(name, "standard_conforming_strings") == 0 ||
	    strcmp(name, "client_encoding") == 0)
		policy_startup_setting(&s->policy, name, value, &v);
	else if (strcmp(name, "is_superuser") == 0)
		v.allowed = p->superuser == NULL || strcmp(value, p->superuser) == 0;
	else if (strcmp(name, "session_authorization") == 0)
		v.allowed = p->role == NULL || strcmp(value, p->role) == 0;
	if (v.allowed)
		return;
	log_error("%s became %s under a read grant", name, value);
	session_end_fatal(s, "read-only pin lost", "25006",
	    "terminating connection: the session is no longer pinned read-only", "");
}
