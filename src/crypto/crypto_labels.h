/*
 * The labels of the subkeys of the master key, in one place so that no two
 * uses share one, and the row identities that secrets are sealed for.
 */
#ifndef CRYPTO_LABELS_H
#define CRYPTO_LABELS_H

#include <stdint.h>
#include <stdio.h>

#define CRYPTO_LABEL_SEAL	"dbbat seal 1"		/* secrets in users and databases */
#define CRYPTO_LABEL_MOCK	"dbbat scram mock 1"	/* salts for unknown users */
#define CRYPTO_LABEL_TICKET	"dbbat ticket 1"	/* what a session shows the next keeper */

#define CRYPTO_IDENTITY_SIZE	64

/*
 * "user:7:scram", "database:3:password", "database:3:read_password",
 * "database:3:ssl_key": the table, the row, which of its secrets. "session:9:ticket" is in no
 * table: what the session of that connection shows the next keeper.
 */
static inline const char *
crypto_identity(char out[CRYPTO_IDENTITY_SIZE], const char *table, int64_t id, const char *secret)
{
	snprintf(out, CRYPTO_IDENTITY_SIZE, "%s:%lld:%s", table, (long long)id, secret);
	return out;
}

#endif
