/*
 * What goes to storage next, of many sources: what is left for its time does not keep the shipper awake, what found no room comes
 * first, and who is gone leaves nothing behind. Nothing is sent.
 */
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "record/record.h"
#include "record/record_batch.h"
#include "record/record_codec.h"
#include "record/record_ship.h"

#define SECOND	INT64_C(1000000)

static char			 dir[] = "/tmp/dbbat-source-XXXXXX";
static struct scoreboard	*board;

static struct record *
session(int slot)
{
	struct error	 err;
	struct record	*r = record_open(&(struct record_options){
		.dsn = "", .dir = dir, .connection_id = 100 + (uint64_t)slot, .user_id = 2, .database_id = 3, .grant_id = 4,
		.journal_max = 16 << 20, .board = board, .slot = slot,
	}, &err);

	if (r == NULL) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return r;
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

static void
finish(struct record *r, uint64_t seq)
{
	record_outcome(r, &(struct record_outcome){ .seq = seq, .started_us = 1, .sqlstate = "", .message = "", .tag = "" });
}

static void
end(struct record *r)
{
	record_close(r, &(struct record_end){ .reason = "" }, 0, false);
}

/* What the shipper sees of it. */
static struct record_source
source(int slot)
{
	struct shipment		*m = &board->shared->shipments[slot];
	struct record_source	 s = { .interval_us = SECOND, .shipment = m };
	struct record_adopted	 a;
	struct error		 err;

	is_int(record_journal_view(dir, m->connection_id, m->opened_us, shipment_acked(m), &a, &err), RECORD_ADOPTED, "is seen");
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
	finish(r, 1);
	is_int(record_journal_look(s.journal, &events), 0, "it is over");
	record_source_added(&s, events, now);
	is_int((long long)record_source_ready(&s), 1, "that is looked at");
	is_int(take(&s, now), 2, "both go");
	is_int((long long)s.pending, 0, "nothing is left");
	start(r, 2, time_now_us(), 10);
	finish(r, 2);
	start(r, 3, time_now_us(), 10);
	is_int(record_journal_look(s.journal, &events), 0, "three more");
	record_source_added(&s, events, now);
	is_int(take(&s, now), 2, "two go");
	is_int((long long)s.pending, 1, "one stays");
	is_int((long long)record_source_ready(&s), 0, "until its time");
	is_int(take(&s, record_source_due(&s)), 1, "then it goes");
	is_int((long long)s.pending, 0, "and there is none");
	forget(&s);
	end(r);
}

static void
test_end(void)
{
	struct record		*r = session(0);
	struct record_source	 s;

	start(r, 1, 1, 10);
	finish(r, 1);
	end(r);
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
		end(r[i]);
	}
}

/* A shipper that is killed between the two numbers it tells. */
static void
test_half_told(void)
{
	struct shipment		*m = &board->shared->shipments[0];
	struct record		*r = session(0);
	struct record_source	 s;
	struct backlog_view	 v;

	for (uint64_t seq = 1; seq <= 10; seq++) {
		start(r, seq, 1, 10);
		finish(r, seq);
	}
	m->acked = (m->acked >> 48) << 48 | m->bytes;
	s = source(0);
	is_int((long long)s.pending, 0, "what the one before has shipped is not waited for, whatever is counted");
	start(r, 11, 1, 10);
	forget(&s);
	s = source(0);
	is_int((long long)s.pending, 1, "what comes later is");
	is_int(take(&s, time_mono_us() + 2 * SECOND), 1, "and goes");
	scoreboard_backlog(board, 0, &v);
	is_int((long long)v.records, 0, "then the count is right again");
	is_int((long long)v.shipped, 21, "to the last one");
	forget(&s);
	end(r);
}

/* One shipper is faster than another, and the session writes over what both have seen. */
static void
test_overtaken(void)
{
	struct shipment		*m = &board->shared->shipments[0];
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
	end(r);
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
	end(r);
}

int
main(void)
{
	char	*rm;

	if (mkdtemp(dir) == NULL)
		return 1;
	rm = xasprintf("rm -rf %s", dir);
	board = scoreboard_new(4, 4);
	test_young();
	test_end();
	test_room();
	test_half_told();
	test_overtaken();
	test_away();
	if (system(rm) != 0)
		printf("# %s: is left\n", dir);
	free(rm);
	free(board);
	return tap_done();
}
