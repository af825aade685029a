/*
 * The shipper: a libpq connection, opened when there is something to ship, closed when there was nothing for a while,
 * over which the records of one or more sessions go.
 *
 * One batch is under way at a time, in a transaction of its own, with what all of them have. Its frames leave
 * their journals only when COMMIT has succeeded and the Sync behind it is answered;
 * whatever else happens, they are sent again. A batch that storage refuses for its content
 * is sent again journal by journal, then record by record, and the record that is to blame, when it is refused twice, in a
 * reduced form: one bad record must not keep the others out. Where that is refused as well it is not the record's fault,
 * and it is sent as it is when the storage has come to itself; others go on meanwhile. Any other failure means
 * that storage is away: the connection is closed and tried again after a delay
 * that doubles. No record is ever given up.
 *
 * Nothing here blocks, but for libpq looking up the storage's host name.
 */
#include "record/record_ship.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_time.h"
#include "record/record_batch.h"
#include "store/store.h"

#define SECOND_US		INT64_C(1000000)
#define SHIP_DELAY_MIN_US	(SECOND_US / 10)
#define SHIP_DELAY_MAX_US	(10 * SECOND_US)
#define SHIP_CONNECT_US		(10 * SECOND_US)	/* for one attempt to connect */
#define SHIP_ANSWER_US		(60 * SECOND_US)	/* for the answer to a batch */
#define SHIP_IDLE_US		(10 * SECOND_US)	/* a connection without work */

enum ship_state { SHIP_CLOSED, SHIP_CONNECTING, SHIP_READY, SHIP_BUSY };

struct record_shipper {
	struct record_source	**sources;
	size_t			 nsources, first;	/* first: whose turn it is */
	char			*dsn;
	char			 what[40];

	enum ship_state		 state;
	PGconn			*conn;
	short			 events;	/* what its socket is polled for */
	int64_t			 limit_us;	/* when this state has lasted too long */

	/* the answer to the batch under way, as far as it has come */
	bool			 committed;
	char			 sqlstate[6];	/* of the first error */
	struct error		 error;

	int64_t			 retry_us;	/* no connection before then */
	int64_t			 delay_us;
	int64_t			 away_since;
	struct error		 told;		/* why, as it was logged */
	uint64_t		 failures;	/* times that storage was lost, or refused what is not to blame */
};

struct record_shipper *
record_shipper_new(const char *dsn, const char *what)
{
	struct record_shipper	*s = xcalloc(1, sizeof(*s));

	s->dsn = xstrdup(dsn);
	snprintf(s->what, sizeof(s->what), "%s", what);
	s->delay_us = SHIP_DELAY_MIN_US;
	return s;
}

static uint64_t
ship_pending(const struct record_shipper *s)
{
	uint64_t	n = 0;

	for (size_t i = 0; i < s->nsources; i++)
		n += s->sources[i]->pending;
	return n;
}

void
record_shipper_add(struct record_shipper *s, struct record_source *source)
{
	/* by powers of two */
	if ((s->nsources & (s->nsources - 1)) == 0)
		s->sources = xrealloc(s->sources, (s->nsources == 0 ? 1 : 2 * s->nsources) * sizeof(*s->sources));
	s->sources[s->nsources++] = source;
	record_source_start(source);
}

void
record_shipper_remove(struct record_shipper *s, struct record_source *source)
{
	for (size_t i = 0; i < s->nsources; i++)
		if (s->sources[i] == source) {
			s->sources[i] = s->sources[--s->nsources];
			break;
		}
	if (s->first >= s->nsources)
		s->first = 0;
	/* with nothing to ship nobody asks storage any more whether it is there */
	if (ship_pending(s) == 0)
		s->away_since = 0;
}

static void
ship_close(struct record_shipper *s)
{
	PQfinish(s->conn);
	s->conn = NULL;
	s->state = SHIP_CLOSED;
	/* nothing is under way any more */
	for (size_t i = 0; i < s->nsources; i++)
		if (s->sources[i]->sent_events > 0)
			record_source_again(s->sources[i]);
}

void
record_shipper_free(struct record_shipper *s)
{
	if (s == NULL)
		return;
	PQfinish(s->conn);
	secret_free(s->dsn);
	free(s->sources);
	free(s);
}

PGconn *
record_shipper_hand_out(struct record_shipper *s)
{
	PGconn	*conn = s->conn;

	if (s->state != SHIP_READY)
		return NULL;
	s->conn = NULL;
	s->state = SHIP_CLOSED;
	return conn;
}

void
record_shipper_take_up(struct record_shipper *s, PGconn *conn)
{
	if (conn == NULL)
		return;
	s->conn = conn;
	s->state = SHIP_READY;
	s->events = POLLIN;
	s->limit_us = time_mono_us() + SHIP_IDLE_US;
}

bool
record_shipper_closed(const struct record_shipper *s)
{
	return s->state == SHIP_CLOSED;
}

int64_t
record_shipper_away_since(const struct record_shipper *s)
{
	return s->away_since;
}

bool
record_shipper_drain(struct record_shipper *s, int64_t until_us)
{
	uint64_t	failures = s->failures;
	struct pollfd	pfd;
	int64_t		at, now;

	for (size_t i = 0; i < s->nsources; i++) {
		record_source_now(s->sources[i]);
		s->sources[i]->hold_us = 0;
	}
	s->retry_us = 0;
	s->delay_us = SHIP_DELAY_MIN_US;
	while (ship_pending(s) > 0 && s->failures == failures) {
		at = record_shipper_poll(s, &pfd);
		now = time_mono_us();
		if (now >= until_us)
			break;
		if (at > until_us)
			at = until_us;
		if (poll(&pfd, 1, at > now ? (int)((at - now + 999) / 1000) : 0) < 0 && errno != EINTR)
			break;
		record_shipper_step(s, pfd.revents);
	}
	return ship_pending(s) == 0;
}

/* When something must go: the first of them, or all that waits is a batch. */
static int64_t
ship_due(const struct record_shipper *s)
{
	int64_t		due = INT64_MAX;
	uint64_t	wait = 0;

	for (size_t i = 0; i < s->nsources; i++) {
		int64_t	at = record_source_due(s->sources[i]);

		if (at < due)
			due = at;
		wait += record_source_ready(s->sources[i]);
	}
	return wait >= RECORD_BATCH_EVENTS ? 0 : due;
}

/* --- failure ---------------------------------------------------------------------- */

/* Storage is away, or says no for reasons that are not the batch's. */
static void
ship_away(struct record_shipper *s, const char *why)
{
	s->failures++;
	if (s->away_since == 0 || strcmp(s->told.msg, why) != 0)
		log_warn("records cannot be shipped, and are kept: %s", why);
	if (s->away_since == 0)
		s->away_since = time_now_us();
	snprintf(s->told.msg, sizeof(s->told.msg), "%s", why);
}

static void
ship_lost(struct record_shipper *s, int64_t now, const char *why)
{
	int64_t	spread = s->delay_us / 4;

	ship_away(s, why);
	ship_close(s);
	/* all that lost one storage must not come back to it in one moment */
	s->retry_us = now + s->delay_us - spread + (int64_t)((uint64_t)getpid() * 7919 % (uint64_t)(2 * spread));
	s->delay_us *= 2;
	if (s->delay_us > SHIP_DELAY_MAX_US)
		s->delay_us = SHIP_DELAY_MAX_US;
}

static void
ship_lost_conn(struct record_shipper *s, int64_t now)
{
	struct error	err;

	store_error(s->conn, NULL, &err);
	ship_lost(s, now, err.msg);
}

/*
 * Whether an error can be a record's own fault: data, constraint, cardinality, a
 * limit, or an internal error, which is what some limits are reported as.
 */
static bool
ship_is_content(const char *sqlstate)
{
	static const char	classes[][3] = { "21", "22", "23", "54", "XX" };

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (strncmp(sqlstate, classes[i], 2) == 0)
			return true;
	return false;
}

/* --- sending ------------------------------------------------------------------------ */

static void
ship_flush(struct record_shipper *s, int64_t now)
{
	int	rc = PQflush(s->conn);

	if (rc < 0)
		ship_lost_conn(s, now);
	else
		s->events = rc > 0 ? POLLIN | POLLOUT : POLLIN;
}

/* For its content: the sources say what to do about theirs. */
static void
ship_refused(struct record_shipper *s, int64_t now, const char *sqlstate)
{
	size_t	n = 0;

	s->state = SHIP_READY;
	for (size_t i = 0; i < s->nsources; i++)
		n += s->sources[i]->sent_events > 0;
	for (size_t i = 0; i < s->nsources; i++)
		if (s->sources[i]->sent_events > 0 && record_source_refused(s->sources[i], n == 1, sqlstate, now))
			ship_away(s, s->error.msg);
}

/* Where it is damaged, and another process writes it, who has the view of it looks again. */
static void
ship_take(struct record_source *src, struct record_batch *batch, int64_t now)
{
	if (!record_source_take(src, batch, now) && src->shipment == NULL)
		log_fatal(EX_SOFTWARE, "a record of connection %" PRIu64 " is damaged in memory",
		    record_journal_owner(src->journal)->connection_id);
}

/* One that must go alone, where there is one; else NULL. */
static struct record_source *
ship_suspect(const struct record_shipper *s, int64_t now)
{
	for (size_t i = 0; i < s->nsources; i++) {
		if (record_source_suspect(s->sources[i]) && record_source_due(s->sources[i]) <= now)
			return s->sources[i];
	}
	return NULL;
}

/* Fills a batch: what is due, and what else is there, each in its turn. */
static void
ship_fill(struct record_shipper *s, struct record_batch *batch, int64_t now)
{
	struct record_source	*only = ship_suspect(s, now);

	if (only != NULL) {
		ship_take(only, batch, now);
		return;
	}
	for (size_t i = 0; i < s->nsources && !record_batch_full(batch); i++) {
		struct record_source	*src = s->sources[s->first];

		if (src->pending > 0 && src->hold_us <= now && !src->damaged)
			ship_take(src, batch, now);
		/* one that found no room is the first the next time */
		if (src->sent_events > 0 || !record_batch_full(batch))
			s->first = (s->first + 1) % s->nsources;
	}
}

static void
ship_send(struct record_shipper *s, int64_t now)
{
	struct record_batch	*batch = record_batch_new();

	s->committed = false;
	s->sqlstate[0] = '\0';
	ship_fill(s, batch, now);
	if (record_batch_events(batch) > 0)
		switch (record_batch_send(batch, s->conn)) {
		case 0:
			s->state = SHIP_BUSY;
			s->limit_us = now + SHIP_ANSWER_US;
			ship_flush(s, now);
			break;
		case RECORD_BATCH_TOO_LONG:
			error_set(&s->error, "a record is longer than a message can be");
			ship_refused(s, now, "54000");
			break;
		default:
			ship_lost_conn(s, now);
		}
	record_batch_free(batch);
}

/* --- answers -------------------------------------------------------------------------- */

static void
ship_stored(struct record_shipper *s, int64_t now)
{
	bool	held = false;

	for (size_t i = 0; i < s->nsources; i++) {
		if (s->sources[i]->sent_events > 0)
			record_source_stored(s->sources[i]);
		held |= s->sources[i]->hold_delay_us != 0;
	}
	s->delay_us = SHIP_DELAY_MIN_US;
	s->state = SHIP_READY;
	s->limit_us = now + SHIP_IDLE_US;
	if (held)
		return;
	if (s->away_since != 0)
		log_info("records are shipped again");
	s->away_since = 0;
}

static void
ship_answered(struct record_shipper *s, int64_t now)
{
	if (s->committed && s->sqlstate[0] == '\0')
		ship_stored(s, now);
	else if (ship_is_content(s->sqlstate))
		ship_refused(s, now, s->sqlstate);
	else
		ship_lost(s, now, s->error.msg);
}

/* Takes note of one result; true when it is the Sync's. */
static bool
ship_result(struct record_shipper *s, PGresult *res)
{
	const char	*state;

	switch (PQresultStatus(res)) {
	case PGRES_PIPELINE_SYNC:
		return true;
	case PGRES_COMMAND_OK:
		if (strcmp(PQcmdStatus(res), "COMMIT") == 0)
			s->committed = true;
		break;
	case PGRES_TUPLES_OK:		/* of the settings */
	case PGRES_PIPELINE_ABORTED:	/* behind an error that was noted */
		break;
	default:
		if (s->sqlstate[0] != '\0')
			break;
		state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		snprintf(s->sqlstate, sizeof(s->sqlstate), "%s", state ? state : "08006");
		store_error(s->conn, res, &s->error);
	}
	return false;
}

static void
ship_read(struct record_shipper *s, int64_t now)
{
	int	nothing = 0;	/* in a row: one is the end of a statement's results */

	if (!PQconsumeInput(s->conn)) {
		ship_lost_conn(s, now);
		return;
	}
	while (!PQisBusy(s->conn)) {
		PGresult	*res = PQgetResult(s->conn);
		bool		 sync = res != NULL && ship_result(s, res);

		nothing = res != NULL ? 0 : nothing + 1;
		PQclear(res);
		if (sync) {
			ship_answered(s, now);
			return;
		}
		if (PQstatus(s->conn) == CONNECTION_BAD || nothing > 1) {
			ship_lost(s, now, s->sqlstate[0] ? s->error.msg : "the connection to storage was lost");
			return;
		}
	}
}

/* --- the connection ---------------------------------------------------------------------- */

static void
ship_no_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static void
ship_connect(struct record_shipper *s, int64_t now)
{
	struct store_params	p;

	store_params(&p, s->dsn, s->what);
	s->conn = PQconnectStartParams(p.keywords, p.values, 1);
	if (s->conn == NULL || PQstatus(s->conn) == CONNECTION_BAD) {
		ship_lost_conn(s, now);
		return;
	}
	PQsetNoticeReceiver(s->conn, ship_no_notice, NULL);
	s->state = SHIP_CONNECTING;
	s->events = POLLOUT;
	s->limit_us = now + SHIP_CONNECT_US;
}

static void
ship_connecting(struct record_shipper *s, int64_t now)
{
	switch (PQconnectPoll(s->conn)) {
	case PGRES_POLLING_READING:
		s->events = POLLIN;
		return;
	case PGRES_POLLING_WRITING:
		s->events = POLLOUT;
		return;
	case PGRES_POLLING_OK:
		break;
	default:
		ship_lost_conn(s, now);
		return;
	}
	s->events = POLLIN;
	s->state = SHIP_READY;
	s->limit_us = now + SHIP_IDLE_US;
	if (PQsetnonblocking(s->conn, 1) != 0 || !PQenterPipelineMode(s->conn) ||
	    record_batch_prepare(s->conn) != 0)
		ship_lost_conn(s, now);
}

/* --- the poll loop's two calls ------------------------------------------------------------- */

int64_t
record_shipper_poll(const struct record_shipper *s, struct pollfd *pfd)
{
	int64_t	due = ship_due(s);

	pfd->fd = -1;
	pfd->events = 0;
	pfd->revents = 0;
	if (s->state == SHIP_CLOSED)
		return due > s->retry_us ? due : s->retry_us;
	pfd->fd = PQsocket(s->conn);
	pfd->events = s->events;
	return s->state == SHIP_READY && due < s->limit_us ? due : s->limit_us;
}

void
record_shipper_step(struct record_shipper *s, short revents)
{
	int64_t	now = time_mono_us();

	switch (s->state) {
	case SHIP_CLOSED:
		if (ship_due(s) <= now && s->retry_us <= now)
			ship_connect(s, now);
		break;
	case SHIP_CONNECTING:
		if (revents != 0)
			ship_connecting(s, now);
		else if (s->limit_us <= now)
			ship_lost(s, now, "storage does not answer");
		break;
	case SHIP_READY:
		/* nothing was asked: this is a notice, or the other side hanging up */
		if (revents != 0 && (!PQconsumeInput(s->conn) || PQstatus(s->conn) == CONNECTION_BAD))
			ship_close(s);
		else if (ship_due(s) > now && s->limit_us <= now)
			ship_close(s);
		break;
	case SHIP_BUSY:
		if (revents & POLLOUT)
			ship_flush(s, now);
		if (s->state == SHIP_BUSY && (revents & ~POLLOUT) != 0)
			ship_read(s, now);
		else if (s->state == SHIP_BUSY && s->limit_us <= now)
			ship_lost(s, now, "storage does not answer");
		break;
	}
	if (s->state == SHIP_READY && ship_due(s) <= now)
		ship_send(s, now);
	for (size_t i = 0; i < s->nsources; i++)
		record_source_tell(s->sources[i]);
}
