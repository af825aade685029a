/*
 * Logins: SCRAM-SHA-256, the server's side. A user that does not exist, one whose verifier does
 * not open and one that may not log in from there get a challenge too, made of the name, and the
 * same work is done for them, so that neither words nor time tell them apart before
 * the password; the true reason goes to the audit events. Never says whether a database or a grant
 * exists; that is keeper_grant.c's, after the proof.
 */
#include "keeper/keeper_login.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_text.h"
#include "crypto/crypto_labels.h"
#include "crypto/crypto_seal.h"
#include "keeper/keeper_grant.h"
#include "store_sql.h"
#include "wire/wire_scram.h"

#define LOGIN_NONCE_SIZE	18	/* bytes of randomness, as PostgreSQL */

/* What is opened for an unknown user: shaped as a verifier, of no password. */
void
login_init(struct keeper *k)
{
	unsigned char	bytes[CRYPTO_HASH_SIZE];
	char		salt[TEXT_BASE64_SIZE(16)], key[TEXT_BASE64_SIZE(sizeof(bytes))];
	char		identity[CRYPTO_IDENTITY_SIZE];
	struct buf	text = { 0 };

	crypto_random(bytes, sizeof(bytes));
	text_base64_encode(bytes, 16, salt);
	text_base64_encode(bytes, sizeof(bytes), key);
	buf_putf(&text, "SCRAM-SHA-256$%d:%s$%s:%s", CRYPTO_SCRAM_ITERATIONS, salt, key, key);
	crypto_identity(identity, "user", 0, "scram");
	crypto_seal(k->keys->seal, identity, text.data, text.len, &k->unknown);
	buf_free(&text);
}

void
login_free(struct login *l)
{
	if (l == NULL)
		return;
	free(l->sealed);
	secret_free_n(l, sizeof(*l));
}

/*
 * A name as storage can take it: cut to 63 bytes as PostgreSQL does, between characters; what is not
 * UTF-8 becomes '?', which at worst is the name of another user, whose password is asked for.
 */
static void
login_name(char out[LOGIN_NAME_SIZE], const char *name)
{
	text_fit(out, LOGIN_NAME_SIZE, name, strlen(name), false);
}

/* Fills in the verifier: the user's, or a mock one, always at the cost of both. */
static void
login_verifier(struct keeper *k, struct login *l, const PGresult *res)
{
	bool			 known = PQntuples(res) > 0;
	unsigned char		*stored = NULL;
	struct slice		 sealed = { k->unknown.data, k->unknown.len };
	struct crypto_scram	 mock;
	char			 identity[CRYPTO_IDENTITY_SIZE], *text;
	size_t			 n;

	crypto_scram_mock(k->keys->mock, l->user, &mock);
	if (known) {
		l->user_id = storage_int(res, 0, "id");
		l->sealed = xstrdup(storage_text(res, 0, "scram_verifier"));
		stored = storage_bytes(res, 0, "scram_verifier", &sealed.n);
		sealed.p = stored;
	}
	crypto_identity(identity, "user", l->user_id, "scram");
	text = crypto_open(k->keys->seal, identity, sealed.p, sealed.n, &n);
	if (!known)
		l->hopeless = "unknown user";
	else if (storage_bool(res, 0, "is_disabled"))
		l->hopeless = "disabled user";
	else if (storage_bool(res, 0, "default_password") && !l->loopback)
		l->hopeless = "default password from a remote address";
	if (text == NULL || crypto_scram_parse(text, &l->verifier) != 0) {
		log_error("the stored verifier of user \"%s\" cannot be opened with this master key; "
		    "an administrator must set the password again", l->user);
		l->hopeless = "stored verifier does not open with this master key";
	}
	if (l->hopeless != NULL)
		l->verifier = mock;
	if (text != NULL)
		secret_free_n(text, n);
	PQfreemem(stored);
	explicit_bzero(&mock, sizeof(mock));
}

static void
login_challenge(struct peer *p, PGresult *res)
{
	struct login	*l = p->login;
	struct buf	 packet = { 0 };
	unsigned char	 random[LOGIN_NONCE_SIZE];

	if (p->phase == PHASE_GONE)
		return;
	if (res == NULL) {
		grant_no_storage(p);
		return;
	}
	login_verifier(p->keeper, l, res);
	crypto_random(random, sizeof(random));
	text_base64_encode(random, sizeof(random), l->nonce);
	ipc_put_challenge(&packet, &(struct ipc_challenge){
		.salt = { l->verifier.salt, l->verifier.salt_len },
		.iterations = l->verifier.iterations,
		.nonce = l->nonce,
	});
	peer_set_phase(p, PHASE_CHALLENGED);
	peer_send(p, &packet);
}

int
login_asked(struct peer *p, struct slice packet)
{
	struct ipc_login	 m;
	struct login		*l;

	if (ipc_get_login(packet, &m) != 0 || m.client_port > 65535)
		return -1;
	p->login = l = xcalloc(1, sizeof(*l));
	p->keeper->sessions++;
	login_name(l->user, m.user);
	login_name(l->database, m.database);
	login_name(l->application, m.application_name);
	login_name(l->host, m.client_host);
	l->port = m.client_port;
	l->loopback = m.loopback != 0;
	l->tls = m.tls != 0;
	if (p->keeper->draining) {
		peer_refuse(p, "57P03", "", "DBBat is shutting down");
		return 0;
	}
	peer_set_phase(p, PHASE_LOOKUP);
	if (peer_query(p, SQL_LOGIN_USER, login_challenge, 1, (const char *[]){ l->user }) != 0)
		grant_no_storage(p);
	return 0;
}

int
login_proved(struct peer *p, struct slice packet)
{
	struct login		*l = p->login;
	struct ipc_proof	 m;
	struct buf		 first = { 0 }, auth = { 0 };
	bool			 right;

	if (ipc_get_proof(packet, &m) != 0 || m.proof.n != WIRE_SCRAM_PROOF ||
	    m.client_nonce.n == 0 || m.client_nonce.n > WIRE_SCRAM_NONCE_MAX)
		return -1;
	/* our fresh nonce is in it, whatever a session puts around it: no old proof fits */
	wire_put_scram_first(&first, m.client_nonce, l->nonce,
	    (struct slice){ l->verifier.salt, l->verifier.salt_len }, l->verifier.iterations);
	wire_put_scram_auth_message(&auth, m.client_first_bare, (struct slice){ first.data, first.len },
	    m.client_final_bare);
	right = crypto_scram_verify(&l->verifier, auth.data, auth.len, m.proof.p, l->signature);
	buf_free(&first);
	buf_free(&auth);

	peer_set_phase(p, PHASE_GRANTING);
	if (!right || l->hopeless != NULL)
		grant_wrong_password(p, l->hopeless ? l->hopeless : "wrong password");
	else
		grant_ask(p);
	return 0;
}
