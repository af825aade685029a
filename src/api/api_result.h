/*
 * A captured result as JSON or CSV: columns, and row after row. Pure: bytes in, bytes out. The bytes are those of some target and
 * are taken for hostile.
 *
 * JSON values: numbers for smallint, integer, oid, xid, cid, real and double precision; true and false; arrays
 * for arrays (of any lower bound); strings for everything else, bigint and numeric among them, whose digits a
 * JSON number may lose. A binary value of a type that is not decoded, and text that is not UTF-8, is {"hex": "00ff"}.
 * A value is the same from both formats.
 *
 * CSV as in RFC 4180, header first. NULL is an empty field, the empty text is "". What is not decoded is \x00ff.
 */
#ifndef API_API_RESULT_H
#define API_API_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"

#define RESULT_COLUMNS_MAX	1664	/* of a target list in PostgreSQL */

struct result_column {
	char		*name;		/* NULL: not known */
	uint32_t	 type;		/* 0: not known */
	bool		 binary;
};

struct result {
	bool			 ready;		/* the columns are set up */
	unsigned		 ncolumns;
	struct result_column	*columns;
	bool			 given;		/* formats are those of `formats` */
	bool			 unknown;	/* formats are not known */
	struct buf		 formats;
	struct buf		 rest;		/* of a row that goes on in the next chunk */
};

void	result_free(struct result *r);

/* Reads the body of the first chunk; *data points into it. 0, or -1: it is damaged. */
int	result_begin(struct result *r, struct slice body, struct slice *data);

/*
 * Takes the next row from *data: its body, valid until the next call. 1; 0: what is left is kept for the data of
 * the next chunk; -1: these are no rows.
 */
int	result_next(struct result *r, struct slice *data, struct slice *row);

/* Without a description the columns are as many as the first row has. */
void	result_expect(struct result *r, struct slice row);

/* [{"name", "type", "type_oid"}]; the columns are known from the description or a row. */
void	result_put_columns(struct buf *out, const struct result *r);
/* 0, or -1: it is not a row of these columns, and nothing was appended. */
int	result_put_json(struct buf *out, struct result *r, struct slice row);
/* Columns without a name are column1, column2, ... */
void	result_put_csv_header(struct buf *out, const struct result *r);
int	result_put_csv(struct buf *out, struct result *r, struct slice row);

/* --- pieces, for other lists -------------------------------------------------- */

/* "..." or, where it is not UTF-8 or has a NUL, {"hex": "..."}. */
void	result_put_string(struct buf *out, struct slice v);
/* One field; the caller puts commas and the end of the line. v.p NULL: NULL. */
void	result_put_field(struct buf *out, struct slice v);

#endif
