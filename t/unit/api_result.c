/* Captured results as JSON: values exact or as text, hostile bytes harmless. */
#include "api/api_request.h"

#include <stdlib.h>

#include "tap.h"
#include "wire/wire_server.h"

struct column { const char *name; uint32_t oid; uint16_t format; };

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

static struct slice
slice(const struct buf *b)
{
	return (struct slice){ b->data, b->len };
}

/* The JSON of one value in a column of this type. */
static void
is_value(uint32_t oid, uint16_t format, const void *value, int n, const char *want, const char *name)
{
	struct column	 c = { "c", oid, format };
	struct buf	 description = { 0 }, data = { 0 };
	cJSON		*result, *rows;
	char		*got;

	put_description(&description, &c, 1);
	put_row(&data, value, n);
	result = api_result(slice(&description), slice(&data), 1, false);
	rows = cJSON_GetObjectItem(result, "rows");
	got = cJSON_PrintUnformatted(cJSON_GetArrayItem(cJSON_GetArrayItem(rows, 0), 0));
	is_str(got, want, name);
	cJSON_free(got);
	cJSON_Delete(result);
	buf_free(&description);
	buf_free(&data);
}

#define TEXT(oid, s, want, name)	is_value(oid, 0, s, sizeof(s) - 1, want, name)
#define BINARY(oid, s, want, name)	is_value(oid, 1, s, sizeof(s) - 1, want, name)

static void
values(void)
{
	is_value(25, 0, "", -1, "null", "NULL");
	TEXT(25, "", "\"\"", "the empty string is not NULL");
	TEXT(25, "a\"b\n", "\"a\\\"b\\n\"", "text");
	TEXT(25, "\xe4", "{\"hex\":\"e4\"}", "text that is not UTF-8");
	TEXT(25, "a\0b", "{\"hex\":\"610062\"}", "text with a NUL");
	TEXT(16, "t", "true", "true");
	TEXT(16, "f", "false", "false");
	TEXT(16, "maybe", "\"maybe\"", "what is no boolean stays text");
	TEXT(23, "-42", "-42", "an integer");
	TEXT(20, "9007199254740992", "9007199254740992", "the last exact one");
	TEXT(20, "9007199254740993", "\"9007199254740993\"", "beyond it, text");
	TEXT(20, "-9007199254740992", "-9007199254740992", "the first exact one");
	TEXT(20, "9223372036854775807", "\"9223372036854775807\"", "the largest bigint is text");
	TEXT(20, "99999999999999999999999999", "\"99999999999999999999999999\"", "digits without end");
	TEXT(23, "1,\"x\":2", "\"1,\\\"x\\\":2\"", "nothing is injected through a number");
	TEXT(23, "01", "\"01\"", "what JSON does not call a number");
	TEXT(23, "-", "\"-\"", "a sign alone");
	TEXT(23, "1\0002", "{\"hex\":\"310032\"}", "a NUL in a number");
	TEXT(701, "1.5", "1.5", "a float");
	TEXT(701, "1e+20", "1e+20", "with an exponent");
	TEXT(701, "-1.5e-07", "-1.5e-07", "a small one");
	TEXT(701, "NaN", "\"NaN\"", "NaN is text");
	TEXT(701, "-Infinity", "\"-Infinity\"", "so is infinity");
	TEXT(701, "1.", "\"1.\"", "a point alone");
	TEXT(701, "1e", "\"1e\"", "an e alone");
	TEXT(1700, "1.10", "\"1.10\"", "numeric keeps its digits as text");
	TEXT(1184, "2024-01-01 00:00:00+00", "\"2024-01-01 00:00:00+00\"", "times as the server wrote them");
	BINARY(16, "\x01", "true", "binary boolean");
	BINARY(16, "", "{\"hex\":\"\"}", "of no bytes");
	BINARY(21, "\xff\xfe", "-2", "binary smallint");
	BINARY(23, "\x00\x00\x01\x00", "256", "binary integer");
	BINARY(20, "\x7f\xff\xff\xff\xff\xff\xff\xff", "\"9223372036854775807\"", "binary bigint");
	BINARY(23, "\x00\x00\x01", "{\"hex\":\"000001\"}", "an integer of three bytes");
	BINARY(25, "abc", "\"abc\"", "binary text");
	BINARY(701, "\x3f\xf8\0\0\0\0\0\0", "1.5", "binary double");
	BINARY(701, "\x7f\xf8\0\0\0\0\0\0", "\"nan\"", "binary NaN");
	BINARY(2950, "\x01\x02", "{\"hex\":\"0102\"}", "other binary values as hex");
	BINARY(999999, "ab", "{\"hex\":\"6162\"}", "types nobody knows, too");
	TEXT(999999, "ab", "\"ab\"", "but not in text");
}

static bool
is_truncated(struct slice description, struct slice data, int rows)
{
	cJSON	*result = api_result(description, data, 7, false);
	bool	 yes = cJSON_IsTrue(cJSON_GetObjectItem(result, "truncated")) &&
	    cJSON_GetArraySize(cJSON_GetObjectItem(result, "rows")) == rows;

	cJSON_Delete(result);
	return yes;
}

static void
results(void)
{
	static const struct column	columns[] = { { "id", 23, 0 }, { "x\xff", 424242, 0 } };
	struct buf	 description = { 0 }, one = { 0 }, data = { 0 }, empty = { 0 };
	struct slice	 cut;
	cJSON		*result;
	char		*got;
	size_t		 n, bad = 0;

	put_description(&description, columns, 2);
	result = api_result(slice(&description), slice(&data), 0, false);
	got = cJSON_PrintUnformatted(result);
	is_str(got, "{\"columns\":[{\"name\":\"id\",\"type\":\"integer\"},{\"name\":{\"hex\":\"78ff\"},\"type\":\"424242\"}],"
	    "\"rows\":[],\"row_count\":0,\"truncated\":false}", "columns, and no rows");
	cJSON_free(got);
	cJSON_Delete(result);

	put_row(&data, "1", 1);
	ok(is_truncated(slice(&description), slice(&data), 0), "a row with too few values ends the result");

	put_description(&one, columns, 1);
	put_row(&data, "2", 1);
	result = api_result(slice(&one), slice(&data), 2, true);
	ok(cJSON_IsTrue(cJSON_GetObjectItem(result, "truncated")), "what was truncated before says so");
	is_int(cJSON_GetArraySize(cJSON_GetObjectItem(result, "rows")), 2, "both rows");
	cJSON_Delete(result);

	for (n = 1; n < data.len; n++) {
		cut = (struct slice){ data.data, n };
		bad += n != data.len / 2 && !is_truncated(slice(&one), cut, n < data.len / 2 ? 0 : 1);
	}
	is_int(bad, 0, "rows cut anywhere are as many as are whole");
	for (n = 0, bad = 0; n < one.len; n++)
		bad += !is_truncated((struct slice){ one.data, n }, slice(&data), 0);
	is_int(bad, 0, "a description cut anywhere gives no rows");

	put_row(&data, "3", 1);
	data.data[data.len - 12] = 'C';
	ok(is_truncated(slice(&one), slice(&data), 2), "a message that is no DataRow ends the result");
	buf_reset(&data);
	buf_put(&data, "D\xff\xff\xff\xff\x00", 6);
	ok(is_truncated(slice(&one), slice(&data), 0), "a length beyond everything");
	buf_reset(&data);
	buf_put(&data, "D\x00\x00\x00\x0a\x00\x01\x7f\xff\xff\xff", 11);
	ok(is_truncated(slice(&one), slice(&data), 0), "a value beyond its row");
	buf_put_u16(&empty, 0xffff);
	ok(is_truncated(slice(&empty), slice(&data), 0), "more columns than there can be");
	buf_free(&description);
	buf_free(&one);
	buf_free(&data);
	buf_free(&empty);
}

int
main(void)
{
	values();
	results();
	return tap_done();
}
