/*
 * The sums of SCRAM-SHA-256. Refuses verifiers that are not whole, and says
 * nothing about why a proof is wrong.
 */
#include "crypto/crypto_scram.h"

#include <limits.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/evp.h>

#include "base/base_log.h"
#include "base/base_text.h"

#define SCRAM_PREFIX	"SCRAM-SHA-256$"
#define SCRAM_MOCK_SALT	16

/* The part of *text up to `end`, which is skipped; false when there is none. */
static bool
scram_part(const char **text, char end, const char **part, size_t *n)
{
	const char	*at = strchr(*text, end);

	if (at == NULL)
		return false;
	*part = *text;
	*n = (size_t)(at - *text);
	*text = end == '\0' ? at : at + 1;
	return true;
}

static bool
scram_iterations(const char *s, size_t n, uint32_t *out)
{
	uint64_t	v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
		if (v > INT_MAX)
			return false;
	}
	*out = (uint32_t)v;
	return v > 0;
}

int
crypto_scram_parse(const char *text, struct crypto_scram *v)
{
	const char	*part;
	size_t		 n;
	ssize_t		 salt_len;

	memset(v, 0, sizeof(*v));
	if (strncmp(text, SCRAM_PREFIX, strlen(SCRAM_PREFIX)) != 0)
		return -1;
	text += strlen(SCRAM_PREFIX);
	if (!scram_part(&text, ':', &part, &n) || !scram_iterations(part, n, &v->iterations))
		goto bad;
	if (!scram_part(&text, '$', &part, &n) ||
	    (salt_len = text_base64_decode(part, n, v->salt, sizeof(v->salt))) <= 0)
		goto bad;
	v->salt_len = (size_t)salt_len;
	if (!scram_part(&text, ':', &part, &n) ||
	    text_base64_decode(part, n, v->stored_key, CRYPTO_HASH_SIZE) != CRYPTO_HASH_SIZE)
		goto bad;
	if (!scram_part(&text, '\0', &part, &n) ||
	    text_base64_decode(part, n, v->server_key, CRYPTO_HASH_SIZE) != CRYPTO_HASH_SIZE)
		goto bad;
	return 0;
bad:
	explicit_bzero(v, sizeof(*v));
	return -1;
}

void
crypto_scram_mock(const unsigned char key[CRYPTO_KEY_SIZE], const char *user,
    struct crypto_scram *v)
{
	unsigned char	mac[CRYPTO_HASH_SIZE];

	memset(v, 0, sizeof(*v));
	v->iterations = CRYPTO_SCRAM_ITERATIONS;
	v->salt_len = SCRAM_MOCK_SALT;
	crypto_hmac(key, CRYPTO_KEY_SIZE, user, strlen(user), mac);
	memcpy(v->salt, mac, SCRAM_MOCK_SALT);
	explicit_bzero(mac, sizeof(mac));
	crypto_random(v->stored_key, sizeof(v->stored_key));
	crypto_random(v->server_key, sizeof(v->server_key));
}

/* a ^= b */
static void
scram_xor(unsigned char a[CRYPTO_HASH_SIZE], const unsigned char b[CRYPTO_HASH_SIZE])
{
	for (size_t i = 0; i < CRYPTO_HASH_SIZE; i++)
		a[i] ^= b[i];
}

bool
crypto_scram_verify(const struct crypto_scram *v, const void *auth_message, size_t n,
    const unsigned char proof[CRYPTO_HASH_SIZE], unsigned char signature[CRYPTO_HASH_SIZE])
{
	unsigned char	client_key[CRYPTO_HASH_SIZE], hash[CRYPTO_HASH_SIZE], ours[CRYPTO_HASH_SIZE];
	bool		right;

	crypto_hmac(v->stored_key, CRYPTO_HASH_SIZE, auth_message, n, client_key);
	scram_xor(client_key, proof);
	crypto_sha256(client_key, sizeof(client_key), hash);
	crypto_hmac(v->server_key, CRYPTO_HASH_SIZE, auth_message, n, ours);
	right = crypto_equal(hash, v->stored_key, CRYPTO_HASH_SIZE);
	if (right)
		memcpy(signature, ours, CRYPTO_HASH_SIZE);
	explicit_bzero(client_key, sizeof(client_key));
	explicit_bzero(hash, sizeof(hash));
	explicit_bzero(ours, sizeof(ours));
	return right;
}

void
crypto_scram_proof(const char *password, const void *salt, size_t salt_len, uint32_t iterations,
    const void *auth_message, size_t n, unsigned char proof[CRYPTO_HASH_SIZE])
{
	static const char	client_key_label[] = "Client Key";
	unsigned char		salted[CRYPTO_HASH_SIZE], client_key[CRYPTO_HASH_SIZE];
	unsigned char		stored_key[CRYPTO_HASH_SIZE];
	size_t			password_len = strlen(password);

	if (password_len > INT_MAX || salt_len > INT_MAX || iterations > INT_MAX ||
	    PKCS5_PBKDF2_HMAC(password, (int)password_len, salt, (int)salt_len, (int)iterations,
	    EVP_sha256(), sizeof(salted), salted) != 1)
		log_fatal(EX_SOFTWARE, "PBKDF2 failed");
	crypto_hmac(salted, sizeof(salted), client_key_label, strlen(client_key_label), client_key);
	crypto_sha256(client_key, sizeof(client_key), stored_key);
	crypto_hmac(stored_key, sizeof(stored_key), auth_message, n, proof);
	scram_xor(proof, client_key);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client_key, sizeof(client_key));
	explicit_bzero(stored_key, sizeof(stored_key));
}
