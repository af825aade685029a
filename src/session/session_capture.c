/*
 * Chunks of captured results.
 */
#include "session/session_capture.h"

#include "session/session_run.h"

#define CAPTURE_RESULTS_MAX	1000		/* of one statement */
#define CAPTURE_DESCRIPTION_MAX	262144		/* more than 1664 columns can need */

enum { FORMATS_GIVEN = 1, FORMATS_UNKNOWN };

/* The chunk under way goes to the record, and the next begins. */
static void
capture_flush(struct session *s, struct run *r, bool last, enum record_cut cut)
{
	struct capture	*c = &r->capture;

	c->chunk.seq = r->seq;
	c->chunk.started_us = r->executed_us;
	c->chunk.flags |= (last ? RECORD_CHUNK_LAST : 0) | (c->binary ? RECORD_CHUNK_BINARY : 0);
	c->chunk.cut = last ? cut : RECORD_CUT_NONE;
	if (c->chunk.flags & RECORD_CHUNK_FIRST) {
		buf_set_u32(&c->bytes, c->data - 4, (uint32_t)(c->bytes.len - c->data));
		buf_put(&c->bytes, c->formats.data, c->formats.len);
	}
	c->chunk.body = (struct slice){ c->bytes.data, c->bytes.len };
	if (!record_result(s->record, &c->chunk))
		c->over = true;
	if (last || c->over)
		c->open = c->binary = false;
	if (cut != RECORD_CUT_NONE)
		c->over = true;
	c->chunk.chunk++;
	c->chunk.flags = 0;
	c->chunk.rows = 0;
	c->data = 0;
	buf_reset(&c->bytes);
}

void
capture_begin(struct session *s, struct run *r, enum record_chunk_kind kind, struct slice description,
    const struct named *portal)
{
	struct capture	*c;

	if (r == NULL || !r->captures || r->capture.over)
		return;
	c = &r->capture;
	capture_end(s, r);
	if (c->over)
		return;
	if (c->bytes.cap == 0) {
		/* one buffer serves the statements one after the other */
		c->bytes = s->capture_spare;
		s->capture_spare = (struct buf){ 0 };
	}
	c->open = true;
	c->chunk.result++;
	c->chunk.kind = kind;
	c->chunk.flags = RECORD_CHUNK_FIRST;
	if (description.n > CAPTURE_DESCRIPTION_MAX)
		description.n = 0;
	buf_put_u32(&c->bytes, (uint32_t)description.n);
	buf_put(&c->bytes, description.p, description.n);
	buf_put_u32(&c->bytes, 0);
	c->data = c->bytes.len;
	buf_reset(&c->formats);
	if (portal != NULL && portal->formats_known) {
		buf_put_u8(&c->formats, FORMATS_GIVEN);
		buf_put(&c->formats, portal->formats.data, portal->formats.len);
	} else if (kind == RECORD_CHUNK_ROWS && (description.n == 0 || (portal != NULL && portal->description.len == 0)))
		buf_put_u8(&c->formats, FORMATS_UNKNOWN);
	if (c->chunk.result > CAPTURE_RESULTS_MAX)
		capture_flush(s, r, true, RECORD_CUT_RESULTS);
}

void
capture_begin_execute(struct session *s, struct run *r, const struct named *portal)
{
	const struct named	*n = portal;

	/* the columns may be those of something else */
	if (n != NULL && (n->doubtful || (n->statement != NULL && n->statement->doubtful)))
		n = portal = NULL;
	if (n != NULL && n->description.len == 0)
		n = n->statement;
	if (n != NULL)
		capture_begin(s, r, RECORD_CHUNK_ROWS, (struct slice){ n->description.data, n->description.len }, portal);
	else
		capture_begin(s, r, RECORD_CHUNK_ROWS, (struct slice){ NULL, 0 }, portal);
}

bool
capture_message(struct session *s, struct run *r, uint64_t size, size_t skip)
{
	struct capture	*c = &r->capture;
	enum record_cut	 cut = RECORD_CUT_NONE;

	if (!c->open)
		return false;
	size -= skip;
	if (c->rows >= (uint64_t)s->conf->capture_max_rows && c->chunk.kind != RECORD_CHUNK_COPY_IN)
		cut = RECORD_CUT_ROWS;
	else if (size > (uint64_t)s->conf->capture_max_bytes - c->size)
		cut = RECORD_CUT_BYTES;
	if (cut != RECORD_CUT_NONE) {
		capture_flush(s, r, true, cut);
		return false;
	}
	if (c->chunk.rows > 0 && c->bytes.len + size > RECORD_CHUNK_SIZE)
		capture_flush(s, r, false, RECORD_CUT_NONE);
	if (c->over)
		return false;
	c->rows++;
	c->size += size;
	c->chunk.rows++;
	c->within = true;
	c->skip = skip;
	return true;
}

void
capture_bytes(struct session *s, struct run *r, const unsigned char *p, size_t n, bool end)
{
	struct capture	*c = &r->capture;
	size_t		 skip = n < c->skip ? n : c->skip;

	c->skip -= skip;
	p += skip;
	n -= skip;
	while (n > 0 && !c->over) {
		size_t	room = c->bytes.len < RECORD_CHUNK_SIZE ? RECORD_CHUNK_SIZE - c->bytes.len : 0;
		size_t	take = n < room ? n : room;

		buf_put(&c->bytes, p, take);
		p += take;
		n -= take;
		if (n > 0) {
			capture_flush(s, r, false, RECORD_CUT_NONE);
			c->chunk.flags = RECORD_CHUNK_CONTINUES;
		}
	}
	if (!end)
		return;
	c->within = false;
	/* the next message begins a chunk: a reader can start there */
	if (c->open && (c->chunk.flags & RECORD_CHUNK_CONTINUES))
		capture_flush(s, r, false, RECORD_CUT_NONE);
}

void
capture_end(struct session *s, struct run *r)
{
	if (r != NULL && r->capture.open)
		capture_flush(s, r, true, r->capture.within ? RECORD_CUT_BROKEN : RECORD_CUT_NONE);
}

void
capture_finish(struct session *s, struct run *r)
{
	struct capture	*c = &r->capture;

	capture_end(s, r);
	if (c->bytes.cap > s->capture_spare.cap) {
		buf_free(&s->capture_spare);
		s->capture_spare = c->bytes;
	} else
		buf_free(&c->bytes);
	buf_free(&c->formats);
}
