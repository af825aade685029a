/*
 * Who is it? SCRAM-SHA-256 with the client, of which this process only carries
 * the messages: the verifier and the verdict are the keeper's. A password that
 * comes in clear over TLS (auth_method = password) is turned into a proof here
 * and goes the same way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "crypto/crypto_scram.h"
#include "net/net_tls.h"
#include "session/session_stage.h"
#include "session/session_state.h"
#include "wire/wire_client.h"
#include "wire/wire_scram.h"
#include "wire/wire_server.h"

#define LOGIN_MESSAGE_MAX	65536	/* PostgreSQL's limit for a SASL message */
#define MECHANISM		"SCRAM-SHA-256"
#define MECHANISM_PLUS		"SCRAM-SHA-256-PLUS"

/* One 'p' message: its body lies in s->in until login_consume. 0 or -1. */
static int
login_message(struct session *s, struct slice *body, int64_t deadline)
{
	struct wire_header	h;
	int			rc;

	for (;;) {
		rc = wire_header(s->in.data, s->in.len, &h);
		if (rc < 0 || (rc > 0 && (h.type != WIRE_PASSWORD || h.body > LOGIN_MESSAGE_MAX))) {
			session_fatal(s, "08P01", "expected a password or SASL response", "");
			return -1;
		}
		if (rc > 0 && s->in.len - WIRE_HEADER >= h.body) {
			*body = (struct slice){ s->in.data + WIRE_HEADER, h.body };
			return 0;
		}
		/* a client that leaves when asked for its password is psql asking its user */
		if (session_receive(s, deadline) <= 0)
			return -1;
	}
}

static void
login_consume(struct session *s, struct slice body)
{
	explicit_bzero(s->in.data, WIRE_HEADER + body.n);
	buf_drop(&s->in, WIRE_HEADER + body.n);
}

/* Waits for the keeper's answer, which lies in s->packet. */
static enum ipc_type
login_answer(struct session *s, int64_t deadline)
{
	int64_t		left = (deadline - time_mono_us()) / 1000;
	enum stage	was = stage_enter(STAGE_KEEPER);
	int		got = ipc_recv(s->keeper_fd, &s->packet, left > 0 ? (int)left : 0);

	stage_enter(was);
	if (got != 1)
		return IPC_NONE;
	return ipc_type((struct slice){ s->packet.data, s->packet.len });
}

/* The keeper said no, or something that is no answer. Always -1. */
static int
login_refused(struct session *s, enum ipc_type type)
{
	struct ipc_refuse	no;

	if (type == IPC_REFUSE &&
	    ipc_get_refuse((struct slice){ s->packet.data, s->packet.len }, &no) == 0) {
		log_info("refused: %s (%s)", no.message, no.sqlstate);
		session_fatal(s, no.sqlstate, no.message, no.hint);
	} else {
		log_error("no answer from the keeper to a login");
		session_fatal(s, "57P03", "DBBat cannot check logins right now", "Try again in a moment.");
	}
	return -1;
}

/* Tells the keeper who wants to log in. 0 or -1. */
static int
login_announce(struct session *s)
{
	struct ipc_login	m = {
		.user = s->user, .database = s->database,
		.client_host = s->peer.host, .client_port = (uint32_t)s->peer.port,
		.loopback = s->peer.loopback, .tls = s->tls != NULL,
		.application_name = s->application,
	};

	if (session_keeper_connect(s) != 0)
		return login_refused(s, IPC_NONE);
	buf_reset(&s->packet);
	ipc_put_login(&s->packet, &m);
	return ipc_send(s->keeper_fd, &s->packet) == 0 ? 0 : login_refused(s, IPC_NONE);
}

static int
login_challenge(struct session *s, struct ipc_challenge *c, int64_t deadline)
{
	enum ipc_type	type = login_answer(s, deadline);

	if (type != IPC_CHALLENGE ||
	    ipc_get_challenge((struct slice){ s->packet.data, s->packet.len }, c) != 0)
		return login_refused(s, type);
	return 0;
}

static void
login_keep_grant(struct session *s, const struct ipc_grant *g)
{
	struct session_grant	*mine = &s->grant;

	*mine = (struct session_grant){
		.connection_id = g->connection_id, .user_id = g->user_id,
		.database_id = g->database_id, .grant_id = g->grant_id, .started_us = g->started_us,
		.access = g->access == POLICY_WRITE ? POLICY_WRITE : POLICY_READ,
		.expires_us = time_mono_us() + g->expires_in_us,
		.capture = g->capture, .pin = g->pin,
		.log_dsn = xstrdup(g->log_dsn), .host = xstrdup(g->host),
		.dbname = xstrdup(g->dbname), .username = xstrdup(g->username),
		.password = xstrdup(g->password), .ssl_mode = xstrdup(g->ssl_mode), .port = g->port,
		.ssl_root_cert = xstrdup(g->ssl_root_cert), .ssl_cert = xstrdup(g->ssl_cert),
		.ssl_key = xstrdup(g->ssl_key),
	};
	if (g->cancel_secret.n == sizeof(mine->cancel_secret))
		memcpy(mine->cancel_secret, g->cancel_secret.p, sizeof(mine->cancel_secret));
	buf_put(&mine->ticket, g->ticket.p, g->ticket.n);
	mine->capture_sealed = g->capture_key.n == sizeof(mine->capture_key) && g->capture_salt.n == sizeof(mine->capture_salt);
	if (mine->capture_sealed) {
		memcpy(mine->capture_key, g->capture_key.p, sizeof(mine->capture_key));
		memcpy(mine->capture_salt, g->capture_salt.p, sizeof(mine->capture_salt));
	}
	s->limit.queries.limited = g->query_quota;
	s->limit.queries.max = g->max_queries;
	s->limit.bytes.limited = g->byte_quota;
	s->limit.bytes.max = g->max_bytes;
}

/* Sends the proof; 0 with the grant kept and the server's signature, or -1. */
static int
login_prove(struct session *s, const struct ipc_proof *m, unsigned char signature[CRYPTO_HASH_SIZE],
    int64_t deadline)
{
	struct ipc_grant	g;
	enum ipc_type		type = IPC_NONE;
	int			rc = 0;

	session_place(NULL);
	if (!scoreboard_busy(s->rt->board, s->rt->slot)) {
		session_fatal(s, "53300", "sorry, too many clients already", "The login took too long while others waited.");
		return -1;
	}
	buf_reset(&s->packet);
	ipc_put_proof(&s->packet, m);
	if (ipc_send(s->keeper_fd, &s->packet) == 0)
		type = login_answer(s, deadline);
	if (type == IPC_GRANT && ipc_get_grant((struct slice){ s->packet.data, s->packet.len }, &g) == 0 &&
	    g.server_signature.n == CRYPTO_HASH_SIZE) {
		memcpy(signature, g.server_signature.p, CRYPTO_HASH_SIZE);
		login_keep_grant(s, &g);
	} else
		rc = login_refused(s, type);
	explicit_bzero(s->packet.data, s->packet.len);
	return rc;
}

static int
login_malformed(struct session *s, const char *what)
{
	log_info("malformed SCRAM message: %s", what);
	session_fatal(s, "08P01", "malformed SCRAM message", what);
	return -1;
}

/* The mechanism that was chosen must fit the flag of the first message, and both what was offered. */
static const char *
login_mechanism_problem(const struct session *s, bool plus, const struct wire_scram_first *first)
{
	static const char	type[] = "tls-server-end-point";

	if (plus && s->tls == NULL)
		return "SCRAM-SHA-256-PLUS without TLS";
	if (plus != (first->gs2_flag == 'p'))
		return "the channel binding flag does not fit the mechanism";
	if (plus && (first->binding_type.n != sizeof(type) - 1 ||
	    memcmp(first->binding_type.p, type, sizeof(type) - 1) != 0))
		return "unknown channel binding type";
	if (first->gs2_flag == 'y' && s->tls != NULL)
		return "the client thinks that channel binding is not offered, but it is";
	return NULL;
}

/* The client's first message: mechanism and nonce. Copies what is needed later into `kept`. */
static int
login_scram_first(struct session *s, struct buf *kept, struct wire_scram_first *first, int64_t deadline)
{
	struct slice	body, data;
	const char	*mechanism, *problem;
	bool		plus;
	int		rc = -1;

	if (login_message(s, &body, deadline) != 0)
		return -1;
	if (wire_sasl_initial(body, &mechanism, &data) != 0)
		return login_malformed(s, "no SASL initial response");
	plus = strcmp(mechanism, MECHANISM_PLUS) == 0;
	if (!plus && strcmp(mechanism, MECHANISM) != 0)
		return login_malformed(s, "unknown SASL mechanism");
	buf_put(kept, data.p, data.n);
	if (wire_scram_first((struct slice){ kept->data, kept->len }, first) != 0)
		problem = "client-first-message";
	else
		problem = login_mechanism_problem(s, plus, first);
	rc = problem ? login_malformed(s, problem) : 0;
	login_consume(s, body);
	return rc;
}

static void
login_offer(struct session *s)
{
	static const char *const	offered[] = { MECHANISM_PLUS, MECHANISM };

	if (s->tls != NULL)
		wire_put_auth_sasl(&s->out, offered, 2);
	else
		wire_put_auth_sasl(&s->out, offered + 1, 1);
}

static bool
login_nonce_fits(const struct wire_scram_final *final, struct slice client, const char *server)
{
	size_t	n = strlen(server);

	return final->nonce.n == client.n + n && memcmp(final->nonce.p, client.p, client.n) == 0 &&
	    memcmp(final->nonce.p + client.n, server, n) == 0;
}

static int
login_scram(struct session *s, int64_t deadline)
{
	struct ipc_challenge	 c;
	struct wire_scram_first	 first;
	struct wire_scram_final	 final;
	struct buf		 kept = { 0 }, message = { 0 }, binding = { 0 };
	struct slice		 body;
	unsigned char		 signature[CRYPTO_HASH_SIZE];
	char			*nonce = NULL;
	int			 rc = -1;

	login_offer(s);
	/* the keeper looks the user up while the client makes its first message */
	if (session_flush(s, deadline) != 0 || login_announce(s) != 0 ||
	    login_scram_first(s, &kept, &first, deadline) != 0 ||
	    login_challenge(s, &c, deadline) != 0)
		goto out;
	nonce = xstrdup(c.nonce);
	wire_put_scram_first(&message, first.nonce, nonce, c.salt, c.iterations);
	wire_put_auth(&s->out, WIRE_AUTH_SASL_CONTINUE, message.data, message.len);
	if (session_flush(s, deadline) != 0 || login_message(s, &body, deadline) != 0)
		goto out;
	if (first.gs2_flag == 'p' && net_tls_end_point(s->rt->tls, &binding) != 0) {
		login_malformed(s, "no channel binding for this certificate");
		goto out;
	}
	if (wire_scram_final(body, &final) != 0) {
		login_malformed(s, "client-final-message");
		goto out;
	}
	if (!login_nonce_fits(&final, first.nonce, nonce)) {
		login_malformed(s, "nonce");
		goto out;
	}
	if (!wire_scram_binding_ok(&first, &final, (struct slice){ binding.data, binding.len })) {
		login_malformed(s, "channel binding");
		goto out;
	}
	rc = login_prove(s, &(struct ipc_proof){
		.client_first_bare = first.bare, .client_nonce = first.nonce,
		.client_final_bare = final.without_proof,
		.proof = { final.proof, sizeof(final.proof) },
	    }, signature, deadline);
	login_consume(s, body);
	if (rc != 0)
		goto out;
	buf_reset(&message);
	wire_put_scram_final(&message, signature);
	wire_put_auth(&s->out, WIRE_AUTH_SASL_FINAL, message.data, message.len);
out:
	free(nonce);
	buf_free(&kept);
	buf_free(&message);
	buf_free(&binding);
	return rc;
}

/* A password in clear, over TLS: this process plays the SCRAM client. */
static int
login_password(struct session *s, int64_t deadline)
{
	static const char	 cnonce[] = "password";
	static const char	 bare[] = "n=,r=password";
	struct slice		 client_nonce = { (const unsigned char *)cnonce, sizeof(cnonce) - 1 };
	struct slice		 first_bare = { (const unsigned char *)bare, sizeof(bare) - 1 };
	struct ipc_challenge	 c;
	struct buf		 server_first = { 0 }, final = { 0 }, message = { 0 };
	unsigned char		 proof[CRYPTO_HASH_SIZE], signature[CRYPTO_HASH_SIZE];
	struct slice		 body;
	const char		*password;
	int			 rc = -1;

	wire_put_auth(&s->out, WIRE_AUTH_CLEARTEXT, NULL, 0);
	if (session_flush(s, deadline) != 0 || login_message(s, &body, deadline) != 0)
		return -1;
	if (wire_password(body, &password) != 0) {
		session_fatal(s, "08P01", "invalid password packet", "");
		return -1;
	}
	/* only now: who types a password takes his time, and it may be changed meanwhile */
	if (login_announce(s) != 0 || login_challenge(s, &c, deadline) != 0)
		goto out;
	wire_put_scram_first(&server_first, client_nonce, c.nonce, c.salt, c.iterations);
	buf_put_str(&final, "c=biws,r=password");
	buf_put_str(&final, c.nonce);
	wire_put_scram_auth_message(&message, first_bare,
	    (struct slice){ server_first.data, server_first.len }, (struct slice){ final.data, final.len });
	crypto_scram_proof(password, c.salt.p, c.salt.n, c.iterations, message.data, message.len, proof);
	rc = login_prove(s, &(struct ipc_proof){
		.client_first_bare = first_bare, .client_nonce = client_nonce,
		.client_final_bare = { final.data, final.len },
		.proof = { proof, sizeof(proof) },
	    }, signature, deadline);
out:
	login_consume(s, body);
	buf_free(&server_first);
	buf_free(&final);
	buf_free(&message);
	explicit_bzero(proof, sizeof(proof));
	return rc;
}

int
session_login(struct session *s, int64_t deadline)
{
	int	rc;

	if (s->conf->auth_method == CONF_AUTH_PASSWORD && s->tls == NULL) {
		session_fatal(s, "28000", "password authentication needs TLS here",
		    "Connect with sslmode=require or stronger.");
		return -1;
	}
	if (s->conf->auth_method == CONF_AUTH_PASSWORD)
		rc = login_password(s, deadline);
	else
		rc = login_scram(s, deadline);
	if (rc != 0)
		return -1;
	wire_put_auth(&s->out, WIRE_AUTH_OK, NULL, 0);
	return session_flush(s, deadline);
}
