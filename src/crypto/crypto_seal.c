/*
 * AES-256-GCM around secrets at rest. Refuses to give out a single byte before
 * the tag has been checked.
 */
#include "crypto/crypto_seal.h"

#include <limits.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/evp.h>

#include "base/base_log.h"
#include "base/base_mem.h"

#define SEAL_VERSION	1
#define SEAL_NONCE	12
#define SEAL_TAG	16

void
crypto_seal(const unsigned char key[CRYPTO_KEY_SIZE], const char *identity,
    const void *p, size_t n, struct buf *out)
{
	size_t		 identity_len = strlen(identity);
	EVP_CIPHER_CTX	*ctx;
	unsigned char	*nonce, *text;
	int		 len;

	/* EVP counts in int */
	if (n > INT_MAX - CRYPTO_SEAL_OVERHEAD || identity_len > INT_MAX) {
		out->failed = true;
		return;
	}
	if (!buf_reserve(out, n + CRYPTO_SEAL_OVERHEAD))
		return;
	out->data[out->len] = SEAL_VERSION;
	nonce = out->data + out->len + 1;
	text = nonce + SEAL_NONCE;
	crypto_random(nonce, SEAL_NONCE);

	if ((ctx = EVP_CIPHER_CTX_new()) == NULL ||
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &len, (const unsigned char *)identity, (int)identity_len) != 1 ||
	    (n > 0 && EVP_EncryptUpdate(ctx, text, &len, p, (int)n) != 1) ||
	    EVP_EncryptFinal_ex(ctx, text + n, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG, text + n) != 1)
		log_fatal(EX_SOFTWARE, "AES-256-GCM failed");
	EVP_CIPHER_CTX_free(ctx);
	out->len += n + CRYPTO_SEAL_OVERHEAD;
}

char *
crypto_open(const unsigned char key[CRYPTO_KEY_SIZE], const char *identity,
    const void *sealed, size_t sealed_len, size_t *n)
{
	const unsigned char	*nonce, *text;
	unsigned char		 tag[SEAL_TAG];
	EVP_CIPHER_CTX		*ctx;
	size_t			 identity_len = strlen(identity), text_len;
	unsigned char		*out;
	int			 len;
	bool			 opened;

	*n = 0;
	if (sealed_len < CRYPTO_SEAL_OVERHEAD || sealed_len > INT_MAX || identity_len > INT_MAX ||
	    *(const unsigned char *)sealed != SEAL_VERSION)
		return NULL;
	nonce = (const unsigned char *)sealed + 1;
	text = nonce + SEAL_NONCE;
	text_len = sealed_len - CRYPTO_SEAL_OVERHEAD;
	memcpy(tag, text + text_len, SEAL_TAG);
	out = xmalloc(text_len + 1);

	if ((ctx = EVP_CIPHER_CTX_new()) == NULL ||
	    EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &len, (const unsigned char *)identity, (int)identity_len) != 1 ||
	    (text_len > 0 && EVP_DecryptUpdate(ctx, out, &len, text, (int)text_len) != 1) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG, tag) != 1)
		log_fatal(EX_SOFTWARE, "AES-256-GCM failed");
	opened = EVP_DecryptFinal_ex(ctx, out + text_len, &len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!opened) {
		secret_free_n(out, text_len);
		return NULL;
	}
	out[text_len] = '\0';
	*n = text_len;
	return (char *)out;
}
