/*
 * The bytes of an event, as they lie in a journal: pure, and the
 * only place that knows the layout.
 * Frame: u32 length of body, u8 number of its form, body, u32 CRC-32C of number and body.
 * Integers are big-endian.
 */
#ifndef RECORD_CODEC_H
#define RECORD_CODEC_H

#include "record/record.h"

enum record_kind { RECORD_STATEMENT, RECORD_OUTCOME, RECORD_RESULT, RECORD_END };

/* A body is not longer than this: past it putting fails, and getting says damaged. */
#define RECORD_BODY_MAX		((size_t)256 << 20)

/* Bytes kept of the short texts; what is longer ends with "…". */
#define RECORD_MESSAGE_MAX	1024
#define RECORD_TAG_MAX		256
#define RECORD_REASON_MAX	256
#define RECORD_SQLSTATE_MAX	5

/* Frames that are never longer than this: room to keep for them. */
#define RECORD_OUTCOME_SHORT	128	/* with a message up to RECORD_MESSAGE_SHORT and no tag */
#define RECORD_MESSAGE_SHORT	64
#define RECORD_END_SIZE_MAX	512
#define RECORD_RESULT_SHORT	96	/* with an empty body, sealed */

/* Append one frame. b->failed: the body would be too long, or does not fit b->max. */
void	record_put_statement(struct buf *b, const struct record_statement *s);
void	record_put_outcome(struct buf *b, const struct record_outcome *o);
void	record_put_result(struct buf *b, const struct record_chunk *c);
void	record_put_end(struct buf *b, const struct record_end *e);

struct record_event {
	enum record_kind	kind;
	size_t			size;		/* of the whole frame */
	union {
		struct record_statement	statement;	/* params: NULL; walk with record_param_next */
		struct record_outcome	outcome;
		struct record_chunk	result;
		struct record_end	end;
	};
	struct slice		params;		/* of a statement: for record_param_next */
};

/* 1: *e is the event at p; 0: incomplete; -1: damaged. Points into p. */
int	record_get(const void *p, size_t n, struct record_event *e);

/* The size of the frame at p, by its head alone: what is in it is not checked. 0: it is not whole, or no frame. */
size_t	record_peek(const void *p, size_t n, enum record_kind *kind);

/* Walks the parameters of a statement event: 1, or 0 at the end. `at` starts as e->params. */
int	record_param_next(struct slice *at, struct record_param *out);

#endif
