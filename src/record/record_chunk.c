/*
 * Sealing of chunks.
 */
#include "record/record_chunk.h"

#include "base/base_reader.h"
#include "crypto/crypto_gcm.h"
#include "crypto/crypto_labels.h"

#define CHUNK_VERSION	1

static void
chunk_nonce(struct buf *b, const struct record_chunk *c)
{
	buf_put_u64(b, c->seq);
	buf_put_u32(b, c->chunk);
}

static void
chunk_associated(struct buf *b, uint64_t connection_id, const struct record_chunk *c)
{
	buf_put_u64(b, connection_id);
	buf_put_u64(b, c->seq);
	buf_put_u32(b, c->chunk);
	buf_put_u32(b, c->result);
	buf_put_u8(b, c->kind);
	buf_put_u8(b, c->flags);
	buf_put_u8(b, c->cut);
	buf_put_u64(b, c->rows);
}

void
record_chunk_seal(struct crypto_gcm *g, const unsigned char *salt, uint64_t connection_id, struct record_chunk *c,
    struct buf *out)
{
	struct buf	nonce = { 0 }, associated = { 0 };

	c->flags |= RECORD_CHUNK_SEALED;
	chunk_nonce(&nonce, c);
	chunk_associated(&associated, connection_id, c);
	buf_put_u8(out, CHUNK_VERSION);
	buf_put(out, salt, CRYPTO_SALT_SIZE);
	crypto_gcm_seal(g, nonce.data, (struct slice){ associated.data, associated.len }, c->body, out);
	buf_free(&nonce);
	buf_free(&associated);
}

struct slice
record_chunk_salt(const struct record_chunk *c)
{
	struct reader	r = reader_init(c->body.p, c->body.n);
	bool		known = reader_u8(&r) == CHUNK_VERSION;
	struct slice	salt = reader_bytes(&r, CRYPTO_SALT_SIZE);

	if (!(c->flags & RECORD_CHUNK_SEALED) || !known)
		salt.n = 0;
	return salt;
}

bool
record_chunk_open(struct crypto_gcm *g, uint64_t connection_id, const struct record_chunk *c, struct buf *out)
{
	struct buf	nonce = { 0 }, associated = { 0 };
	struct slice	sealed = c->body;
	bool		opened = false;

	if (!(c->flags & RECORD_CHUNK_SEALED)) {
		buf_put(out, c->body.p, c->body.n);
		return true;
	}
	if (g == NULL || record_chunk_salt(c).n == 0)
		return false;
	sealed.p += 1 + CRYPTO_SALT_SIZE;
	sealed.n -= 1 + CRYPTO_SALT_SIZE;
	chunk_nonce(&nonce, c);
	chunk_associated(&associated, connection_id, c);
	opened = crypto_gcm_open(g, nonce.data, (struct slice){ associated.data, associated.len }, sealed, out);
	buf_free(&nonce);
	buf_free(&associated);
	return opened;
}
