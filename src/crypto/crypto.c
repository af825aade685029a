/*
 * Random bytes, HKDF, HMAC, SHA-256. Refuses to go on when the library fails: there
 * is no result to fall back to that would not be a weaker secret.
 */
#include "crypto/crypto.h"

#include <sys/random.h>

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/base_log.h"

/* Straight from the kernel: no state in the process that a fork would copy. */
void
crypto_random(void *p, size_t n)
{
	unsigned char	*at = p;

	while (n > 0) {
		ssize_t	got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			log_fatal(EX_OSERR, "no random bytes: %s", strerror(errno));
		at += got;
		n -= (size_t)got;
	}
}

void
crypto_subkey(const unsigned char master[CRYPTO_KEY_SIZE], const char *label,
    unsigned char out[CRYPTO_KEY_SIZE])
{
	char		 digest[] = "SHA256";
	OSSL_PARAM	 params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)master,
		    CRYPTO_KEY_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)label,
		    strlen(label)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF		*kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX	*ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;

	if (ctx == NULL || EVP_KDF_derive(ctx, out, CRYPTO_KEY_SIZE, params) != 1)
		log_fatal(EX_SOFTWARE, "HKDF failed");
	EVP_KDF_CTX_free(ctx);		/* wipes its copy of the key */
	EVP_KDF_free(kdf);
}

void
crypto_hmac(const void *key, size_t key_len, const void *p, size_t n,
    unsigned char out[CRYPTO_HASH_SIZE])
{
	if (key_len > INT_MAX || HMAC(EVP_sha256(), key, (int)key_len, p, n, out, NULL) == NULL)
		log_fatal(EX_SOFTWARE, "HMAC failed");
}

void
crypto_sha256(const void *p, size_t n, unsigned char out[CRYPTO_HASH_SIZE])
{
	if (EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL) != 1)
		log_fatal(EX_SOFTWARE, "SHA-256 failed");
}

bool
crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
