/*
 * SHA-256 for libraries that look it up each time they use it. libpq calls EVP_sha256 for each of the 4096 rounds
 * of a SCRAM login, and OpenSSL 3 searches its providers for what that returns: half of the time of a
 * login to a target. The function here takes its place in the whole program and returns what was
 * found once: the same algorithm of the same provider, by the library's own rules.
 */
#include "crypto/crypto.h"

#include <dlfcn.h>
#include <sysexits.h>

#include <openssl/evp.h>

#include "base/base_log.h"

static const EVP_MD	*digest_found;

typedef const EVP_MD	*digest_function(void);

/* Until it is found, also while it is looked for, it is the library's own. */
const EVP_MD *
EVP_sha256(void)
{
	static digest_function	*own;

	if (digest_found != NULL)
		return digest_found;
	if (own == NULL)
		own = (digest_function *)dlsym(RTLD_NEXT, "EVP_sha256");
	if (own == NULL)
		log_fatal(EX_SOFTWARE, "libcrypto has no SHA-256");
	return own();
}

void
crypto_warm(void)
{
	unsigned char	hash[CRYPTO_HASH_SIZE];

	if (digest_found == NULL)
		digest_found = EVP_MD_fetch(NULL, "SHA256", NULL);
	crypto_hmac("", 0, "", 0, hash);
}
