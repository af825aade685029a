/*
 * Passwords for the REST API: Argon2id (RFC 9106), kept as a PHC string with its own
 * parameters, so that these can be raised later.
 */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include <stdbool.h>

#define CRYPTO_PHC_SIZE	128

/* 19 MiB, t=2, p=1, 16 bytes of salt, 32 of hash; about 20 ms of one core. */
void	crypto_password_hash(const char *password, char phc[CRYPTO_PHC_SIZE]);

/*
 * Verifies. With phc NULL (an unknown user) it costs the same time and is
 * false. A malformed PHC string is false, and parameters above 1 GiB, 64 passes or
 * 16 lanes are refused.
 */
bool	crypto_password_verify(const char *phc, const char *password);

#endif
