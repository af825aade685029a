/*
 * Secrets at rest: AES-256-GCM with a random nonce. The associated data is the
 * identity of the row ("user:7:scram"), so that a sealed secret that is moved to another
 * row does not open.
 * Format: version 1 (one byte), nonce (12), ciphertext, tag (16).
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/base_buf.h"
#include "crypto/crypto.h"

#define CRYPTO_SEAL_OVERHEAD	29

/* Appends the sealed form of p to out. */
void	crypto_seal(const unsigned char key[CRYPTO_KEY_SIZE], const char *identity,
	    const void *p, size_t n, struct buf *out);

/*
 * Opens into a new, NUL-terminated heap block (free with secret_free_n(p, *n)).
 * NULL when it is not ours, was changed, or belongs to another identity or key.
 */
char	*crypto_open(const unsigned char key[CRYPTO_KEY_SIZE], const char *identity,
	    const void *sealed, size_t sealed_len, size_t *n);

#endif
