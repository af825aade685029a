/*
 * For the keeper's tests: a throw-away storage cluster, a keeper in a child
 * process, and what sessions and API workers say to it. Both go away with the test, however it ends.
 */
#ifndef KEEPER_RIG_H
#define KEEPER_RIG_H

#include "cluster_rig.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/base_time.h"
#include "crypto/crypto_labels.h"
#include "crypto/crypto_scram.h"
#include "crypto/crypto_seal.h"
#include "ipc/ipc.h"
#include "keeper/keeper.h"
#include "store/store.h"
#include "wire/wire_scram.h"

#define RIG_PATIENCE	10000	/* ms: what is said to come must come within */
#define RIG_TARGET_PASSWORD	"the target's own secret"

static char		 rig_socket[128];
static unsigned char	 rig_master[CRYPTO_KEY_SIZE], rig_token[RUNTIME_TOKEN_SIZE];
static pid_t		 rig_keeper;
static struct store	*rig_store;
static struct conf	 rig_conf;

/* --- the storage ------------------------------------------------------------------- */

/* With a new connection of the test's own. */
static inline int
rig_storage_start(void)
{
	store_close(rig_store);
	rig_store = store_new(cluster_dsn, "test", 0);
	return cluster_start();
}

/* The first column of the first row, as long as the next call; "" when there is none. */
static inline const char * __attribute__((format(printf, 1, 2)))
sql(const char *fmt, ...)
{
	static char	 answer[4096];
	char		*text;
	PGresult	*res;
	struct error	 err;
	va_list		 ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		exit(1);
	va_end(ap);
	if (store_ready(rig_store, &err) != 0)
		cluster_fail(err.msg);
	res = store_script(rig_store, text);
	if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
		cluster_fail(PQresultErrorMessage(res));
	snprintf(answer, sizeof(answer), "%s", PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	free(text);
	return answer;
}

/* A test that the query says `want`, now or soon. */
static inline void
becomes(const char *query, const char *want, const char *name)
{
	int64_t	end = time_mono_us() + RIG_PATIENCE * 1000;

	while (strcmp(sql("%s", query), want) != 0 && time_mono_us() < end)
		usleep(10000);
	is_str(sql("%s", query), want, name);
}

static inline char *
rig_sealed(const char *label, int id, const void *p, size_t n)
{
	unsigned char	key[CRYPTO_KEY_SIZE];
	struct buf	sealed = { 0 };
	char		identity[CRYPTO_IDENTITY_SIZE], *text;

	crypto_subkey(rig_master, CRYPTO_LABEL_SEAL, key);
	crypto_identity(identity, label, id, strcmp(label, "user") == 0 ? "scram" : "password");
	crypto_seal(key, identity, p, n, &sealed);
	text = store_bytea(sealed.data, sealed.len);
	buf_free(&sealed);
	return text;
}

static inline void
add_user(int id, const char *name, const char *password)
{
	struct error	 err;
	char		*verifier, *sealed;

	if (store_ready(rig_store, &err) != 0 || (verifier = store_scram_verifier(rig_store, password, &err)) == NULL)
		cluster_fail(err.msg);
	sealed = rig_sealed("user", id, verifier, strlen(verifier));
	sql("INSERT INTO dbbat.users (id, username, password_hash, scram_verifier) VALUES (%d, '%s', 'x', '%s') "
	    "ON CONFLICT (id) DO UPDATE SET scram_verifier = excluded.scram_verifier", id, name, sealed);
	secret_free(verifier);
	free(sealed);
}

static inline void
add_database(int id, const char *name)
{
	char	*sealed = rig_sealed("database", id, RIG_TARGET_PASSWORD, strlen(RIG_TARGET_PASSWORD));

	sql("INSERT INTO dbbat.databases (id, name, host, port, database_name, username, password, ssl_mode) "
	    "VALUES (%d, '%s', 'db.example', 6432, 'prod', 'role', '%s', 'require')", id, name, sealed);
	free(sealed);
}

/* `rest`: of "read", now() - interval … in SQL: access, starts, expires, max_queries, max_bytes. */
static inline void
add_grant(int id, int user, int database, const char *rest)
{
	sql("INSERT INTO dbbat.grants (id, user_id, database_id, access_level, starts_at, expires_at, max_queries, "
	    "max_bytes) VALUES (%d, %d, %d, %s)", id, user, database, rest);
}

/* --- the keeper ---------------------------------------------------------------------- */

static inline void
keeper_start(void)
{
	struct runtime	 rt = { .conf = &rig_conf, .dsn = cluster_dsn, .record_dsn = cluster_dsn, .keeper_path = rig_socket, .keeper_fd = -1 };
	struct error	 err;
	pid_t		 parent = getpid();
	char		 log[128];
	int		 fd;

	memcpy(rt.key, rig_master, sizeof(rt.key));
	memcpy(rt.token, rig_token, sizeof(rt.token));
	rt.keeper_fd = ipc_listen(rig_socket, &err);
	if (rt.keeper_fd < 0)
		cluster_fail(err.msg);
	fflush(stdout);
	rig_keeper = fork();
	if (rig_keeper == 0) {
		close(cluster_guard_pipe);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		snprintf(log, sizeof(log), "%s/keeper.log", cluster_dir);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
		dup2(fd, STDERR_FILENO);
		close(fd);
		keeper_main(&rt);
	}
	close(rt.keeper_fd);
}

/* Its exit code, or -1 when it did not end by itself in time. */
static inline int
keeper_ends(void)
{
	int	status;

	for (int i = 0; i < RIG_PATIENCE / 10; i++) {
		if (waitpid(rig_keeper, &status, WNOHANG) == rig_keeper) {
			rig_keeper = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		}
		usleep(10000);
	}
	return -1;
}

static inline void
rig_start(void)
{
	struct error	err;

	crypto_random(rig_master, sizeof(rig_master));
	crypto_random(rig_token, sizeof(rig_token));
	rig_conf.login_timeout = 60000;
	cluster_make();
	rig_store = store_new(cluster_dsn, "test", 0);
	snprintf(rig_socket, sizeof(rig_socket), "%s/keeper.sock", cluster_dir);
	if (store_migrate(cluster_dsn, "", rig_master, &err) < 0)
		cluster_fail(err.msg);
	keeper_start();
}

/* Ends the keeper, and looks for secrets in what it has logged. */
static inline void
rig_end(void)
{
	if (rig_keeper != 0) {
		kill(rig_keeper, SIGINT);
		is_int(keeper_ends(), 0, "SIGINT ends the keeper");
	}
	is_int(cluster_run("! grep -e 'own secret' -e SCRAM-SHA-256 $D/keeper.log"), 0, "no secret in its log");
	store_close(rig_store);
	cluster_remove();
}

/* --- what is said and heard -------------------------------------------------------------- */

static inline int
dial(void)
{
	struct error	err;
	int		fd = ipc_connect(rig_socket, 5000, &err);

	if (fd < 0)
		cluster_fail(err.msg);
	return fd;
}

#define SAY(fd, name, ...)	do {						\
	struct buf	say = { 0 };						\
	ipc_put_##name(&say, &(struct ipc_##name){ __VA_ARGS__ });		\
	(void)!ipc_send(fd, &say);						\
	buf_free(&say);								\
} while (0)

static struct buf	heard;	/* the last packet */
static struct buf	said;	/* AuthMessage of the last proof */

#define HEARD	((struct slice){ heard.data, heard.len })

/* The type of the next packet; IPC_NONE: hung up; -1: nothing in time. */
static inline int
hear_within(int fd, int ms)
{
	int	rc = ipc_recv(fd, &heard, ms);

	return rc > 0 ? (int)ipc_type(HEARD) : rc < 0 ? IPC_NONE : -1;
}

static inline int
hear(int fd)
{
	return hear_within(fd, RIG_PATIENCE);
}

struct who {
	const char	*user, *password, *database;
	bool		 remote;
};

static struct ipc_challenge	challenge;	/* of the last login; the salt is a copy */
static unsigned char		challenge_salt[64];
static struct ipc_grant		grant;		/* points into `heard` */
static struct ipc_refuse	refuse;

/* Up to the challenge. The type of what was heard. */
static inline int
ask_login(int fd, const struct who *w)
{
	int	type;

	SAY(fd, login, .user = w->user, .database = w->database, .client_host = w->remote ? "192.0.2.7" : "127.0.0.1",
	    .client_port = 4711, .loopback = !w->remote, .tls = 1, .application_name = "test");
	type = hear(fd);
	if (type == IPC_REFUSE)
		ipc_get_refuse(HEARD, &refuse);
	if (type != IPC_CHALLENGE || ipc_get_challenge(HEARD, &challenge) != 0 ||
	    challenge.salt.n > sizeof(challenge_salt))
		return type;
	memcpy(challenge_salt, challenge.salt.p, challenge.salt.n);
	challenge.salt.p = challenge_salt;
	return type;
}

static inline struct slice
text(const char *s)
{
	return (struct slice){ (const unsigned char *)s, strlen(s) };
}

/* Sends the proof of this password for the last challenge. */
static inline void
prove(int fd, const char *password)
{
	struct buf	first = { 0 }, final = { 0 };
	unsigned char	proof[CRYPTO_HASH_SIZE];

	wire_put_scram_first(&first, text("client"), challenge.nonce, challenge.salt, challenge.iterations);
	buf_putf(&final, "c=biws,r=client%s", challenge.nonce);
	buf_reset(&said);
	wire_put_scram_auth_message(&said, text("n=,r=client"), (struct slice){ first.data, first.len },
	    (struct slice){ final.data, final.len });
	crypto_scram_proof(password, challenge.salt.p, challenge.salt.n, challenge.iterations, said.data, said.len, proof);
	SAY(fd, proof, .client_first_bare = text("n=,r=client"), .client_nonce = text("client"),
	    .client_final_bare = { final.data, final.len }, .proof = { proof, sizeof(proof) });
	buf_free(&first);
	buf_free(&final);
}

/* A whole login: IPC_GRANT or IPC_REFUSE, taken apart, or what else came. */
static inline int
log_in(int fd, const struct who *w)
{
	int	type = ask_login(fd, w);

	if (type != IPC_CHALLENGE)
		return type;
	prove(fd, w->password);
	type = hear(fd);
	if (type == IPC_GRANT && ipc_get_grant(HEARD, &grant) != 0)
		return -2;
	if (type == IPC_REFUSE && ipc_get_refuse(HEARD, &refuse) != 0)
		return -2;
	return type;
}

/* "SQLSTATE message|hint" of a login that must be refused, and hung up on. */
static inline const char *
refusal(const struct who *w)
{
	static char	words[1024];
	int		fd = dial(), type = log_in(fd, w);

	if (type == IPC_REFUSE)
		snprintf(words, sizeof(words), "%s %s|%s", refuse.sqlstate, refuse.message, refuse.hint);
	else
		snprintf(words, sizeof(words), "heard %d", type);
	if (hear(fd) != IPC_NONE)
		snprintf(words, sizeof(words), "it goes on");
	close(fd);
	return words;
}

/* A session that was let in, or the test ends. */
static inline int
session(const struct who *w)
{
	int	fd = dial(), type = log_in(fd, w);

	if (type != IPC_GRANT)
		cluster_fail(type == IPC_REFUSE ? refuse.message : "a login failed");
	return fd;
}

/* "queries/bytes" of a lease, with "failed", or what else came. */
static inline const char *
lease(int fd, uint64_t queries, uint64_t bytes)
{
	static char		words[64];
	struct ipc_leased	m;
	int			type;

	SAY(fd, lease, .queries = queries, .bytes = bytes);
	type = hear(fd);
	if (type == IPC_LEASED && ipc_get_leased(HEARD, &m) == 0)
		snprintf(words, sizeof(words), "%" PRIu64 "/%" PRIu64 "%s", m.queries, m.bytes, m.failed ? " failed" : "");
	else
		snprintf(words, sizeof(words), "heard %d", type);
	return words;
}

/* "SQLSTATE message" of the TERMINATE that must come within a second. */
static inline const char *
termination(int fd)
{
	static char		words[512];
	struct ipc_terminate	m;
	int			type = hear_within(fd, 1000);

	if (type == IPC_TERMINATE && ipc_get_terminate(HEARD, &m) == 0)
		snprintf(words, sizeof(words), "%s %s", m.sqlstate, m.message);
	else
		snprintf(words, sizeof(words), "heard %d", type);
	return words;
}

static inline void
bye(int fd, uint64_t queries, uint64_t bytes)
{
	SAY(fd, bye, .queries = queries, .bytes = bytes);
	hear(fd);
	close(fd);
}

#endif
