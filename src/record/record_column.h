/*
 * Values for bound parameters in binary: arrays that carry a column of rows each, and single ones.
 */
#ifndef RECORD_COLUMN_H
#define RECORD_COLUMN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"

#define COLUMN_BOOL		16
#define COLUMN_BYTEA		17
#define COLUMN_INT8		20
#define COLUMN_TEXT		25
#define COLUMN_TIMESTAMPTZ	1184
#define COLUMN_JSONB		3802

struct record_column {
	struct buf	array;		/* the value to bind, after record_column_end */
	unsigned	n;
	bool		nulls;
};

void	record_column_begin(struct record_column *c, uint32_t type);
void	record_column_null(struct record_column *c);
void	record_column_bool(struct record_column *c, bool v);
void	record_column_int8(struct record_column *c, uint64_t v);	/* past INT64_MAX: INT64_MAX */
void	record_column_time(struct record_column *c, int64_t unix_us);
void	record_column_bytes(struct record_column *c, struct slice v);
void	record_column_text(struct record_column *c, struct slice v);	/* as record_text_put */
/* The text of a status, sqlstate, message or tag; NULL for "". */
void	record_column_word(struct record_column *c, const char *v);
void	record_column_params(struct record_column *c, struct slice params, bool cut);
void	record_column_end(struct record_column *c);
void	record_column_free(struct record_column *c);

/* One value of eight bytes, without an array around it. */
void	record_put_int8(unsigned char out[8], uint64_t v);
void	record_put_time(unsigned char out[8], int64_t unix_us);

#endif
