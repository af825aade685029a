/* Chunks open whole, unchanged, in their place, under their key, and nowhere else. */
#include "record/record_chunk.h"

#include <stdlib.h>

#include "crypto/crypto_gcm.h"
#include "crypto/crypto_labels.h"
#include "tap.h"

static const unsigned char	master[CRYPTO_KEY_SIZE] = "master";
static const unsigned char	salt[CRYPTO_SALT_SIZE] = "salt", other_salt[CRYPTO_SALT_SIZE] = "tlas";
static const char		text[] = "D\0\0\0\x0b secret";

static struct crypto_gcm *
key_of(uint64_t connection_id, const unsigned char *s)
{
	unsigned char	key[CRYPTO_KEY_SIZE];

	crypto_capture_key(master, connection_id, s, key);
	return crypto_gcm_new(key);
}

static struct record_chunk
chunk(void)
{
	return (struct record_chunk){
		.seq = 7, .started_us = 5, .chunk = 2, .result = 3, .kind = RECORD_CHUNK_ROWS, .flags = RECORD_CHUNK_LAST, .cut = RECORD_CUT_ROWS,
		.rows = 9, .body = { (const unsigned char *)text, sizeof(text) - 1 },
	};
}

/* Opens an exact copy of the body, so that a sanitizer sees a read past it. */
static bool
opens(struct crypto_gcm *g, uint64_t connection_id, const struct record_chunk *c, struct buf *out)
{
	struct record_chunk	copy = *c;
	unsigned char		*body = malloc(c->body.n ? c->body.n : 1);
	bool			 opened;

	memcpy(body, c->body.p, c->body.n);
	copy.body.p = body;
	buf_reset(out);
	opened = record_chunk_open(g, connection_id, &copy, out);
	free(body);
	return opened;
}

int
main(void)
{
	struct crypto_gcm	*g = key_of(1, salt), *other = key_of(2, salt), *salted = key_of(1, other_salt);
	struct record_chunk	 c = chunk(), d;
	struct buf		 sealed = { 0 }, again = { 0 }, out = { 0 };
	size_t			 bad = 0;

	record_chunk_seal(g, salt, 1, &c, &sealed);
	c.body = (struct slice){ sealed.data, sealed.len };
	ok(c.flags & RECORD_CHUNK_SEALED, "it says that it is sealed");
	is_int(sealed.len, sizeof(text) - 1 + RECORD_CHUNK_OVERHEAD, "with its overhead");
	ok(memmem(sealed.data, sealed.len, "secret", 6) == NULL, "the text does not show");
	ok(record_chunk_salt(&c).n == CRYPTO_SALT_SIZE && memcmp(record_chunk_salt(&c).p, salt, CRYPTO_SALT_SIZE) == 0, "the salt does");
	ok(opens(g, 1, &c, &out) && out.len == sizeof(text) - 1 && memcmp(out.data, text, out.len) == 0, "it opens");
	ok(!opens(NULL, 1, &c, &out), "not without a key");
	ok(!opens(other, 1, &c, &out), "nor with that of another connection");
	ok(!opens(salted, 1, &c, &out), "nor with another salt's");
	ok(!opens(g, 2, &c, &out), "nor for another connection");

#define CHANGED(member, value)	d = c; d.member = (value); ok(!opens(g, 1, &d, &out), "nor with another " #member)
	CHANGED(seq, 8);
	CHANGED(chunk, 1);
	CHANGED(result, 1);
	CHANGED(kind, RECORD_CHUNK_COPY_IN);
	CHANGED(flags, RECORD_CHUNK_SEALED);
	CHANGED(cut, RECORD_CUT_NONE);
	CHANGED(rows, 10);
	for (size_t n = 0; n < sealed.len; n++) {
		d = c;
		d.body.n = n;
		bad += opens(g, 1, &d, &out);
		sealed.data[n] ^= 1;
		bad += opens(g, 1, &c, &out);
		sealed.data[n] ^= 1;
	}
	/* the salt in it only says which key to ask for */
	is_int(bad, CRYPTO_SALT_SIZE, "nor cut or changed anywhere");
	ok(opens(g, 1, &c, &out), "and still as it was");

	d = chunk();
	d.chunk = 3;
	record_chunk_seal(g, salt, 1, &d, &again);
	ok(memcmp(sealed.data + 17, again.data + 17, sizeof(text) - 1) != 0, "the next chunk has another nonce");
	d = chunk();
	d.seq = 8;
	buf_reset(&again);
	record_chunk_seal(g, salt, 1, &d, &again);
	ok(memcmp(sealed.data + 17, again.data + 17, sizeof(text) - 1) != 0, "and so has that of the next statement");
	d = chunk();
	ok(opens(NULL, 1, &d, &out) && out.len == sizeof(text) - 1, "what is not sealed is as it is");
	d.body.n = 0;
	buf_reset(&again);
	record_chunk_seal(g, salt, 1, &d, &again);
	d.body = (struct slice){ again.data, again.len };
	ok(opens(g, 1, &d, &out) && out.len == 0, "nothing is sealed, too");
	crypto_gcm_free(g);
	crypto_gcm_free(other);
	crypto_gcm_free(salted);
	buf_free(&sealed);
	buf_free(&again);
	buf_free(&out);
	return tap_done();
}
