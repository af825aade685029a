/*
 * What goes to storage next, of many sources: what is left for its time does not keep the shipper awake, what found no room comes
 * first, and who is gone leaves nothing behind. Nothing is sent.
 */
#include "tap.h"
#include "record_rig.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "base/base_time.h"
#include "record/record_batch.h"
#include "record/record_codec.h"
#include "record/record_ship.h"

#define SECOND	INT64_C(1000000)

/* Each slot has a connection of its own. */
static struct record *
session(int slot)
{
	return rig_session(100 + (uint64_t)slot, slot, 16 << 20);
}

static void
start(struct record *r, uint64_t seq, int64_t at_us, size_t n)
{
	unsigned char	*text = xcalloc(1, n + 1);
	struct error	 err;

	memset(text, 'x', n);
	is_int(record_statement(r, &(struct record_statement){ .seq = seq, .started_us = at_us, .text = { text, n } }, &err), 0,
	    "a statement starts");
	free(text);
}

/* What the shipper sees of it. */
static struct record_source
source(int slot)
{
	struct shipment		*m = &rig_board->shared->shipments[slot];
	struct record_source	 s = { .interval_us = SECOND, .shipment = m };
	struct record_adopted	 a;
	struct error		 err;

	is_int(record_journal_view(rig_dir, m->connection_id, m->opened_us, shipment_acked(m), &a, &err), RECORD_ADOPTED, "is seen");
	s.journal = a.journal;
	record_source_start(&s);
	if (a.events > 0)
		record_source_added(&s, a.events, time_mono_us());
	return s;
}

static void
forget(struct record_source *s)
{
	record_journal_close(s->journal, RECORD_JOURNAL_LEAVE);
}

/* Takes and stores all that goes now. How much that was. */
static unsigned
take(struct record_source *s, int64_t now)
{
	struct record_batch	*b = record_batch_new();
	unsigned		 n;

	ok(record_source_take(s, b, now), "what is there can be read");
	n = record_batch_events(b);
	if (n > 0)
		record_source_stored(s);
	record_batch_free(b);
	return n;
}

static void
test_young(void)
{
	struct record		*r = session(0);
	struct record_source	 s;
	uint64_t		 events;
	int64_t			 now = time_mono_us();

	start(r, 1, time_now_us(), 10);
	s = source(0);
	is_int((long long)record_source_ready(&s), 1, "a statement has started");
	is_int(take(&s, now), 0, "it is too young to go");
	is_int((long long)record_source_ready(&s), 0, "and is looked at no more");
	ok(record_source_due(&s) > now, "before its time");
	rig_finish(r, 1);
	is_int(record_journal_look(s.journal, &events), 0, "it is over");
	record_source_added(&s, events, now);
	is_int((long long)record_source_ready(&s), 1, "that is looked at");
	is_int(take(&s, now), 2, "both go");
	is_int((long long)s.pending, 0, "nothing is left");
	start(r, 2, time_now_us(), 10);
	rig_finish(r, 2);
	start(r, 3, time_now_us(), 10);
	is_int(record_journal_look(s.journal, &events), 0, "three more");
	record_source_added(&s, events, now);
	is_int(take(&s, now), 2, "two go");
	is_int((long long)s.pending, 1, "one stays");
	is_int((long long)record_source_ready(&s), 0, "until its time");
	is_int(take(&s, record_source_due(&s)), 1, "then it goes");
	is_int((long long)s.pending, 0, "and there is none");
	forget(&s);
	rig_end(r);
}

static void
test_end(void)
{
	struct record		*r = session(0);
	struct record_source	 s;

	start(r, 1, 1, 10);
	rig_finish(r, 1);
	rig_end(r);
	s = source(0);
	is_int((long long)s.pending, 2, "the end of a session is not the shipper's");
	is_int(take(&s, time_mono_us() + 2 * SECOND), 2, "what lies before it is");
	is_int((long long)s.pending, 0, "nothing is left to wait for");
	ok(record_source_due(&s) == INT64_MAX && record_source_oldest(&s) == INT64_MAX, "nor does anything wait");
	forget(&s);
}

static void
test_room(void)
{
	struct record		*r[2] = { session(0), session(1) };
	struct record_source	 s[2];
	struct record_batch	*b = record_batch_new();
	int64_t			 now = time_mono_us() + 2 * SECOND;

	for (int i = 0; i < 2; i++) {
		start(r[i], 1, 1, 600000);
		s[i] = source(i);
	}
	ok(record_source_take(&s[0], b, now) && record_source_take(&s[1], b, now), "two that are large");
	is_int(record_batch_events(b), 1, "there is room for one of them");
	ok(record_batch_full(b), "the batch is full");
	ok(record_source_due(&s[1]) <= now, "the other is due all the same");
	record_batch_free(b);
	for (int i = 0; i < 2; i++) {
		forget(&s[i]);
		rig_end(r[i]);
	}
}

/* A shipper that is killed between the two numbers it tells. */
static void
test_half_told(void)
{
	struct shipment		*m = &rig_board->shared->shipments[0];
	struct record		*r = session(0);
	struct record_source	 s;
	struct backlog_view	 v;

	for (uint64_t seq = 1; seq <= 10; seq++) {
		start(r, seq, 1, 10);
		rig_finish(r, seq);
	}
	m->acked = (m->acked >> 48) << 48 | m->bytes;
	s = source(0);
	is_int((long long)s.pending, 0, "what the one before has shipped is not waited for, whatever is counted");
	start(r, 11, 1, 10);
	forget(&s);
	s = source(0);
	is_int((long long)s.pending, 1, "what comes later is");
	is_int(take(&s, time_mono_us() + 2 * SECOND), 1, "and goes");
	scoreboard_backlog(rig_board, 0, &v);
	is_int((long long)v.records, 0, "then the count is right again");
	is_int((long long)v.shipped, 21, "to the last one");
	forget(&s);
	rig_end(r);
}

/* One shipper is faster than another, and the session writes over what both have seen. */
static void
test_overtaken(void)
{
	struct shipment		*m = &rig_board->shared->shipments[0];
	struct record		*r = session(0);
	struct record_source	 s;
	struct record_batch	*b = record_batch_new();

	start(r, 1, 1, 30000);
	s = source(0);
	for (uint64_t seq = 2; seq < 8; seq++) {
		shipment_ack(m, 100, m->records, m->bytes, INT64_MAX);
		start(r, seq, 1, 30000);
	}
	ok(!record_source_take(&s, b, time_mono_us() + 2 * SECOND), "what was written over is not taken for a record");
	is_int(record_batch_events(b), 0, "nothing of it");
	ok(record_source_due(&s) == INT64_MAX && record_source_ready(&s) == 0, "nor is it tried again");
	forget(&s);
	s = source(0);
	is_int(take(&s, time_mono_us() + 2 * SECOND), 1, "opened again it goes on");
	record_batch_free(b);
	forget(&s);
	rig_end(r);
}

static void
test_away(void)
{
	struct record_shipper	*p = record_shipper_new("host=/nonexistent dbname=none", "test");
	struct record		*r = session(0);
	struct record_source	 s;
	struct pollfd		 pfd;

	start(r, 1, 1, 10);
	s = source(0);
	record_shipper_add(p, &s);
	record_source_now(&s);
	for (int i = 0; i < 1000 && record_shipper_away_since(p) == 0; i++) {
		record_shipper_poll(p, &pfd);
		poll(&pfd, 1, 10);
		record_shipper_step(p, pfd.revents);
	}
	ok(record_shipper_away_since(p) != 0, "storage is away");
	record_shipper_remove(p, &s);
	is_int(record_shipper_away_since(p), 0, "who ships nothing does not know");
	record_shipper_free(p);
	forget(&s);
	rig_end(r);
}

int
main(void)
{
	rig_start(4);
	test_young();
	test_end();
	test_room();
	test_half_told();
	test_overtaken();
	test_away();
	rig_stop();
	return tap_done();
}
