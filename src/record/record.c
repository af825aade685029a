/*
 * What a session calls. Decides what the queue has room for, and nothing else:
 * bytes are record_codec's, their order and place record_queue's, storage
 * record_ship's.
 */
#include "record/record.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"
#include "base/base_time.h"
#include "record/record_codec.h"
#include "record/record_queue.h"
#include "record/record_ship.h"

#define SCRATCH_KEEP	((size_t)64 << 10)

struct record {
	struct record_queue	*queue;
	struct record_shipper	*shipper;
	size_t			 queue_max;
	uint64_t		 open;		/* statements without an outcome */
	uint64_t		 dropped_seq;	/* the last statement whose result had no room */
	struct buf		 scratch;	/* the frame being made */
};

struct record *
record_open(const struct record_options *o)
{
	struct record	*r = xcalloc(1, sizeof(*r));

	r->queue_max = o->queue_max;
	r->queue = record_queue_new(o->queue_max);
	r->shipper = record_shipper_new(o, r->queue);
	return r;
}

/* Bytes free beside what is kept for the outcomes of `open` statements and the end. */
static size_t
record_room(const struct record *r, uint64_t open)
{
	size_t	room = record_queue_room(r->queue);
	size_t	kept = RECORD_END_SIZE_MAX;

	if (open > room / RECORD_OUTCOME_SHORT)
		return 0;
	kept += open * RECORD_OUTCOME_SHORT;
	return room > kept ? room - kept : 0;
}

/* Moves the frame in scratch to the queue. */
static void
record_append(struct record *r)
{
	record_queue_append(r->queue, r->scratch.data, r->scratch.len);
	record_shipper_added(r->shipper);
}

static void
record_scratch_reset(struct record *r)
{
	if (r->scratch.cap > SCRATCH_KEEP)
		buf_free(&r->scratch);
	buf_reset(&r->scratch);
}

static int
record_full(const struct record *r, size_t need, struct error *err)
{
	int64_t	since = record_shipper_away_since(r->shipper);
	char	at[TIME_ISO_SIZE];

	if (need > r->queue_max)
		return error_set(err, "the statement is too long to be logged: its record has %zu bytes, queue_max is %zu",
		    need, r->queue_max);
	if (since != 0)
		return error_set(err, "the log cannot be shipped: storage has been away since %s",
		    time_format_iso(since, at));
	return error_set(err, "the log cannot be shipped as fast as it grows: %llu records wait for storage",
	    (unsigned long long)record_shipper_pending(r->shipper));
}

int
record_statement(struct record *r, const struct record_statement *s, struct error *err)
{
	record_scratch_reset(r);
	record_put_statement(&r->scratch, s);
	if (r->scratch.failed)
		return error_set(err, "the statement is too long to be logged");
	if (r->scratch.len > record_room(r, r->open + 1))
		return record_full(r, r->scratch.len + RECORD_OUTCOME_SHORT + RECORD_END_SIZE_MAX, err);
	record_append(r);
	r->open++;
	return 0;
}

void
record_result(struct record *r, const struct record_result *res)
{
	size_t	room = record_room(r, r->open), others = r->queue_max / 2;

	/* results may fill half of the queue: they must not keep statements out */
	room = room > others ? room - others : 0;
	record_scratch_reset(r);
	if (res->description.n <= room && res->rows.n <= room)
		record_put_result(&r->scratch, res);
	else
		r->scratch.failed = true;
	if (r->scratch.failed || r->scratch.len > room)
		r->dropped_seq = res->seq;
	else
		record_append(r);
}

void
record_outcome(struct record *r, const struct record_outcome *o)
{
	struct record_outcome	out = *o;

	if (r->open > 0)
		r->open--;
	out.result_dropped = r->dropped_seq != 0 && r->dropped_seq == o->seq;
	record_scratch_reset(r);
	record_put_outcome(&r->scratch, &out);
	if (r->scratch.len > RECORD_OUTCOME_SHORT && r->scratch.len > record_room(r, r->open)) {
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
	return record_shipper_poll(r->shipper, pfd);
}

void
record_ship(struct record *r, short revents)
{
	record_shipper_step(r->shipper, revents);
}

/* Ships until nothing is left or the time is up. */
static void
record_drain(struct record *r, int64_t until_us)
{
	struct pollfd	pfd;
	int64_t		at, now, wait;

	record_shipper_hurry(r->shipper);
	while (record_shipper_pending(r->shipper) > 0) {
		at = record_shipper_poll(r->shipper, &pfd);
		now = time_mono_us();
		if (now >= until_us)
			return;
		if (at > until_us)
			at = until_us;
		wait = at > now ? (at - now + 999) / 1000 : 0;
		if (poll(&pfd, 1, (int)wait) < 0 && errno != EINTR)
			return;
		record_shipper_step(r->shipper, pfd.revents);
	}
}

uint64_t
record_close(struct record *r, const struct record_end *end, int64_t timeout_us)
{
	uint64_t	left;

	record_scratch_reset(r);
	record_put_end(&r->scratch, end);
	record_append(r);
	record_drain(r, time_mono_us() + timeout_us);
	left = record_shipper_pending(r->shipper);
	record_shipper_free(r->shipper);
	record_queue_free(r->queue);
	buf_free(&r->scratch);
	free(r);
	return left;
}
