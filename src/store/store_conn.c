/*
 * Connections to the storage database and blocking statements on them. A
 * statement never waits longer than it was allowed to, whatever the server does.
 * Does not know any table, and never puts a value into SQL text.
 */
#include "store/store.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"
#include "base/base_text.h"
#include "base/base_time.h"
#include "store/store_prepared.h"

#define STORE_GRACE_MS	2000		/* what the server gets beyond its own statement_timeout */
/* what it confirms is safe, unless the DSN says otherwise: records leave their journal then */
#define STORE_COMMIT	"-c synchronous_commit=on"
#define STORE_OPTIONS	"-c DateStyle=ISO,YMD -c TimeZone=UTC -c IntervalStyle=postgres"

struct store {
	char		*dsn;
	char		*what;
	int		 timeout_ms;
	PGconn		*conn;
	struct store_prepared	prepared;	/* on conn */
	int64_t		 retry_at;	/* monotonic: no attempt to connect before */
	struct error	 failure;	/* of the last one */
};

void
store_params(struct store_params *p, const char *dsn, const char *what)
{
	static const char *const keywords[] = {
		/* what stands before dbname yields to the DSN, what stands behind it does not */
		"connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
		"gssencmode",	/* each connection would read Kerberos files in vain */
		"dbname", "application_name", "client_encoding", "options", NULL
	};
	PQconninfoOption	*parsed = PQconninfoParse(dsn, NULL), *o;
	const char		*theirs = "";

	for (o = parsed; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "options") == 0 && o->val != NULL)
			theirs = o->val;
	snprintf(p->application, sizeof(p->application), "dbbat %s", what);
	if ((size_t)snprintf(p->options, sizeof(p->options), STORE_COMMIT " %s " STORE_OPTIONS, theirs) >= sizeof(p->options))
		snprintf(p->options, sizeof(p->options), STORE_COMMIT " " STORE_OPTIONS);
	PQconninfoFree(parsed);

	memcpy(p->keywords, keywords, sizeof(keywords));
	p->values[0] = "5";
	p->values[1] = "10000";
	p->values[2] = "30";
	p->values[3] = "10";
	p->values[4] = "disable";
	p->values[5] = dsn;
	p->values[6] = p->application;
	p->values[7] = "UTF8";
	p->values[8] = p->options;
	p->values[9] = NULL;
}

/* Overwrites each occurrence of the connection's password with asterisks. */
static void
store_hide(char *msg, const PGconn *conn)
{
	const char	*password = conn ? PQpass(conn) : NULL;
	size_t		 n = password ? strlen(password) : 0;
	char		*at;

	if (n == 0)
		return;
	while ((at = strstr(msg, password)) != NULL && strspn(at, "*") < n)
		memset(at, '*', n);
}

const char *
store_error(const PGconn *conn, const PGresult *res, struct error *err)
{
	const char	*primary = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char	*severity = res ? PQresultErrorField(res, PG_DIAG_SEVERITY) : NULL;
	const char	*text = conn ? PQerrorMessage(conn) : "";
	size_t		 i, n;

	if (primary != NULL)
		error_set(err, "%s: %s", severity ? severity : "ERROR", primary);
	else
		error_set(err, "%s", text[0] ? text : "no connection to the storage database");
	store_hide(err->msg, conn);
	for (n = strlen(err->msg); n > 0 && strchr(" \n", err->msg[n - 1]) != NULL; n--)
		err->msg[n - 1] = '\0';
	for (i = 0; i < n; i++)
		if (err->msg[i] == '\n' || err->msg[i] == '\t')
			err->msg[i] = ' ';
	return err->msg;
}

struct store *
store_new(const char *dsn, const char *what, int timeout_ms)
{
	struct store	*s = xcalloc(1, sizeof(*s));

	s->dsn = xstrdup(dsn);
	s->what = xstrdup(what);
	s->timeout_ms = timeout_ms;
	return s;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	PQfinish(s->conn);
	secret_free(s->dsn);
	free(s->what);
	free(s);
}

PGconn *
store_conn(struct store *s)
{
	return s->conn;
}

static void
store_drop(struct store *s)
{
	PQfinish(s->conn);
	s->conn = NULL;
}

/* A notice may quote values; the operator log is no place for them. */
static void
store_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static int
store_limit(struct store *s)
{
	char		 ms[16];
	const char	*params[1] = { ms };
	PGresult	*res;
	int		 ok;

	if (s->timeout_ms == 0)
		return 0;
	snprintf(ms, sizeof(ms), "%d", s->timeout_ms);
	res = store_exec(s, "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false)",
	    1, params);
	ok = PQresultStatus(res) == PGRES_TUPLES_OK;
	PQclear(res);
	return ok ? 0 : -1;
}

/* Reads what an idle connection was told meanwhile, its end behind the last words included. */
static bool
store_alive(struct store *s)
{
	struct pollfd	pfd = { .events = POLLIN };

	if (s->conn == NULL || PQstatus(s->conn) != CONNECTION_OK || PQtransactionStatus(s->conn) != PQTRANS_IDLE)
		return false;
	pfd.fd = PQsocket(s->conn);
	while (poll(&pfd, 1, 0) > 0)
		if (!PQconsumeInput(s->conn) || PQstatus(s->conn) != CONNECTION_OK)
			return false;
	return true;
}

int
store_ready(struct store *s, struct error *err)
{
	struct store_params	p;
	int64_t			now = time_mono_us();

	if (store_alive(s))
		return 0;
	store_drop(s);
	if (now < s->retry_at)
		return error_set(err, "%s", s->failure.msg);

	store_params(&p, s->dsn, s->what);
	s->conn = PQconnectdbParams(p.keywords, p.values, 1);
	store_prepared_reset(&s->prepared);
	if (s->conn != NULL)
		PQsetNoticeReceiver(s->conn, store_notice, NULL);
	if (PQstatus(s->conn) != CONNECTION_OK || PQsetnonblocking(s->conn, 1) != 0 || store_limit(s) != 0) {
		store_error(s->conn, NULL, &s->failure);
		s->retry_at = 2 * time_mono_us() - now;
		store_drop(s);
		return error_set(err, "%s", s->failure.msg);
	}
	return 0;
}

/* Waits until the socket can be read (or written, too). False: no more time. */
static bool
store_wait(struct store *s, bool writing, int64_t deadline)
{
	struct pollfd	pfd = { .fd = PQsocket(s->conn), .events = writing ? POLLIN | POLLOUT : POLLIN };
	int64_t		left;
	int		n;

	do {
		left = deadline == INT64_MAX ? -1 : (deadline - time_mono_us() + 999) / 1000;
		if (deadline != INT64_MAX && left <= 0)
			return false;
		n = poll(&pfd, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* The result of what was just sent. */
static PGresult *
store_collect(struct store *s)
{
	int64_t		 deadline = INT64_MAX;
	PGresult	*last = NULL, *res;
	int		 unsent;

	if (s->timeout_ms != 0)
		deadline = time_mono_us() + (int64_t)(s->timeout_ms + STORE_GRACE_MS) * 1000;
	for (;;) {
		unsent = PQflush(s->conn);
		if (unsent < 0)
			break;
		if (unsent == 0 && !PQisBusy(s->conn)) {
			res = PQgetResult(s->conn);
			if (res == NULL)
				break;
			if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
				PQclear(res);
				continue;
			}
			PQclear(last);
			last = res;
			continue;
		}
		if (!store_wait(s, unsent == 1, deadline)) {
			store_drop(s);
			break;
		}
		if (!PQconsumeInput(s->conn))
			break;
	}
	if (s->conn == NULL || last == NULL) {
		PQclear(last);
		last = PQmakeEmptyPGresult(s->conn, PGRES_FATAL_ERROR);
	}
	return last;
}

PGresult *
store_exec(struct store *s, const char *sql, int n, const char *const *params)
{
	if (s->conn == NULL || !PQsendQueryParams(s->conn, sql, n, NULL, params, NULL, NULL, 0))
		return PQmakeEmptyPGresult(s->conn, PGRES_FATAL_ERROR);
	return store_collect(s);
}

PGresult *
store_exec_often(struct store *s, const char *sql, int n, const char *const *params)
{
	char		 name[STORE_PREPARED_NAME];
	PGresult	*res;
	bool		 first;

	if (s->conn == NULL || !store_prepared_name(&s->prepared, sql, name, &first))
		return store_exec(s, sql, n, params);
	if (first) {
		res = PQsendPrepare(s->conn, name, sql, 0, NULL) ? store_collect(s) :
		    PQmakeEmptyPGresult(s->conn, PGRES_FATAL_ERROR);
		if (PQresultStatus(res) != PGRES_COMMAND_OK) {
			store_prepared_forget(&s->prepared, sql);
			return res;
		}
		PQclear(res);
	}
	if (!PQsendQueryPrepared(s->conn, name, n, params, NULL, NULL, 0))
		return PQmakeEmptyPGresult(s->conn, PGRES_FATAL_ERROR);
	return store_collect(s);
}

PGresult *
store_script(struct store *s, const char *sql)
{
	if (s->conn == NULL || !PQsendQuery(s->conn, sql))
		return PQmakeEmptyPGresult(s->conn, PGRES_FATAL_ERROR);
	return store_collect(s);
}

/* COMMIT of a failed transaction succeeds with the tag ROLLBACK: the tag is what counts. */
static int
store_command(struct store *s, const char *sql, const char *tag)
{
	PGresult	*res = store_exec(s, sql, 0, NULL);
	int		 ok;

	ok = PQresultStatus(res) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(res), tag) == 0;
	PQclear(res);
	return ok ? 0 : -1;
}

int
store_begin(struct store *s)
{
	return store_command(s, "BEGIN", "BEGIN");
}

int
store_commit(struct store *s)
{
	return store_command(s, "COMMIT", "COMMIT");
}

void
store_rollback(struct store *s)
{
	if (store_command(s, "ROLLBACK", "ROLLBACK") != 0)
		store_drop(s);
}

char *
store_bytea(const void *p, size_t n)
{
	char	*out = xmalloc(2 * n + 3);

	memcpy(out, "\\x", 2);
	text_hex(p, n, out + 2);
	return out;
}

char *
store_scram_verifier(struct store *s, const char *password, struct error *err)
{
	char	*verifier;

	if (s->conn == NULL) {
		error_set(err, "no connection to the storage database");
		return NULL;
	}
	verifier = PQencryptPasswordConn(s->conn, password, "", "scram-sha-256");
	if (verifier == NULL)
		store_error(s->conn, NULL, err);
	return verifier;
}
