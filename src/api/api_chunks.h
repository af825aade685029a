/*
 * The chunks of captured results, as they come out of storage: found, opened, checked to be all there and in their
 * places. Blocking, a few chunks at a time.
 */
#ifndef API_API_CHUNKS_H
#define API_API_CHUNKS_H

#include "api/api_internal.h"
#include "base/base_error.h"
#include "record/record_chunk.h"

/* One captured result, as stored. */
struct api_kept {
	char		 connection_id[24], seq[24], executed_at[48];	/* of its statement, as storage writes them */
	uint32_t	 result, first, last;	/* chunks */
	uint8_t		 kind;
	bool		 binary, sealed;
	uint64_t	 rows, bytes;
	const char	*cut;		/* why it is not whole; NULL: it is */
};

/* The results of the query, or result `only` (0: all), in *out: free(3). Their number; -1: r->status tells. */
int	kept_find(struct api_request *r, int64_t only, struct api_kept **out);

struct api_chunks;

/* From chunk `from` of the result to its last. `kept` is copied. */
struct api_chunks	*chunks_open(struct api *api, const struct api_kept *kept, uint32_t from);
void			 chunks_close(struct api_chunks *c);	/* NULL is fine */

/*
 * The next chunk's body, valid until the next call. 1; 0: there is none; CHUNKS_DAMAGED or CHUNKS_AWAY (storage or the
 * keeper do not answer), and err.
 */
#define CHUNKS_DAMAGED	(-1)
#define CHUNKS_AWAY	(-2)
int	chunks_next(struct api_chunks *c, struct slice *body, struct error *err);

/*
 * Where row `row` (from 1 on) of the result begins: the chunk, and which row is the first of it. 1; 0: there is no such row;
 * CHUNKS_AWAY and err.
 */
int	kept_seek(struct api *api, const struct api_kept *kept, int64_t row, uint32_t *chunk, int64_t *first, struct error *err);

#endif
