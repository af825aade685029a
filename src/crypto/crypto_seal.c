/*
 * The format of secrets at rest, around AES-256-GCM.
 */
#include "crypto/crypto_seal.h"

#include <string.h>

#include "base/base_mem.h"
#include "crypto/crypto_gcm.h"

#define SEAL_VERSION	1

static struct slice
seal_identity(const char *identity)
{
	return (struct slice){ (const unsigned char *)identity, strlen(identity) };
}

void
crypto_seal(const unsigned char key[CRYPTO_KEY_SIZE], const char *identity,
    const void *p, size_t n, struct buf *out)
{
	struct crypto_gcm	*g;
	unsigned char		 nonce[CRYPTO_GCM_NONCE];

	if (n > SIZE_MAX - CRYPTO_SEAL_OVERHEAD || !buf_reserve(out, n + CRYPTO_SEAL_OVERHEAD)) {
		out->failed = true;
		return;
	}
	g = crypto_gcm_new(key);
	crypto_random(nonce, sizeof(nonce));
	buf_put_u8(out, SEAL_VERSION);
	buf_put(out, nonce, sizeof(nonce));
	crypto_gcm_seal(g, nonce, seal_identity(identity), (struct slice){ p, n }, out);
	crypto_gcm_free(g);
}

char *
crypto_open(const unsigned char key[CRYPTO_KEY_SIZE], const char *identity,
    const void *sealed, size_t sealed_len, size_t *n)
{
	const unsigned char	*at = sealed;
	struct crypto_gcm	*g;
	struct buf		 text = { 0 };
	bool			 opened;

	*n = 0;
	if (sealed_len < CRYPTO_SEAL_OVERHEAD || at[0] != SEAL_VERSION)
		return NULL;
	g = crypto_gcm_new(key);
	opened = crypto_gcm_open(g, at + 1, seal_identity(identity),
	    (struct slice){ at + 1 + CRYPTO_GCM_NONCE, sealed_len - 1 - CRYPTO_GCM_NONCE }, &text);
	crypto_gcm_free(g);
	if (!opened) {
		buf_wipe(&text);
		return NULL;
	}
	*n = text.len;
	/* there is room for it: the block has not moved */
	text.data[text.len] = '\0';
	return (char *)text.data;
}
