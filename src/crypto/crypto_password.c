/*
 * Argon2id. Refuses PHC strings whose parameters would cost more than the
 * process has to give, before any of it is spent.
 */
#include "crypto/crypto_password.h"

#include <stdint.h>
#include <string.h>
#include <sysexits.h>

#include <argon2.h>

#include "base/base_log.h"
#include "crypto/crypto.h"

#define PASSWORD_PASSES		2
#define PASSWORD_KIB		(19 * 1024)
#define PASSWORD_SALT		16
#define PASSWORD_HASH		32

#define PASSWORD_PASSES_MAX	64
#define PASSWORD_KIB_MAX	(1024 * 1024)
#define PASSWORD_LANES_MAX	16	/* each is a thread */

void
crypto_password_hash(const char *password, char phc[CRYPTO_PHC_SIZE])
{
	unsigned char	salt[PASSWORD_SALT];
	int		rc;

	crypto_random(salt, sizeof(salt));
	rc = argon2id_hash_encoded(PASSWORD_PASSES, PASSWORD_KIB, 1, password, strlen(password),
	    salt, sizeof(salt), PASSWORD_HASH, phc, CRYPTO_PHC_SIZE);
	if (rc != ARGON2_OK)
		log_fatal(EX_SOFTWARE, "Argon2id failed: %s", argon2_error_message(rc));
}

/* "<word><number>" with 1 <= number <= max; *s moves behind it. */
static bool
password_parameter(const char **s, const char *word, uint32_t max)
{
	uint32_t	v = 0;

	if (strncmp(*s, word, strlen(word)) != 0)
		return false;
	for (*s += strlen(word); **s >= '0' && **s <= '9'; (*s)++) {
		v = v * 10 + (uint32_t)(**s - '0');
		if (v > max)
			return false;
	}
	return v > 0;
}

static bool
password_affordable(const char *phc)
{
	const char	*s = phc;

	return strnlen(phc, CRYPTO_PHC_SIZE) < CRYPTO_PHC_SIZE &&
	    password_parameter(&s, "$argon2id$v=", ARGON2_VERSION_NUMBER) &&
	    password_parameter(&s, "$m=", PASSWORD_KIB_MAX) &&
	    password_parameter(&s, ",t=", PASSWORD_PASSES_MAX) &&
	    password_parameter(&s, ",p=", PASSWORD_LANES_MAX) && *s == '$';
}

bool
crypto_password_verify(const char *phc, const char *password)
{
	unsigned char	salt[PASSWORD_SALT] = { 0 }, hash[PASSWORD_HASH];

	if (phc == NULL) {
		argon2id_hash_raw(PASSWORD_PASSES, PASSWORD_KIB, 1, password, strlen(password),
		    salt, sizeof(salt), hash, sizeof(hash));
		explicit_bzero(hash, sizeof(hash));
		return false;
	}
	return password_affordable(phc) &&
	    argon2id_verify(phc, password, strlen(password)) == ARGON2_OK;
}
