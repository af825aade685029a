/*
 * What is kept of a statement's results and COPY data: bytes as they pass, in chunks that go to the
 * record as they fill, so that a result of any size takes little memory here. Nothing here
 * waits, and nothing is refused for it: past a cap, and where there is no room, the result ends as cut.
 */
#ifndef SESSION_CAPTURE_H
#define SESSION_CAPTURE_H

#include "base/base_buf.h"
#include "record/record_chunk.h"

struct named;
struct run;
struct session;

/* Of one statement; all zero before its first result. */
struct capture {
	bool		 open;		/* a result has begun and not ended */
	bool		 over;		/* no more is kept of this statement */
	bool		 within;	/* a message is passing */
	bool		 binary;	/* COPY: as the target has said */
	size_t		 skip;		/* bytes of the message that are not kept: a header */
	uint64_t	 rows, size;	/* kept, in all results */
	struct record_chunk chunk;	/* under way; its body is in `bytes` */
	struct buf	 bytes;
	size_t		 data;		/* where the data begins in it */
	struct buf	 formats;	/* behind the data of a first chunk */
};

/*
 * A result begins; one that is open ends before it. description: body of RowDescription, or none. formats: codes of the
 * portal's Bind, NULL: the description has them.
 */
void	capture_begin(struct session *s, struct run *r, enum record_chunk_kind kind, struct slice description,
	    const struct named *portal);
/* The rows of an Execute begin, or it ends without any: what is known of them was said earlier. */
void	capture_begin_execute(struct session *s, struct run *r, const struct named *portal);

/* A DataRow or CopyData of `size` bytes begins, of which the first `skip` are not kept. True: capture_bytes is to be
 * called for all of it as it passes. */
bool	capture_message(struct session *s, struct run *r, uint64_t size, size_t skip);
/* `end`: the message ends with these. */
void	capture_bytes(struct session *s, struct run *r, const unsigned char *p, size_t n, bool end);

/* The result is complete. */
void	capture_end(struct session *s, struct run *r);
/* The statement is over; frees what c holds. */
void	capture_finish(struct session *s, struct run *r);

#endif
