/*
 * Frames to rows. A statement that starts and ends in one batch is one row
 * written once; whatever the number of events and sessions, a batch is at most three
 * statements, whose parameters are arrays with a column each, and one for each session that has ended. Sending a batch
 * twice changes nothing: every statement says so where it meets a row that is there.
 */
#include "record/record_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"
#include "base/base_text.h"
#include "record/record_codec.h"
#include "record/record_column.h"
#include "record/record_text.h"
#include "store_sql.h"

/* Columns of an outcome, in the order of both statements that store it. */
enum { O_DURATION, O_ROWS, O_BYTES, O_STATUS, O_SQLSTATE, O_MESSAGE, O_TAG, O_COLUMNS };
static const uint32_t outcome_types[O_COLUMNS] = {
	COLUMN_INT8, COLUMN_INT8, COLUMN_INT8, COLUMN_TEXT, COLUMN_TEXT, COLUMN_TEXT, COLUMN_TEXT,
};

enum { S_CONNECTION, S_USER, S_DATABASE, S_GRANT, S_SEQ, S_TEXT, S_TEXT_CUT, S_PARAMS, S_AT, S_OUTCOME,
	S_COLUMNS = S_OUTCOME + O_COLUMNS };
enum { U_CONNECTION, U_SEQ, U_OUTCOME, U_COLUMNS = U_OUTCOME + O_COLUMNS };
enum { R_CONNECTION, R_SEQ, R_AT, R_CHUNK, R_RESULT, R_KIND, R_FLAGS, R_CUT, R_ROWS, R_BODY, R_COLUMNS };

#define MESSAGE_MAX	((size_t)1000 << 20)	/* PostgreSQL's is a little more */
#define PARAMS_MAX	S_COLUMNS
#define ENDS_MAX	64			/* sessions that end in a batch */

struct batch_end {
	uint64_t		connection_id;
	struct record_end	end;		/* but for its reason, which is here: */
	struct buf		reason;
};

struct record_batch {
	size_t			bytes;
	unsigned		events;
	struct record_column	statements[S_COLUMNS];
	struct record_column	outcomes[U_COLUMNS];
	int64_t			first_us, last_us;	/* when the statements of `outcomes` started */
	struct record_column	results[R_COLUMNS];
	bool			full;		/* an event was left that is too large for it */
	struct batch_end	ends[ENDS_MAX];
	unsigned		nends;
	struct record_event	taken[RECORD_BATCH_SHARE];	/* of the journal at hand */
};

static const struct {
	const char	*name, *sql;
} batch_statements[] = {
	{ "statements", SQL_RECORD_STATEMENTS },
	{ "outcomes", SQL_RECORD_OUTCOMES },
	{ "results", SQL_RECORD_RESULTS },
	{ "end", SQL_RECORD_END },
};

int
record_batch_prepare(PGconn *conn)
{
	if (!PQsendQueryParams(conn, SQL_RECORD_SETUP, 0, NULL, NULL, NULL, NULL, 0))
		return -1;
	for (size_t i = 0; i < sizeof(batch_statements) / sizeof(*batch_statements); i++)
		if (!PQsendPrepare(conn, batch_statements[i].name, batch_statements[i].sql, 0, NULL))
			return -1;
	return 0;
}

/* --- events to columns --------------------------------------------------------- */

static void
put_outcome(struct record_column *c, const struct record_outcome *o)
{
	static const char *const	status[] = {
		[RECORD_OK] = "ok",
		[RECORD_ERROR] = "error",
		[RECORD_REFUSED] = "refused",
		[RECORD_CANCELLED] = "cancelled",
	};

	record_column_int8(&c[O_DURATION], o->duration_us < 0 ? 0 : (uint64_t)o->duration_us);
	if (o->rows < 0)
		record_column_null(&c[O_ROWS]);
	else
		record_column_int8(&c[O_ROWS], (uint64_t)o->rows);
	record_column_int8(&c[O_BYTES], o->bytes);
	record_column_word(&c[O_STATUS], status[o->status]);
	record_column_word(&c[O_SQLSTATE], o->sqlstate);
	record_column_word(&c[O_MESSAGE], o->message);
	record_column_word(&c[O_TAG], o->tag);
}

static void
put_running(struct record_column *c)
{
	for (int i = 0; i < O_COLUMNS; i++)
		if (i == O_STATUS)
			record_column_word(&c[i], "running");
		else
			record_column_null(&c[i]);
}

static void
put_result(struct record_column *c, const struct record_owner *owner, const struct record_chunk *r)
{
	record_column_int8(&c[R_CONNECTION], owner->connection_id);
	record_column_int8(&c[R_SEQ], r->seq);
	if (r->started_us == RECORD_TIME_UNKNOWN)
		record_column_null(&c[R_AT]);
	else
		record_column_time(&c[R_AT], r->started_us);
	record_column_int8(&c[R_CHUNK], r->chunk);
	record_column_int8(&c[R_RESULT], r->result);
	record_column_int8(&c[R_KIND], r->kind);
	record_column_int8(&c[R_FLAGS], r->flags);
	record_column_int8(&c[R_CUT], r->cut);
	record_column_int8(&c[R_ROWS], r->rows);
	record_column_bytes(&c[R_BODY], r->body);
}

static void
put_statement(struct record_column *c, const struct record_owner *owner, const struct record_event *e,
    const struct record_outcome *o)
{
	const struct record_statement	*s = &e->statement;

	record_column_int8(&c[S_CONNECTION], owner->connection_id);
	record_column_int8(&c[S_USER], owner->user_id);
	record_column_int8(&c[S_DATABASE], owner->database_id);
	record_column_int8(&c[S_GRANT], owner->grant_id);
	record_column_int8(&c[S_SEQ], s->seq);
	record_column_text(&c[S_TEXT], s->text);
	record_column_bool(&c[S_TEXT_CUT], s->text_cut);
	record_column_params(&c[S_PARAMS], e->params, s->params_cut);
	record_column_time(&c[S_AT], s->started_us);
	if (o != NULL)
		put_outcome(&c[S_OUTCOME], o);
	else
		put_running(&c[S_OUTCOME]);
}

/* The outcome of the statement events[at] among those after it. */
static struct record_event *
find_outcome(struct record_event *events, unsigned n, unsigned at)
{
	for (unsigned i = at + 1; i < n; i++)
		if (events[i].kind == RECORD_OUTCOME && events[i].outcome.seq == events[at].statement.seq)
			return &events[i];
	return NULL;
}

/* An outcome whose statement is in storage already. */
static void
put_late_outcome(struct record_batch *b, const struct record_owner *owner, const struct record_outcome *o)
{
	bool	known = o->started_us != RECORD_TIME_UNKNOWN;
	int64_t	first = known ? o->started_us : INT64_MIN, last = known ? o->started_us : INT64_MAX;

	if (b->outcomes[U_SEQ].n == 0 || first < b->first_us)
		b->first_us = first;
	if (b->outcomes[U_SEQ].n == 0 || last > b->last_us)
		b->last_us = last;
	record_column_int8(&b->outcomes[U_CONNECTION], owner->connection_id);
	record_column_int8(&b->outcomes[U_SEQ], o->seq);
	put_outcome(&b->outcomes[U_OUTCOME], o);
}

static void
put_end(struct record_batch *b, const struct record_owner *owner, const struct record_end *e)
{
	struct batch_end	*end = &b->ends[b->nends++];

	end->connection_id = owner->connection_id;
	end->end = *e;
	record_text_put(&end->reason, (struct slice){ (const unsigned char *)e->reason, strlen(e->reason) });
}

static void
batch_fill(struct record_batch *b, const struct record_owner *owner, struct record_event *events, unsigned n)
{
	bool	stored[RECORD_BATCH_SHARE] = { false };	/* an outcome, with its statement */

	for (unsigned i = 0; i < n; i++) {
		struct record_event	*e = &events[i], *o;

		switch (e->kind) {
		case RECORD_STATEMENT:
			o = find_outcome(events, n, i);
			if (o != NULL)
				stored[o - events] = true;
			put_statement(b->statements, owner, e, o ? &o->outcome : NULL);
			break;
		case RECORD_OUTCOME:
			if (!stored[i])
				put_late_outcome(b, owner, &e->outcome);
			break;
		case RECORD_RESULT:
			put_result(b->results, owner, &e->result);
			break;
		case RECORD_END:
			put_end(b, owner, &e->end);
			break;
		}
	}
}

static void
columns_each(struct record_batch *b, void (*fn)(struct record_column *))
{
	for (int i = 0; i < S_COLUMNS; i++)
		fn(&b->statements[i]);
	for (int i = 0; i < U_COLUMNS; i++)
		fn(&b->outcomes[i]);
	for (int i = 0; i < R_COLUMNS; i++)
		fn(&b->results[i]);
}

struct record_batch *
record_batch_new(void)
{
	static const uint32_t	statement_types[S_OUTCOME] = {
		COLUMN_INT8, COLUMN_INT8, COLUMN_INT8, COLUMN_INT8, COLUMN_INT8, COLUMN_TEXT, COLUMN_BOOL, COLUMN_JSONB,
		COLUMN_TIMESTAMPTZ,
	};
	static const uint32_t	result_types[R_COLUMNS] = {
		COLUMN_INT8, COLUMN_INT8, COLUMN_TIMESTAMPTZ, COLUMN_INT8, COLUMN_INT8, COLUMN_INT8, COLUMN_INT8, COLUMN_INT8,
		COLUMN_INT8, COLUMN_BYTEA,
	};
	struct record_batch	*b = xcalloc(1, sizeof(*b));

	for (int i = 0; i < S_OUTCOME; i++)
		record_column_begin(&b->statements[i], statement_types[i]);
	for (int i = 0; i < U_OUTCOME; i++)
		record_column_begin(&b->outcomes[i], COLUMN_INT8);
	for (int i = 0; i < O_COLUMNS; i++) {
		record_column_begin(&b->statements[S_OUTCOME + i], outcome_types[i]);
		record_column_begin(&b->outcomes[U_OUTCOME + i], outcome_types[i]);
	}
	for (int i = 0; i < R_COLUMNS; i++)
		record_column_begin(&b->results[i], result_types[i]);
	return b;
}

void
record_batch_free(struct record_batch *b)
{
	columns_each(b, record_column_free);
	for (unsigned i = 0; i < b->nends; i++)
		buf_free(&b->ends[i].reason);
	free(b);
}

unsigned
record_batch_events(const struct record_batch *b)
{
	return b->events;
}

bool
record_batch_full(const struct record_batch *b)
{
	return b->full || b->events >= RECORD_BATCH_EVENTS || b->bytes >= RECORD_BATCH_BYTES;
}

/* --- what storage refused for its content ---------------------------------------- */

/* Replaces *e by what cannot be refused: nothing of it but numbers and a note in ASCII. */
static void
reduce(struct record_event *e, const char *sqlstate, struct buf *note)
{
	struct slice	whole = e->kind == RECORD_STATEMENT ? e->statement.text : (struct slice){ NULL, 0 };
	size_t		shown = whole.n < 64 ? whole.n : 64;
	char		hex[2 * 64 + 1];

	text_hex(whole.p, shown, hex);
	buf_putf(note, "(storage refused this record: SQLSTATE %s)", sqlstate);
	switch (e->kind) {
	case RECORD_STATEMENT:
		buf_putf(note, " %zu bytes, in hex: %s%s", whole.n, hex, shown < whole.n ? "…" : "");
		e->statement.text = (struct slice){ note->data, note->len };
		e->statement.text_cut = true;
		e->statement.params_cut = e->params.n > 0 || e->statement.params_cut;
		e->params.n = 0;
		break;
	case RECORD_OUTCOME:
		e->outcome.message = buf_text(note);
		e->outcome.sqlstate = "";
		e->outcome.tag = "";
		break;
	case RECORD_RESULT:
		e->result.flags = (e->result.flags & RECORD_CHUNK_FIRST) | RECORD_CHUNK_LAST;
		e->result.cut = RECORD_CUT_REFUSED;
		e->result.body.n = 0;
		break;
	case RECORD_END:
		e->end.reason = buf_text(note);
		break;
	}
}

/* --- columns to the wire ----------------------------------------------------------- */

struct params {
	int		n;
	const char	*values[PARAMS_MAX];
	int		lengths[PARAMS_MAX];
	int		formats[PARAMS_MAX];
};

static void
param_add(struct params *p, const void *value, size_t n)
{
	p->values[p->n] = value;
	p->lengths[p->n] = (int)n;
	p->formats[p->n] = 1;
	p->n++;
}

static void
param_columns(struct params *p, const struct record_column *c, int n)
{
	for (int i = 0; i < n; i++)
		param_add(p, c[i].array.data, c[i].array.len);
}

/* Whether each statement fits a message. */
static bool
batch_fits(const struct record_batch *b)
{
	const struct {
		const struct record_column	*c;
		int				 n;
	} groups[] = {
		{ b->statements, S_COLUMNS },
		{ b->outcomes, U_COLUMNS },
		{ b->results, R_COLUMNS },
	};

	for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++) {
		size_t	total = 0;

		for (int i = 0; i < groups[g].n; i++) {
			if (groups[g].c[i].array.failed)
				return false;
			total += groups[g].c[i].array.len;
		}
		if (total > MESSAGE_MAX)
			return false;
	}
	return true;
}

static int
send_named(PGconn *conn, const char *name, const struct params *p)
{
	return PQsendQueryPrepared(conn, name, p->n, p->values, p->lengths, p->formats, 0) ? 0 : -1;
}

static int
send_end(PGconn *conn, struct batch_end *e)
{
	struct params	p = { 0 };
	unsigned char	id[8], at[8], statements[8], bytes[8];

	record_put_int8(id, e->connection_id);
	record_put_time(at, e->end.ended_us);
	record_put_int8(statements, e->end.statements);
	record_put_int8(bytes, e->end.bytes);
	param_add(&p, id, 8);
	param_add(&p, at, 8);
	param_add(&p, statements, 8);
	param_add(&p, bytes, 8);
	param_add(&p, buf_text(&e->reason), e->reason.len);
	return send_named(conn, "end", &p);
}

static int
send_rows(PGconn *conn, struct record_batch *b)
{
	if (b->statements[S_SEQ].n > 0) {
		struct params	p = { 0 };

		param_columns(&p, b->statements, S_COLUMNS);
		if (send_named(conn, "statements", &p) != 0)
			return -1;
	}
	if (b->outcomes[U_SEQ].n > 0) {
		struct params	p = { 0 };
		unsigned char	first[8], last[8];

		record_put_time(first, b->first_us);
		record_put_time(last, b->last_us);
		param_add(&p, first, 8);
		param_add(&p, last, 8);
		param_columns(&p, b->outcomes, U_COLUMNS);
		if (send_named(conn, "outcomes", &p) != 0)
			return -1;
	}
	if (b->results[R_SEQ].n > 0) {
		struct params	p = { 0 };

		param_columns(&p, b->results, R_COLUMNS);
		if (send_named(conn, "results", &p) != 0)
			return -1;
	}
	for (unsigned i = 0; i < b->nends; i++)
		if (send_end(conn, &b->ends[i]) != 0)
			return -1;
	return 0;
}

static int
send_plain(PGconn *conn, const char *sql)
{
	return PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0) ? 0 : -1;
}

/* Takes from them what begins with a statement that has just started; but not most of it, as of a long pipeline. */
static void
take_trim(struct record_event *events, const struct record_take *t, struct record_taken *out)
{
	unsigned	n = t->must ? 1 : 0;

	while (n < out->events && (events[n].kind != RECORD_STATEMENT || events[n].statement.started_us < t->young_us ||
	    find_outcome(events, out->events, n) != NULL))
		n++;
	if (n >= out->events || (t->must && n < out->events / 2))
		return;
	out->open_us = events[n].statement.started_us;
	while (out->events > n)
		out->bytes -= events[--out->events].size;
}

int
record_batch_take(struct record_batch *b, const struct record_take *t, struct record_taken *out)
{
	struct record_event	*events = b->taken;
	struct buf		 note = { 0 };
	int			 rc = 0;

	*out = (struct record_taken){ 0 };
	while (out->events < t->max_events && b->events + out->events < RECORD_BATCH_EVENTS && out->bytes < t->frames.n) {
		struct record_event	*e = &events[out->events];

		if (record_get(t->frames.p + out->bytes, t->frames.n - out->bytes, e) != 1) {
			rc = -1;
			break;
		}
		if (e->kind == RECORD_END && !t->ends)
			break;
		b->full |= (e->kind == RECORD_END && b->nends == ENDS_MAX) ||
		    (b->events + out->events > 0 && b->bytes + out->bytes + e->size > RECORD_BATCH_BYTES);
		if (b->full)
			break;
		out->bytes += e->size;
		out->events++;
		/* nothing is behind it, and there is room for one */
		if (e->kind == RECORD_END)
			break;
	}
	if (rc == 0 && out->events > 0) {
		take_trim(events, t, out);
		if (t->refused != NULL)
			reduce(&events[0], t->refused, &note);
		batch_fill(b, t->owner, events, out->events);
		b->events += out->events;
		b->bytes += out->bytes;
	}
	buf_free(&note);
	return rc;
}

int
record_batch_send(struct record_batch *b, PGconn *conn)
{
	columns_each(b, record_column_end);
	if (!batch_fits(b))
		return RECORD_BATCH_TOO_LONG;
	/* isolation is ours to say: with another, ON CONFLICT can fail */
	if ((PQtransactionStatus(conn) != PQTRANS_INERROR || send_plain(conn, "ROLLBACK") == 0) &&
	    send_plain(conn, "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE") == 0 &&
	    send_rows(conn, b) == 0 &&
	    send_plain(conn, "COMMIT") == 0 &&
	    PQpipelineSync(conn))
		return 0;
	return -1;
}
