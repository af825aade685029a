/*
 * Events to frames and back. Pure: no clock, no file. Getting trusts nothing:
 * a frame is returned whole and checked, with every slice inside it, or not at
 * all. It refuses lengths past RECORD_BODY_MAX, unknown kinds and flags, and
 * bodies with bytes left over, even where the checksum is right.
 */
#include "record/record_codec.h"

#include <string.h>

#include "base/base_reader.h"
#include "record/record_crc.h"

#define FRAME_HEAD	5	/* length, form */
#define FRAME_TAIL	4	/* checksum */

#define FLAG_TEXT_CUT		1
#define FLAG_PARAMS_CUT		2
#define FLAG_NULL		1
#define FLAG_BINARY		2
#define FLAG_TRUNCATED		1	/* of a result in one piece */
#define FLAG_RESULT_DROPPED	1	/* of an outcome: there was a result in one piece, and no room */

/* What is written has the last form of its kind; the others are in journals of earlier versions. */
enum form {
	FORM_STATEMENT = 1,
	FORM_OUTCOME_1,		/* without the time of the statement */
	FORM_RESULT_1,		/* the same, and in one piece */
	FORM_END,
	FORM_OUTCOME,
	FORM_RESULT_2,		/* in one piece */
	FORM_RESULT,
	FORMS
};

static size_t
frame_begin(struct buf *b, enum form form)
{
	size_t	at = b->len;

	buf_put_u32(b, 0);
	buf_put_u8(b, form);
	return at;
}

static void
frame_end(struct buf *b, size_t at)
{
	if (b->failed)
		return;
	if (b->len - at - FRAME_HEAD > RECORD_BODY_MAX) {
		b->failed = true;
		return;
	}
	buf_set_u32(b, at, (uint32_t)(b->len - at - FRAME_HEAD));
	buf_put_u32(b, record_crc32c(b->data + at + 4, b->len - at - 4));
}

static void
put_slice(struct buf *b, struct slice s)
{
	if (s.n > RECORD_BODY_MAX) {
		b->failed = true;
		return;
	}
	buf_put_u32(b, (uint32_t)s.n);
	buf_put(b, s.p, s.n);
}

/* NUL-terminated, at most max bytes before it, not cut inside a character. */
static void
put_short(struct buf *b, const char *s, size_t max)
{
	static const char	more[] = "…";
	size_t			n;

	if (s == NULL)
		s = "";
	n = strnlen(s, max + 1);
	if (n > max) {
		n = max - (sizeof(more) - 1);
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
		buf_put(b, s, n);
		buf_put_str(b, more);
	} else {
		buf_put(b, s, n);
	}
	buf_put_u8(b, 0);
}

void
record_put_statement(struct buf *b, const struct record_statement *s)
{
	size_t	at = frame_begin(b, FORM_STATEMENT);

	buf_put_u64(b, s->seq);
	buf_put_u64(b, (uint64_t)s->started_us);
	buf_put_u8(b, (s->text_cut ? FLAG_TEXT_CUT : 0) | (s->params_cut ? FLAG_PARAMS_CUT : 0));
	put_slice(b, s->text);
	buf_put_u32(b, s->nparams);
	for (unsigned i = 0; i < s->nparams && !b->failed; i++) {
		const struct record_param	*p = &s->params[i];

		buf_put_u32(b, p->type);
		buf_put_u8(b, (p->null ? FLAG_NULL : 0) | (p->binary ? FLAG_BINARY : 0));
		put_slice(b, p->null ? (struct slice){ NULL, 0 } : p->bytes);
	}
	frame_end(b, at);
}

void
record_put_outcome(struct buf *b, const struct record_outcome *o)
{
	size_t	at = frame_begin(b, FORM_OUTCOME);

	buf_put_u64(b, o->seq);
	buf_put_u64(b, (uint64_t)o->started_us);
	buf_put_u64(b, (uint64_t)o->duration_us);
	buf_put_u8(b, o->status);
	buf_put_u8(b, 0);
	buf_put_u64(b, (uint64_t)o->rows);
	buf_put_u64(b, o->bytes);
	put_short(b, o->sqlstate, RECORD_SQLSTATE_MAX);
	put_short(b, o->message, RECORD_MESSAGE_MAX);
	put_short(b, o->tag, RECORD_TAG_MAX);
	frame_end(b, at);
}

void
record_put_result(struct buf *b, const struct record_chunk *c)
{
	size_t	at = frame_begin(b, FORM_RESULT);

	buf_put_u64(b, c->seq);
	buf_put_u64(b, (uint64_t)c->started_us);
	buf_put_u32(b, c->chunk);
	buf_put_u32(b, c->result);
	buf_put_u8(b, c->kind);
	buf_put_u8(b, c->flags);
	buf_put_u8(b, c->cut);
	buf_put_u64(b, c->rows);
	put_slice(b, c->body);
	frame_end(b, at);
}

void
record_put_end(struct buf *b, const struct record_end *e)
{
	size_t	at = frame_begin(b, FORM_END);

	buf_put_u64(b, (uint64_t)e->ended_us);
	buf_put_u64(b, e->statements);
	buf_put_u64(b, e->bytes);
	put_short(b, e->reason, RECORD_REASON_MAX);
	frame_end(b, at);
}

static struct slice
get_slice(struct reader *r)
{
	return reader_bytes(r, reader_u32(r));
}

/* A byte that holds only the flags of `known`. */
static uint8_t
get_flags(struct reader *r, uint8_t known)
{
	uint8_t	flags = reader_u8(r);

	if ((flags & ~known) != 0)
		r->failed = true;
	return flags;
}

static void
get_param(struct reader *r, struct record_param *out)
{
	uint8_t	flags;

	out->type = reader_u32(r);
	flags = get_flags(r, FLAG_NULL | FLAG_BINARY);
	out->null = flags & FLAG_NULL;
	out->binary = flags & FLAG_BINARY;
	out->bytes = get_slice(r);
}

static void
get_statement(struct reader *r, bool timed, struct record_event *e)
{
	struct record_statement	*s = &e->statement;
	struct record_param	 unused;
	uint8_t			 flags;

	(void)timed;
	s->seq = reader_u64(r);
	s->started_us = (int64_t)reader_u64(r);
	flags = get_flags(r, FLAG_TEXT_CUT | FLAG_PARAMS_CUT);
	s->text_cut = flags & FLAG_TEXT_CUT;
	s->params_cut = flags & FLAG_PARAMS_CUT;
	s->text = get_slice(r);
	s->params = NULL;
	s->nparams = reader_u32(r);
	e->params = (struct slice){ r->p, r->left };
	/* walked here once, so that record_param_next cannot meet damage */
	for (unsigned i = 0; i < s->nparams && !r->failed; i++)
		get_param(r, &unused);
}

static void
get_outcome(struct reader *r, bool timed, struct record_event *e)
{
	struct record_outcome	*o = &e->outcome;
	uint8_t			 status;

	o->seq = reader_u64(r);
	o->started_us = timed ? (int64_t)reader_u64(r) : RECORD_TIME_UNKNOWN;
	o->duration_us = (int64_t)reader_u64(r);
	status = reader_u8(r);
	if (status > RECORD_CANCELLED)
		r->failed = true;
	o->status = status;
	get_flags(r, FLAG_RESULT_DROPPED);
	o->rows = (int64_t)reader_u64(r);
	o->bytes = reader_u64(r);
	o->sqlstate = reader_cstr(r);
	o->message = reader_cstr(r);
	o->tag = reader_cstr(r);
}

/* A result in one piece, which is laid out as a first chunk is. */
static void
get_whole_result(struct reader *r, bool timed, struct record_event *e)
{
	struct record_chunk	*c = &e->result;

	c->seq = reader_u64(r);
	c->started_us = timed ? (int64_t)reader_u64(r) : RECORD_TIME_UNKNOWN;
	c->rows = reader_u64(r);
	c->cut = get_flags(r, FLAG_TRUNCATED) ? RECORD_CUT_BYTES : RECORD_CUT_NONE;
	c->result = 1;
	c->kind = RECORD_CHUNK_ROWS;
	c->flags = RECORD_CHUNK_FIRST | RECORD_CHUNK_LAST;
	c->body = (struct slice){ r->p, r->left };
	get_slice(r);
	get_slice(r);
}

static void
get_result(struct reader *r, bool timed, struct record_event *e)
{
	struct record_chunk	*c = &e->result;

	(void)timed;
	c->seq = reader_u64(r);
	c->started_us = (int64_t)reader_u64(r);
	c->chunk = reader_u32(r);
	c->result = reader_u32(r);
	c->kind = reader_u8(r);
	c->flags = get_flags(r, RECORD_CHUNK_FLAGS);
	c->cut = reader_u8(r);
	c->rows = reader_u64(r);
	c->body = get_slice(r);
	if (c->kind < RECORD_CHUNK_ROWS || c->kind > RECORD_CHUNK_COPY_IN || c->cut >= RECORD_CUTS)
		r->failed = true;
}

static void
get_end(struct reader *r, bool timed, struct record_event *e)
{
	struct record_end	*end = &e->end;

	(void)timed;
	end->ended_us = (int64_t)reader_u64(r);
	end->statements = reader_u64(r);
	end->bytes = reader_u64(r);
	end->reason = reader_cstr(r);
}

static const struct {
	enum record_kind	kind;
	bool			timed;
	void			(*get)(struct reader *r, bool timed, struct record_event *e);
} forms[FORMS] = {
	[FORM_STATEMENT] = { RECORD_STATEMENT, true, get_statement },
	[FORM_OUTCOME_1] = { RECORD_OUTCOME, false, get_outcome },
	[FORM_RESULT_1] = { RECORD_RESULT, false, get_whole_result },
	[FORM_END] = { RECORD_END, true, get_end },
	[FORM_OUTCOME] = { RECORD_OUTCOME, true, get_outcome },
	[FORM_RESULT_2] = { RECORD_RESULT, true, get_whole_result },
	[FORM_RESULT] = { RECORD_RESULT, true, get_result },
};

int
record_get(const void *p, size_t n, struct record_event *e)
{
	struct reader	head = reader_init(p, n), body;
	uint32_t	length;
	struct slice	sealed;
	uint8_t		form;

	if (n < FRAME_HEAD + FRAME_TAIL)
		return 0;
	length = reader_u32(&head);
	if (length > RECORD_BODY_MAX)
		return -1;
	if (n - FRAME_HEAD - FRAME_TAIL < length)
		return 0;
	sealed = reader_bytes(&head, 1 + (size_t)length);
	if (reader_u32(&head) != record_crc32c(sealed.p, sealed.n))
		return -1;

	form = sealed.p[0];
	if (form >= FORMS || forms[form].get == NULL)
		return -1;
	memset(e, 0, sizeof(*e));
	e->kind = forms[form].kind;
	e->size = FRAME_HEAD + (size_t)length + FRAME_TAIL;
	body = reader_init(sealed.p + 1, length);
	forms[form].get(&body, forms[form].timed, e);
	return reader_done(&body) ? 1 : -1;
}

size_t
record_peek(const void *p, size_t n, enum record_kind *kind)
{
	struct reader	head = reader_init(p, n);
	uint32_t	length = reader_u32(&head);
	uint8_t		form = reader_u8(&head);

	if (head.failed || length > RECORD_BODY_MAX || head.left < (size_t)length + FRAME_TAIL ||
	    form >= FORMS || forms[form].get == NULL)
		return 0;
	*kind = forms[form].kind;
	return FRAME_HEAD + (size_t)length + FRAME_TAIL;
}

int
record_param_next(struct slice *at, struct record_param *out)
{
	struct reader	r = reader_init(at->p, at->n);

	get_param(&r, out);
	if (r.failed)
		return 0;
	*at = (struct slice){ r.p, r.left };
	return 1;
}
