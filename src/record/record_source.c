/*
 * How far the records of a session have come, and what of them goes next. It sends nothing.
 */
#include "record/record_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "record/record_batch.h"

#define SOURCE_NOW_BYTES	((size_t)256 << 10)	/* waiting: do not wait for the interval */
#define SOURCE_MARK_US		INT64_C(10000)
#define SOURCE_HOLD_MIN_US	INT64_C(100000)
#define SOURCE_HOLD_MAX_US	INT64_C(10000000)

void
record_source_start(struct record_source *s)
{
	record_source_again(s);
	if (s->backlog != NULL)
		s->backlog->connection_id = record_journal_owner(s->journal)->connection_id;
}

/* There are few, and their distance grows with the age of the oldest. */
static void
source_mark(struct record_source *s, int64_t at_us)
{
	unsigned	n = s->nmarks;

	if (n > 0 && at_us - s->marks[n - 1].at_us < SOURCE_MARK_US)
		return;
	if (n == RECORD_SOURCE_MARKS)
		for (n = 0; n < RECORD_SOURCE_MARKS / 2; n++)
			s->marks[n] = s->marks[2 * n];
	s->marks[n].from = s->stored + s->pending;
	s->marks[n].at_us = at_us;
	s->nmarks = n + 1;
}

void
record_source_added(struct record_source *s, uint64_t events, int64_t at_us)
{
	if (s->pending == s->sent_events)
		s->due_us = at_us + s->interval_us;
	source_mark(s, at_us);
	s->pending += events;
}

int64_t
record_source_oldest(const struct record_source *s)
{
	return s->pending > 0 ? s->marks[0].at_us : INT64_MAX;
}

void
record_source_now(struct record_source *s)
{
	s->due_us = 0;
}

int64_t
record_source_due(const struct record_source *s)
{
	int64_t	due = s->due_us;

	if (s->damaged || s->pending == s->sent_events)
		return INT64_MAX;
	if (s->pending - s->sent_events >= RECORD_BATCH_SHARE ||
	    record_journal_end(s->journal) - s->sent >= SOURCE_NOW_BYTES)
		due = 0;
	return due > s->hold_us ? due : s->hold_us;
}

uint64_t
record_source_ready(const struct record_source *s)
{
	return s->damaged || s->hold_us != 0 ? 0 : s->pending - s->sent_events - s->passed;
}

void
record_source_again(struct record_source *s)
{
	s->sent = record_journal_start(s->journal);
	s->sent_events = s->passed = 0;
	s->due_us = 0;
}

static bool
source_single(const struct record_source *s)
{
	return s->doubted || s->sent < s->single_until;
}

bool
record_source_suspect(const struct record_source *s)
{
	return source_single(s) || s->sent < s->alone_until;
}

bool
record_source_take(struct record_source *s, struct record_batch *b, int64_t now)
{
	/* where it is asked for now, all is */
	int64_t			young_us = s->due_us == 0 ? INT64_MAX : time_now_us() - s->interval_us;
	struct record_taken	taken;
	struct record_take	take = {
		.owner = record_journal_owner(s->journal),
		.frames = record_journal_read(s->journal, s->sent),
		.max_events = source_single(s) ? 1 : RECORD_BATCH_SHARE,
		.must = record_source_due(s) <= now,
		.ends = s->ends,
		.young_us = young_us,
		.refused = s->refused[0] ? s->refused : NULL,
	};

	if (record_batch_take(b, &take, &taken) != 0) {
		s->damaged = true;
		return false;
	}
	/* it goes when it is young no more; its time is further off where the clock was set back */
	if (taken.open_us != 0)
		s->due_us = now + (taken.open_us - young_us < s->interval_us ? taken.open_us - young_us : s->interval_us);
	s->sent += taken.bytes;
	s->sent_events = taken.events;
	s->passed = taken.open_us != 0 ? s->pending - s->sent_events : 0;
	return true;
}

static void
source_hold(struct record_source *s, int64_t now)
{
	s->doubted = false;
	s->refused[0] = '\0';
	s->hold_delay_us = s->hold_delay_us == 0 ? SOURCE_HOLD_MIN_US : 2 * s->hold_delay_us;
	if (s->hold_delay_us > SOURCE_HOLD_MAX_US)
		s->hold_delay_us = SOURCE_HOLD_MAX_US;
	s->hold_us = now + s->hold_delay_us;
}

bool
record_source_refused(struct record_source *s, bool alone, const char *sqlstate, int64_t now)
{
	uint64_t	upto = s->sent, n = s->sent_events;

	record_source_again(s);
	if (!alone) {
		s->alone_until = upto;
	} else if (n > 1) {
		s->single_until = upto;
	} else if (!s->doubted) {
		/* a partition that comes or goes under a shipment looks like that, too */
		s->doubted = true;
	} else if (s->refused[0] == '\0') {
		snprintf(s->refused, sizeof(s->refused), "%s", sqlstate);
	} else {
		source_hold(s, now);
		return true;
	}
	return false;
}

void
record_source_stored(struct record_source *s)
{
	uint64_t	connection_id = record_journal_owner(s->journal)->connection_id;
	unsigned	n;

	if (s->refused[0] != '\0')
		log_warn("storage refused a record of connection %" PRIu64 " for its content (SQLSTATE %s): stored without it",
		    connection_id, s->refused);
	record_journal_ack(s->journal, s->sent);
	s->pending -= s->sent_events;
	s->stored += s->sent_events;
	if (s->backlog != NULL)
		s->backlog->shipped += s->sent_events;
	s->sent_events = 0;
	/* those of which nothing is left */
	for (n = 0; n < s->nmarks && (n + 1 < s->nmarks ? s->marks[n + 1].from <= s->stored : s->pending == 0); n++)
		;
	s->nmarks -= n;
	memmove(s->marks, s->marks + n, s->nmarks * sizeof(s->marks[0]));
	s->doubted = false;
	s->refused[0] = '\0';
	s->hold_us = s->hold_delay_us = 0;
	if (s->shipment != NULL)
		shipment_ack(s->shipment, connection_id, s->stored, s->sent, record_source_oldest(s));
}

void
record_source_tell(const struct record_source *s)
{
	struct backlog	*b = s->backlog;

	if (b == NULL)
		return;
	atomic_store_explicit(&b->records, s->pending, memory_order_relaxed);
	atomic_store_explicit(&b->bytes, record_journal_end(s->journal) - record_journal_start(s->journal), memory_order_relaxed);
	atomic_store_explicit(&b->since_us, s->pending > 0 ? record_source_oldest(s) : 0, memory_order_relaxed);
}
