/*
 * AES-256-GCM with one key, many times. The caller sees to it that no nonce is used twice.
 */
#ifndef CRYPTO_GCM_H
#define CRYPTO_GCM_H

#include "base/base_buf.h"
#include "crypto/crypto.h"

#define CRYPTO_GCM_NONCE	12
#define CRYPTO_GCM_TAG		16

struct crypto_gcm;

/* Keeps the key, in the library's own form, until it is freed; then it is wiped. */
struct crypto_gcm	*crypto_gcm_new(const unsigned char key[CRYPTO_KEY_SIZE]);
void			 crypto_gcm_free(struct crypto_gcm *g);	/* NULL is fine */

/* Appends ciphertext and tag. out->failed: too long. */
void	crypto_gcm_seal(struct crypto_gcm *g, const unsigned char nonce[CRYPTO_GCM_NONCE], struct slice associated,
	    struct slice text, struct buf *out);
/* Appends the text. False, and nothing is appended: not sealed with this key, nonce and associated data. */
bool	crypto_gcm_open(struct crypto_gcm *g, const unsigned char nonce[CRYPTO_GCM_NONCE], struct slice associated,
	    struct slice sealed, struct buf *out);

#endif
