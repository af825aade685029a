/*
 * Captured bytes to rows, and rows to JSON and CSV.
 */
#include "api/api_result.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_json.h"
#include "base/base_mem.h"
#include "base/base_reader.h"
#include "record/record_text.h"
#include "wire/wire_server.h"
#include "wire/wire_value.h"

enum { FORMATS_GIVEN = 1, FORMATS_UNKNOWN };

static void
result_clear(struct result *r)
{
	for (unsigned i = 0; i < r->ncolumns; i++)
		free(r->columns[i].name);
	free(r->columns);
	r->columns = NULL;
	r->ncolumns = 0;
}

void
result_free(struct result *r)
{
	result_clear(r);
	buf_free(&r->formats);
	buf_wipe(&r->rest);
	*r = (struct result){ .ready = false };
}

/* --- columns ------------------------------------------------------------------------- */

/* What Bind asked for: one code is for all columns, none is text. */
static bool
result_binary(const struct result *r, unsigned column)
{
	size_t	n = r->formats.len / 2, at = n == 1 ? 0 : column;

	return at < n && (r->formats.data[2 * at] != 0 || r->formats.data[2 * at + 1] != 0);
}

static void
result_columns(struct result *r, unsigned n)
{
	r->columns = xcalloc(n > 0 ? n : 1, sizeof(*r->columns));
	r->ncolumns = n;
	r->ready = true;
}

static int
result_describe(struct result *r, struct slice description)
{
	struct wire_columns	walk;
	struct wire_column	c;
	unsigned		i = 0;
	int			more;

	if (wire_row_description(description, &walk) != 0 || walk.n > RESULT_COLUMNS_MAX)
		return -1;
	result_columns(r, walk.n);
	while ((more = wire_column_next(&walk, &c)) == 1 && i < r->ncolumns) {
		r->columns[i].name = xstrdup(c.name);
		/* without its format a value is only so many bytes */
		r->columns[i].type = r->unknown ? 0 : c.type;
		r->columns[i].binary = r->given ? result_binary(r, i) : !r->unknown && c.format != 0;
		i++;
	}
	return more == 0 && i == r->ncolumns ? 0 : -1;
}

int
result_begin(struct result *r, struct slice body, struct slice *data)
{
	struct reader	at = reader_init(body.p, body.n);
	struct slice	description;
	uint8_t		mode = 0;

	*r = (struct result){ .ready = false };
	*data = (struct slice){ body.p, 0 };
	if (body.n == 0)
		return 0;
	description = reader_bytes(&at, reader_u32(&at));
	*data = reader_bytes(&at, reader_u32(&at));
	if (at.left > 0)
		mode = reader_u8(&at);
	r->given = mode == FORMATS_GIVEN;
	r->unknown = mode == FORMATS_UNKNOWN;
	buf_put(&r->formats, at.p, at.left);
	if (at.failed || mode > FORMATS_UNKNOWN || (!r->given && at.left > 0) || at.left % 2 != 0)
		return -1;
	return description.n > 0 ? result_describe(r, description) : 0;
}

void
result_expect(struct result *r, struct slice row)
{
	struct wire_row	walk;

	if (r->ready || wire_data_row(row, &walk) != 0 || walk.n > RESULT_COLUMNS_MAX)
		return;
	result_columns(r, walk.n);
	for (unsigned i = 0; i < walk.n; i++)
		r->columns[i].binary = r->given && result_binary(r, i);
}

/* --- rows ------------------------------------------------------------------------------ */

/* The first message in `in`: 1, 0 it is not whole, -1 it is no DataRow. *size: with its header. */
static int
result_message(struct slice in, size_t *size)
{
	struct wire_header	h;
	int			rc = wire_header(in.p, in.n, &h);

	if (rc != 1)
		return rc;
	if (h.type != WIRE_DATA_ROW)
		return -1;
	*size = WIRE_HEADER + (size_t)h.body;
	return in.n >= *size;
}

int
result_next(struct result *r, struct slice *data, struct slice *row)
{
	struct slice	in = *data;
	size_t		size = 0, kept = r->rest.len;
	int		rc;

	if (kept > 0) {
		buf_put(&r->rest, data->p, data->n);
		in = (struct slice){ r->rest.data, r->rest.len };
	}
	rc = result_message(in, &size);
	if (rc == 1) {
		*row = (struct slice){ in.p + WIRE_HEADER, size - WIRE_HEADER };
		data->p += size - kept;
		data->n -= size - kept;
		/* the bytes stay where they are until the next call puts others there */
		r->rest.len = 0;
		return 1;
	}
	if (rc == 0 && kept == 0)
		buf_put(&r->rest, data->p, data->n);
	data->n = 0;
	return r->rest.failed ? -1 : rc;
}

/* --- values -------------------------------------------------------------------------------- */

static void
put_hex(struct buf *out, struct slice v)
{
	static const char	digits[] = "0123456789abcdef";

	if (!buf_reserve(out, 2 * v.n))
		return;
	for (size_t i = 0; i < v.n; i++) {
		out->data[out->len++] = (unsigned char)digits[v.p[i] >> 4];
		out->data[out->len++] = (unsigned char)digits[v.p[i] & 15];
	}
}

static void
put_hex_object(struct buf *out, struct slice v)
{
	buf_put_str(out, "{\"hex\":\"");
	put_hex(out, v);
	buf_put_str(out, "\"}");
}

void
result_put_string(struct buf *out, struct slice v)
{
	if (record_text_run(v.p, v.n) != v.n) {
		put_hex_object(out, v);
		return;
	}
	buf_put_u8(out, '"');
	json_put_inside(out, v);
	buf_put_u8(out, '"');
}

static void	put_value(struct buf *out, uint32_t type, bool binary, struct slice v);

/* The caller knows that it is one, to its end. */
static void
put_array(struct buf *out, uint32_t type, bool binary, struct slice v)
{
	struct buf		scratch = { 0 };
	struct wire_array	a;
	struct slice		item;
	enum wire_array_step	step;
	bool			between = false;

	wire_array_begin(&a, type, binary, v, &scratch);
	while ((step = wire_array_next(&a, &item)) > WIRE_ARRAY_END) {
		if (between && step != WIRE_ARRAY_CLOSE)
			buf_put_u8(out, ',');
		between = step != WIRE_ARRAY_OPEN;
		if (step == WIRE_ARRAY_OPEN || step == WIRE_ARRAY_CLOSE)
			buf_put_u8(out, step == WIRE_ARRAY_OPEN ? '[' : ']');
		else if (step == WIRE_ARRAY_NULL)
			buf_put_str(out, "null");
		else
			put_value(out, a.element, binary, item);
	}
	buf_free(&scratch);
}

static void
put_value(struct buf *out, uint32_t type, bool binary, struct slice v)
{
	struct buf	text = { 0 };

	switch (wire_value(&text, type, binary, v)) {
	case WIRE_UNREADABLE:
		put_hex_object(out, v);
		break;
	case WIRE_STRING:
		result_put_string(out, (struct slice){ text.data, text.len });
		break;
	case WIRE_NUMBER:
		buf_put(out, text.data, text.len);
		break;
	case WIRE_BOOLEAN:
		buf_put_str(out, text.data[0] == 't' ? "true" : "false");
		break;
	case WIRE_ARRAY:
		put_array(out, type, binary, v);
		break;
	}
	buf_wipe(&text);
}

void
result_put_columns(struct buf *out, const struct result *r)
{
	buf_put_u8(out, '[');
	for (unsigned i = 0; i < r->ncolumns; i++) {
		const struct result_column	*c = &r->columns[i];

		buf_put_str(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		if (c->name != NULL)
			result_put_string(out, (struct slice){ (const unsigned char *)c->name, strlen(c->name) });
		else
			buf_put_str(out, "null");
		if (c->type != 0) {
			buf_put_str(out, ",\"type\":\"");
			wire_put_type_name(out, c->type);
			buf_putf(out, "\",\"type_oid\":%" PRIu32 "}", c->type);
		} else
			buf_put_str(out, ",\"type\":null,\"type_oid\":null}");
	}
	buf_put_u8(out, ']');
}

/* --- rows out ------------------------------------------------------------------------------------ */

typedef void	put_field(struct buf *out, const struct result_column *c, bool null, struct slice v);

static int
put_row(struct buf *out, struct result *r, struct slice row, put_field *put)
{
	struct wire_row	walk;
	struct slice	v;
	size_t		start = out->len;
	unsigned	i = 0;
	bool		null;
	int		more;

	result_expect(r, row);
	if (wire_data_row(row, &walk) != 0)
		return -1;
	while ((more = wire_field_next(&walk, &null, &v)) == 1 && i < r->ncolumns) {
		if (i > 0)
			buf_put_u8(out, ',');
		put(out, &r->columns[i++], null, v);
	}
	if (more == 0 && i == r->ncolumns && !out->failed)
		return 0;
	out->len = start;
	return -1;
}

static void
put_json_field(struct buf *out, const struct result_column *c, bool null, struct slice v)
{
	if (null)
		buf_put_str(out, "null");
	else
		put_value(out, c->type, c->binary, v);
}

int
result_put_json(struct buf *out, struct result *r, struct slice row)
{
	size_t	start = out->len;

	buf_put_u8(out, '[');
	if (put_row(out, r, row, put_json_field) != 0) {
		out->len = start;
		return -1;
	}
	buf_put_u8(out, ']');
	return 0;
}

void
result_put_field(struct buf *out, struct slice v)
{
	bool	quote = v.n == 0;

	if (v.p == NULL)
		return;
	for (size_t i = 0; i < v.n && !quote; i++)
		quote = v.p[i] == ',' || v.p[i] == '"' || v.p[i] == '\r' || v.p[i] == '\n';
	if (!quote) {
		buf_put(out, v.p, v.n);
		return;
	}
	buf_put_u8(out, '"');
	for (size_t from = 0, at = 0; from < v.n; from = at) {
		const unsigned char	*mark = memchr(v.p + from, '"', v.n - from);

		at = mark != NULL ? (size_t)(mark - v.p) + 1 : v.n;
		buf_put(out, v.p + from, at - from);
		if (mark != NULL)
			buf_put_u8(out, '"');
	}
	buf_put_u8(out, '"');
}

static void
put_csv_field(struct buf *out, const struct result_column *c, bool null, struct slice v)
{
	struct buf	text = { 0 };

	if (null)
		return;
	if (wire_value(&text, c->type, c->binary, v) == WIRE_UNREADABLE) {
		buf_put_str(out, "\\x");
		put_hex(out, v);
	} else
		result_put_field(out, (struct slice){ text.len > 0 ? text.data : (const unsigned char *)"", text.len });
	buf_wipe(&text);
}

void
result_put_csv_header(struct buf *out, const struct result *r)
{
	char	number[24];

	for (unsigned i = 0; i < r->ncolumns; i++) {
		const char	*name = r->columns[i].name;

		snprintf(number, sizeof(number), "column%u", i + 1);
		if (name == NULL)
			name = number;
		if (i > 0)
			buf_put_u8(out, ',');
		result_put_field(out, (struct slice){ (const unsigned char *)name, strlen(name) });
	}
	buf_put_str(out, "\r\n");
}

int
result_put_csv(struct buf *out, struct result *r, struct slice row)
{
	if (put_row(out, r, row, put_csv_field) != 0)
		return -1;
	buf_put_str(out, "\r\n");
	return 0;
}
