/*
 * Random bytes, key derivation and keyed hashes. crypto/ is the only user of
 * libargon2 and EVP. All of it is synchronous and keeps no state. A failure of
 * the library itself (no memory, no entropy) ends the process: going on with
 * less protection is no choice.
 */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#define CRYPTO_KEY_SIZE		32	/* master key and every subkey */
#define CRYPTO_HASH_SIZE	32	/* SHA-256 */

/* Does what the library would do on first use; before forking, so that children find it done. */
void	crypto_warm(void);
/*
 * The same of what each process has to do for itself, and of what is not there after a fork: the library seeds its
 * random numbers anew, and its pages are mapped. For one that has time now and will not have it later.
 */
void	crypto_rehearse(void);

void	crypto_random(void *p, size_t n);

/* HKDF-SHA256 (RFC 5869), no salt; label is the info. */
void	crypto_subkey(const unsigned char master[CRYPTO_KEY_SIZE], const char *label,
	    unsigned char out[CRYPTO_KEY_SIZE]);

void	crypto_hmac(const void *key, size_t key_len, const void *p, size_t n,
	    unsigned char out[CRYPTO_HASH_SIZE]);
void	crypto_sha256(const void *p, size_t n, unsigned char out[CRYPTO_HASH_SIZE]);

/* In time that does not depend on the bytes. */
bool	crypto_equal(const void *a, const void *b, size_t n);

#endif
