/*
 * The storage database over libpq. SQL lives in sql/queries/NAME.sql, one
 * statement a file, and arrives here as SQL_NAME from store_sql.h; parameters are
 * always bound. store/ and session_target are the only users of libpq.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "base/base_error.h"

/*
 * Keywords every storage connection has on top of the DSN: application_name "dbbat WHAT",
 * connect_timeout, client_encoding UTF8, options that fix DateStyle, TimeZone UTC, and
 * lock/statement timeouts for the API. NULL and err when the DSN does not parse.
 * For PQconnectStartParams/PQconnectdbParams with expand_dbname 1; static
 * storage of `keywords`, values point into dsn and `what`.
 */
struct store_params {
	const char	*keywords[8];
	const char	*values[8];
};
void	store_params(struct store_params *p, const char *dsn, const char *what);

/* "FATAL: …" of the server or libpq's text, on one line, without the password. */
const char	*store_error(const PGconn *conn, const PGresult *res, struct error *err);

/* --- blocking use: migrations and the API ---------------------------------- */

struct store;

/* Connects now. NULL and err. */
struct store	*store_open(const char *dsn, const char *what, struct error *err);
void		 store_close(struct store *s);
PGconn		*store_conn(struct store *s);

/* Reconnects when the connection is gone. 0, or -1 and err: storage is away. */
int	store_ready(struct store *s, struct error *err);

/* One statement with text parameters (NULL is SQL NULL). Never NULL: look at PQresultStatus. */
PGresult	*store_exec(struct store *s, const char *sql, int n, const char *const *params);

/* BEGIN/COMMIT/ROLLBACK around several. 0 or -1. */
int	store_begin(struct store *s);
int	store_commit(struct store *s);
void	store_rollback(struct store *s);

/* The SCRAM verifier text of a password, SASLprep and all (PQencryptPasswordConn). Free with secret_free. */
char	*store_scram_verifier(struct store *s, const char *password, struct error *err);

/*
 * Applies what is missing of sql/migrations, each in a transaction, under an advisory lock, so that
 * two nodes may start at once; then creates the user admin where there is no user at
 * all. Refuses a server older than 14 and a schema that is newer than this program. Returns the number of migrations applied,
 * or -1 and err.
 */
int	store_migrate(const char *dsn, const unsigned char master_key[32], struct error *err);

#endif
