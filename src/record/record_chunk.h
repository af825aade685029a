/*
 * Captured results in chunks: what the bytes of one mean, and how it is sealed.
 *
 * The chunks of a statement are numbered from 0 on; each belongs to one of its results, which are numbered from 1
 * on. A chunk is written once and does not change.
 *
 * Body of the first chunk of a result (RECORD_CHUNK_FIRST):
 *	u32 length and body of the RowDescription (none: length 0),
 *	u32 length and the data,
 *	nothing: the description says the formats; or u8 1 and u16 for each format code of Bind, as in Bind; or
 *	u8 2: the formats are not known.
 * An empty one has neither. Body of the others: the data. The data is DataRow messages, header included, or the
 * contents of CopyData messages, one after the other. A DataRow begins a chunk or follows one in it; one that is longer than a
 * chunk goes on in the next, which has nothing else in it (RECORD_CHUNK_CONTINUES).
 *
 * A sealed body is u8 1, the salt of the connection's key, and the body under AES-256-GCM. The nonce is seq and
 * number of the chunk, which no other chunk of that key has; everything else that is said of the chunk, and the
 * connection, is associated data.
 *
 * With another master key these do not open. Who changes it need not write them anew: the subkey of
 * CRYPTO_LABEL_CAPTURE of the old one, sealed under the new one, is enough for the keeper to answer with the keys of both.
 */
#ifndef RECORD_CHUNK_H
#define RECORD_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"

struct crypto_gcm;

/* Of the body before it is sealed; a little more with a description, or what one passing piece adds. */
#define RECORD_CHUNK_SIZE	((size_t)64 << 10)
#define RECORD_CHUNK_OVERHEAD	33

enum record_chunk_kind { RECORD_CHUNK_ROWS = 1, RECORD_CHUNK_COPY_OUT, RECORD_CHUNK_COPY_IN };

enum {
	RECORD_CHUNK_FIRST = 1,		/* of its result */
	RECORD_CHUNK_LAST = 2,
	RECORD_CHUNK_CONTINUES = 4,	/* begins inside a DataRow */
	RECORD_CHUNK_BINARY = 8,	/* COPY in its binary format */
	RECORD_CHUNK_SEALED = 16,
	RECORD_CHUNK_FLAGS = 31
};

/* Why a result is not whole; with RECORD_CHUNK_LAST. A result without a last chunk ended with its session's process. */
enum record_cut {
	RECORD_CUT_NONE,
	RECORD_CUT_ROWS,	/* capture_max_rows */
	RECORD_CUT_BYTES,	/* capture_max_bytes */
	RECORD_CUT_RESULTS,	/* too many results of one statement */
	RECORD_CUT_ROOM,	/* the journal had no room */
	RECORD_CUT_BROKEN,	/* the session ended inside a row */
	RECORD_CUT_REFUSED,	/* storage refused the chunk */
	RECORD_CUTS
};

struct record_chunk {
	uint64_t	 seq;
	int64_t		 started_us;	/* the statement's */
	uint32_t	 chunk, result;
	uint8_t		 kind, flags, cut;
	uint64_t	 rows;		/* messages that begin in it */
	struct slice	 body;
};

/* Appends the sealed body of c, which gets RECORD_CHUNK_SEALED. The salt is that of the key. */
void	record_chunk_seal(struct crypto_gcm *g, const unsigned char *salt, uint64_t connection_id, struct record_chunk *c,
	    struct buf *out);
/* The salt in a sealed body; n is 0 when there is none. */
struct slice	record_chunk_salt(const struct record_chunk *c);
/* Appends the body; g may be NULL where it is not sealed. False: it is not what was sealed for this place. */
bool	record_chunk_open(struct crypto_gcm *g, uint64_t connection_id, const struct record_chunk *c, struct buf *out);

#endif
