/*
 * The storage database over libpq. SQL lives in sql/queries/NAME.sql, one
 * statement a file, and arrives here as SQL_NAME from store_sql.h; parameters are
 * always bound. store/ and session_target are the only users of libpq.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <libpq-fe.h>

#include "base/base_error.h"

/*
 * Keywords every storage connection has on top of the DSN: application_name "dbbat WHAT",
 * client_encoding UTF8, options that fix DateStyle ISO and TimeZone UTC (those of the DSN stay in front) and, unless the
 * DSN says otherwise, synchronous_commit;
 * connect_timeout, tcp_user_timeout and keepalives where the DSN says nothing. For
 * PQconnectStartParams/PQconnectdbParams with expand_dbname 1. `keywords` are static, values point
 * into dsn and into the struct itself, so it must stay where it is until it has been used.
 */
struct store_params {
	const char	*keywords[10];
	const char	*values[10];
	char		 application[64];
	char		 options[512];
};
void	store_params(struct store_params *p, const char *dsn, const char *what);

/*
 * "FATAL: …" of the server or libpq's text, on one line, without the password and without the
 * DETAIL, which may show values. Either of conn and res may be NULL. Returns err->msg.
 */
const char	*store_error(const PGconn *conn, const PGresult *res, struct error *err);

/* --- blocking use: migrations and the API ---------------------------------- */

struct store;

/*
 * Does not connect yet: store_ready does. A statement that takes longer than timeout_ms is given up, by the
 * server or, should that not answer at all, by dropping the connection; 0 is for ever.
 */
struct store	*store_new(const char *dsn, const char *what, int timeout_ms);
void		 store_close(struct store *s);	/* NULL is fine */
PGconn		*store_conn(struct store *s);	/* NULL when there is none; valid until the next call */

/*
 * Connects, or connects again when the connection is gone. 0, or -1 and err: storage is away. As
 * long as a failed attempt took, the next calls fail at once: callers do not queue behind timeouts.
 */
int	store_ready(struct store *s, struct error *err);

/* One statement with text parameters (NULL is SQL NULL). Never NULL: look at PQresultStatus. */
PGresult	*store_exec(struct store *s, const char *sql, int n, const char *const *params);

/* The same for a statement that comes often: it is prepared once a connection. sql is static text. */
PGresult	*store_exec_often(struct store *s, const char *sql, int n, const char *const *params);

/* Statements without parameters, separated by semicolons. Their last result, or the first that failed. */
PGresult	*store_script(struct store *s, const char *sql);

/* "\x…", the text form of a bytea parameter. Free with free(3). */
char		*store_bytea(const void *p, size_t n);

/* BEGIN/COMMIT/ROLLBACK around several. 0 or -1. */
int	store_begin(struct store *s);
int	store_commit(struct store *s);
void	store_rollback(struct store *s);

/* The SCRAM verifier text of a password, SASLprep and all (PQencryptPasswordConn). Free with secret_free. */
char	*store_scram_verifier(struct store *s, const char *password, struct error *err);

/*
 * Applies what is missing of sql/migrations, each in a transaction, under an advisory lock, so that
 * two nodes may start at once; then creates the user admin where there is no user at
 * all. Refuses a server older than 14, a schema that is newer than this program, and a log_dsn ("": none) that does not
 * work or may not add to the log. Returns the number of migrations applied,
 * or -1 and err.
 */
int	store_migrate(const char *dsn, const char *log_dsn, const unsigned char master_key[32], struct error *err);

#endif
