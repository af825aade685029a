/*
 * A captured result, wire bytes of some target, as JSON. The bytes are taken for hostile: what cannot be read
 * ends the result, which then says it is truncated. A value is shown as a number only when no digit is
 * lost by it.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_request.h"
#include "base/base_mem.h"
#include "base/base_text.h"
#include "wire/wire_server.h"

#define RESULT_COLUMNS_MAX	1664	/* of a target list in PostgreSQL */
#define EXACT_MAX		9007199254740992	/* 2^53: beyond it readers of JSON round */

enum result_kind { RESULT_OTHER, RESULT_BOOL, RESULT_INTEGER, RESULT_FLOAT, RESULT_TEXT };

/* What is text in the binary format too is RESULT_TEXT. */
static const struct result_type {
	uint32_t		 oid;
	const char		*name;
	enum result_kind	 kind;
} types[] = {
	{ 16, "boolean", RESULT_BOOL }, { 17, "bytea", RESULT_OTHER }, { 18, "char", RESULT_TEXT },
	{ 19, "name", RESULT_TEXT }, { 20, "bigint", RESULT_INTEGER }, { 21, "smallint", RESULT_INTEGER },
	{ 23, "integer", RESULT_INTEGER }, { 25, "text", RESULT_TEXT }, { 26, "oid", RESULT_INTEGER },
	{ 114, "json", RESULT_TEXT }, { 142, "xml", RESULT_TEXT }, { 600, "point", RESULT_OTHER },
	{ 650, "cidr", RESULT_OTHER }, { 700, "real", RESULT_FLOAT }, { 701, "double precision", RESULT_FLOAT },
	{ 705, "unknown", RESULT_TEXT }, { 790, "money", RESULT_OTHER }, { 829, "macaddr", RESULT_OTHER },
	{ 869, "inet", RESULT_OTHER }, { 1000, "boolean[]", RESULT_OTHER }, { 1005, "smallint[]", RESULT_OTHER },
	{ 1007, "integer[]", RESULT_OTHER }, { 1009, "text[]", RESULT_OTHER }, { 1015, "character varying[]", RESULT_OTHER },
	{ 1016, "bigint[]", RESULT_OTHER }, { 1042, "character", RESULT_TEXT }, { 1043, "character varying", RESULT_TEXT },
	{ 1082, "date", RESULT_OTHER }, { 1083, "time", RESULT_OTHER }, { 1114, "timestamp", RESULT_OTHER },
	{ 1184, "timestamptz", RESULT_OTHER }, { 1186, "interval", RESULT_OTHER }, { 1266, "timetz", RESULT_OTHER },
	{ 1560, "bit", RESULT_OTHER }, { 1562, "bit varying", RESULT_OTHER }, { 1700, "numeric", RESULT_OTHER },
	{ 2205, "regclass", RESULT_OTHER }, { 2249, "record", RESULT_OTHER }, { 2278, "void", RESULT_OTHER },
	{ 2950, "uuid", RESULT_OTHER }, { 3802, "jsonb", RESULT_OTHER },
};

struct result_column {
	enum result_kind	kind;
	bool			binary;
};

static const struct result_type *
result_type(uint32_t oid)
{
	size_t	i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].oid == oid)
			return &types[i];
	return NULL;
}

static cJSON *
result_hex(struct slice v)
{
	cJSON	*object = cJSON_CreateObject();
	char	*hex = xmalloc(2 * v.n + 1);

	text_hex(v.p, v.n, hex);
	cJSON_AddStringToObject(object, "hex", hex);
	free(hex);
	return object;
}

/* A client may have chosen another encoding than UTF-8. */
static cJSON *
result_text(struct slice v)
{
	cJSON	*json;
	char	*text;

	if (memchr(v.p, 0, v.n) != NULL || !api_utf8_ok(v.p, v.n))
		return result_hex(v);
	text = xstrndup((const char *)v.p, v.n);
	json = cJSON_CreateString(text);
	free(text);
	return json;
}

/* -?(0|[1-9][0-9]*) and, for a fraction, (\.[0-9]+)?([eE][+-]?[0-9]+)?: what JSON calls a number. */
static bool
result_is_number(const char *s, bool fraction)
{
	size_t	n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	if (n == 0 || (n > 1 && s[0] == '0'))
		return false;
	s += n;
	if (fraction && *s == '.') {
		n = strspn(++s, "0123456789");
		if (n == 0)
			return false;
		s += n;
	}
	if (fraction && (*s == 'e' || *s == 'E')) {
		s++;
		s += *s == '+' || *s == '-';
		n = strspn(s, "0123456789");
		if (n == 0)
			return false;
		s += n;
	}
	return *s == '\0';
}

static cJSON *
result_integer(int64_t v)
{
	char	text[24];

	snprintf(text, sizeof(text), "%" PRId64, v);
	if (v > EXACT_MAX || v < -EXACT_MAX)
		return cJSON_CreateString(text);
	return cJSON_CreateRaw(text);
}

static cJSON *
result_from_text(const struct result_column *c, struct slice v)
{
	char	text[64];

	if (c->kind == RESULT_OTHER || c->kind == RESULT_TEXT || v.n == 0 || v.n >= sizeof(text))
		return result_text(v);
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	if (c->kind == RESULT_BOOL && v.n == 1 && (text[0] == 't' || text[0] == 'f'))
		return cJSON_CreateBool(text[0] == 't');
	/* 18 digits fit; what is longer is beyond 2^53 anyway */
	if (c->kind == RESULT_INTEGER && v.n <= 18 && result_is_number(text, false) && strlen(text) == v.n)
		return result_integer(strtoll(text, NULL, 10));
	if (c->kind == RESULT_FLOAT && result_is_number(text, true) && strlen(text) == v.n)
		return cJSON_CreateRaw(text);
	return result_text(v);
}

static cJSON *
result_from_binary(const struct result_column *c, struct slice v)
{
	struct reader	r = reader_init(v.p, v.n);
	uint32_t	u;
	uint64_t	w;
	float		f;
	double		d;
	char		text[32];

	switch (c->kind) {
	case RESULT_TEXT:
		return result_text(v);
	case RESULT_BOOL:
		return v.n == 1 ? cJSON_CreateBool(v.p[0] != 0) : result_hex(v);
	case RESULT_INTEGER:
		if (v.n == 2)
			return result_integer((int16_t)reader_u16(&r));
		if (v.n == 4)
			return result_integer((int32_t)reader_u32(&r));
		return v.n == 8 ? result_integer((int64_t)reader_u64(&r)) : result_hex(v);
	case RESULT_FLOAT:
		if (v.n == 4) {
			u = reader_u32(&r);
			memcpy(&f, &u, sizeof(f));
			d = f;
			snprintf(text, sizeof(text), "%.9g", d);
		} else if (v.n == 8) {
			w = reader_u64(&r);
			memcpy(&d, &w, sizeof(d));
			snprintf(text, sizeof(text), "%.17g", d);
		} else
			return result_hex(v);
		return isfinite(d) ? cJSON_CreateRaw(text) : cJSON_CreateString(text);
	case RESULT_OTHER:
		break;
	}
	return result_hex(v);
}

/* Fills columns and adds their JSON. How many there are, or -1: not a RowDescription. */
static int
result_columns(struct slice description, struct result_column columns[RESULT_COLUMNS_MAX], cJSON *out)
{
	const struct result_type	*type;
	struct wire_columns		 walk;
	struct wire_column		 c;
	struct slice			 name;
	cJSON				*column;
	char				 oid[16];
	int				 n = 0, more;

	if (wire_row_description(description, &walk) != 0 || walk.n > RESULT_COLUMNS_MAX)
		return -1;
	while ((more = wire_column_next(&walk, &c)) == 1) {
		if (n == RESULT_COLUMNS_MAX)
			return -1;
		type = result_type(c.type);
		snprintf(oid, sizeof(oid), "%" PRIu32, c.type);
		columns[n].kind = type ? type->kind : RESULT_OTHER;
		columns[n].binary = c.format == 1;
		n++;
		column = cJSON_CreateObject();
		name = (struct slice){ (const unsigned char *)c.name, strlen(c.name) };
		cJSON_AddItemToObject(column, "name", result_text(name));
		cJSON_AddStringToObject(column, "type", type ? type->name : oid);
		cJSON_AddItemToArray(out, column);
	}
	return more == 0 ? n : -1;
}

/* One DataRow as an array; NULL when it is malformed. */
static cJSON *
result_row(struct slice body, const struct result_column *columns, int ncolumns)
{
	struct wire_row	 walk;
	struct slice	 v;
	cJSON		*row, *value;
	bool		 null;
	int		 i = 0, more;

	if (wire_data_row(body, &walk) != 0 || walk.n != (unsigned)ncolumns)
		return NULL;
	row = cJSON_CreateArray();
	while ((more = wire_field_next(&walk, &null, &v)) == 1 && i < ncolumns) {
		if (null)
			value = cJSON_CreateNull();
		else
			value = columns[i].binary ? result_from_binary(&columns[i], v) : result_from_text(&columns[i], v);
		cJSON_AddItemToArray(row, value);
		i++;
	}
	if (more == 0 && i == ncolumns)
		return row;
	cJSON_Delete(row);
	return NULL;
}

/* False when the bytes end early or are no DataRows. */
static bool
result_rows(struct slice data, const struct result_column *columns, int ncolumns, cJSON *rows)
{
	struct reader		r = reader_init(data.p, data.n);
	struct wire_header	h;
	cJSON			*row;

	while (r.left > 0) {
		if (wire_header(r.p, r.left, &h) != 1 || h.type != WIRE_DATA_ROW)
			return false;
		reader_bytes(&r, WIRE_HEADER);
		row = result_row(reader_bytes(&r, h.body), columns, ncolumns);
		if (row == NULL || r.failed) {
			cJSON_Delete(row);
			return false;
		}
		cJSON_AddItemToArray(rows, row);
	}
	return true;
}

cJSON *
api_result(struct slice description, struct slice data, int64_t row_count, bool truncated)
{
	struct result_column	*columns = xcalloc(RESULT_COLUMNS_MAX, sizeof(*columns));
	cJSON			*result = cJSON_CreateObject();
	cJSON			*names = cJSON_AddArrayToObject(result, "columns");
	cJSON			*rows = cJSON_AddArrayToObject(result, "rows");
	int			 n = result_columns(description, columns, names);

	if (n < 0 || !result_rows(data, columns, n, rows))
		truncated = true;
	free(columns);
	cJSON_AddItemToObject(result, "row_count", result_integer(row_count));
	cJSON_AddBoolToObject(result, "truncated", truncated);
	return result;
}
