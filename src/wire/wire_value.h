/*
 * Values of PostgreSQL's own types, in text or binary format, as one text for both: what the
 * server prints with its default settings (DateStyle ISO, IntervalStyle postgres, bytea_output hex), with
 * timestamptz in UTC. A text that was written under other settings stays as it is.
 *
 * The bytes are a target's or a client's and need not be a value of the type. What comes out is never much
 * longer than what went in: a few bytes that stand for thousands of digits count as unreadable.
 */
#ifndef WIRE_VALUE_H
#define WIRE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "base/base_reader.h"

/* What a value is best shown as where there is more than text. */
enum wire_shape {
	WIRE_UNREADABLE,	/* a binary value of a type not known here, or not one of its type */
	WIRE_STRING,
	WIRE_NUMBER,		/* the text is a JSON number, and no digit of it is lost in a double */
	WIRE_BOOLEAN,		/* "t" or "f" */
	WIRE_ARRAY
};

/* The name of a type; its number where it has none here. */
void	wire_put_type_name(struct buf *out, uint32_t type);

/* Appends the text of a value that is not NULL. Nothing is appended when it is unreadable. */
enum wire_shape	wire_value(struct buf *out, uint32_t type, bool binary, struct slice v);

/* --- arrays, element by element ------------------------------------------------- */

#define WIRE_ARRAY_DEPTH	6

struct wire_array {
	uint32_t	 element;	/* type of the elements, of the same format */
	/* private */
	bool		 binary, begun, fresh, after;
	struct reader	 left;
	unsigned	 ndim, depth;
	uint32_t	 dims[WIRE_ARRAY_DEPTH], at[WIRE_ARRAY_DEPTH];
	int32_t		 lower[WIRE_ARRAY_DEPTH];
	struct slice	 bounds;	/* of a text: "[0:1]=" */
	struct buf	*scratch;
};

enum wire_array_step {
	WIRE_ARRAY_BAD = -1,
	WIRE_ARRAY_END,
	WIRE_ARRAY_OPEN,	/* of a level; balanced by CLOSE */
	WIRE_ARRAY_CLOSE,
	WIRE_ARRAY_NULL,
	WIRE_ARRAY_ITEM
};

/* 0, or -1: not an array type, or not an array. scratch holds elements of a text, each until the next step. */
int	wire_array_begin(struct wire_array *a, uint32_t type, bool binary, struct slice v, struct buf *scratch);
enum wire_array_step	wire_array_next(struct wire_array *a, struct slice *item);

#endif
