/*
 * What a session calls. Decides what the journal has room for and when a record is
 * safe, and nothing else: bytes are record_codec's, their order and place
 * record_journal's, storage record_ship's, in this process or in the node's shipper.
 */
#include "record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "crypto/crypto_gcm.h"
#include "crypto/crypto_labels.h"
#include "record/record_codec.h"
#include "record/record_journal.h"
#include "record/record_ship.h"

#define SCRATCH_KEEP	((size_t)64 << 10)
/* How long a statement waits for storage that went away under it (audit_sync = storage). */
#define AWAY_MAX_US	INT64_C(10000000)
#define PACE_RECORDS	64			/* who has fewer that wait is not slowed down */
#define PACE_STEP_US	INT64_C(5000)		/* short waits cost more than they bring */
#define PACE_HOLD_US	INT64_C(250000)		/* longest wait */
#define TRIM_US		INT64_C(1000000)	/* how often a large journal is looked after */

struct record {
	struct record_journal	*journal;
	/* the node's shipper ships what is here: */
	struct shipment		*shipment;	/* NULL: the session does, by these: */
	struct record_source	 source;
	struct record_shipper	*shipper;
	const struct scoreboard	*board;		/* NULL: nobody else is there for the journal */
	size_t			 max;
	enum record_sync	 sync;
	uint64_t		 unsafe;	/* position behind the last statement */
	int64_t			 debt_us;	/* what it should have waited by now, and has not */
	int64_t			 hold_us;	/* nothing runs before then */
	const char		*refusal;
	uint64_t		 open;		/* statements without an outcome */
	uint64_t		 connection_id;
	bool			 capture;
	struct crypto_gcm	*gcm;		/* seals results; NULL: they are not sealed */
	unsigned char		 salt[CRYPTO_SALT_SIZE];
	struct buf		 sealed;
	struct buf		 scratch;	/* the frame being made */
};

/* The session ships for itself. */
static void
record_ship_own(struct record *r, const struct record_options *o)
{
	char	what[40];

	snprintf(what, sizeof(what), "session %llu", (unsigned long long)o->connection_id);
	r->source = (struct record_source){
		.journal = r->journal, .interval_us = o->ship_interval_us, .ends = true,
		.backlog = o->board != NULL ? &o->board->shared->backlogs[o->slot] : NULL,
	};
	r->shipper = record_shipper_new(o->dsn, what);
	record_shipper_add(r->shipper, &r->source);
}

struct record *
record_open(const struct record_options *o, struct error *err)
{
	const struct record_owner	 owner = {
		.connection_id = o->connection_id, .user_id = o->user_id,
		.database_id = o->database_id, .grant_id = o->grant_id, .started_us = o->started_us,
	};
	struct record			*r = xcalloc(1, sizeof(*r));

	r->max = o->journal_max;
	r->sync = o->sync;
	r->board = o->board;
	r->refusal = "";
	r->journal = record_journal_create(o->dir, &owner, o->journal_max, o->sync == RECORD_SYNC_FSYNC, err);
	if (r->journal == NULL) {
		free(r);
		return NULL;
	}
	if (o->limited)
		record_journal_used(r->journal, 0, 0);
	r->connection_id = o->connection_id;
	r->capture = o->capture;
	if (o->capture_key != NULL) {
		r->gcm = crypto_gcm_new(o->capture_key);
		memcpy(r->salt, o->capture_salt, sizeof(r->salt));
	}
	if (o->board == NULL || o->sync == RECORD_SYNC_STORAGE) {
		record_ship_own(r, o);
	} else {
		r->shipment = &o->board->shared->shipments[o->slot];
		record_journal_follow(r->journal, r->shipment);
	}
	return r;
}

/* Records that are not known to be in storage. */
static uint64_t
record_pending(const struct record *r)
{
	return r->shipment != NULL ? r->shipment->records - shipment_stored(r->shipment) : r->source.pending;
}

/* Wall clock in us of the moment storage went away; 0 when it did not. */
static int64_t
record_away_since(const struct record *r)
{
	return r->shipment != NULL ? r->board->shared->away_since_us : record_shipper_away_since(r->shipper);
}

/* Bytes kept for the outcomes of `open` statements and the end; and for the mark that a result had no room. */
static size_t
record_kept(const struct record *r, uint64_t open)
{
	size_t	each = RECORD_OUTCOME_SHORT + (r->capture ? RECORD_RESULT_SHORT : 0);

	return (size_t)open * each + RECORD_END_SIZE_MAX;
}

/* Bytes free beside those. */
static size_t
record_room(struct record *r, uint64_t open)
{
	size_t	room = record_journal_room(r->journal), kept = record_kept(r, open);

	return room > kept ? room - kept : 0;
}

/* Whether a frame of n bytes fits beside what is kept, on the disk too. */
static bool
record_fits(struct record *r, size_t n, uint64_t open, struct error *err)
{
	return record_journal_reserve(r->journal, n + record_kept(r, open), err) == 0;
}

/* Moves the frame in scratch to the journal. */
static void
record_append(struct record *r)
{
	record_journal_append(r->journal, r->scratch.data, r->scratch.len);
	if (r->shipment == NULL)
		record_source_added(&r->source, 1, time_mono_us());
}

static void
record_scratch_reset(struct record *r)
{
	if (r->scratch.cap > SCRATCH_KEEP)
		buf_free(&r->scratch);
	buf_reset(&r->scratch);
}

/* Says why there is no room for a statement that needs so many bytes. */
static int
record_full(struct record *r, size_t need, struct error *err)
{
	int64_t	since = record_away_since(r);
	char	at[TIME_ISO_SIZE];

	if (need > r->max) {
		r->refusal = "54000";
		return error_set(err, "the statement is too long to be logged: its record has %zu bytes, journal_max is %zu",
		    need, r->max);
	}
	r->refusal = "57P03";
	if (since != 0)
		return error_set(err, "the log cannot be shipped: storage has been away since %s",
		    time_format_iso(since, at));
	return error_set(err, "the log cannot be shipped as fast as it grows: %llu records wait for storage",
	    (unsigned long long)record_pending(r));
}

/* Records come faster than they can be shipped: who makes many waits, not with each of them, but all in all. */
static void
record_pace(struct record *r)
{
	int64_t	pace = scoreboard_pace(r->board), now;

	if (pace == 0 || record_pending(r) < PACE_RECORDS) {
		r->debt_us = 0;
		return;
	}
	r->debt_us += pace;
	if (r->debt_us < PACE_STEP_US)
		return;
	/* statements that come together wait for each of them, but nobody waits so long that it seems to hang */
	now = time_mono_us();
	r->hold_us = (r->hold_us > now ? r->hold_us : now) + r->debt_us;
	if (r->hold_us > now + PACE_HOLD_US)
		r->hold_us = now + PACE_HOLD_US;
	r->debt_us = 0;
}

int
record_statement(struct record *r, const struct record_statement *s, struct error *err)
{
	record_scratch_reset(r);
	record_put_statement(&r->scratch, s);
	if (r->scratch.failed) {
		r->refusal = "54000";
		return error_set(err, "the statement is too long to be logged");
	}
	if (r->scratch.len > record_room(r, r->open + 1) ||
	    (r->sync == RECORD_SYNC_STORAGE && record_away_since(r) != 0))
		return record_full(r, r->scratch.len + record_kept(r, 1), err);
	if (!record_fits(r, r->scratch.len, r->open + 1, err)) {
		r->refusal = "53100";
		return -1;
	}
	record_append(r);
	r->open++;
	r->unsafe = record_journal_end(r->journal);
	if (r->sync == RECORD_SYNC_STORAGE)
		record_source_now(&r->source);
	if (r->shipment != NULL)
		record_pace(r);
	return 0;
}

const char *
record_refusal(const struct record *r)
{
	return r->refusal;
}

/* For how much longer a statement waits for its record to be stored; INT64_MAX: storage is there. */
static int64_t
record_patience(const struct record *r)
{
	int64_t	since = record_away_since(r);

	return since != 0 ? since + AWAY_MAX_US - time_now_us() : INT64_MAX;
}

/* Whether one does (audit_sync = storage). */
static bool
record_waits(const struct record *r)
{
	return record_journal_start(r->journal) < r->unsafe;
}

int
record_safe(struct record *r, struct error *err)
{
	if (r->hold_us != 0 && time_mono_us() < r->hold_us)
		return 0;
	r->hold_us = 0;
	switch (r->sync) {
	case RECORD_SYNC_JOURNAL:
		break;
	case RECORD_SYNC_FSYNC:
		/* one for all that came together */
		if (record_journal_synced(r->journal) < r->unsafe && record_journal_sync(r->journal, err) != 0)
			return -1;
		break;
	case RECORD_SYNC_STORAGE:
		if (!record_waits(r))
			break;
		if (record_patience(r) <= 0)
			return error_set(err, "storage is away, and a statement waits for its record to be stored");
		return 0;
	}
	return 1;
}

/* The frame of a chunk in scratch, sealed where it is to be. */
static void
record_put_chunk(struct record *r, const struct record_chunk *chunk)
{
	struct record_chunk	c = *chunk;

	if (r->gcm != NULL) {
		buf_reset(&r->sealed);
		record_chunk_seal(r->gcm, r->salt, r->connection_id, &c, &r->sealed);
		c.body = (struct slice){ r->sealed.data, r->sealed.len };
	}
	record_scratch_reset(r);
	record_put_result(&r->scratch, &c);
}

bool
record_result(struct record *r, const struct record_chunk *c)
{
	size_t			room = record_room(r, r->open), others = r->max / 2;
	size_t			need = c->body.n + RECORD_RESULT_SHORT;
	struct record_chunk	mark = *c;
	struct error		err;

	/* results may fill half of the journal: they must not keep statements out */
	room = room > others ? room - others : 0;
	/* nothing is sealed that is not kept: its nonce is the mark's, too */
	if (c->body.n < RECORD_BODY_MAX / 2 && need <= room && record_fits(r, need, r->open, &err)) {
		record_put_chunk(r, c);
		record_append(r);
		return true;
	}
	mark.flags = (c->flags & RECORD_CHUNK_FIRST) | RECORD_CHUNK_LAST;
	mark.cut = RECORD_CUT_ROOM;
	mark.rows = 0;
	mark.body.n = 0;
	record_put_chunk(r, &mark);
	record_append(r);
	return false;
}

void
record_forget_key(struct record *r)
{
	crypto_gcm_free(r->gcm);
	r->gcm = NULL;
	buf_wipe(&r->sealed);
}

void
record_outcome(struct record *r, const struct record_outcome *o)
{
	struct record_outcome	out = *o;
	struct error		err;

	if (r->open > 0)
		r->open--;
	record_scratch_reset(r);
	record_put_outcome(&r->scratch, &out);
	if (r->scratch.len > RECORD_OUTCOME_SHORT &&
	    (r->scratch.len > record_room(r, r->open) || !record_fits(r, r->scratch.len, r->open, &err))) {
		out.message = o->message != NULL && *o->message != '\0' ? "(left out: the log was full)" : "";
		out.tag = "";
		record_scratch_reset(r);
		record_put_outcome(&r->scratch, &out);
	}
	record_append(r);
}

int64_t
record_poll(struct record *r, struct pollfd *pfd)
{
	int64_t	at, left;

	if (r->shipment == NULL) {
		at = record_shipper_poll(r->shipper, pfd);
		left = r->sync == RECORD_SYNC_STORAGE && record_waits(r) ? record_patience(r) : INT64_MAX;
		return left != INT64_MAX && time_mono_us() + left < at ? time_mono_us() + left : at;
	}
	*pfd = (struct pollfd){ .fd = -1 };
	if (r->hold_us != 0)
		return r->hold_us;
	/* it is looked after now and then as long as it may become smaller */
	return record_journal_bulky(r->journal) ? time_mono_us() + TRIM_US : INT64_MAX;
}

void
record_ship(struct record *r, short revents)
{
	if (r->shipment == NULL)
		record_shipper_step(r->shipper, revents);
	/* else it holds the room for outcomes to come */
	if (r->open == 0)
		record_journal_trim(r->journal);
}

void
record_used(struct record *r, uint64_t queries, uint64_t bytes)
{
	record_journal_used(r->journal, queries, bytes);
}

uint64_t
record_close(struct record *r, const struct record_end *end, int64_t timeout_us, bool keep)
{
	bool		own = r->shipment == NULL && (r->board == NULL || !record_shipper_closed(r->shipper));
	uint64_t	left;

	record_scratch_reset(r);
	record_put_end(&r->scratch, end);
	record_append(r);
	if (own)
		record_shipper_drain(r->shipper, time_mono_us() + timeout_us);
	/* the janitor has it soon, but where storage is away */
	left = own || record_away_since(r) != 0 ? record_pending(r) : 0;
	keep = keep || record_pending(r) > 0;
	record_shipper_free(r->shipper);
	record_journal_close(r->journal, keep ? RECORD_JOURNAL_LEAVE : RECORD_JOURNAL_REMOVE);
	record_forget_key(r);
	buf_free(&r->scratch);
	free(r);
	return left;
}
