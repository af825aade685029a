/*
 * Async libpq for the keeper. Every query is followed by a Sync of its own, so that
 * one that fails takes no other with it. libpq is called from event callbacks of the loop only, never from
 * storage_query, so that a callback may queue the next query whatever state the
 * connection is in. A connection that makes no progress is given up; what was pending then
 * fails. It refuses to queue without bound, or for a storage that is away.
 */
#include "keeper/keeper_storage.h"

#include <sys/queue.h>
#include <sys/time.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "store/store.h"
#include "store/store_prepared.h"
#include "store_sql.h"

#define STORAGE_QUEUE_MAX	4096		/* queries sent or to be sent */
#define STORAGE_DELAY_MIN	100		/* ms: before the first try to connect again */
#define STORAGE_DELAY_MAX	2000
#define STORAGE_TIMEOUT		10000		/* ms: to connect, and for the next answer */
#define STORAGE_PING		5000		/* ms: how soon a silent loss of an idle connection is looked for */

struct query {
	TAILQ_ENTRY(query)	 link;
	const char		*sql;
	storage_done		*done;
	void			*arg;
	PGresult		*res;		/* what counts of what has come */
	bool			 prepares;	/* sent with its preparation */
	int			 nparams;
	char			*params[];
};
TAILQ_HEAD(queries, query);

struct storage {
	struct event_base	*base;
	char			*dsn;
	struct storage_hooks	 hooks;
	PGconn			*conn;
	struct store_prepared	 prepared;	/* on conn */
	enum { AWAY, CONNECTING, UP } state;
	struct event		*io;
	struct event		*timer;		/* AWAY: try again; CONNECTING: give up; UP: silence */
	struct event		*kick;		/* queries wait to be sent */
	struct queries		 waiting, sent;
	unsigned		 pending;
	int			 delay_ms;	/* before the next try */
};

static void	storage_connect(struct storage *s);
static void	storage_io(evutil_socket_t fd, short ready, void *arg);

static void
query_free(struct query *q)
{
	PQclear(q->res);
	for (int i = 0; i < q->nparams; i++)
		free(q->params[i]);
	free(q);
}

static void
storage_timer(struct storage *s, int ms)
{
	struct timeval	tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(s->timer, &tv);
}

/* Waits for the socket, which may be another one than last time; most often it is the same, and the wait too. */
static void
storage_watch(struct storage *s, short what)
{
	if (event_get_fd(s->io) == PQsocket(s->conn) && event_get_events(s->io) == what &&
	    event_pending(s->io, EV_READ | EV_WRITE, NULL) != 0)
		return;
	event_del(s->io);
	event_assign(s->io, s->base, PQsocket(s->conn), what, storage_io, s);
	event_add(s->io, NULL);
}

/* Takes q off the books and tells its owner. */
static void
storage_finish(struct storage *s, struct query *q, PGresult *res)
{
	s->pending--;
	if (q->done != NULL)
		q->done(res, q->arg);
	query_free(q);
}

/* Everything that was sent or waits comes to nothing. */
static void
storage_fail_all(struct storage *s)
{
	struct queries	 failed = TAILQ_HEAD_INITIALIZER(failed);
	struct query	*q;

	TAILQ_CONCAT(&failed, &s->sent, link);
	TAILQ_CONCAT(&failed, &s->waiting, link);
	while ((q = TAILQ_FIRST(&failed)) != NULL) {
		TAILQ_REMOVE(&failed, q, link);
		storage_finish(s, q, NULL);
	}
}

static void
storage_lost(struct storage *s, const char *why)
{
	log_error("storage is away: %s; trying again in %d ms", why, s->delay_ms);
	s->state = AWAY;
	event_del(s->io);
	PQfinish(s->conn);
	s->conn = NULL;
	storage_timer(s, s->delay_ms);
	s->delay_ms = s->delay_ms * 2 > STORAGE_DELAY_MAX ? STORAGE_DELAY_MAX : s->delay_ms * 2;
	storage_fail_all(s);
	s->hooks.idle(s->hooks.arg);
}

static void
storage_broken(struct storage *s)
{
	struct error	err;

	storage_lost(s, store_error(s->conn, NULL, &err));
}

static bool
storage_send(struct storage *s, struct query *q)
{
	const char *const	*params = (const char *const *)q->params;
	char			 name[STORE_PREPARED_NAME];

	if (!store_prepared_name(&s->prepared, q->sql, name, &q->prepares))
		return PQsendQueryParams(s->conn, q->sql, q->nparams, NULL, params, NULL, NULL, 0) && PQpipelineSync(s->conn);
	return (!q->prepares || PQsendPrepare(s->conn, name, q->sql, 0, NULL)) &&
	    PQsendQueryPrepared(s->conn, name, q->nparams, params, NULL, NULL, 0) && PQpipelineSync(s->conn);
}

/* Sends what waits. False: the connection was lost. */
static bool
storage_push(struct storage *s)
{
	struct query	*q;
	int		 more;

	while ((q = TAILQ_FIRST(&s->waiting)) != NULL) {
		if (TAILQ_EMPTY(&s->sent))
			storage_timer(s, STORAGE_TIMEOUT);
		TAILQ_REMOVE(&s->waiting, q, link);
		TAILQ_INSERT_TAIL(&s->sent, q, link);
		if (!storage_send(s, q)) {
			storage_broken(s);
			return false;
		}
	}
	more = PQflush(s->conn);
	if (more < 0) {
		storage_broken(s);
		return false;
	}
	storage_watch(s, EV_READ | EV_PERSIST | (more ? EV_WRITE : 0));
	return true;
}

/* The answer of the oldest query is complete. */
static void
storage_answered(struct storage *s)
{
	struct query	*q = TAILQ_FIRST(&s->sent);
	ExecStatusType	 status = PQresultStatus(q->res);
	struct error	 err;

	TAILQ_REMOVE(&s->sent, q, link);
	storage_timer(s, TAILQ_EMPTY(&s->sent) ? STORAGE_PING : STORAGE_TIMEOUT);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
		storage_finish(s, q, q->res);
		return;
	}
	log_error("storage: %s", store_error(s->conn, q->res, &err));
	if (q->prepares)
		store_prepared_forget(&s->prepared, q->sql);
	storage_finish(s, q, NULL);
}

/* Hands out what has arrived: results, then notifications. */
static void
storage_drain(struct storage *s)
{
	PGnotify	*n;
	PGresult	*res;
	int		 nulls = 0;

	/* a NULL ends the results of a query, two in a row mean there is nothing to come */
	while (!TAILQ_EMPTY(&s->sent) && nulls < 2 && PQstatus(s->conn) == CONNECTION_OK && !PQisBusy(s->conn)) {
		res = PQgetResult(s->conn);
		if (res == NULL) {
			nulls++;
			continue;
		}
		nulls = 0;
		if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
			PQclear(res);
			storage_answered(s);
		} else {
			struct query	*q = TAILQ_FIRST(&s->sent);

			/* the first error says why the rest was not done */
			if (q->res == NULL || PQresultStatus(q->res) != PGRES_FATAL_ERROR) {
				PQclear(q->res);
				q->res = res;
			} else
				PQclear(res);
		}
	}
	while ((n = PQnotifies(s->conn)) != NULL) {
		s->hooks.notified(n->extra, s->hooks.arg);
		PQfreemem(n);
	}
}

static void
storage_listening(PGresult *res, void *arg)
{
	struct storage	*s = arg;

	if (res == NULL)
		return;
	s->delay_ms = STORAGE_DELAY_MIN;
	s->hooks.connected(s->hooks.arg);
}

static void
storage_established(struct storage *s)
{
	struct queries	 early = TAILQ_HEAD_INITIALIZER(early);

	if (PQsetnonblocking(s->conn, 1) != 0 || !PQenterPipelineMode(s->conn)) {
		storage_broken(s);
		return;
	}
	store_prepared_reset(&s->prepared);
	log_info("storage is connected");
	s->state = UP;
	storage_timer(s, STORAGE_PING);
	/* ahead of what was queued while connecting: its results must not predate the notifications we hear */
	TAILQ_CONCAT(&early, &s->waiting, link);
	storage_query(s, SQL_KEEPER_LISTEN, storage_listening, s, 0, NULL);
	TAILQ_CONCAT(&s->waiting, &early, link);
	storage_push(s);
}

static void
storage_poll(struct storage *s, PostgresPollingStatusType next)
{
	switch (next) {
	case PGRES_POLLING_READING:
		storage_watch(s, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		storage_watch(s, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		storage_established(s);
		break;
	default:
		storage_broken(s);
	}
}

static void
storage_io(evutil_socket_t fd, short ready, void *arg)
{
	struct storage	*s = arg;
	bool		 was_pending;

	(void)fd;
	if (s->state == CONNECTING) {
		storage_poll(s, PQconnectPoll(s->conn));
		return;
	}
	was_pending = s->pending > 0;
	if (ready & EV_READ && !PQconsumeInput(s->conn)) {
		storage_drain(s);
		storage_broken(s);
		return;
	}
	storage_drain(s);
	if (PQstatus(s->conn) != CONNECTION_OK) {
		storage_broken(s);
		return;
	}
	if (storage_push(s) && was_pending && s->pending == 0)
		s->hooks.idle(s->hooks.arg);
}

static void
storage_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct storage	*s = arg;

	(void)fd, (void)what;
	if (s->state == AWAY)
		storage_connect(s);
	else if (s->state == CONNECTING)
		storage_lost(s, "no connection in time");
	else if (!TAILQ_EMPTY(&s->sent))
		storage_lost(s, "no answer in time");
	else
		storage_query(s, SQL_KEEPER_PING, NULL, NULL, 0, NULL);
}

static void
storage_on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct storage	*s = arg;

	(void)fd, (void)what;
	if (s->state == UP)
		storage_push(s);
}

/* A notice may quote values; the operator log is no place for them. */
static void
storage_notice(void *arg, const PGresult *res)
{
	(void)arg, (void)res;
}

static void
storage_connect(struct storage *s)
{
	struct store_params	p;

	store_params(&p, s->dsn, "keeper");
	s->conn = PQconnectStartParams(p.keywords, p.values, 1);
	if (s->conn == NULL)
		log_fatal(EX_OSERR, "out of memory");
	s->state = CONNECTING;
	PQsetNoticeReceiver(s->conn, storage_notice, NULL);
	storage_timer(s, STORAGE_TIMEOUT);
	storage_poll(s, PQstatus(s->conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING);
}

struct storage *
storage_new(struct event_base *base, const char *dsn, const struct storage_hooks *hooks)
{
	struct storage	*s = xcalloc(1, sizeof(*s));

	s->base = base;
	s->dsn = xstrdup(dsn);
	s->hooks = *hooks;
	s->delay_ms = STORAGE_DELAY_MIN;
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->sent);
	s->io = event_new(base, -1, 0, storage_io, s);
	s->timer = event_new(base, -1, 0, storage_on_timer, s);
	s->kick = event_new(base, -1, 0, storage_on_kick, s);
	if (s->io == NULL || s->timer == NULL || s->kick == NULL)
		log_fatal(EX_OSERR, "out of memory");
	storage_connect(s);
	return s;
}

void
storage_free(struct storage *s)
{
	s->state = AWAY;
	storage_fail_all(s);
	event_free(s->io);
	event_free(s->timer);
	event_free(s->kick);
	PQfinish(s->conn);
	secret_free(s->dsn);
	free(s);
}

int
storage_query(struct storage *s, const char *sql, storage_done *done, void *arg,
    int nparams, const char *const *params)
{
	struct query	*q;

	/* the first tries to connect are waited for: a start, or a moment's loss; later ones are an outage */
	if (s->state == AWAY || (s->state == CONNECTING && s->delay_ms > STORAGE_DELAY_MIN * 2) ||
	    s->pending >= STORAGE_QUEUE_MAX)
		return -1;
	q = xcalloc(1, sizeof(*q) + (size_t)nparams * sizeof(q->params[0]));
	q->sql = sql;
	q->done = done;
	q->arg = arg;
	q->nparams = nparams;
	for (int i = 0; i < nparams; i++)
		q->params[i] = xstrdup(params[i]);
	TAILQ_INSERT_TAIL(&s->waiting, q, link);
	s->pending++;
	event_active(s->kick, EV_TIMEOUT, 0);
	return 0;
}

unsigned
storage_pending(const struct storage *s)
{
	return s->pending;
}

static int
storage_column(const PGresult *res, const char *column)
{
	int	n = PQfnumber(res, column);

	if (n < 0)
		log_fatal(EX_SOFTWARE, "a query has no column \"%s\"", column);
	return n;
}

const char *
storage_text(const PGresult *res, int row, const char *column)
{
	return PQgetvalue(res, row, storage_column(res, column));
}

int64_t
storage_int(const PGresult *res, int row, const char *column)
{
	return strtoll(storage_text(res, row, column), NULL, 10);
}

bool
storage_bool(const PGresult *res, int row, const char *column)
{
	return storage_text(res, row, column)[0] == 't';
}

unsigned char *
storage_bytes(const PGresult *res, int row, const char *column, size_t *n)
{
	unsigned char	*p = PQunescapeBytea((const unsigned char *)storage_text(res, row, column), n);

	if (p == NULL)
		log_fatal(EX_OSERR, "out of memory");
	return p;
}
