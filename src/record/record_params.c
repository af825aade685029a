/*
 * Bind parameters to JSON. The client chooses type and bytes, and they need not
 * agree: a value that is not exactly one of its type is shown in hex. Never
 * writes much more than it reads: a numeric of a few bytes that stands for
 * thousands of digits is shown in hex, too.
 */
#include "record/record_params.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_reader.h"
#include "base/base_time.h"
#include "record/record_codec.h"
#include "record/record_text.h"

#define PG_EPOCH_US	INT64_C(946684800000000)	/* 2000-01-01 */
#define DAY_US		INT64_C(86400000000)
#define DAYS_MAX	4000000				/* their microseconds fit an int64_t */
#define YEAR_1_US	INT64_C(-62135596800000000)
#define YEAR_10000_US	INT64_C(253402300800000000)

static void
json_bytes(struct buf *out, const unsigned char *p, size_t n)
{
	for (size_t from = 0, at = 0; at <= n; at++) {
		if (at < n && p[at] >= 0x20 && p[at] != '"' && p[at] != '\\')
			continue;
		buf_put(out, p + from, at - from);
		from = at + 1;
		if (at == n)
			break;
		switch (p[at]) {
		case '"':
			buf_put_str(out, "\\\"");
			break;
		case '\\':
			buf_put_str(out, "\\\\");
			break;
		case '\n':
			buf_put_str(out, "\\n");
			break;
		case '\t':
			buf_put_str(out, "\\t");
			break;
		default:
			buf_putf(out, "\\u%04x", p[at]);
		}
	}
}

/* The inside of a JSON string; what is no UTF-8 as \xHH, its backslash escaped. */
static void
json_text(struct buf *out, struct slice in)
{
	size_t	at = 0, run;

	while (at < in.n && !out->failed) {
		run = record_text_run(in.p + at, in.n - at);
		json_bytes(out, in.p + at, run);
		at += run;
		if (at < in.n)
			buf_putf(out, "\\\\x%02x", in.p[at++]);
	}
}

static void
put_hex(struct buf *out, struct slice in)
{
	static const char	digits[] = "0123456789abcdef";

	if (!buf_reserve(out, 2 * in.n))
		return;
	for (size_t i = 0; i < in.n; i++) {
		out->data[out->len++] = digits[in.p[i] >> 4];
		out->data[out->len++] = digits[in.p[i] & 15];
	}
}

/* --- binary formats: false when the bytes are not one value of the type ------- */

static bool
bin_bool(struct buf *out, struct reader *r)
{
	uint8_t	v = reader_u8(r);

	buf_put_str(out, v ? "true" : "false");
	return v <= 1;
}

static bool
bin_int2(struct buf *out, struct reader *r)
{
	buf_putf(out, "%d", (int16_t)reader_u16(r));
	return true;
}

static bool
bin_int4(struct buf *out, struct reader *r)
{
	buf_putf(out, "%" PRId32, (int32_t)reader_u32(r));
	return true;
}

static bool
bin_int8(struct buf *out, struct reader *r)
{
	buf_putf(out, "%" PRId64, (int64_t)reader_u64(r));
	return true;
}

static bool
bin_oid(struct buf *out, struct reader *r)
{
	buf_putf(out, "%" PRIu32, reader_u32(r));
	return true;
}

/* The fewest digits that read back as the same number. */
static void
put_float(struct buf *out, double v, int digits_from, int digits_to, bool single)
{
	char	text[40];

	if (isnan(v) || isinf(v)) {
		buf_put_str(out, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
		return;
	}
	for (int digits = digits_from; digits <= digits_to; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
			break;
	}
	buf_put_str(out, text);
}

static bool
bin_float4(struct buf *out, struct reader *r)
{
	uint32_t	bits = reader_u32(r);
	float		v;

	memcpy(&v, &bits, sizeof(v));
	put_float(out, (double)v, 6, 9, true);
	return true;
}

static bool
bin_float8(struct buf *out, struct reader *r)
{
	uint64_t	bits = reader_u64(r);
	double		v;

	memcpy(&v, &bits, sizeof(v));
	put_float(out, v, 15, 17, false);
	return true;
}

static bool
bin_text(struct buf *out, struct reader *r)
{
	json_text(out, reader_bytes(r, r->left));
	return true;
}

static bool
bin_jsonb(struct buf *out, struct reader *r)
{
	return reader_u8(r) == 1 && bin_text(out, r);
}

static bool
bin_bytea(struct buf *out, struct reader *r)
{
	buf_put_str(out, "\\\\x");
	put_hex(out, reader_bytes(r, r->left));
	return true;
}

static bool
bin_uuid(struct buf *out, struct reader *r)
{
	static const unsigned char	groups[] = { 4, 2, 2, 2, 6 };

	for (size_t i = 0; i < sizeof(groups); i++) {
		if (i > 0)
			buf_put_u8(out, '-');
		put_hex(out, reader_bytes(r, groups[i]));
	}
	return true;
}

/* Microseconds since 2000 as ISO text of the first n characters; false outside years 1 to 9999. */
static bool
put_time(struct buf *out, int64_t us, size_t n)
{
	char	text[TIME_ISO_SIZE];

	if (us < YEAR_1_US - PG_EPOCH_US || us >= YEAR_10000_US - PG_EPOCH_US)
		return false;
	time_format_iso(us + PG_EPOCH_US, text);
	buf_put(out, text, n < strlen(text) ? n : strlen(text));
	return true;
}

static bool
put_infinity(struct buf *out, bool negative)
{
	buf_put_str(out, negative ? "-infinity" : "infinity");
	return true;
}

static bool
bin_date(struct buf *out, struct reader *r)
{
	int32_t	days = (int32_t)reader_u32(r);

	if (days == INT32_MIN || days == INT32_MAX)
		return put_infinity(out, days < 0);
	if (days < -DAYS_MAX || days > DAYS_MAX)
		return false;
	return put_time(out, days * DAY_US, strlen("2000-01-01"));
}

static bool
bin_timestamp(struct buf *out, struct reader *r)
{
	int64_t	us = (int64_t)reader_u64(r);

	if (us == INT64_MIN || us == INT64_MAX)
		return put_infinity(out, us < 0);
	return put_time(out, us, strlen("2000-01-01T00:00:00.000000"));
}

static bool
bin_timestamptz(struct buf *out, struct reader *r)
{
	int64_t	us = (int64_t)reader_u64(r);

	if (us == INT64_MIN || us == INT64_MAX)
		return put_infinity(out, us < 0);
	return put_time(out, us, TIME_ISO_SIZE);
}

#define NUMERIC_DIGITS	64	/* of base 10000, before the point as well as in all */
#define NUMERIC_SCALE	100

/* The base-10000 digit of weight w: zero outside what was sent. */
static unsigned
numeric_digit(const uint16_t *digits, int n, int weight, int w)
{
	int	i = weight - w;

	return i >= 0 && i < n ? digits[i] : 0;
}

static bool
bin_numeric(struct buf *out, struct reader *r)
{
	int		n = reader_u16(r), weight = (int16_t)reader_u16(r);
	unsigned	sign = reader_u16(r), scale = reader_u16(r);
	uint16_t	digits[NUMERIC_DIGITS];
	bool		leading = true;

	if (n > NUMERIC_DIGITS || weight >= NUMERIC_DIGITS || weight < -NUMERIC_DIGITS || scale > NUMERIC_SCALE)
		return false;
	if (sign == 0xc000 || sign == 0xd000 || sign == 0xf000) {
		buf_put_str(out, sign == 0xc000 ? "NaN" : sign == 0xd000 ? "Infinity" : "-Infinity");
		return n == 0;
	}
	if (sign != 0 && sign != 0x4000)
		return false;
	for (int i = 0; i < n; i++) {
		digits[i] = reader_u16(r);
		if (digits[i] > 9999)
			return false;
	}
	if (sign != 0)
		buf_put_u8(out, '-');
	for (int w = weight; w > 0; w--) {
		unsigned	d = numeric_digit(digits, n, weight, w);

		if (leading && d == 0)
			continue;
		buf_putf(out, leading ? "%u" : "%04u", d);
		leading = false;
	}
	buf_putf(out, leading ? "%u" : "%04u", numeric_digit(digits, n, weight, 0));
	if (scale > 0)
		buf_put_u8(out, '.');
	for (int w = -1; scale > 0; w--) {
		char		four[5];
		unsigned	take = scale < 4 ? scale : 4;

		snprintf(four, sizeof(four), "%04u", numeric_digit(digits, n, weight, w) % 10000);
		buf_put(out, four, take);
		scale -= take;
	}
	return true;
}

static const struct param_type {
	uint32_t	oid;
	bool		(*put)(struct buf *out, struct reader *r);
} param_types[] = {
	{ 16, bin_bool },
	{ 17, bin_bytea },
	{ 18, bin_text },		/* "char" */
	{ 19, bin_text },		/* name */
	{ 20, bin_int8 },
	{ 21, bin_int2 },
	{ 23, bin_int4 },
	{ 25, bin_text },
	{ 26, bin_oid },
	{ 114, bin_text },		/* json */
	{ 700, bin_float4 },
	{ 701, bin_float8 },
	{ 705, bin_text },		/* unknown */
	{ 1042, bin_text },		/* bpchar */
	{ 1043, bin_text },		/* varchar */
	{ 1082, bin_date },
	{ 1114, bin_timestamp },
	{ 1184, bin_timestamptz },
	{ 1700, bin_numeric },
	{ 2950, bin_uuid },
	{ 3802, bin_jsonb },
};

static bool
put_binary(struct buf *out, const struct record_param *p)
{
	struct reader	r = reader_init(p->bytes.p, p->bytes.n);
	size_t		at = out->len;

	for (size_t i = 0; i < sizeof(param_types) / sizeof(*param_types); i++) {
		if (param_types[i].oid != p->type)
			continue;
		buf_put_u8(out, '"');
		if (param_types[i].put(out, &r) && reader_done(&r)) {
			buf_put_u8(out, '"');
			return true;
		}
		out->len = at;
		return false;
	}
	return false;
}

static void
put_param(struct buf *out, const struct record_param *p)
{
	if (p->null) {
		buf_put_str(out, "null");
	} else if (!p->binary) {
		buf_put_u8(out, '"');
		json_text(out, p->bytes);
		buf_put_u8(out, '"');
	} else if (!put_binary(out, p)) {
		buf_put_str(out, "{\"hex\": \"");
		put_hex(out, p->bytes);
		buf_put_str(out, "\"}");
	}
}

void
record_params_json(struct buf *out, struct slice params, bool cut)
{
	struct record_param	p;
	const char		*between = "";

	buf_put_u8(out, '[');
	while (record_param_next(&params, &p)) {
		buf_put_str(out, between);
		put_param(out, &p);
		between = ", ";
	}
	if (cut) {
		buf_put_str(out, between);
		buf_put_str(out, "{\"cut\": true}");
	}
	buf_put_u8(out, ']');
}
