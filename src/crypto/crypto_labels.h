/*
 * The labels of the subkeys of the master key, in one place so that no two
 * uses share one, and the row identities that secrets are sealed for.
 */
#ifndef CRYPTO_LABELS_H
#define CRYPTO_LABELS_H

#include <stdint.h>
#include <stdio.h>

#include "base/base_text.h"
#include "crypto/crypto.h"

#define CRYPTO_LABEL_SEAL	"dbbat seal 1"		/* secrets in users and databases */
#define CRYPTO_LABEL_MOCK	"dbbat scram mock 1"	/* salts for unknown users */
#define CRYPTO_LABEL_TICKET	"dbbat ticket 1"	/* what a session shows the next keeper */
#define CRYPTO_LABEL_CANCEL	"dbbat cancel 1"	/* cancel keys on their way to the other nodes */

#define CRYPTO_LABEL_CAPTURE	"dbbat capture 1"	/* its subkeys, one a connection: captured results */

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

#define CRYPTO_SALT_SIZE	16	/* random, of one connection: ids come again where storage was restored */

/* The key of the captured results of one connection. `capture` is the subkey of CRYPTO_LABEL_CAPTURE. */
static inline void
crypto_capture_key(const unsigned char capture[CRYPTO_KEY_SIZE], uint64_t connection_id,
    const unsigned char salt[CRYPTO_SALT_SIZE], unsigned char out[CRYPTO_KEY_SIZE])
{
	char	label[96];
	int	n = snprintf(label, sizeof(label), "connection:%llu:", (unsigned long long)connection_id);

	text_hex(salt, CRYPTO_SALT_SIZE, label + n);
	crypto_subkey(capture, label, out);
}

#endif
