/*
 * Recording end to end: events in, rows of a real storage out. Each test is a session of its own.
 */
#include "record_storage.h"

static void
test_load(uint64_t id)
{
	struct record	*r = open_session(id, 64 << 20);
	const int	 n = 20000;
	int64_t		 began = time_mono_us(), spent = 0, t;
	int		 refused = 0;

	make_connection(id);
	for (int i = 1; i <= n; i++) {
		t = time_mono_us();
		refused += start(r, (uint64_t)i, TEXT("SELECT abalance FROM pgbench_accounts WHERE aid = $1;")) != 0;
		finish(r, (uint64_t)i);
		spent += time_mono_us() - t;
		turn(r, 0);
	}
	is_int(refused, 0, "every statement is let through");
	is_int(close_session(r, n, 30 * SECOND), 0, "and is shipped");
	printf("# %.2f us for a statement and its outcome; %.0f rows per second shipped\n",
	    (double)spent / n, n * 1e6 / (double)(time_mono_us() - began));
	is_int(count(id, "true"), n, "as exactly one row");
	is_int(count(id, "status = 'ok' AND duration_us = 1500 AND rows_affected = 1 AND bytes = 77 AND command_tag = 'SELECT 1' "
	    "AND sqlstate IS NULL AND message IS NULL AND user_id = 2 AND database_id = 3 AND grant_id = 4 AND NOT text_cut "
	    "AND parameters = '[\"256\", \"it''s\"]' AND sql_text LIKE 'SELECT abalance%$1;' "
	    "AND executed_at = '2023-11-14 22:13:20.123456Z'::timestamptz + seq * interval '1 us'"), n, "with everything in it");
	is_str(ask("SELECT count(DISTINCT xmin::text) < 400 FROM dbbat.queries WHERE connection_id = %" PRIu64, id), "t",
	    "in batches");
	is_str(ask("SELECT concat_ws(' ', ended_at AT TIME ZONE 'UTC', end_reason, queries, bytes) FROM dbbat.connections "
	    "WHERE id = %" PRIu64, id), "2023-11-14 22:14:59 client closed 20000 1234", "and the end of the session");
}

static void
test_running(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);

	start(r, 1, TEXT("SELECT pg_sleep(100)"));
	is_int(count(id, "true"), 0, "nothing is shipped at once");
	turns(r, SECOND / 2);
	is_int(count(id, "seq = 1 AND status = 'running' AND duration_us IS NULL AND rows_affected IS NULL"), 1,
	    "a statement that takes long is seen running");
	start(r, 2, TEXT("SELECT 2"));
	record_outcome(r, &(struct record_outcome){ .seq = 2, .started_us = STARTED(2), .status = RECORD_ERROR, .sqlstate = "22012",
	    .message = "division by zero", .tag = "", .rows = -1 });
	record_outcome(r, &(struct record_outcome){ .seq = 1, .started_us = STARTED(1), .status = RECORD_CANCELLED, .sqlstate = "57014",
	    .message = "canceling statement", .tag = "", .rows = -1, .bytes = 9, .duration_us = 5 });
	turns(r, SECOND / 2);
	is_int(count(id, "seq = 1 AND status = 'cancelled' AND sqlstate = '57014' AND message = 'canceling statement' "
	    "AND command_tag IS NULL AND rows_affected IS NULL AND bytes = 9 AND duration_us = 5"), 1, "then with its outcome");
	is_int(count(id, "seq = 2 AND status = 'error' AND sqlstate = '22012'"), 1, "another in between is right, too");
	is_int(close_session(r, 2, 5 * SECOND), 0, "closed");
	is_int(count(id, "true"), 2, "two rows");
}

/* One that has just started waits for its outcome, as long as it is not to be seen running. */
static void
test_young(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);
	int64_t		 later = time_now_us() + 3600 * SECOND;	/* younger than anything */

	start(r, 1, TEXT("SELECT 1"));
	finish(r, 1);
	start_at(r, 2, TEXT("SELECT 2"), later);
	for (int i = 0; i < 100 && count(id, "seq = 1") == 0; i++)
		turns(r, SECOND / 100);
	is_int(count(id, "true"), 1, "one that is over is stored alone");
	for (int i = 0; i < 100 && count(id, "seq = 2") == 0; i++)
		turns(r, SECOND / 100);
	is_int(count(id, "seq = 2 AND status = 'running'"), 1, "one that has just started is, too, when it goes on");
	is_int(count(id, "seq = 2 AND xmin <> (SELECT f.xmin FROM dbbat.queries f WHERE f.connection_id = queries.connection_id AND f.seq = 1)"),
	    1, "in another batch");
	is_int(close_session(r, 2, 5 * SECOND), 0, "closed");
}

/* A pipeline so long that its outcomes alone would not fit the journal of an idle session. */
static void
test_many_open(uint64_t id)
{
	struct record	*r = open_session(id, 64 << 20);
	const int	 n = 40000;
	int		 refused = 0;

	for (int i = 1; i <= n; i++)
		refused += start(r, (uint64_t)i, TEXT("SELECT 1")) != 0;
	is_int(refused, 0, "many statements are open at once");
	for (int i = 0; i < 100 && count(id, "status = 'running'") < n; i++)
		turns(r, SECOND / 10);
	turns(r, SECOND / 10);
	is_int(count(id, "status = 'running'"), n, "all of them shipped");
	for (int i = 1; i <= n; i++)
		finish(r, (uint64_t)i);
	is_int(close_session(r, n, 30 * SECOND), 0, "then their outcomes");
	is_int(count(id, "status = 'ok'"), n, "all of them there");
}

/* What storage holds of a session, row versions included. */
static char *
picture(uint64_t id)
{
	return xstrdup(ask("SELECT md5(string_agg(q.ctid::text || q.xmin::text || q::text, '' ORDER BY seq)) || "
	    "(SELECT coalesce(md5(string_agg(r.ctid::text || r::text, '' ORDER BY seq, chunk)), '') FROM dbbat.query_results r "
	    "WHERE connection_id = %" PRIu64 ") FROM dbbat.queries q WHERE connection_id = %" PRIu64, id, id));
}

static void
play(struct record *r, bool apart)
{
	for (uint64_t seq = 1; seq <= 10; seq++)
		start(r, seq, TEXT("SELECT 1"));
	if (apart)
		turns(r, SECOND / 3);
	for (uint64_t seq = 1; seq <= 10; seq++) {
		for (uint32_t chunk = 0; chunk < 3; chunk++)
			record_result(r, &(struct record_chunk){ .seq = seq, .started_us = STARTED(seq), .chunk = chunk, .result = 1,
			    .kind = RECORD_CHUNK_ROWS, .flags = chunk == 0 ? RECORD_CHUNK_FIRST : 0, .rows = 5, .body = TEXT("D\0") });
		finish(r, seq);
	}
}

static void
test_again(uint64_t id)
{
	struct record	*r;
	char		*before, *after;

	r = open_session(id, 1 << 20);
	play(r, false);
	is_int(close_session(r, 10, 5 * SECOND), 0, "ten statements with results");
	before = picture(id);
	is_int(strlen(before), 64, "are stored");
	for (int apart = 0; apart < 2; apart++) {
		r = open_session(id, 1 << 20);
		play(r, apart);
		is_int(close_session(r, 10, 5 * SECOND), 0, apart ? "sent again, cut otherwise" : "sent again");
		after = picture(id);
		is_str(after, before, "changes no row");
		free(after);
	}
	free(before);
	is_str(ask("SELECT string_agg(concat_ws(' ', chunk, result, kind, flags, cut, row_count, encode(body, 'hex')), ',' ORDER BY chunk) FROM "
	    "dbbat.query_results WHERE connection_id = %" PRIu64 " AND seq = 10", id), "0 1 1 1 0 5 4400,1 1 1 0 0 5 4400,2 1 1 0 0 5 4400",
	    "the chunks are right");
}

static void
test_big(uint64_t id)
{
	const size_t	 n = 5 << 20;
	struct record	*r = open_session(id, 64 << 20);
	unsigned char	*text = xmalloc(n);

	memset(text, 'x', n);
	text[n / 2] = 0xff;
	for (uint64_t seq = 1; seq <= 3; seq++) {
		is_int(start(r, seq, (struct slice){ text, n }), 0, "a statement of 5 MB");
		turn(r, 0);
		record_result(r, &(struct record_chunk){ .seq = seq, .started_us = STARTED(seq), .result = 1, .kind = 1, .rows = 1, .body = { text, n } });
		finish(r, seq);
	}
	is_int(close_session(r, 3, 20 * SECOND), 0, "is shipped");
	is_int(count(id, "length(sql_text) = 5 * 1024 * 1024 + 3 AND status = 'ok'"), 3, "whole");
	is_str(ask("SELECT sum(length(body)) FROM dbbat.query_results WHERE connection_id = %" PRIu64, id), "15728640",
	    "with its result");
	free(text);
}

int
main(void)
{
	storage_make();
	test_load(1);
	test_running(2);
	test_young(3);
	test_many_open(4);
	test_again(5);
	test_big(6);
	cluster_remove();
	return tap_done();
}
