/*
 * Readers of the server's messages. A target is not trusted either: what is
 * malformed is refused, and a number that cannot be one is taken as none.
 */
#include "wire/wire_server.h"

#include <string.h>

#define NULL_LENGTH	0xffffffffu	/* -1 */

int
wire_error(struct slice body, struct wire_error *out)
{
	struct reader	r = reader_init(body.p, body.n);
	const char	*localised = "", *constant = "";
	uint8_t		field;

	*out = (struct wire_error){ "", "", "", "", "", "" };
	while ((field = reader_u8(&r)) != 0) {
		const char	*value = reader_cstr(&r);

		switch (field) {
		case 'S':
			localised = value;
			break;
		case 'V':
			constant = value;
			break;
		case 'C':
			out->sqlstate = value;
			break;
		case 'M':
			out->message = value;
			break;
		case 'D':
			out->detail = value;
			break;
		case 'H':
			out->hint = value;
			break;
		case 'R':
			out->routine = value;
			break;
		}
	}
	out->severity = *constant ? constant : localised;
	return reader_done(&r) ? 0 : -1;
}

/* The number behind the last space, or -1 when there is none that fits. */
static int64_t
tag_rows(const char *tag)
{
	const char	*digits = strrchr(tag, ' ');
	int64_t		rows = 0;

	if (digits == NULL || *++digits == '\0')
		return -1;
	for (; *digits != '\0'; digits++) {
		int	digit = *digits - '0';

		if (digit < 0 || digit > 9 || rows > (INT64_MAX - digit) / 10)
			return -1;
		rows = rows * 10 + digit;
	}
	return rows;
}

int
wire_command_complete(struct slice body, const char **tag, int64_t *rows)
{
	struct reader	r = reader_init(body.p, body.n);

	*tag = reader_cstr(&r);
	*rows = tag_rows(*tag);
	return reader_done(&r) ? 0 : -1;
}

int
wire_ready(struct slice body, char *status)
{
	struct reader	r = reader_init(body.p, body.n);

	*status = (char)reader_u8(&r);
	return reader_done(&r) && (*status == 'I' || *status == 'T' || *status == 'E') ? 0 : -1;
}

int
wire_parameter_status(struct slice body, const char **name, const char **value)
{
	struct reader	r = reader_init(body.p, body.n);

	*name = reader_cstr(&r);
	*value = reader_cstr(&r);
	return reader_done(&r) ? 0 : -1;
}

int
wire_parameter_description(struct slice body, unsigned *n, struct reader *types)
{
	struct reader	r = reader_init(body.p, body.n);

	*n = reader_u16(&r);
	*types = r;
	if (!r.failed && r.left == *n * 4)
		return 0;
	*n = 0;
	return -1;
}

int
wire_copy_response(struct slice body, bool *binary)
{
	struct reader	r = reader_init(body.p, body.n);

	*binary = reader_u8(&r) != 0;
	reader_bytes(&r, 2 * (size_t)reader_u16(&r));
	return reader_done(&r) ? 0 : -1;
}

int
wire_row_description(struct slice body, struct wire_columns *out)
{
	memset(out, 0, sizeof(*out));
	out->left = reader_init(body.p, body.n);
	out->n = reader_u16(&out->left);
	return out->left.failed ? -1 : 0;
}

int
wire_column_next(struct wire_columns *c, struct wire_column *out)
{
	memset(out, 0, sizeof(*out));
	out->name = "";
	if (c->at >= c->n)
		return reader_done(&c->left) ? 0 : -1;
	c->at++;
	out->name = reader_cstr(&c->left);
	reader_bytes(&c->left, 4 + 2);	/* table, attribute number */
	out->type = reader_u32(&c->left);
	reader_bytes(&c->left, 2 + 4);	/* type length, type modifier */
	out->format = reader_u16(&c->left);
	if (out->format > 1)
		c->left.failed = true;
	return c->left.failed ? -1 : 1;
}

int
wire_data_row(struct slice body, struct wire_row *out)
{
	memset(out, 0, sizeof(*out));
	out->left = reader_init(body.p, body.n);
	out->n = reader_u16(&out->left);
	return out->left.failed ? -1 : 0;
}

int
wire_field_next(struct wire_row *r, bool *null, struct slice *value)
{
	uint32_t	length;

	*null = false;
	*value = (struct slice){ (const unsigned char *)"", 0 };
	if (r->at >= r->n)
		return reader_done(&r->left) ? 0 : -1;
	r->at++;
	length = reader_u32(&r->left);
	if (!r->left.failed && length == NULL_LENGTH) {
		*null = true;
		return 1;
	}
	/* A negative length is longer than any body. */
	*value = reader_bytes(&r->left, length);
	return r->left.failed ? -1 : 1;
}
