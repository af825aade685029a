/*
 * A journal that another process ships: what it sees of it, how the session hears what is in storage, and what of all that
 * cannot be mistaken for another session's.
 */
#include "tap.h"
#include "record_rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "base/base_time.h"
#include "record/record_codec.h"
#include "record/record_journal.h"

#define MINUTE	INT64_C(60000000)
#define TEXT(s)	((struct slice){ (const unsigned char *)(s), sizeof(s) - 1 })

static int
start(struct record *r, uint64_t seq, struct slice text)
{
	struct error	err;

	return record_statement(r, &(struct record_statement){ .seq = seq, .started_us = 1, .text = text }, &err);
}

static int
safe(struct record *r)
{
	struct error	err;

	return record_safe(r, &err);
}

static struct record_journal *
view(const struct shipment *m, uint64_t at)
{
	struct record_adopted	a;
	struct error		err;

	record_journal_view(rig_dir, m->connection_id, m->opened_us, at, &a, &err);
	return a.journal;
}

/* The sequence numbers of the statements from that position on, and what ends sessions. */
static char *
seen(struct record_journal *j, uint64_t at)
{
	struct slice		left = record_journal_read(j, at);
	struct record_event	e;
	struct buf		b = { 0 };
	char			*text;

	while (left.n > 0 && record_get(left.p, left.n, &e) == 1) {
		if (e.kind == RECORD_STATEMENT)
			buf_putf(&b, "%llu ", (unsigned long long)e.statement.seq);
		else if (e.kind == RECORD_END)
			buf_put_str(&b, "end ");
		left.p += e.size;
		left.n -= e.size;
	}
	if (left.n > 0)
		buf_put_str(&b, "damaged");
	text = xstrdup(buf_text(&b));
	buf_free(&b);
	return text;
}

static void
sees(struct record_journal *j, uint64_t at, const char *want, const char *name)
{
	char	*got = seen(j, at);

	is_str(got, want, name);
	free(got);
}

static void
test_follow(void)
{
	struct shipment		*m = &rig_board->shared->shipments[1];
	struct record		*r = rig_session(70000, 1, 1 << 20);
	struct record_journal	*j;
	struct backlog_view	 v;
	uint64_t		 third, n;
	char			*long_text;

	is_int(m->connection_id, 70000, "whose journal there is to be shipped can be seen");
	start(r, 1, TEXT("SELECT 1"));
	rig_finish(r, 1);
	j = view(m, 0);
	ok(j != NULL, "it can be read");
	sees(j, 0, "1 ", "with what is in it");
	is_int(record_journal_owner(j)->grant_id, 4, "and whose it is");
	third = record_journal_end(j);
	start(r, 2, TEXT("SELECT 2"));
	is_int(record_journal_end(j), (long long)third, "what comes later is not there");
	is_int(record_journal_look(j, &n), 0, "before it is looked for");
	is_int((long long)n, 1, "and counted");
	sees(j, third, "2 ", "then it is");
	is_int(m->records, 3, "records are counted");
	is_int(m->bytes, record_journal_end(j), "and their bytes");
	scoreboard_backlog(rig_board, 1, &v);
	is_int(v.records, 3, "all of them wait");
	ok(v.since_us > 0 && v.since_us <= time_mono_us(), "since a while");
	shipment_ack(m, 70000, 2, third, time_mono_us());
	shipment_ack(m, 70000, 1, third / 2, INT64_MAX);
	is_int(shipment_acked(m), (long long)third, "what is in storage does not become less");
	shipment_ack(m, 70001, 3, third + 1, INT64_MAX);
	shipment_ack(m, 70000 + 65536, 3, third + 1, INT64_MAX);
	is_int(shipment_acked(m), (long long)third, "nor more by what another session has");
	scoreboard_backlog(rig_board, 1, &v);
	is_int(v.records, 1, "the rest waits");
	is_int(v.shipped, 2, "the others do not");

	/* a file for all of it: the one that is seen is no longer the session's */
	long_text = xcalloc(1, 200000);
	memset(long_text, 'x', 199999);
	is_int(m->files, 0, "it has had one file");
	start(r, 3, (struct slice){ (unsigned char *)long_text, 199999 });
	is_int(m->files, 1, "that was too small");
	is_int(record_journal_look(j, &n), 0, "the old one is still there");
	sees(j, third, "2 ", "with what was in it");
	record_journal_close(j, RECORD_JOURNAL_LEAVE);
	j = view(m, third);
	sees(j, third, "2 3 ", "the new one has all");

	/* room for what is in storage is used again */
	for (uint64_t seq = 4; seq < 100; seq++) {
		if (seq == 20) {
			record_journal_close(j, RECORD_JOURNAL_LEAVE);
			j = view(m, shipment_acked(m));
		}
		is_int(start(r, seq, (struct slice){ (unsigned char *)long_text, 199999 }), 0, "what is in storage makes room");
		shipment_ack(m, 70000, m->records, m->bytes, INT64_MAX);
	}
	is_int(record_journal_look(j, &n), -1, "who has not followed for long sees that he cannot go on from there");
	record_journal_close(j, RECORD_JOURNAL_LEAVE);
	free(long_text);
	start(r, 100, TEXT("SELECT 100"));
	j = view(m, shipment_acked(m));
	sees(j, record_journal_start(j), "100 ", "what comes last");
	shipment_ack(m, 70000, m->records, m->bytes, INT64_MAX);
	is_int(rig_end(r), 0, "the end, nothing being away");
	is_int(record_journal_look(j, &n), 0, "it can be seen");
	is_int((long long)n, 0, "and is not to be shipped");
	sees(j, record_journal_start(j), "100 end ", "by who looks for it");
	record_journal_close(j, RECORD_JOURNAL_LEAVE);
}

static void
test_heir(void)
{
	struct shipment		*m = &rig_board->shared->shipments[1];
	char			*path = xasprintf("%s/%llu-%llx.journal", rig_dir, 70000ULL, (unsigned long long)m->opened_us);
	struct record_adopted	 a;
	struct error		 err;

	is_int(record_journal_adopt(path, &a, &err), RECORD_ADOPTED, "the janitor has it then");
	sees(a.journal, record_journal_start(a.journal), "end ", "from where it is not in storage yet");
	ok(a.ended, "to the end");
	record_journal_close(a.journal, RECORD_JOURNAL_REMOVE);
	free(path);
}

static void
test_taken_over(void)
{
	struct shipment	*m = &rig_board->shared->shipments[1];
	uint64_t	 before = m->bytes;
	struct record	*r = rig_session(70000 + 65536, 1, 1 << 20);

	/* the worst there can be: the number of the session before in the last 16 bits is ours */
	shipment_ack(m, 70000, 5, before, INT64_MAX);
	is_int(shipment_acked(m), 0, "what the slot's session before had in storage is not this one's");
	start(r, 1, TEXT("SELECT 1"));
	is_int(rig_end(r), 0, "ended");
	scoreboard_free(rig_board, 1);
	is_int(m->connection_id, 0, "a free slot has no journal");
}

static void
test_pace(void)
{
	struct record	*r = rig_session(9, 1, 1 << 20);
	struct pollfd	 pfd;
	uint64_t	 seq = 0;
	int64_t		 until, before;

	scoreboard_set_pace(rig_board, MINUTE, time_mono_us());
	for (int i = 0; i < 30; i++) {
		start(r, ++seq, TEXT("SELECT 1"));
		rig_finish(r, seq);
	}
	is_int(safe(r), 1, "who has recorded little runs on");
	is_int(record_poll(r, &pfd) == INT64_MAX, 1, "with nothing to wait for");
	for (int i = 0; i < 10; i++) {
		start(r, ++seq, TEXT("SELECT 1"));
		rig_finish(r, seq);
	}
	until = record_poll(r, &pfd);
	ok(until != INT64_MAX && pfd.fd == -1, "who has recorded much waits");
	ok(until <= time_mono_us() + MINUTE / 10, "but not so long that it seems to hang");
	rig_end(r);
	scoreboard_set_pace(rig_board, 5000, time_mono_us());
	r = rig_session(10, 1, 1 << 20);
	before = time_mono_us();
	for (seq = 1; seq <= 104; seq++)
		start(r, seq, TEXT("SELECT 1"));
	ok(record_poll(r, &pfd) >= before + 40 * 5000, "statements that come together wait for each of them");
	rig_end(r);
	scoreboard_set_pace(rig_board, 2000, time_mono_us());
	r = rig_session(11, 1, 1 << 20);
	for (seq = 1; seq <= 100; seq++)
		start(r, seq, TEXT("SELECT 1"));
	for (int i = 0; i < 10000 && safe(r) == 0; i++)
		poll(NULL, 0, 1);
	is_int(safe(r), 1, "and goes on then");
	scoreboard_set_pace(rig_board, MINUTE, time_mono_us());
	start(r, seq, TEXT("SELECT 1"));
	ok(record_poll(r, &pfd) != INT64_MAX, "the next waits again");
	rig_end(r);
	scoreboard_set_pace(rig_board, 0, time_mono_us());
	r = rig_session(12, 1, 1 << 20);
	for (seq = 1; seq <= 100; seq++)
		start(r, seq, TEXT("SELECT 1"));
	is_int(safe(r), 1, "where nothing is late nobody waits");
	rig_end(r);
}

static void
test_damage(void)
{
	struct shipment	*m = &rig_board->shared->shipments[1];
	struct record	*r = rig_session(20, 1, 1 << 20);
	char		*path = xasprintf("%s/%llu-%llx.journal", rig_dir, 20ULL, (unsigned long long)m->opened_us);
	int		 fd = open(path, O_RDWR);

	start(r, 1, TEXT("SELECT 1"));
	ok(view(m, m->bytes + 1) == NULL, "a position that was never reached has no view");
	m->opened_us++;
	ok(view(m, 0) == NULL, "nor has a journal that is not there");
	m->opened_us--;
	if (pwrite(fd, "x", 1, 20) != 1)
		ok(false, "%s is written to", path);
	ok(view(m, 0) == NULL, "nor one whose head is damaged");
	close(fd);
	rig_end(r);
	free(path);
}

int
main(void)
{
	rig_start(4);
	test_follow();
	test_heir();
	test_taken_over();
	test_pace();
	test_damage();
	rig_stop();
	return tap_done();
}
