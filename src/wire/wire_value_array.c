/*
 * Arrays and ranges: taken apart, in either format, and put together again in the server's words. An
 * array of ranges is as deep as it goes.
 */
#include <inttypes.h>
#include <strings.h>

#include "wire/wire_value_types.h"

/* --- steps through an array ----------------------------------------------------------- */

static enum wire_array_step
array_next_binary(struct wire_array *a, struct slice *item)
{
	uint32_t	n;

	if (!a->begun) {
		a->begun = true;
		a->depth = 1;
		return WIRE_ARRAY_OPEN;
	}
	if (a->depth == 0)
		return reader_done(&a->left) ? WIRE_ARRAY_END : WIRE_ARRAY_BAD;
	if (a->ndim == 0 || a->at[a->depth - 1] == a->dims[a->depth - 1]) {
		if (--a->depth > 0)
			a->at[a->depth - 1]++;
		return WIRE_ARRAY_CLOSE;
	}
	if (a->depth < a->ndim) {
		a->at[a->depth++] = 0;
		return WIRE_ARRAY_OPEN;
	}
	a->at[a->depth - 1]++;
	n = reader_u32(&a->left);
	if (n == UINT32_MAX)
		return WIRE_ARRAY_NULL;
	*item = reader_bytes(&a->left, n);
	return a->left.failed ? WIRE_ARRAY_BAD : WIRE_ARRAY_ITEM;
}

/* What stands between quotes, into scratch. False: they do not end. */
static bool
array_quoted(struct wire_array *a, struct slice *item)
{
	uint8_t	c;

	buf_reset(a->scratch);
	reader_u8(&a->left);
	while ((c = reader_u8(&a->left)) != '"') {
		if (c == '\\')
			c = reader_u8(&a->left);
		if (a->left.failed)
			return false;
		buf_put_u8(a->scratch, c);
	}
	*item = (struct slice){ a->scratch->data, a->scratch->len };
	return true;
}

static enum wire_array_step
array_element(struct wire_array *a, struct slice *item)
{
	size_t	n = 0;

	a->after = true;
	a->fresh = false;
	if (a->left.p[0] == '"')
		return array_quoted(a, item) ? WIRE_ARRAY_ITEM : WIRE_ARRAY_BAD;
	while (n < a->left.left && a->left.p[n] != ',' && a->left.p[n] != '}') {
		/* these would stand between quotes */
		if (memchr("{\"\\", a->left.p[n], 3) != NULL)
			return WIRE_ARRAY_BAD;
		n++;
	}
	*item = reader_bytes(&a->left, n);
	if (n == 0)
		return WIRE_ARRAY_BAD;
	return n == 4 && memcmp(item->p, "NULL", 4) == 0 ? WIRE_ARRAY_NULL : WIRE_ARRAY_ITEM;
}

static enum wire_array_step
array_next_text(struct wire_array *a, struct slice *item)
{
	if (a->begun && a->depth == 0)
		return a->left.left == 0 ? WIRE_ARRAY_END : WIRE_ARRAY_BAD;
	if (a->after && a->left.left > 0 && a->left.p[0] == ',') {
		reader_u8(&a->left);
		a->after = false;
	}
	if (a->left.left == 0)
		return WIRE_ARRAY_BAD;
	if (a->left.p[0] == '}') {
		if (!a->after && !a->fresh)
			return WIRE_ARRAY_BAD;
		reader_u8(&a->left);
		a->depth--;
		a->after = true;
		a->fresh = false;
		return WIRE_ARRAY_CLOSE;
	}
	if (a->after)
		return WIRE_ARRAY_BAD;
	if (a->left.p[0] == '{') {
		if (a->depth == WIRE_ARRAY_DEPTH)
			return WIRE_ARRAY_BAD;
		reader_u8(&a->left);
		a->depth++;
		a->begun = a->fresh = true;
		return WIRE_ARRAY_OPEN;
	}
	return a->depth > 0 ? array_element(a, item) : WIRE_ARRAY_BAD;
}

enum wire_array_step
wire_array_next(struct wire_array *a, struct slice *item)
{
	return a->binary ? array_next_binary(a, item) : array_next_text(a, item);
}

/* --- arrays as text ---------------------------------------------------------------------- */

static void
put_bounds(struct buf *out, const struct wire_array *a)
{
	bool	plain = true;

	buf_put(out, a->bounds.p, a->bounds.n);
	for (unsigned i = 0; i < a->ndim; i++)
		plain &= a->lower[i] == 1;
	for (unsigned i = 0; i < a->ndim && !plain; i++)
		buf_putf(out, "[%" PRId32 ":%" PRId64 "]", a->lower[i], (int64_t)a->lower[i] + a->dims[i] - 1);
	if (!plain)
		buf_put_u8(out, '=');
}

static void
put_element(struct buf *out, const struct buf *text)
{
	bool	quote = text->len == 0 || (text->len == 4 && strncasecmp((const char *)text->data, "NULL", 4) == 0);

	for (size_t i = 0; i < text->len && !quote; i++)
		quote = memchr("\"\\{}, \t\n\r\v\f", text->data[i], 11) != NULL;
	if (!quote) {
		buf_put(out, text->data, text->len);
		return;
	}
	buf_put_u8(out, '"');
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '"' || text->data[i] == '\\')
			buf_put_u8(out, '\\');
		buf_put_u8(out, text->data[i]);
	}
	buf_put_u8(out, '"');
}

bool
value_array(struct buf *out, uint32_t type, bool binary, struct slice v)
{
	struct buf		scratch = { 0 }, text = { 0 };
	struct wire_array	a;
	struct slice		item;
	enum wire_array_step	step = WIRE_ARRAY_BAD;
	size_t			start = out->len;
	bool			between = false;

	if (wire_array_begin(&a, type, binary, v, &scratch) != 0)
		return false;
	put_bounds(out, &a);
	while ((step = wire_array_next(&a, &item)) > WIRE_ARRAY_END) {
		if (between && step != WIRE_ARRAY_CLOSE)
			buf_put_u8(out, ',');
		between = step != WIRE_ARRAY_OPEN;
		if (step == WIRE_ARRAY_OPEN || step == WIRE_ARRAY_CLOSE)
			buf_put_u8(out, step == WIRE_ARRAY_OPEN ? '{' : '}');
		else if (step == WIRE_ARRAY_NULL)
			buf_put_str(out, "NULL");
		else {
			buf_reset(&text);
			if (wire_value(&text, a.element, binary, item) == WIRE_UNREADABLE) {
				step = WIRE_ARRAY_BAD;
				break;
			}
			put_element(out, &text);
		}
	}
	buf_free(&scratch);
	buf_free(&text);
	if (step == WIRE_ARRAY_BAD)
		out->len = start;
	return step == WIRE_ARRAY_END;
}

/* --- ranges -------------------------------------------------------------------------------- */

enum {
	RANGE_EMPTY = 1, RANGE_LOWER_IN = 2, RANGE_UPPER_IN = 4, RANGE_LOWER_NONE = 8, RANGE_UPPER_NONE = 16,
};

/* One bound, converted and quoted. */
static bool
put_bound(struct buf *out, uint32_t type, bool binary, struct slice v)
{
	struct buf	text = { 0 };
	bool		read = wire_value(&text, type, binary, v) != WIRE_UNREADABLE, quote = text.len == 0;

	for (size_t i = 0; i < text.len && !quote; i++)
		quote = memchr("\"\\()[], \t\n\r\v\f", text.data[i], 13) != NULL;
	if (quote)
		buf_put_u8(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buf_put_u8(out, text.data[i]);
		buf_put_u8(out, text.data[i]);
	}
	if (quote)
		buf_put_u8(out, '"');
	buf_free(&text);
	return read;
}

static bool
range_binary(struct buf *out, uint32_t bound, struct reader *r)
{
	unsigned	flags = reader_u8(r);

	if (flags == RANGE_EMPTY) {
		buf_put_str(out, "empty");
		return reader_done(r);
	}
	if ((flags & ~(unsigned)(RANGE_LOWER_IN | RANGE_UPPER_IN | RANGE_LOWER_NONE | RANGE_UPPER_NONE)) != 0)
		return false;
	buf_put_u8(out, flags & RANGE_LOWER_IN ? '[' : '(');
	if (!(flags & RANGE_LOWER_NONE) && !put_bound(out, bound, true, reader_bytes(r, reader_u32(r))))
		return false;
	buf_put_u8(out, ',');
	if (!(flags & RANGE_UPPER_NONE) && !put_bound(out, bound, true, reader_bytes(r, reader_u32(r))))
		return false;
	buf_put_u8(out, flags & RANGE_UPPER_IN ? ']' : ')');
	return reader_done(r);
}

/* The text of one bound up to ',' or the end; in quotes, a quote is doubled and a backslash escapes. */
static bool
range_bound(struct reader *r, struct buf *text)
{
	bool	quoted = false;

	buf_reset(text);
	while (r->left > 0 && (quoted || memchr(",)]", r->p[0], 3) == NULL)) {
		uint8_t	c = reader_u8(r);

		if (c == '"' && quoted && r->left > 0 && r->p[0] == '"')
			reader_u8(r);
		else if (c == '"') {
			quoted = !quoted;
			continue;
		} else if (c == '\\')
			c = reader_u8(r);
		buf_put_u8(text, c);
	}
	return !quoted && !r->failed;
}

static bool
range_text(struct buf *out, uint32_t bound, struct reader *r)
{
	struct buf	text = { 0 };
	uint8_t		c = reader_u8(r);
	bool		read = c == '[' || c == '(';

	buf_put_u8(out, c);
	for (const char *end = ","; read && end != NULL; end = *end == ',' ? "])" : NULL) {
		read = range_bound(r, &text) &&
		    (text.len == 0 || put_bound(out, bound, false, (struct slice){ text.data, text.len }));
		c = reader_u8(r);
		read &= c != 0 && strchr(end, c) != NULL;
		buf_put_u8(out, c);
	}
	buf_free(&text);
	return read && reader_done(r);
}

bool
value_range(struct buf *out, uint32_t type, bool binary, struct slice v)
{
	uint32_t	bound = wire_range_bound(type);
	struct reader	r = reader_init(v.p, v.n);
	size_t		start = out->len;

	if (binary ? range_binary(out, bound, &r) : range_text(out, bound, &r))
		return true;
	out->len = start;
	return false;
}
