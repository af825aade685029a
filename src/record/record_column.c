/*
 * PostgreSQL's binary array format. Values that their type cannot hold (a
 * count past 2^63, a time before 4714 BC) become the nearest that it can:
 * storage must not refuse a record for a number.
 */
#include "record/record_column.h"

#include <string.h>

#include "record/record_params.h"
#include "record/record_text.h"

#define PG_EPOCH_US	INT64_C(946684800000000)	/* 2000-01-01 */
#define PG_TIME_MIN	INT64_C(-211813488000000000)
#define PG_TIME_MAX	INT64_C(9223371331199999999)

/* Offsets in the head of a one-dimensional array. */
#define ARRAY_NULLS	4
#define ARRAY_SIZE	12

void
record_column_begin(struct record_column *c, uint32_t type)
{
	memset(c, 0, sizeof(*c));
	buf_put_u32(&c->array, 1);	/* dimensions */
	buf_put_u32(&c->array, 0);	/* holds NULLs */
	buf_put_u32(&c->array, type);
	buf_put_u32(&c->array, 0);	/* elements */
	buf_put_u32(&c->array, 1);	/* first subscript */
}

void
record_column_end(struct record_column *c)
{
	buf_set_u32(&c->array, ARRAY_NULLS, c->nulls);
	buf_set_u32(&c->array, ARRAY_SIZE, c->n);
}

void
record_column_free(struct record_column *c)
{
	buf_free(&c->array);
}

void
record_column_null(struct record_column *c)
{
	buf_put_u32(&c->array, UINT32_MAX);
	c->nulls = true;
	c->n++;
}

void
record_column_bytes(struct record_column *c, struct slice v)
{
	buf_put_u32(&c->array, (uint32_t)v.n);
	buf_put(&c->array, v.p, v.n);
	c->n++;
}

void
record_column_bool(struct record_column *c, bool v)
{
	unsigned char	byte = v;

	record_column_bytes(c, (struct slice){ &byte, 1 });
}

void
record_put_int8(unsigned char out[8], uint64_t v)
{
	if (v > INT64_MAX)
		v = INT64_MAX;
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = v & 0xff;
}

void
record_put_time(unsigned char out[8], int64_t unix_us)
{
	int64_t	us = unix_us < INT64_MIN + PG_EPOCH_US ? INT64_MIN : unix_us - PG_EPOCH_US;
	uint64_t v;

	if (us < PG_TIME_MIN)
		us = PG_TIME_MIN;
	if (us > PG_TIME_MAX)
		us = PG_TIME_MAX;
	v = (uint64_t)us;
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = v & 0xff;
}

void
record_column_int8(struct record_column *c, uint64_t v)
{
	unsigned char	bytes[8];

	record_put_int8(bytes, v);
	record_column_bytes(c, (struct slice){ bytes, sizeof(bytes) });
}

void
record_column_time(struct record_column *c, int64_t unix_us)
{
	unsigned char	bytes[8];

	record_put_time(bytes, unix_us);
	record_column_bytes(c, (struct slice){ bytes, sizeof(bytes) });
}

/* A value whose length is known when it is written. Returns its place for value_end. */
static size_t
value_begin(struct record_column *c)
{
	buf_put_u32(&c->array, 0);
	return c->array.len;
}

static void
value_end(struct record_column *c, size_t at)
{
	buf_set_u32(&c->array, at - 4, (uint32_t)(c->array.len - at));
	c->n++;
}

void
record_column_text(struct record_column *c, struct slice v)
{
	size_t	at = value_begin(c);

	record_text_put(&c->array, v);
	value_end(c, at);
}

void
record_column_word(struct record_column *c, const char *v)
{
	if (*v == '\0')
		record_column_null(c);
	else
		record_column_text(c, (struct slice){ (const unsigned char *)v, strlen(v) });
}

void
record_column_params(struct record_column *c, struct slice params, bool cut)
{
	size_t	at;

	if (params.n == 0 && !cut) {
		record_column_null(c);
		return;
	}
	at = value_begin(c);
	buf_put_u8(&c->array, 1);	/* version of jsonb's binary format */
	record_params_json(&c->array, params, cut);
	value_end(c, at);
}
