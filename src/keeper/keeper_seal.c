/*
 * Seals secrets for the API. It never opens one for it: what is sealed comes out of
 * the keeper only for a session in its GRANT, and for the check of a target. Captured results are no
 * secrets of the keeper's: the API gets the key of one connection, to show them to who may see them.
 */
#include "keeper/keeper_seal.h"

#include <string.h>

#include "crypto/crypto_labels.h"
#include "crypto/crypto_seal.h"

#define SEAL_SECRET_MAX	32768	/* bytes; the answer fits a packet */

int
seal_hello(struct peer *p, struct slice packet)
{
	struct ipc_hello	m;

	if (ipc_get_hello(packet, &m) != 0)
		return -1;
	if (m.token.n != RUNTIME_TOKEN_SIZE || !crypto_equal(m.token.p, p->keeper->rt->token, RUNTIME_TOKEN_SIZE))
		peer_drop(p, "a wrong token");
	else
		peer_set_phase(p, PHASE_API);
	return 0;
}

int
seal_asked(struct peer *p, struct slice packet)
{
	struct ipc_seal	m;
	struct buf	sealed = { 0 }, out = { 0 };

	if (ipc_get_seal(packet, &m) != 0 || m.identity[0] == '\0' || strlen(m.identity) >= CRYPTO_IDENTITY_SIZE ||
	    m.secret.n > SEAL_SECRET_MAX)
		return -1;
	crypto_seal(p->keeper->keys->seal, m.identity, m.secret.p, m.secret.n, &sealed);
	ipc_put_sealed(&out, &(struct ipc_sealed){ .sealed = { sealed.data, sealed.len } });
	buf_free(&sealed);
	peer_send(p, &out);
	return 0;
}

char *
seal_open(const struct keeper *k, const PGresult *res, const char *column, const char *name)
{
	char		 identity[CRYPTO_IDENTITY_SIZE], *secret;
	unsigned char	*sealed;
	size_t		 n, sealed_len;

	crypto_identity(identity, "database", storage_int(res, 0, "database_id"), name);
	sealed = storage_bytes(res, 0, column, &sealed_len);
	secret = crypto_open(k->keys->seal, identity, sealed, sealed_len, &n);
	PQfreemem(sealed);
	return secret;
}

int
seal_capture(struct peer *p, struct slice packet)
{
	unsigned char		key[CRYPTO_KEY_SIZE];
	struct ipc_capture	m;
	struct buf		out = { 0 };

	if (ipc_get_capture(packet, &m) != 0 || m.salt.n != CRYPTO_SALT_SIZE)
		return -1;
	crypto_capture_key(p->keeper->keys->capture, m.connection_id, m.salt.p, key);
	buf_reserve(&out, sizeof(key) + 16);
	ipc_put_capture_key(&out, &(struct ipc_capture_key){ .key = { key, sizeof(key) } });
	explicit_bzero(key, sizeof(key));
	peer_send(p, &out);
	return 0;
}
