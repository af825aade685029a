/*
 * AES-256-GCM. Refuses to give out a single byte before the tag has been checked.
 */
#include "crypto/crypto_gcm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/evp.h>

#include "base/base_log.h"
#include "base/base_mem.h"

struct crypto_gcm {
	EVP_CIPHER_CTX	*seal, *open;
};

struct crypto_gcm *
crypto_gcm_new(const unsigned char key[CRYPTO_KEY_SIZE])
{
	struct crypto_gcm	*g = xcalloc(1, sizeof(*g));

	g->seal = EVP_CIPHER_CTX_new();
	g->open = EVP_CIPHER_CTX_new();
	if (g->seal == NULL || g->open == NULL ||
	    EVP_EncryptInit_ex(g->seal, EVP_aes_256_gcm(), NULL, key, NULL) != 1 ||
	    EVP_DecryptInit_ex(g->open, EVP_aes_256_gcm(), NULL, key, NULL) != 1)
		log_fatal(EX_SOFTWARE, "AES-256-GCM failed");
	return g;
}

void
crypto_gcm_free(struct crypto_gcm *g)
{
	if (g == NULL)
		return;
	/* these wipe their copies of the key */
	EVP_CIPHER_CTX_free(g->seal);
	EVP_CIPHER_CTX_free(g->open);
	free(g);
}

void
crypto_gcm_seal(struct crypto_gcm *g, const unsigned char nonce[CRYPTO_GCM_NONCE], struct slice associated,
    struct slice text, struct buf *out)
{
	unsigned char	*to;
	int		 len;

	/* EVP counts in int */
	if (text.n > INT_MAX - CRYPTO_GCM_TAG || associated.n > INT_MAX) {
		out->failed = true;
		return;
	}
	if (!buf_reserve(out, text.n + CRYPTO_GCM_TAG))
		return;
	to = out->data + out->len;
	if (EVP_EncryptInit_ex(g->seal, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_EncryptUpdate(g->seal, NULL, &len, associated.p, (int)associated.n) != 1 ||
	    (text.n > 0 && EVP_EncryptUpdate(g->seal, to, &len, text.p, (int)text.n) != 1) ||
	    EVP_EncryptFinal_ex(g->seal, to + text.n, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(g->seal, EVP_CTRL_GCM_GET_TAG, CRYPTO_GCM_TAG, to + text.n) != 1)
		log_fatal(EX_SOFTWARE, "AES-256-GCM failed");
	out->len += text.n + CRYPTO_GCM_TAG;
}

bool
crypto_gcm_open(struct crypto_gcm *g, const unsigned char nonce[CRYPTO_GCM_NONCE], struct slice associated,
    struct slice sealed, struct buf *out)
{
	unsigned char	 tag[CRYPTO_GCM_TAG], *to;
	size_t		 n = sealed.n - CRYPTO_GCM_TAG;
	int		 len;

	if (sealed.n < CRYPTO_GCM_TAG || sealed.n > INT_MAX || associated.n > INT_MAX || !buf_reserve(out, n + 1))
		return false;
	to = out->data + out->len;
	memcpy(tag, sealed.p + n, CRYPTO_GCM_TAG);
	if (EVP_DecryptInit_ex(g->open, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_DecryptUpdate(g->open, NULL, &len, associated.p, (int)associated.n) != 1 ||
	    (n > 0 && EVP_DecryptUpdate(g->open, to, &len, sealed.p, (int)n) != 1) ||
	    EVP_CIPHER_CTX_ctrl(g->open, EVP_CTRL_GCM_SET_TAG, CRYPTO_GCM_TAG, tag) != 1)
		log_fatal(EX_SOFTWARE, "AES-256-GCM failed");
	if (EVP_DecryptFinal_ex(g->open, to + n, &len) != 1) {
		explicit_bzero(to, n);
		return false;
	}
	out->len += n;
	return true;
}
