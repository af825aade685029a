/*
 * The storage database, asynchronously: one connection in pipeline mode that is made again when it
 * is lost, and listens on the channel dbbat. Nothing here waits, except that libpq looks
 * host names up when it connects.
 */
#ifndef KEEPER_STORAGE_H
#define KEEPER_STORAGE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct storage;

struct storage_hooks {
	void	(*connected)(void *arg);	/* again, too: notifications may have been missed */
	void	(*notified)(const char *payload, void *arg);
	void	(*idle)(void *arg);		/* no query is pending any more */
	void	*arg;
};

struct storage	*storage_new(struct event_base *base, const char *dsn, const struct storage_hooks *hooks);
/* Pending queries fail. */
void		 storage_free(struct storage *s);

/*
 * Called once per query: with its successful result (freed afterwards), or NULL when it
 * failed or its fate is unknown. Each query is a transaction of its own; they
 * run in order.
 */
typedef void	storage_done(PGresult *res, void *arg);

/*
 * Queues one statement with text parameters (copied; NULL is SQL NULL). 0, or -1 when
 * storage is away or too many are queued: `done` is not called then. `sql` must live on.
 */
int	storage_query(struct storage *s, const char *sql, storage_done *done, void *arg,
	    int nparams, const char *const *params);
unsigned	storage_pending(const struct storage *s);

/* Fields by name; a column the query does not have is a defect and ends the process. */
const char	*storage_text(const PGresult *res, int row, const char *column);	/* NULL is "" */
int64_t		 storage_int(const PGresult *res, int row, const char *column);
bool		 storage_bool(const PGresult *res, int row, const char *column);
/* A bytea, decoded; free with PQfreemem. */
unsigned char	*storage_bytes(const PGresult *res, int row, const char *column, size_t *n);

#endif
