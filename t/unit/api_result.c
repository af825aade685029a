/* Captured results as JSON and CSV: values exact or as text, hostile bytes harmless. */
#include "api/api_result.h"

#include <stdlib.h>

#include "tap.h"
#include "wire/wire_server.h"

#define BYTES(s)	((struct slice){ (const unsigned char *)(s), sizeof(s) - 1 })

struct column { const char *name; uint32_t oid; uint16_t format; };

static struct slice
slice(const struct buf *b)
{
	return (struct slice){ b->data, b->len };
}

static void
put_description(struct buf *b, const struct column *c, unsigned n)
{
	buf_put_u16(b, (uint16_t)n);
	for (; n > 0; n--, c++) {
		buf_put_cstr(b, c->name);
		buf_put_u32(b, 0);		/* table */
		buf_put_u16(b, 0);		/* column */
		buf_put_u32(b, c->oid);
		buf_put_u16(b, 0xffff);		/* size */
		buf_put_u32(b, 0xffffffff);	/* modifier */
		buf_put_u16(b, c->format);
	}
}

/* A DataRow of one value; n < 0 is NULL. */
static void
put_row(struct buf *b, const void *value, int n)
{
	size_t	at = wire_begin(b, WIRE_DATA_ROW);

	buf_put_u16(b, 1);
	buf_put_u32(b, (uint32_t)n);
	if (n > 0)
		buf_put(b, value, (size_t)n);
	wire_end(b, at);
}

/* The body of a first chunk. */
static void
put_body(struct buf *b, struct slice description, struct slice data, struct slice formats)
{
	buf_put_u32(b, (uint32_t)description.n);
	buf_put(b, description.p, description.n);
	buf_put_u32(b, (uint32_t)data.n);
	buf_put(b, data.p, data.n);
	buf_put(b, formats.p, formats.n);
}

/* All rows as JSON, or as CSV with its header; a part that cannot be read ends with "!". */
static void
show(struct buf *out, struct slice body, bool csv)
{
	struct result	r;
	struct slice	data, row;
	int		rc = result_begin(&r, body, &data);

	if (rc == 0 && csv && r.ready)
		result_put_csv_header(out, &r);
	while (rc == 0 && (rc = result_next(&r, &data, &row)) == 1)
		rc = csv ? result_put_csv(out, &r, row) : result_put_json(out, &r, row);
	if (rc < 0)
		buf_put_u8(out, '!');
	result_free(&r);
}

/* The same of an exact copy, so that a sanitizer sees a read past it. */
static void
show_exact(struct buf *out, struct slice body, bool csv)
{
	unsigned char	*copy = malloc(body.n ? body.n : 1);

	memcpy(copy, body.p, body.n);
	show(out, (struct slice){ copy, body.n }, csv);
	free(copy);
}

static void
is_shown(struct slice description, struct slice data, struct slice formats, bool csv, const char *want, const char *name)
{
	struct buf	body = { 0 }, out = { 0 };

	put_body(&body, description, data, formats);
	show_exact(&out, slice(&body), csv);
	is_str(buf_text(&out), want, name);
	buf_free(&body);
	buf_free(&out);
}

/* One value in a column of this type, in JSON and in CSV. */
static void
is_value(uint32_t oid, uint16_t format, const void *value, int n, const char *json, const char *csv, const char *name)
{
	struct column	 c = { "c", oid, format };
	struct buf	 description = { 0 }, data = { 0 }, want = { 0 };

	put_description(&description, &c, 1);
	put_row(&data, value, n);
	buf_putf(&want, "[%s]", json);
	is_shown(slice(&description), slice(&data), BYTES(""), false, buf_text(&want), name);
	buf_reset(&want);
	buf_putf(&want, "c\r\n%s\r\n", csv);
	is_shown(slice(&description), slice(&data), BYTES(""), true, buf_text(&want), "  as CSV");
	buf_free(&description);
	buf_free(&data);
	buf_free(&want);
}

#define TEXT(oid, s, json, csv, name)	is_value(oid, 0, s, sizeof(s) - 1, json, csv, name)
#define BINARY(oid, s, json, csv, name)	is_value(oid, 1, s, sizeof(s) - 1, json, csv, name)

static void
values(void)
{
	is_value(25, 0, "", -1, "null", "", "NULL");
	TEXT(25, "", "\"\"", "\"\"", "the empty string is not NULL");
	TEXT(25, "a\"b\n", "\"a\\\"b\\n\"", "\"a\"\"b\n\"", "text");
	TEXT(25, "a,b", "\"a,b\"", "\"a,b\"", "a comma");
	TEXT(25, "a b'", "\"a b'\"", "a b'", "nothing that needs quotes");
	TEXT(25, "\"", "\"\\\"\"", "\"\"\"\"", "a quote alone");
	TEXT(25, "\r", "\"\\u000d\"", "\"\r\"", "a carriage return");
	TEXT(25, "\xe4", "{\"hex\":\"e4\"}", "\xe4", "text that is not UTF-8");
	TEXT(16, "t", "true", "t", "true");
	BINARY(16, "\0", "false", "f", "false");
	TEXT(23, "-42", "-42", "-42", "an integer");
	TEXT(20, "1", "\"1\"", "1", "a bigint is text, always");
	BINARY(20, "\0\0\0\0\0\0\0\1", "\"1\"", "1", "in both formats");
	BINARY(20, "\x7f\xff\xff\xff\xff\xff\xff\xff", "\"9223372036854775807\"", "9223372036854775807", "the largest");
	TEXT(1700, "1.10", "\"1.10\"", "1.10", "so is numeric");
	TEXT(23, "1,\"x\":2", "\"1,\\\"x\\\":2\"", "\"1,\"\"x\"\":2\"", "nothing is injected through a number");
	TEXT(701, "1.5e-07", "1.5e-07", "1.5e-07", "a float");
	BINARY(701, "\x3f\xf8\0\0\0\0\0\0", "1.5", "1.5", "a binary one");
	BINARY(701, "\x7f\xf8\0\0\0\0\0\0", "\"NaN\"", "NaN", "NaN is text");
	BINARY(23, "\x00\x00\x01", "{\"hex\":\"000001\"}", "\\x000001", "an integer of three bytes");
	BINARY(999999, "ab", "{\"hex\":\"6162\"}", "\\x6162", "types nobody knows, in hex");
	TEXT(999999, "ab", "\"ab\"", "ab", "but not in text");
	TEXT(1007, "{{1,NULL},{3,4}}", "[[1,null],[3,4]]", "\"{{1,NULL},{3,4}}\"", "an array");
	TEXT(1009, "{\"a\\\"b\",NULL,\"NULL\",\"\"}", "[\"a\\\"b\",null,\"NULL\",\"\"]", "\"{\"\"a\\\"\"b\"\",NULL,\"\"NULL\"\",\"\"\"\"}\"", "of text");
	TEXT(1009, "{}", "[]", "{}", "without elements");
	TEXT(1007, "[0:1]={5,6}", "[5,6]", "\"[0:1]={5,6}\"", "with other bounds");
	BINARY(1007, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\5\xff\xff\xff\xff", "[5,null]", "\"{5,NULL}\"", "a binary one");
	TEXT(1007, "{1,2", "\"{1,2\"", "\"{1,2\"", "what is none stays text");
	TEXT(1009, "{\xff}", "[{\"hex\":\"ff\"}]", "{\xff}", "an element that is not UTF-8");
}

/* What Bind has asked for decides, whatever the description of the statement says. */
static void
formats(void)
{
	static const struct column	two[] = { { "a", 23, 0 }, { "b", 23, 0 } };
	struct buf	description = { 0 }, data = { 0 };
	size_t		at = wire_begin(&data, WIRE_DATA_ROW);

	put_description(&description, two, 2);
	buf_put_u16(&data, 2);
	buf_put_u32(&data, 4);
	buf_put_u32(&data, 0x31323334);
	buf_put_u32(&data, 4);
	buf_put_u32(&data, 0x31323334);
	wire_end(&data, at);
	is_shown(slice(&description), slice(&data), BYTES(""), false, "[1234,1234]", "as the description says");
	is_shown(slice(&description), slice(&data), BYTES("\1"), false, "[1234,1234]", "none given: text");
	is_shown(slice(&description), slice(&data), BYTES("\1\0\1"), false, "[825373492,825373492]", "one for all: binary");
	is_shown(slice(&description), slice(&data), BYTES("\1\0\0\0\1"), false, "[1234,825373492]", "one for each");
	is_shown(slice(&description), slice(&data), BYTES("\2"), false, "[\"1234\",\"1234\"]", "not known: bytes");
	is_shown(BYTES(""), slice(&data), BYTES("\1\0\0\0\1"), false, "[\"1234\",{\"hex\":\"31323334\"}]", "without a description");
	is_shown(BYTES(""), slice(&data), BYTES("\2"), false, "[\"1234\",\"1234\"]", "and without formats");
	is_shown(slice(&description), slice(&data), BYTES("\1\0"), false, "!", "half a format");
	is_shown(slice(&description), slice(&data), BYTES("\3"), false, "!", "a mode nobody knows");
	is_shown(slice(&description), slice(&data), BYTES("\2x"), false, "!", "something behind it");
	buf_free(&description);
	buf_free(&data);
}

static void
columns(void)
{
	static const struct column	two[] = { { "id", 23, 0 }, { "x\xff", 424242, 0 } };
	struct buf	description = { 0 }, body = { 0 }, out = { 0 };
	struct result	r;
	struct slice	data;

	put_description(&description, two, 2);
	put_body(&body, slice(&description), BYTES(""), BYTES(""));
	is_int(result_begin(&r, slice(&body), &data), 0, "a result without rows");
	result_put_columns(&out, &r);
	is_str(buf_text(&out), "[{\"name\":\"id\",\"type\":\"integer\",\"type_oid\":23},"
	    "{\"name\":{\"hex\":\"78ff\"},\"type\":\"424242\",\"type_oid\":424242}]", "its columns");
	result_free(&r);
	buf_reset(&out);
	buf_reset(&body);
	is_int(result_begin(&r, (struct slice){ body.data, 0 }, &data), 0, "an empty body: nothing is known");
	is_int(r.ready, false, "not even columns");
	result_expect(&r, BYTES("\0\2\xff\xff\xff\xff\xff\xff\xff\xff"));
	result_put_columns(&out, &r);
	is_str(buf_text(&out), "[{\"name\":null,\"type\":null,\"type_oid\":null},{\"name\":null,\"type\":null,\"type_oid\":null}]", "as many as a row has");
	buf_reset(&out);
	result_put_csv_header(&out, &r);
	is_str(buf_text(&out), "column1,column2\r\n", "with names in CSV");
	result_free(&r);
	buf_free(&description);
	buf_free(&body);
	buf_free(&out);
}

/* Rows cut into pieces anywhere are the same rows. */
static void
pieces(void)
{
	struct buf	data = { 0 };
	size_t		bad = 0;

	put_row(&data, "one", 3);
	put_row(&data, "", -1);
	put_row(&data, "three", 5);
	for (size_t a = 0; a <= data.len; a++)
		for (size_t b = a; b <= data.len; b++) {
			const size_t	cut[] = { 0, a, b, data.len };
			struct buf	out = { 0 };
			struct result	r = { .ready = false };
			struct slice	piece, row;
			int		rc = 0;

			for (int i = 0; i < 3 && rc == 0; i++) {
				piece = (struct slice){ data.data + cut[i], cut[i + 1] - cut[i] };
				while ((rc = result_next(&r, &piece, &row)) == 1)
					result_put_json(&out, &r, row);
			}
			bad += rc != 0 || strcmp(buf_text(&out), "[\"one\"][null][\"three\"]") != 0;
			result_free(&r);
			buf_free(&out);
		}
	is_int(bad, 0, "rows cut in three anywhere");
	buf_free(&data);
}

static void
hostile(void)
{
	static const struct column	one = { "c", 25, 0 };
	struct buf	description = { 0 }, data = { 0 }, body = { 0 }, out = { 0 }, bad = { 0 };

	put_description(&description, &one, 1);
	put_row(&data, "1", 1);
	put_row(&data, "2", 1);
	put_body(&body, slice(&description), slice(&data), BYTES("\1\0\0"));
	show(&out, slice(&body), false);
	is_str(buf_text(&out), "[\"1\"][\"2\"]", "what is whole is shown");
	for (size_t n = 0; n < body.len; n++) {
		buf_reset(&out);
		show_exact(&out, (struct slice){ body.data, n }, n % 2);
	}
	for (size_t n = 0; n < 256 * body.len; n++) {
		unsigned char	*at = body.data + n / 256, was = *at;

		*at ^= n % 256;
		buf_reset(&out);
		show_exact(&out, slice(&body), n % 2);
		*at = was;
	}
	ok(true, "cut and changed anywhere it does no harm");
	is_shown(slice(&description), BYTES("C\0\0\0\4"), BYTES(""), false, "!", "a message that is no DataRow");
	is_shown(slice(&description), BYTES("D\xff\xff\xff\xff\0"), BYTES(""), false, "!", "a length beyond everything");
	is_shown(slice(&description), BYTES("D\0\0\0\xb\0\1\x7f\xff\xff\xff" "x"), BYTES(""), false, "!", "a value beyond its row");
	is_shown(slice(&description), BYTES("D\0\0\0\6\0\0"), BYTES(""), false, "!", "a row with too few values");
	is_shown(slice(&description), BYTES("D\0\0\0\xe\0\2\xff\xff\xff\xff\xff\xff\xff\xff"), BYTES(""), false, "!", "and with too many");
	is_shown(BYTES("\xff\xff"), slice(&data), BYTES(""), false, "!", "more columns than there can be");
	is_shown(BYTES("\0\1c"), slice(&data), BYTES(""), false, "!", "half a description");
	is_shown(slice(&description), BYTES("D\0\0\0\xd\0\1\0\0\0\3" "1\0" "2"), BYTES(""), false, "[{\"hex\":\"310032\"}]", "a NUL in a text");
	is_shown(BYTES("\0\0"), BYTES("D\0\0\0\6\0\0"), BYTES(""), true, "\r\n\r\n", "a row without columns");
	buf_free(&description);
	buf_free(&data);
	buf_free(&body);
	buf_free(&out);
	buf_free(&bad);
}

int
main(void)
{
	values();
	formats();
	columns();
	pieces();
	hostile();
	return tap_done();
}
