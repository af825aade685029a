/*
 * What a user who has proved the password gets: a grant and a session, or the reason
 * why not. Between keeper_login.c, which knows proofs, and the registry.
 */
#ifndef KEEPER_GRANT_H
#define KEEPER_GRANT_H

#include "crypto/crypto_scram.h"
#include "keeper/keeper_peer.h"

#define LOGIN_NAME_SIZE	64	/* as PostgreSQL: longer names are cut */

/* A login under way. */
struct login {
	char			 user[LOGIN_NAME_SIZE];
	char			 database[LOGIN_NAME_SIZE];
	char			 application[LOGIN_NAME_SIZE];
	char			 host[LOGIN_NAME_SIZE];
	uint32_t		 port;
	bool			 loopback, tls;
	int64_t			 user_id;	/* 0: unknown */
	char			*sealed;	/* the verifier as storage spelled it, or NULL */
	const char		*hopeless;	/* why no proof will do; NULL: one may */
	struct crypto_scram	 verifier;
	char			 nonce[32];
	unsigned char		 signature[CRYPTO_HASH_SIZE];
};

/* Looks for the grant; ends in GRANT or REFUSE. */
void	grant_ask(struct peer *p);

/* What to say when storage cannot be asked. */
void	grant_no_storage(struct peer *p);

/* Writes an audit event and a line in the log, then refuses; the words tell a wrong password from nothing. */
void	grant_wrong_password(struct peer *p, const char *why);

#endif
