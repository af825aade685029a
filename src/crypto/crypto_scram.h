/*
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), the sums of it. Its messages are
 * wire/wire_scram.h.
 */
#ifndef CRYPTO_SCRAM_H
#define CRYPTO_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"

#define CRYPTO_SCRAM_SALT_MAX	64
#define CRYPTO_SCRAM_ITERATIONS	4096

/* The verifier; as text "SCRAM-SHA-256$4096:salt$storedkey:serverkey", PostgreSQL's form. */
struct crypto_scram {
	uint32_t	iterations;
	size_t		salt_len;
	unsigned char	salt[CRYPTO_SCRAM_SALT_MAX];
	unsigned char	stored_key[CRYPTO_HASH_SIZE];
	unsigned char	server_key[CRYPTO_HASH_SIZE];
};

/* 0, or -1 when the text is not a verifier. */
int	crypto_scram_parse(const char *text, struct crypto_scram *v);

/*
 * A believable verifier for an unknown user: the salt is an HMAC of the name,
 * so that it is the same each time; no proof fits.
 */
void	crypto_scram_mock(const unsigned char key[CRYPTO_KEY_SIZE], const char *user,
	    struct crypto_scram *v);

/*
 * Checks the client's proof of the AuthMessage and, when it is right, writes the
 * server's signature. Time does not depend on which of the two it is.
 */
bool	crypto_scram_verify(const struct crypto_scram *v, const void *auth_message, size_t n,
	    const unsigned char proof[CRYPTO_HASH_SIZE], unsigned char signature[CRYPTO_HASH_SIZE]);

/* The client's side, for a password that came in clear over TLS: its proof. */
void	crypto_scram_proof(const char *password, const void *salt, size_t salt_len, uint32_t iterations,
	    const void *auth_message, size_t n, unsigned char proof[CRYPTO_HASH_SIZE]);

#endif
