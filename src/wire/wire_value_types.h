/*
 * What the files of wire_value share: the conversions, each from one binary value to text (false: the bytes
 * are not one), or from the text of a server to the same. The reader must be
 * used up; the caller checks that.
 */
#ifndef WIRE_VALUE_TYPES_H
#define WIRE_VALUE_TYPES_H

#include "wire/wire_value.h"

/* The type of a range's bounds, 0: not a range. */
uint32_t	wire_range_bound(uint32_t type);

/* wire_value_number.c */
bool	value_int2(struct buf *out, struct reader *r);
bool	value_int4(struct buf *out, struct reader *r);
bool	value_int8(struct buf *out, struct reader *r);
bool	value_uint4(struct buf *out, struct reader *r);
bool	value_uint8(struct buf *out, struct reader *r);
bool	value_float4(struct buf *out, struct reader *r);
bool	value_float8(struct buf *out, struct reader *r);
bool	value_numeric(struct buf *out, struct reader *r);
bool	value_money(struct buf *out, struct reader *r);
bool	value_float_text(struct buf *out, bool single, struct slice v);	/* false: not a number */
bool	value_is_integer(struct slice v);	/* as JSON has them */

/* wire_value_time.c */
bool	value_date(struct buf *out, struct reader *r);
bool	value_time(struct buf *out, struct reader *r);
bool	value_timetz(struct buf *out, struct reader *r);
bool	value_timestamp(struct buf *out, struct reader *r);
bool	value_timestamptz(struct buf *out, struct reader *r);
bool	value_interval(struct buf *out, struct reader *r);
bool	value_timestamptz_text(struct buf *out, struct slice v);	/* false: not in ISO form */

/* wire_value_other.c */
bool	value_bool(struct buf *out, struct reader *r);
bool	value_bytes(struct buf *out, struct reader *r);		/* text in both formats */
bool	value_char(struct buf *out, struct reader *r);
bool	value_version1(struct buf *out, struct reader *r);	/* jsonb, jsonpath: text behind a version */
bool	value_bytea(struct buf *out, struct reader *r);
bool	value_uuid(struct buf *out, struct reader *r);
bool	value_inet(struct buf *out, struct reader *r);
bool	value_macaddr(struct buf *out, struct reader *r);	/* and macaddr8 */
bool	value_bit(struct buf *out, struct reader *r);
bool	value_lsn(struct buf *out, struct reader *r);
bool	value_tid(struct buf *out, struct reader *r);
bool	value_bytea_text(struct buf *out, struct slice v);	/* false: neither form of bytea_output */

/* wire_value_array.c: arrays and ranges, of either format. false: not one, and out is as it was */
bool	value_array(struct buf *out, uint32_t type, bool binary, struct slice v);
bool	value_range(struct buf *out, uint32_t type, bool binary, struct slice v);

#endif
