/*
 * The table of types, and the choice of a conversion. A type is known by its number alone: those below
 * 16384 are the same in every PostgreSQL.
 */
#include "wire/wire_value.h"

#include <inttypes.h>

#include "wire/wire_value_types.h"

static const struct value_type {
	uint32_t	 oid, array;	/* array: of these; 0: none */
	uint32_t	 bound;		/* of a range */
	const char	*name;
	enum wire_shape	 shape;
	bool		(*binary)(struct buf *out, struct reader *r);	/* NULL: unreadable */
} value_types[] = {
	{ 16, 1000, 0, "boolean", WIRE_BOOLEAN, value_bool },
	{ 17, 1001, 0, "bytea", WIRE_STRING, value_bytea },
	{ 18, 1002, 0, "char", WIRE_STRING, value_char },
	{ 19, 1003, 0, "name", WIRE_STRING, value_bytes },
	{ 20, 1016, 0, "bigint", WIRE_STRING, value_int8 },
	{ 21, 1005, 0, "smallint", WIRE_NUMBER, value_int2 },
	{ 23, 1007, 0, "integer", WIRE_NUMBER, value_int4 },
	{ 25, 1009, 0, "text", WIRE_STRING, value_bytes },
	{ 26, 1028, 0, "oid", WIRE_NUMBER, value_uint4 },
	{ 27, 1010, 0, "tid", WIRE_STRING, value_tid },
	{ 28, 1011, 0, "xid", WIRE_NUMBER, value_uint4 },
	{ 29, 1012, 0, "cid", WIRE_NUMBER, value_uint4 },
	{ 114, 199, 0, "json", WIRE_STRING, value_bytes },
	{ 142, 143, 0, "xml", WIRE_STRING, value_bytes },
	{ 600, 1017, 0, "point", WIRE_STRING, NULL },
	{ 650, 651, 0, "cidr", WIRE_STRING, value_inet },
	{ 700, 1021, 0, "real", WIRE_NUMBER, value_float4 },
	{ 701, 1022, 0, "double precision", WIRE_NUMBER, value_float8 },
	{ 705, 0, 0, "unknown", WIRE_STRING, value_bytes },
	{ 774, 775, 0, "macaddr8", WIRE_STRING, value_macaddr },
	{ 790, 791, 0, "money", WIRE_STRING, value_money },
	{ 829, 1040, 0, "macaddr", WIRE_STRING, value_macaddr },
	{ 869, 1041, 0, "inet", WIRE_STRING, value_inet },
	{ 1042, 1014, 0, "character", WIRE_STRING, value_bytes },
	{ 1043, 1015, 0, "character varying", WIRE_STRING, value_bytes },
	{ 1082, 1182, 0, "date", WIRE_STRING, value_date },
	{ 1083, 1183, 0, "time", WIRE_STRING, value_time },
	{ 1114, 1115, 0, "timestamp", WIRE_STRING, value_timestamp },
	{ 1184, 1185, 0, "timestamptz", WIRE_STRING, value_timestamptz },
	{ 1186, 1187, 0, "interval", WIRE_STRING, value_interval },
	{ 1266, 1270, 0, "timetz", WIRE_STRING, value_timetz },
	{ 1560, 1561, 0, "bit", WIRE_STRING, value_bit },
	{ 1562, 1563, 0, "bit varying", WIRE_STRING, value_bit },
	{ 1700, 1231, 0, "numeric", WIRE_STRING, value_numeric },
	{ 1790, 2201, 0, "refcursor", WIRE_STRING, value_bytes },
	{ 2205, 2210, 0, "regclass", WIRE_STRING, NULL },
	{ 2206, 2211, 0, "regtype", WIRE_STRING, NULL },
	{ 2249, 2287, 0, "record", WIRE_STRING, NULL },
	{ 2275, 1263, 0, "cstring", WIRE_STRING, value_bytes },
	{ 2278, 0, 0, "void", WIRE_STRING, value_bytes },
	{ 2950, 2951, 0, "uuid", WIRE_STRING, value_uuid },
	{ 3220, 3221, 0, "pg_lsn", WIRE_STRING, value_lsn },
	{ 3802, 3807, 0, "jsonb", WIRE_STRING, value_version1 },
	{ 3904, 3905, 23, "int4range", WIRE_STRING, NULL },
	{ 3906, 3907, 1700, "numrange", WIRE_STRING, NULL },
	{ 3908, 3909, 1114, "tsrange", WIRE_STRING, NULL },
	{ 3910, 3911, 1184, "tstzrange", WIRE_STRING, NULL },
	{ 3912, 3913, 1082, "daterange", WIRE_STRING, NULL },
	{ 3926, 3927, 20, "int8range", WIRE_STRING, NULL },
	{ 4072, 4073, 0, "jsonpath", WIRE_STRING, value_version1 },
	{ 5069, 271, 0, "xid8", WIRE_STRING, value_uint8 },
};

/* The row of a type, or with `array` of the elements of an array type. */
static const struct value_type *
value_type(uint32_t oid, bool array)
{
	for (size_t i = 0; i < sizeof(value_types) / sizeof(*value_types); i++)
		if (oid != 0 && (array ? value_types[i].array : value_types[i].oid) == oid)
			return &value_types[i];
	return NULL;
}

void
wire_put_type_name(struct buf *out, uint32_t type)
{
	const struct value_type	*t = value_type(type, false), *e = value_type(type, true);

	if (t != NULL)
		buf_put_str(out, t->name);
	else if (e != NULL) {
		buf_put_str(out, e->name);
		buf_put_str(out, "[]");
	} else
		buf_putf(out, "%" PRIu32, type);
}

uint32_t
wire_range_bound(uint32_t type)
{
	const struct value_type	*t = value_type(type, false);

	return t != NULL ? t->bound : 0;
}

int
wire_array_begin(struct wire_array *a, uint32_t type, bool binary, struct slice v, struct buf *scratch)
{
	const struct value_type	*e = value_type(type, true);
	struct slice		 s = v;

	*a = (struct wire_array){ .binary = binary, .left = reader_init(v.p, v.n), .scratch = scratch };
	if (e == NULL)
		return -1;
	a->element = e->oid;
	if (!binary) {
		/* what stands in front of '{' gives bounds that are not 1 */
		while (s.n > 0 && s.p[0] != '{' && memchr("0123456789-+:[]=", s.p[0], 16) != NULL) {
			s.p++;
			s.n--;
		}
		a->bounds = reader_bytes(&a->left, v.n - s.n);
		return a->left.left > 0 ? 0 : -1;
	}
	a->ndim = reader_u32(&a->left);
	reader_u32(&a->left);		/* whether there are NULLs */
	if (a->ndim > WIRE_ARRAY_DEPTH || reader_u32(&a->left) != a->element)
		return -1;
	for (uint64_t items = 1, i = 0; i < a->ndim; i++) {
		a->dims[i] = reader_u32(&a->left);
		a->lower[i] = (int32_t)reader_u32(&a->left);
		/* each has a length at least */
		if (a->dims[i] == 0 || (items *= a->dims[i]) > v.n / 4)
			return -1;
	}
	return a->left.failed ? -1 : 0;
}

static enum wire_shape
value_from_text(struct buf *out, const struct value_type *t, struct slice v)
{
	if (v.n == 1 && t->shape == WIRE_BOOLEAN && (v.p[0] == 't' || v.p[0] == 'f')) {
		buf_put(out, v.p, 1);
		return WIRE_BOOLEAN;
	}
	if ((t->binary == value_float4 || t->binary == value_float8) && value_float_text(out, t->binary == value_float4, v))
		return out->data[out->len - 1] <= '9' ? WIRE_NUMBER : WIRE_STRING;
	if ((t->binary == value_bytea && value_bytea_text(out, v)) ||
	    (t->binary == value_timestamptz && value_timestamptz_text(out, v)) ||
	    (t->bound != 0 && value_range(out, t->oid, false, v)))
		return WIRE_STRING;
	buf_put(out, v.p, v.n);
	return t->shape == WIRE_NUMBER && t->oid != 700 && t->oid != 701 && value_is_integer(v) ? WIRE_NUMBER : WIRE_STRING;
}

static enum wire_shape
value_from_binary(struct buf *out, const struct value_type *t, struct slice v)
{
	struct reader	r = reader_init(v.p, v.n);
	size_t		at = out->len;

	if (t->bound != 0)
		return value_range(out, t->oid, true, v) ? WIRE_STRING : WIRE_UNREADABLE;
	if (t->binary == NULL)
		return WIRE_UNREADABLE;
	if (!t->binary(out, &r) || !reader_done(&r)) {
		out->len = at;
		return WIRE_UNREADABLE;
	}
	/* NaN and the infinities are no numbers to JSON */
	if (t->shape == WIRE_NUMBER && out->len > at && out->data[out->len - 1] > '9')
		return WIRE_STRING;
	return t->shape;
}

enum wire_shape
wire_value(struct buf *out, uint32_t type, bool binary, struct slice v)
{
	const struct value_type	*t = value_type(type, false);

	if (t == NULL && value_type(type, true) != NULL && value_array(out, type, binary, v))
		return WIRE_ARRAY;
	if (t != NULL)
		return binary ? value_from_binary(out, t, v) : value_from_text(out, t, v);
	if (binary)
		return WIRE_UNREADABLE;
	buf_put(out, v.p, v.n);
	return WIRE_STRING;
}
