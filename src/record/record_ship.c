/*
 * The shipper: a libpq connection of the session's own, opened when there is
 * something to ship, closed when there was nothing for a while.
 *
 * One batch is under way at a time, in a transaction of its own. Its frames leave
 * the journal only when COMMIT has succeeded and the Sync behind it is answered;
 * whatever else happens, they are sent again. A batch that storage refuses for its content
 * is sent again record by record, and the record that is to blame, when it is refused twice, in a reduced
 * form: one bad record must not keep the others out. Where that is refused as well it is not the record's fault,
 * and it is sent as it is when the storage has come to itself. Any other failure means
 * that storage is away: the connection is closed and tried again after a delay
 * that doubles. No record is ever given up.
 *
 * Nothing here blocks, but for libpq looking up the storage's host name.
 */
#include "record/record_ship.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "record/record_batch.h"
#include "store/store.h"

#define SECOND_US		INT64_C(1000000)
#define SHIP_DELAY_MIN_US	(SECOND_US / 10)
#define SHIP_DELAY_MAX_US	(10 * SECOND_US)
#define SHIP_CONNECT_US		(10 * SECOND_US)	/* for one attempt to connect */
#define SHIP_ANSWER_US		(60 * SECOND_US)	/* for the answer to a batch */
#define SHIP_IDLE_US		(10 * SECOND_US)	/* a connection without work */
#define SHIP_NOW_BYTES		((size_t)256 << 10)	/* waiting: do not wait for the interval */

enum ship_state { SHIP_CLOSED, SHIP_CONNECTING, SHIP_READY, SHIP_BUSY };

struct record_shipper {
	struct record_journal	*journal;
	struct record_owner	 owner;
	char			*dsn;
	char			 what[40];
	int64_t			 interval_us;

	enum ship_state		 state;
	PGconn			*conn;
	short			 events;	/* what its socket is polled for */
	int64_t			 limit_us;	/* when this state has lasted too long */

	uint64_t		 sent;		/* position behind the batch under way */
	uint64_t		 sent_events;	/* in it */
	uint64_t		 pending;	/* events in the journal */
	int64_t			 due_us;	/* when the first event behind `sent` must go */
	int64_t			 first_us, behind_us;	/* when the first one pending, and behind `sent`, was added, or before */
	struct backlog		*backlog;

	/* the answer to the batch under way, as far as it has come */
	bool			 committed;
	char			 sqlstate[6];	/* of the first error */
	struct error		 error;

	uint64_t		 single_until;	/* record by record up to this position */
	bool			 doubted;	/* the next record was refused once */
	char			 refused[6];	/* why the next record goes in reduced form, or "" */

	int64_t			 retry_us;	/* no connection before then */
	int64_t			 delay_us;
	int64_t			 away_since;
	uint64_t		 failures;	/* times that storage was lost */
};

struct record_shipper *
record_shipper_new(const char *dsn, const char *what, const struct record_owner *owner, int64_t interval_us,
    struct record_journal *j, struct backlog *backlog)
{
	struct record_shipper	*s = xcalloc(1, sizeof(*s));

	s->journal = j;
	s->owner = *owner;
	s->dsn = xstrdup(dsn);
	snprintf(s->what, sizeof(s->what), "%s", what);
	s->interval_us = interval_us;
	s->sent = record_journal_start(j);
	s->delay_us = SHIP_DELAY_MIN_US;
	s->backlog = backlog;
	if (backlog != NULL)
		backlog->connection_id = owner->connection_id;
	return s;
}

static void
ship_close(struct record_shipper *s)
{
	PQfinish(s->conn);
	s->conn = NULL;
	s->state = SHIP_CLOSED;
	s->sent = record_journal_start(s->journal);
	s->sent_events = 0;
}

void
record_shipper_free(struct record_shipper *s)
{
	if (s == NULL)
		return;
	ship_close(s);
	secret_free(s->dsn);
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

void
record_shipper_added(struct record_shipper *s, uint64_t events)
{
	/* the clock is read for the first of a batch only */
	if (s->pending == s->sent_events) {
		s->behind_us = time_mono_us();
		s->due_us = s->behind_us + s->interval_us;
		if (s->pending == 0)
			s->first_us = s->behind_us;
	}
	s->pending += events;
}

uint64_t
record_shipper_pending(const struct record_shipper *s)
{
	return s->pending;
}

int64_t
record_shipper_away_since(const struct record_shipper *s)
{
	return s->away_since;
}

void
record_shipper_now(struct record_shipper *s)
{
	s->due_us = 0;
}

bool
record_shipper_drain(struct record_shipper *s, int64_t until_us)
{
	uint64_t	failures = s->failures;
	struct pollfd	pfd;
	int64_t		at, now;

	s->due_us = 0;
	s->retry_us = 0;
	s->delay_us = SHIP_DELAY_MIN_US;
	while (s->pending > 0 && s->failures == failures) {
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
	return s->pending == 0;
}

/* When what is not sent yet must go. */
static int64_t
ship_due(const struct record_shipper *s)
{
	if (s->pending == s->sent_events)
		return INT64_MAX;
	if (s->pending - s->sent_events >= RECORD_BATCH_EVENTS ||
	    record_journal_end(s->journal) - s->sent >= SHIP_NOW_BYTES)
		return 0;
	return s->due_us;
}

/* --- failure ---------------------------------------------------------------------- */

/* Storage is away, or says no for reasons that are not the batch's. */
static void
ship_lost(struct record_shipper *s, int64_t now, const char *why)
{
	int64_t	spread = s->delay_us / 4;

	s->failures++;
	if (s->away_since == 0) {
		s->away_since = time_now_us();
		log_warn("records cannot be shipped, and are kept: %s", why);
	}
	ship_close(s);
	s->due_us = 0;
	/* sessions that lost one storage must not come back to it in one moment */
	s->retry_us = now + s->delay_us - spread + (int64_t)(s->owner.connection_id * 7919 % (uint64_t)(2 * spread));
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

/* The batch of n events was refused for its content: what to do with its first. */
static void
ship_refused(struct record_shipper *s, int64_t now, uint64_t upto, uint64_t n, const char *sqlstate)
{
	s->sent = record_journal_start(s->journal);
	s->sent_events = 0;
	s->due_us = 0;
	s->state = SHIP_READY;
	if (n > 1) {
		s->single_until = upto;
	} else if (!s->doubted) {
		/* a partition that comes or goes under a shipment looks like that, too */
		s->doubted = true;
	} else if (s->refused[0] == '\0') {
		snprintf(s->refused, sizeof(s->refused), "%s", sqlstate);
		log_warn("storage refused a record for its content (SQLSTATE %s): stored without it", sqlstate);
	} else {
		s->doubted = false;
		s->refused[0] = '\0';
		ship_lost(s, now, s->error.msg);
	}
}

static void
ship_send(struct record_shipper *s, int64_t now)
{
	bool			single = s->sent < s->single_until || s->doubted;
	/* where it is asked for now, all is */
	int64_t			young_us = s->due_us == 0 ? INT64_MAX : time_now_us() - s->interval_us;
	struct record_batch	batch;

	s->committed = false;
	s->sqlstate[0] = '\0';
	switch (record_batch_send(s->conn, &s->owner, record_journal_read(s->journal, s->sent),
	    single ? 1 : RECORD_BATCH_EVENTS, young_us, s->refused[0] ? s->refused : NULL, &batch)) {
	case 0:
		/* it goes when it is young no more; its time is further off where the clock was set back */
		if (batch.open_us != 0)
			s->due_us = now + (batch.open_us - young_us < s->interval_us ? batch.open_us - young_us : s->interval_us);
		s->sent += batch.bytes;
		s->sent_events = batch.events;
		s->state = SHIP_BUSY;
		s->limit_us = now + SHIP_ANSWER_US;
		ship_flush(s, now);
		break;
	case RECORD_BATCH_TOO_LONG:
		error_set(&s->error, "a record is longer than a message can be");
		ship_refused(s, now, s->sent + batch.bytes, batch.events, "54000");
		break;
	default:
		ship_lost_conn(s, now);
	}
}

/* --- answers -------------------------------------------------------------------------- */

static void
ship_stored(struct record_shipper *s, int64_t now)
{
	record_journal_ack(s->journal, s->sent);
	s->pending -= s->sent_events;
	if (s->backlog != NULL)
		s->backlog->shipped += s->sent_events;
	s->first_us = s->behind_us;
	s->sent_events = 0;
	s->doubted = false;
	s->refused[0] = '\0';
	s->delay_us = SHIP_DELAY_MIN_US;
	s->state = SHIP_READY;
	s->limit_us = now + SHIP_IDLE_US;
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
		ship_refused(s, now, s->sent, s->sent_events, s->sqlstate);
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

static void
ship_tell(const struct record_shipper *s)
{
	struct backlog	*b = s->backlog;

	if (b == NULL)
		return;
	atomic_store_explicit(&b->records, s->pending, memory_order_relaxed);
	atomic_store_explicit(&b->bytes, record_journal_end(s->journal) - record_journal_start(s->journal), memory_order_relaxed);
	atomic_store_explicit(&b->since_us, s->pending > 0 ? s->first_us : 0, memory_order_relaxed);
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
	ship_tell(s);
}
