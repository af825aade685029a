/*
 * Logins at a real keeper on a real storage: who gets in, what the others are told, what the
 * record has of it, and what a session or a worker that says other things gets.
 */
#include "keeper_rig.h"

#include <sys/socket.h>

static const struct who	john = { "john", "secret123", "my_database", false };

/* What john's verifier makes of the last AuthMessage. */
static void
right_signature(unsigned char signature[CRYPTO_HASH_SIZE])
{
	struct crypto_scram	 v = { 0 };
	unsigned char		 key[CRYPTO_KEY_SIZE], *sealed;
	char			*opened;
	size_t			 n;

	crypto_subkey(rig_master, CRYPTO_LABEL_SEAL, key);
	sealed = PQunescapeBytea((const unsigned char *)sql("SELECT scram_verifier FROM dbbat.users WHERE id = 2"), &n);
	opened = crypto_open(key, "user:2:scram", sealed, n, &n);
	if (opened == NULL || crypto_scram_parse(opened, &v) != 0)
		cluster_fail("the verifier does not open");
	crypto_hmac(v.server_key, sizeof(v.server_key), said.data, said.len, signature);
	PQfreemem(sealed);
	secret_free(opened);
}

static void
test_grant(void)
{
	unsigned char	signature[CRYPTO_HASH_SIZE];
	char		id[24];
	int		fd = dial();

	is_int(log_in(fd, &john), IPC_GRANT, "the right password and a grant: in");
	right_signature(signature);
	ok(grant.server_signature.n == sizeof(signature) &&
	    memcmp(grant.server_signature.p, signature, sizeof(signature)) == 0, "with the server's signature");
	is_int(grant.user_id, 2, "user");
	is_int(grant.database_id, 1, "database");
	is_int(grant.grant_id, 2, "write before read, then the later end");
	is_int(grant.access, 1, "write");
	ok(grant.expires_in_us > INT64_C(7100) * 1000000 && grant.expires_in_us <= INT64_C(7200) * 1000000,
	    "the time that is left (%" PRId64 ")", grant.expires_in_us);
	ok(!grant.query_quota && grant.byte_quota, "which quotas there are");
	is_int(grant.capture, 0, "capture as configured");
	ok(grant.cancel_secret.n == 4, "a cancel key");
	is_str(grant.host, "db.example", "target host");
	is_int(grant.port, 6432, "port");
	is_str(grant.dbname, "prod", "database there");
	is_str(grant.username, "role", "role");
	is_str(grant.password, RIG_TARGET_PASSWORD, "its password, opened");
	is_str(grant.ssl_mode, "require", "ssl_mode");
	is_str(grant.log_dsn, "", "and no way to the storage, where somebody else ships the records");
	snprintf(id, sizeof(id), "%" PRIu64, grant.connection_id);
	is_str(sql("SELECT concat_ws(' ', username, database, grant_id, access_level, client_host, client_port, tls, "
	    "application_name, ended_at) FROM dbbat.connections WHERE id = %s", id),
	    "john my_database 2 write 127.0.0.1 4711 t test", "the connection is in the record");
	close(fd);
	becomes("SELECT end_reason FROM dbbat.connections ORDER BY id DESC LIMIT 1", "session process died",
	    "a session that just hangs up is recorded as dead");

	sql("UPDATE dbbat.databases SET capture = true WHERE id = 1");
	fd = session(&john);
	is_int(grant.capture, 1, "a database may want its results captured");
	bye(fd, 0, 0);
	/* what the keeper would have written comes before its answer to another */
	bye(session(&john), 0, 0);
	is_str(sql("SELECT count(*) FROM dbbat.connections WHERE end_reason IS NULL"), "2",
	    "the end of a session that said BYE is its own to write");
}

static void
test_password(void)
{
	struct who	w = john;
	char		wrong[256], salt[32];
	int		fd;

	w.password = "guess";
	snprintf(wrong, sizeof(wrong), "%s", refusal(&w));
	is_str(wrong, "28P01 password authentication failed for user \"john\"|", "a wrong password");
	w.database = "no such";
	is_str(refusal(&w), wrong, "nothing is said of databases before the password");
	w.user = "nobody";
	is_str(refusal(&w), "28P01 password authentication failed for user \"nobody\"|", "an unknown user: the same words");
	is_int(challenge.salt.n, 16, "a mock salt of the usual length");
	is_int(challenge.iterations, CRYPTO_SCRAM_ITERATIONS, "and iterations");
	memcpy(salt, challenge_salt, 16);
	refusal(&w);
	ok(memcmp(salt, challenge_salt, 16) == 0, "the salt stays");
	w.user = "noone";
	refusal(&w);
	ok(memcmp(salt, challenge_salt, 16) != 0, "and is not that of another");

	is_str(refusal(&(struct who){ "admin", "admin", "x", true }),
	    "28P01 password authentication failed for user \"admin\"|", "the default password from elsewhere");
	is_str(refusal(&(struct who){ "admin", "admin", "x", false }),
	    "28000 no active grant for user \"admin\" on database \"x\"|An administrator can grant access.",
	    "the default password from loopback: only a grant is missing");

	/* a verifier of another row, which was moved here */
	sql("UPDATE dbbat.users SET scram_verifier = (SELECT scram_verifier FROM dbbat.users WHERE id = 2) WHERE id = 4");
	is_str(refusal(&(struct who){ "mover", "secret123", "my_database", false }),
	    "28P01 password authentication failed for user \"mover\"|", "a verifier moved from another user does not open");

	becomes("SELECT string_agg(concat_ws(' ', actor_id, actor, source, detail), ', ' ORDER BY id) FROM dbbat.audit_events "
	    "WHERE action = 'login.failed'",
	    "2 john 127.0.0.1:4711 wrong password, 2 john 127.0.0.1:4711 wrong password, "
	    "nobody 127.0.0.1:4711 unknown user, nobody 127.0.0.1:4711 unknown user, noone 127.0.0.1:4711 unknown user, "
	    "1 admin 192.0.2.7:4711 default password from a remote address, "
	    "4 mover 127.0.0.1:4711 stored verifier does not open with this master key",
	    "the auditor is told the true reasons");

	/* the password changes between challenge and proof */
	fd = dial();
	is_int(ask_login(fd, &john), IPC_CHALLENGE, "a login that waits");
	add_user(2, "john", "changed");
	prove(fd, "secret123");
	is_int(hear(fd), IPC_REFUSE, "while the password changes");
	ipc_get_refuse(HEARD, &refuse);
	is_str(refuse.sqlstate, "28P01", "is refused");
	close(fd);
	add_user(2, "john", "secret123");
}

/* Names as a hostile client sends them. */
static void
test_names(void)
{
	static char	long_name[5000];
	struct who	w = { long_name, "x", long_name, false };

	memset(long_name, 'a', sizeof(long_name) - 1);
	ok(strstr(refusal(&w), "28P01") != NULL && strlen(refuse.message) < 150, "a name of 5000 bytes is cut");
	becomes("SELECT length(actor) FROM dbbat.audit_events ORDER BY id DESC LIMIT 1", "63", "to 63 for the record");
	memset(long_name + 62, 0, sizeof(long_name) - 62);
	memcpy(long_name + 62, "\xc3\xa9", 2);
	refusal(&w);
	becomes("SELECT length(actor) FROM dbbat.audit_events ORDER BY id DESC LIMIT 1", "62", "between characters");
	w.user = "a\xff\xc0\xaf\xed\xa0\x80\xf5z\xe2\x82";
	ok(strstr(refusal(&w), "28P01") != NULL, "a name that is not UTF-8 is just unknown");
	becomes("SELECT actor FROM dbbat.audit_events ORDER BY id DESC LIMIT 1", "a???????z??", "and legible");
	w.user = "'; DROP TABLE dbbat.users; --";
	ok(strstr(refusal(&w), "28P01") != NULL, "nor is SQL of use");
	w.user = "";
	ok(strstr(refusal(&w), "28P01") != NULL, "an empty name");
}

static void
test_refusals(void)
{
	static const struct {
		const char	*grant, *hint, *detail;
	} cases[] = {
		{ NULL, "An administrator can grant access.", "no grant: database \"other\"" },
		{ "'read', '2020-01-01', '2021-02-03', NULL, NULL", "The grant expired at 2021-02-03 00:00:00 UTC.",
		    "expired: database \"other\", at 2021-02-03 00:00:00 UTC" },
		{ "'read', '2020-01-01', '2020-02-03', NULL, NULL", "The grant expired at 2021-02-03 00:00:00 UTC.",
		    "expired: database \"other\", at 2021-02-03 00:00:00 UTC" },
		{ "'read', '2099-01-01', '2099-02-03', NULL, NULL", "The grant starts at 2099-01-01 00:00:00 UTC.",
		    "not started: database \"other\", at 2099-01-01 00:00:00 UTC" },
	};
	struct who	w = { "john", "secret123", "other", false };
	char		unknown[512], want[512];

	w.database = "no such";
	snprintf(unknown, sizeof(unknown), "%s", refusal(&w));
	is_str(unknown, "28000 no active grant for user \"john\" on database \"no such\"|An administrator can grant access.",
	    "an unknown database");
	w.database = "other";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].grant != NULL)
			add_grant(100 + (int)i, 2, 2, cases[i].grant);
		snprintf(want, sizeof(want), "28000 no active grant for user \"john\" on database \"other\"|%s", cases[i].hint);
		is_str(refusal(&w), want, cases[i].detail);
		becomes("SELECT action || ' ' || detail FROM dbbat.audit_events ORDER BY id DESC LIMIT 1",
		    (snprintf(want, sizeof(want), "login.refused %s", cases[i].detail), want), "and the audit event");
	}
	sql("DELETE FROM dbbat.grants WHERE id >= 100");
	add_grant(100, 2, 2, "'read', '2020-01-01', '2099-01-01', NULL, NULL");
	sql("UPDATE dbbat.grants SET revoked_at = '2024-05-06' WHERE id = 100");
	is_str(refusal(&w), "28000 no active grant for user \"john\" on database \"other\"|"
	    "The grant was revoked at 2024-05-06 00:00:00 UTC.", "revoked");
	is_str(sql("SELECT count(*) FROM dbbat.connections WHERE database = 'other'"), "0", "none of them is a connection");

	sql("UPDATE dbbat.grants SET revoked_at = NULL WHERE id = 100");
	sql("UPDATE dbbat.databases SET password = (SELECT password FROM dbbat.databases WHERE id = 1) WHERE id = 2");
	is_str(refusal(&w), "58000 the stored credentials of database \"other\" cannot be opened with this master key; "
	    "an administrator must set them again|", "credentials that do not open");
	becomes("SELECT end_reason FROM dbbat.connections WHERE database = 'other'",
	    "the stored credentials cannot be used", "its connection has ended");
}

/* One message where it has no place: the keeper hangs up. */
#define DROPPED(fd, what, name, ...)	do {				\
	SAY(fd, name, __VA_ARGS__);					\
	is_int(hear(fd), IPC_NONE, what);				\
	close(fd);							\
} while (0)

static void
test_phases(void)
{
	static unsigned char	zeros[32];
	struct slice		none = { zeros, 32 };
	int			fd;

	fd = dial();
	DROPPED(fd, "PROOF first", proof, .client_nonce = none, .client_first_bare = none, .client_final_bare = none, .proof = none);
	fd = dial();
	DROPPED(fd, "LEASE first", lease, .queries = 1);
	fd = dial();
	DROPPED(fd, "BYE first", bye, .queries = 1);
	fd = dial();
	DROPPED(fd, "SEAL without HELLO", seal, .identity = "user:1:scram", .secret = none);
	fd = dial();
	DROPPED(fd, "a message of the keeper's own", grant, .port = 1);
	fd = dial();
	ask_login(fd, &john);
	DROPPED(fd, "LOGIN twice", login, .user = "john");
	fd = dial();
	ask_login(fd, &john);
	DROPPED(fd, "SEAL after LOGIN", seal, .identity = "user:1:scram", .secret = none);
	fd = dial();
	ask_login(fd, &john);
	DROPPED(fd, "LEASE before the proof", lease, .queries = 1);
	fd = dial();
	ask_login(fd, &john);
	DROPPED(fd, "a proof of 31 bytes", proof, .client_first_bare = none, .client_nonce = none, .client_final_bare = none,
	    .proof = { zeros, 31 });
	fd = session(&john);
	DROPPED(fd, "LOGIN after GRANT", login, .user = "john");
	fd = session(&john);
	DROPPED(fd, "HELLO after GRANT", hello, .token = { rig_token, sizeof(rig_token) });

	fd = dial();
	(void)!send(fd, "\x01\x00", 2, MSG_NOSIGNAL);
	is_int(hear(fd), IPC_NONE, "a LOGIN cut short");
	close(fd);
	fd = dial();
	(void)!send(fd, "\xff", 1, MSG_NOSIGNAL);
	is_int(hear(fd), IPC_NONE, "an unknown type");
	close(fd);
	fd = session(&john);
	ok(true, "and the keeper goes on");
	bye(fd, 0, 0);
}

static void
test_seal(void)
{
	struct ipc_sealed	m;
	unsigned char		key[CRYPTO_KEY_SIZE];
	char			*opened = NULL, identity[CRYPTO_IDENTITY_SIZE + 1];
	size_t			 n;
	int			 fd = dial();

	SAY(fd, hello, .token = { rig_token, sizeof(rig_token) });
	crypto_subkey(rig_master, CRYPTO_LABEL_SEAL, key);
	for (int i = 0; i < 2; i++) {
		SAY(fd, seal, .identity = "database:9:password", .secret = text("hush"));
		if (is_int(hear(fd), IPC_SEALED, "a secret is sealed") && ipc_get_sealed(HEARD, &m) == 0)
			opened = crypto_open(key, "database:9:password", m.sealed.p, m.sealed.n, &n);
		is_str(opened, "hush", "for its row");
		secret_free(opened);
		opened = NULL;
	}
	DROPPED(fd, "an API worker does not log in", login, .user = "john");

	memset(identity, 'x', sizeof(identity) - 1);
	identity[sizeof(identity) - 1] = '\0';
	fd = dial();
	SAY(fd, hello, .token = { rig_token, sizeof(rig_token) });
	DROPPED(fd, "an identity that is too long", seal, .identity = identity, .secret = text("hush"));
	fd = dial();
	SAY(fd, hello, .token = { rig_master, sizeof(rig_master) });
	DROPPED(fd, "a wrong token", seal, .identity = "user:1:scram", .secret = text("hush"));
	fd = dial();
	SAY(fd, hello, .token = { rig_token, sizeof(rig_token) - 1 });
	DROPPED(fd, "a short token", seal, .identity = "user:1:scram", .secret = text("hush"));
}

int
main(void)
{
	rig_start();
	add_user(2, "john", "secret123");
	add_user(4, "mover", "else");
	add_database(1, "my_database");
	add_database(2, "other");
	add_grant(1, 2, 1, "'read', now() - interval '1 hour', now() + interval '9 hours', NULL, NULL");
	add_grant(2, 2, 1, "'write', now() - interval '1 hour', now() + interval '2 hours', NULL, 1000000");
	add_grant(3, 2, 1, "'write', now() - interval '1 hour', now() + interval '1 hour', 5, NULL");
	test_grant();
	test_password();
	test_names();
	test_refusals();
	test_phases();
	test_seal();
	rig_end();
	return tap_done();
}
