/*
 * After the proof: one statement picks the grant and opens the connection's row, so nobody is let in whom
 * the record does not have. A refusal says why, but never whether a database exists that the
 * user has no grant for. The target's password is opened here, sent, and wiped.
 */
#include "keeper/keeper_grant.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "crypto/crypto_labels.h"
#include "keeper/keeper_login.h"
#include "keeper/keeper_register.h"
#include "keeper/keeper_registry.h"
#include "keeper/keeper_seal.h"
#include "keeper/keeper_target.h"
#include "record/record.h"
#include "store_sql.h"

void
grant_no_storage(struct peer *p)
{
	peer_refuse(p, "57P03", "",
	    "DBBat cannot reach its storage database, so no access can be recorded; try again shortly");
}

static void
grant_audited(PGresult *res, void *arg)
{
	(void)arg;
	if (res == NULL)
		log_error("an audit event of a failed login could not be recorded");
}

/* A refusal for the auditor, and for who reads the log. */
static void
grant_audit(struct peer *p, const char *action, const char *detail)
{
	const struct login	*l = p->login;
	char			 id[24], source[LOGIN_NAME_SIZE + 16];
	const char		*params[] = { l->user_id ? id : NULL, l->user, source, action, detail };

	snprintf(id, sizeof(id), "%lld", (long long)l->user_id);
	snprintf(source, sizeof(source), "%s:%u", l->host, l->port);
	log_info("%s: \"%s\" from %s: %s", action, l->user, source, detail);
	if (storage_query(p->keeper->storage, SQL_KEEPER_AUDIT, grant_audited, NULL, 5, params) != 0)
		grant_audited(NULL, NULL);
}

void
grant_wrong_password(struct peer *p, const char *why)
{
	grant_audit(p, "login.failed", why);
	peer_refuse(p, "28P01", "", "password authentication failed for user \"%s\"", p->login->user);
}

/* What login_refusal.sql may say; the words that both unknown and ungranted databases get are the same. */
static const struct reason {
	const char	*word;
	const char	*hint;	/* with the time */
} reasons[] = {
	{ "unknown database", "An administrator can grant access." },
	{ "no grant", "An administrator can grant access." },
	{ "revoked", "The grant was revoked at %s." },
	{ "not started", "The grant starts at %s." },
	{ "expired", "The grant expired at %s." },
};

static void
grant_refuse(struct peer *p, PGresult *res)
{
	struct login		*l = p->login;
	const struct reason	*r = NULL;
	const char		*word, *at, *s;
	char			 detail[256], hint[128];

	/* also when the peer is gone: it had the right password and no grant, which is an event */
	if (res == NULL || PQntuples(res) == 0) {
		grant_no_storage(p);
		return;
	}
	word = storage_text(res, 0, "reason");
	at = storage_text(res, 0, "at");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i].word, word) == 0)
			r = &reasons[i];
	if (r == NULL) {
		/* there is a grant, so the verifier is no longer the one the proof was for */
		grant_wrong_password(p, "the user was changed during the login");
		return;
	}
	s = strstr(r->hint, "%s");
	snprintf(hint, sizeof(hint), "%.*s%s%s", s ? (int)(s - r->hint) : (int)strlen(r->hint), r->hint,
	    s ? at : "", s ? s + 2 : "");
	snprintf(detail, sizeof(detail), "%s: database \"%s\"%s%s", r->word, l->database, s ? ", at " : "", s ? at : "");
	grant_audit(p, "login.refused", detail);
	peer_refuse(p, "28000", hint, "no active grant for user \"%s\" on database \"%s\"", l->user, l->database);
}

static void
grant_none(struct peer *p)
{
	char		 id[24];
	const char	*params[] = { id, p->login->database };

	snprintf(id, sizeof(id), "%lld", (long long)p->login->user_id);
	if (peer_query(p, SQL_LOGIN_REFUSAL, grant_refuse, 2, params) != 0)
		grant_no_storage(p);
}

/* The connection's row exists, but nobody will use it. */
static void
grant_unused(struct keeper *k, const PGresult *res, const char *reason)
{
	const char	*params[] = { storage_text(res, 0, "connection_id"), reason };

	if (storage_query(k->storage, SQL_KEEPER_END, NULL, NULL, 2, params) != 0)
		log_warn("the end of connection %s cannot be recorded: storage is away", params[0]);
}

static struct session *
grant_session(struct peer *p, const PGresult *res)
{
	struct session	*s = xcalloc(1, sizeof(*s));

	s->peer = p;
	s->connection_id = storage_int(res, 0, "connection_id");
	s->user_id = storage_int(res, 0, "user_id");
	s->database_id = storage_int(res, 0, "database_id");
	s->grant_id = storage_int(res, 0, "grant_id");
	s->limited = storage_bool(res, 0, "query_quota") || storage_bool(res, 0, "byte_quota");
	crypto_random(s->cancel_secret, sizeof(s->cancel_secret));
	snprintf(s->database, sizeof(s->database), "%s", storage_text(res, 0, "dbbat_database"));
	snprintf(s->user_mark, sizeof(s->user_mark), "%s", storage_text(res, 0, "user_mark"));
	snprintf(s->database_mark, sizeof(s->database_mark), "%s", storage_text(res, 0, "database_mark"));
	return s;
}

/*
 * Only for who needs it: in the statement that lets everybody in it would cost each login a quarter of that. Storage does it
 * before any lease of this session, which is asked for behind it; a grant without counters leases nothing.
 */
static void
grant_counters(struct keeper *k, const struct session *s)
{
	char		 id[24];
	const char	*params[] = { id };

	if (!s->limited)
		return;
	snprintf(id, sizeof(id), "%lld", (long long)s->grant_id);
	if (storage_query(k->storage, SQL_LOGIN_COUNTERS, NULL, NULL, 1, params) != 0)
		log_warn("the counters of grant %s cannot be made: storage is away", id);
}

/* What a session needs to log in to the target, opened. */
struct grant_secrets {
	char	*password;
	char	*ssl_key;		/* NULL: none */
};

/* 0, or -1 when one does not open. */
static int
grant_open_all(const struct keeper *k, const PGresult *res, struct grant_secrets *s)
{
	s->password = seal_open(k, res, "password", storage_bool(res, 0, "read_credential") ?
	    "read_password" : "password");
	if (s->password == NULL)
		return -1;
	if (*storage_text(res, 0, "ssl_cert") == '\0')
		return 0;
	s->ssl_key = seal_open(k, res, "ssl_key", "ssl_key");
	return s->ssl_key == NULL ? -1 : 0;
}

static void
grant_put(struct buf *packet, const struct keeper *k, const struct login *l, const struct session *s,
    const PGresult *res, const struct grant_secrets *secrets)
{
	struct buf	ticket = { 0 };
	unsigned char	key[CRYPTO_KEY_SIZE], salt[CRYPTO_SALT_SIZE];
	bool		sealed = k->rt->conf->capture_encrypt && storage_bool(res, 0, "capture");

	register_ticket(k, s, &ticket);
	if (sealed) {
		crypto_random(salt, sizeof(salt));
		crypto_capture_key(k->keys->capture, (uint64_t)s->connection_id, salt, key);
	}
	/* no copy of the password stays behind in memory that was grown */
	packet->max = IPC_PACKET_MAX;
	buf_reserve(packet, IPC_PACKET_MAX);
	ipc_put_grant(packet, &(struct ipc_grant){
		.server_signature = { l->signature, sizeof(l->signature) },
		.connection_id = (uint64_t)s->connection_id,
		.user_id = (uint64_t)s->user_id,
		.database_id = (uint64_t)s->database_id,
		.grant_id = (uint64_t)s->grant_id,
		.access = strcmp(storage_text(res, 0, "access_level"), "write") == 0,
		.expires_in_us = storage_int(res, 0, "expires_in_us"),
		.query_quota = storage_bool(res, 0, "query_quota"),
		.byte_quota = storage_bool(res, 0, "byte_quota"),
		.capture = storage_bool(res, 0, "capture"),
		.cancel_secret = { s->cancel_secret, sizeof(s->cancel_secret) },
		.ticket = { ticket.data, ticket.len },
		.host = storage_text(res, 0, "host"),
		.port = (uint32_t)storage_int(res, 0, "port"),
		.dbname = storage_text(res, 0, "database_name"),
		.username = storage_text(res, 0, "username"),
		.password = secrets->password,
		.ssl_mode = storage_text(res, 0, "ssl_mode"),
		.ssl_root_cert = storage_text(res, 0, "ssl_root_cert"),
		.ssl_cert = storage_text(res, 0, "ssl_cert"),
		.ssl_key = secrets->ssl_key,
		/* who does not ship for itself need not know it */
		.log_dsn = k->rt->conf->audit_sync != RECORD_SYNC_STORAGE ? "" : k->rt->record_dsn,
		.pin = k->rt->conf->read_pinning == CONF_PIN_ALWAYS || !storage_bool(res, 0, "role_clean"),
		.max_queries = (uint64_t)storage_int(res, 0, "max_queries"),
		.max_bytes = (uint64_t)storage_int(res, 0, "max_bytes"),
		.capture_key = { key, sealed ? sizeof(key) : 0 },
		.capture_salt = { salt, sealed ? sizeof(salt) : 0 },
		.started_us = storage_int(res, 0, "started_us"),
	});
	explicit_bzero(key, sizeof(key));
	buf_free(&ticket);
}

static void
grant_found(struct peer *p, PGresult *res)
{
	struct keeper	*k = p->keeper;
	struct buf	 packet = { 0 };
	struct grant_secrets secrets = { NULL, NULL };
	bool		 opened, read;

	if (res == NULL) {
		grant_no_storage(p);
		return;
	}
	if (PQntuples(res) == 0) {
		grant_none(p);
		return;
	}
	if (p->phase == PHASE_GONE) {
		grant_unused(k, res, "session process died");
		return;
	}
	opened = grant_open_all(k, res, &secrets) == 0;
	if (opened) {
		p->session = grant_session(p, res);
		registry_add(k->registry, p->session);
		grant_put(&packet, k, p->login, p->session, res, &secrets);
		if (packet.failed)
			registry_remove(k->registry, p->session);
	}
	secret_free(secrets.password);
	secret_free(secrets.ssl_key);
	if (!opened || packet.failed) {
		log_error("the stored credentials of database \"%s\" cannot be %s", p->login->database,
		    opened ? "handed over: they are too long" : "opened with this master key");
		grant_unused(k, res, "the stored credentials cannot be used");
		peer_refuse(p, "58000", "", "the stored credentials of database \"%s\" cannot be opened with this "
		    "master key; an administrator must set them again", p->login->database);
		buf_wipe(&packet);
		return;
	}
	login_free(p->login);
	p->login = NULL;
	grant_counters(k, p->session);
	peer_set_phase(p, PHASE_SERVING);
	peer_send(p, &packet);
	/* it is let in as it is; the next one profits */
	read = strcmp(storage_text(res, 0, "access_level"), "read") == 0;
	if (read && k->rt->conf->read_pinning == CONF_PIN_AUTO && storage_bool(res, 0, "check_due"))
		target_check(k, storage_int(res, 0, "database_id"));
}

void
grant_ask(struct peer *p)
{
	const struct login	*l = p->login;
	char			 id[24], port[12], max_age[24];
	const char		*params[] = {
		id, l->sealed, l->database, p->keeper->rt->conf->capture ? "t" : "f",
		l->host, port, l->tls ? "t" : "f", l->application, max_age,
		p->keeper->rt->node_id, p->keeper->rt->boot_id,
	};

	snprintf(id, sizeof(id), "%lld", (long long)l->user_id);
	snprintf(port, sizeof(port), "%u", l->port);
	snprintf(max_age, sizeof(max_age), "%lld", (long long)p->keeper->rt->conf->role_check_max_age);
	if (peer_query(p, SQL_LOGIN_GRANT, grant_found, 11, params) != 0)
		grant_no_storage(p);
}
