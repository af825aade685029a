/*
 * SHA-256 and HMAC for libraries that start anew each time they use them. For each of the 4096 rounds of a SCRAM
 * login libpq calls EVP_sha256, and OpenSSL 3 searches its providers for what that returns; and it gives HMAC the
 * password again, which is hashed again: together three quarters of the time of a login to a target. The functions
 * here take the place of the library's in the whole program. The one returns what was found once, the other tells the
 * library that the key is the one it has: the same algorithm of the same provider, by the library's own rules.
 * No key is kept for longer than the library keeps it. A process that uses HMAC does so in one thread.
 */
#include "crypto/crypto.h"

#include <dlfcn.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/base_log.h"

#define DIGEST_KEY_MAX	256	/* longer ones are given to the library each time */

static const EVP_MD	*digest_found;

/* The key that one context has. */
static struct {
	const HMAC_CTX	*ctx;	/* NULL: none */
	const EVP_MD	*md;
	int		 len;
	unsigned char	 key[DIGEST_KEY_MAX];
} digest_keyed;

typedef const EVP_MD	*digest_function(void);
typedef int		 digest_init(HMAC_CTX *ctx, const void *key, int len, const EVP_MD *md, ENGINE *impl);
typedef int		 digest_copy(HMAC_CTX *to, HMAC_CTX *from);
typedef int		 digest_reset(HMAC_CTX *ctx);
typedef void		 digest_free(HMAC_CTX *ctx);

/* The library's own. */
static void *
digest_own(const char *name)
{
	void	*own = dlsym(RTLD_NEXT, name);

	if (own == NULL)
		log_fatal(EX_SOFTWARE, "libcrypto has no %s", name);
	return own;
}

/* Until it is found, also while it is looked for, it is the library's own. */
const EVP_MD *
EVP_sha256(void)
{
	static digest_function	*own;

	if (digest_found != NULL)
		return digest_found;
	if (own == NULL)
		own = (digest_function *)digest_own("EVP_sha256");
	return own();
}

static void
digest_forget(void)
{
	if (digest_keyed.ctx != NULL)
		explicit_bzero(&digest_keyed, sizeof(digest_keyed));
}

static bool
digest_same(const HMAC_CTX *ctx, const void *key, int len, const EVP_MD *md)
{
	return ctx == digest_keyed.ctx && md == digest_keyed.md && len == digest_keyed.len &&
	    crypto_equal(key, digest_keyed.key, (size_t)len);
}

int
HMAC_Init_ex(HMAC_CTX *ctx, const void *key, int len, const EVP_MD *md, ENGINE *impl)
{
	static digest_init	*own;
	bool			 keeps = ctx != NULL && key != NULL && len >= 0 && len <= DIGEST_KEY_MAX && md != NULL &&
				    impl == NULL;

	if (own == NULL)
		own = (digest_init *)digest_own("HMAC_Init_ex");
	if (keeps && digest_same(ctx, key, len, md) && own(ctx, NULL, 0, NULL, NULL) == 1)
		return 1;
	if (ctx == digest_keyed.ctx || keeps)
		digest_forget();
	if (own(ctx, key, len, md, impl) != 1)
		return 0;
	if (keeps) {
		digest_keyed.ctx = ctx;
		digest_keyed.md = md;
		digest_keyed.len = len;
		memcpy(digest_keyed.key, key, (size_t)len);
	}
	return 1;
}

/* What else changes or takes away the key of a context. */
int
HMAC_CTX_copy(HMAC_CTX *to, HMAC_CTX *from)
{
	static digest_copy	*own;

	if (own == NULL)
		own = (digest_copy *)digest_own("HMAC_CTX_copy");
	if (to == digest_keyed.ctx)
		digest_forget();
	return own(to, from);
}

int
HMAC_CTX_reset(HMAC_CTX *ctx)
{
	static digest_reset	*own;

	if (own == NULL)
		own = (digest_reset *)digest_own("HMAC_CTX_reset");
	if (ctx == digest_keyed.ctx)
		digest_forget();
	return own(ctx);
}

void
HMAC_CTX_free(HMAC_CTX *ctx)
{
	static digest_free	*own;

	if (own == NULL)
		own = (digest_free *)digest_own("HMAC_CTX_free");
	if (ctx == digest_keyed.ctx)
		digest_forget();
	own(ctx);
}

void
crypto_warm(void)
{
	unsigned char	hash[CRYPTO_HASH_SIZE];

	if (digest_found == NULL)
		digest_found = EVP_MD_fetch(NULL, "SHA256", NULL);
	crypto_hmac("", 0, "", 0, hash);
}

void
crypto_rehearse(void)
{
	unsigned char	hash[CRYPTO_HASH_SIZE];

	if (RAND_status() != 1 || RAND_bytes(hash, sizeof(hash)) != 1)
		log_fatal(EX_SOFTWARE, "the cryptographic library has no random numbers");
	/* what comes out of it is of no use */
	crypto_hmac(hash, sizeof(hash), hash, sizeof(hash), hash);
	crypto_sha256(hash, sizeof(hash), hash);
	explicit_bzero(hash, sizeof(hash));
}
