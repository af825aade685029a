/*
 * The labels of the subkeys of the master key, in one place so that no two
 * uses share one, and the row identities secrets are sealed for.
 */
#ifndef CRYPTO_LABELS_H
#define CRYPTO_LABELS_H

#define CRYPTO_LABEL_SEAL	"dbbat seal 1"		/* secrets in users and databases */
#define CRYPTO_LABEL_MOCK	"dbbat scram mock 1"	/* salts for unknown users */

#define CRYPTO_IDENTITY_USER_SCRAM	"user:%lld:scram"	/* printf, users.id */
#define CRYPTO_IDENTITY_DB_PASSWORD	"database:%lld:password"	/* printf, databases.id */
#define CRYPTO_IDENTITY_SIZE		64

#endif
