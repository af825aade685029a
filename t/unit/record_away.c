/*
 * Recording while storage is not what it should be: it stops, refuses, or was never there. Each test is a session of its own.
 */
#include "record_storage.h"

static void
test_crash(uint64_t id)
{
	struct record	*r = open_session(id, 64 << 20);
	const int	 n = 30000;
	int		 refused = 0;

	for (int i = 1; i <= n; i++) {
		refused += start(r, (uint64_t)i, TEXT("UPDATE pgbench_accounts SET abalance = abalance + 1")) != 0;
		if (i % 7 != 0)
			finish(r, (uint64_t)i);
		if (i % 7 == 5 && i > 7)
			finish(r, (uint64_t)(i / 7 * 7));
		turn(r, 0);
		if (i == n / 3) {
			turns(r, SECOND / 50);
			is_int(cluster_stop(), 0, "storage is killed in the middle");
		}
		if (i == n * 2 / 3) {
			turns(r, SECOND / 2);
			is_int(cluster_start(), 0, "and comes back");
		}
	}
	for (int i = n / 7 * 7; i <= n; i += 7)
		finish(r, (uint64_t)i);
	is_int(refused, 0, "no statement was refused meanwhile");
	is_int(close_session(r, n, 30 * SECOND), 0, "all is shipped");
	is_int(count(id, "true"), n, "every statement is there once");
	is_int(count(id, "status = 'ok'"), n, "with its outcome");
}

static void
test_full(uint64_t id)
{
	struct record	*r = open_session(id, 64 << 10);
	struct error	 err = { "" };
	uint64_t	 n = 0, open, from;
	char		 big[3000];
	unsigned char	*long_text;
	int64_t		 t;

	memset(big, 'm', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	is_int(cluster_stop(), 0, "storage is away");
	start(r, ++n, TEXT("SELECT 1"));
	finish(r, n);
	turns(r, SECOND / 2);
	while (start(r, n + 1, TEXT("SELECT 'as long as there is room'")) == 0)
		n++;
	open = n - 1;
	ok(open > 50 && open < 1000, "%d statements fit the journal", (int)open);
	is_int(record_statement(r, &(struct record_statement){ .seq = n + 1, .text = TEXT("SELECT 1") }, &err), -1,
	    "then they are refused");
	ok(strncmp(err.msg, "the log cannot be shipped: storage has been away since 20", 57) == 0, "in these words: %s", err.msg);
	for (from = 2; from <= n; from++)
		ok(!record_result(r, &(struct record_chunk){ .seq = from, .started_us = STARTED(from), .result = 1, .kind = RECORD_CHUNK_ROWS,
		    .flags = RECORD_CHUNK_FIRST, .rows = 12, .body = TEXT("x") }), "a result has no room");
	for (from = 2; from <= n; from++)
		record_outcome(r, &(struct record_outcome){ .seq = from, .started_us = STARTED(from), .status = RECORD_ERROR, .sqlstate = "XX001",
		    .message = big, .tag = "", .rows = -1 });
	ok(true, "every outcome fits");
	turns(r, SECOND / 5);
	t = time_mono_us();
	is_int(cluster_start(), 0, "storage is back");
	while (start(r, n + 1, TEXT("SELECT 'again'")) != 0 && time_mono_us() < t + 15 * SECOND)
		turns(r, SECOND / 20);
	finish(r, n + 1);
	is_int(close_session(r, n + 1, 20 * SECOND), 0, "all is shipped");
	is_int(count(id, "true"), (long long)n + 1, "every statement that was let through is there, once");
	is_int(count(id, "status = 'error' AND sqlstate = 'XX001'"), (long long)open, "with its outcome");
	ok(count(id, "message LIKE 'mmm%…'") > 0 && count(id, "message LIKE '(left out%'") > 0,
	    "messages are there as far as there was room");
	is_int(atoi(ask("SELECT count(*) FROM dbbat.query_results WHERE connection_id = %" PRIu64 " AND flags = 3 AND cut = 4 AND body = '' AND row_count = 0", id)),
	    (long long)open, "each result without room is marked as cut for that");

	r = open_session(id, 64 << 10);
	long_text = xcalloc(1, 100000);
	is_int(record_statement(r, &(struct record_statement){ .seq = 1, .text = { long_text, 100000 } }, &err), -1,
	    "what never fits is refused");
	ok(strstr(err.msg, "too long to be logged") != NULL, "in these words: %s", err.msg);
	free(long_text);
	close_session(r, 0, SECOND);
}

/* Ships until the first statement is there: a close gives up when storage fails, and a batch that will may be under way. */
static void
turns_to_storage(struct record *r, uint64_t id)
{
	int64_t	until = time_mono_us() + 20 * SECOND;

	while (count(id, "sql_text = 'SELECT 1' AND status = 'ok'") == 0 && time_mono_us() < until)
		turns(r, SECOND / 10);
}

/* Storage that answers, but refuses everything for reasons of its own. */
static void
test_no_table(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);

	ask("ALTER TABLE dbbat.queries RENAME TO elsewhere");
	start(r, 1, TEXT("SELECT 1"));
	finish(r, 1);
	turns(r, SECOND / 2);
	ask("ALTER TABLE dbbat.elsewhere RENAME TO queries");
	turns_to_storage(r, id);
	is_int(close_session(r, 1, 5 * SECOND), 0, "storage without its table is waited for");
	is_int(count(id, "sql_text = 'SELECT 1' AND status = 'ok'"), 1, "and nothing is lost or reduced");
}

static void
test_killed(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);

	start(r, 1, TEXT("SELECT 1"));
	turns(r, SECOND / 3);
	is_int(count(id, "status = 'running'"), 1, "shipped");
	is_str(ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE '%%session %"
	    PRIu64 "'", id), "1", "over a connection that tells its session");
	turns(r, SECOND / 5);
	finish(r, 1);
	turns(r, SECOND / 2);
	is_int(count(id, "status = 'ok'"), 1, "shipping goes on when an idle connection was ended");
	is_int(close_session(r, 1, 5 * SECOND), 0, "closed");
}

/* A record alone in its batch, whose partition is made and attached while it waits for the table. */
static void
test_partition_under(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);
	PGconn		*conn = PQconnectdb(cluster_dsn);
	struct error	 err;

	PQclear(PQexec(conn, "CREATE TABLE dbbat.queries_2001 (LIKE dbbat.queries INCLUDING ALL)"));
	PQclear(PQexec(conn, "BEGIN; LOCK TABLE dbbat.queries_default IN ACCESS EXCLUSIVE MODE"));
	record_statement(r, &(struct record_statement){ .seq = 1, .started_us = INT64_C(1000000000000000), .text = TEXT("SELECT 2001") }, &err);
	for (int i = 0; i < 100 && atoi(ask("SELECT count(*) FROM pg_locks WHERE NOT granted")) == 0; i++)
		turns(r, SECOND / 10);
	PQclear(PQexec(conn, "ALTER TABLE dbbat.queries ATTACH PARTITION dbbat.queries_2001 FOR VALUES FROM ('2001-01-01') TO ('2002-01-01'); COMMIT"));
	PQfinish(conn);
	is_int(close_session(r, 1, 5 * SECOND), 0, "a record whose partition comes while it waits is shipped");
	is_str(ask("SELECT string_agg(sql_text || ' ' || tableoid::regclass, ',') FROM dbbat.queries WHERE connection_id = %" PRIu64, id),
	    "SELECT 2001 dbbat.queries_2001", "whole, and into it");
}

static void
test_poison(uint64_t id)
{
	struct record			*r = open_session(id, 8 << 20);
	struct error			 err;
	const struct record_param	 bad[] = {
		{ .type = 25, .bytes = TEXT("\xed\xa0\x80") },
		{ .type = 25, .bytes = TEXT("nul \0 \\u0000 \\ud800") },
		{ .type = 114, .binary = true, .bytes = TEXT("\"\\ud800\"") },
		{ .type = 1184, .binary = true, .bytes = TEXT("\x80\0\0\0\0\0\0\1") },
	};

	ask("ALTER TABLE dbbat.queries ADD CONSTRAINT poison CHECK (sql_text NOT LIKE 'POISON%%' AND message <> 'POISON')");
	ask("ALTER TABLE dbbat.query_results ADD CONSTRAINT poison CHECK (row_count <> 666 OR body = '')");
	record_statement(r, &(struct record_statement){ .seq = 1, .started_us = INT64_MIN, .text = TEXT("a\0b\xff\xc0\x80"),
	    .params = bad, .nparams = 4, .params_cut = true }, &err);
	record_outcome(r, &(struct record_outcome){ .seq = 1, .started_us = INT64_MIN, .status = RECORD_ERROR, .sqlstate = "\xff", .message = "\xe4",
	    .tag = "\xed\xa0\x80", .rows = INT64_MAX, .bytes = UINT64_MAX, .duration_us = INT64_MIN });
	for (uint64_t seq = 2; seq <= 40; seq++) {
		start(r, seq, seq == 20 ? TEXT("POISON \1\2") : TEXT("SELECT 1"));
		if (seq == 24)
			record_result(r, &(struct record_chunk){ .seq = seq, .started_us = STARTED(seq), .result = 1, .kind = 1, .flags = 1, .rows = 666, .body = TEXT("x") });
		if (seq == 22)
			record_outcome(r, &(struct record_outcome){ .seq = seq, .started_us = STARTED(seq), .status = RECORD_ERROR, .sqlstate = "42000",
			    .message = "POISON", .tag = "" });
		else
			finish(r, seq);
	}
	is_int(close_session(r, 40, 20 * SECOND), 0, "a session with records that storage refuses is shipped");
	is_int(count(id, "true"), 40, "every statement is there");
	is_str(ask("SELECT sql_text || '|' || parameters::text || '|' || message || '|' || command_tag FROM dbbat.queries WHERE "
	    "connection_id = %" PRIu64 " AND seq = 1", id),
	    "a\\x00b\\xff\\xc0\\x80|[\"\\\\xed\\\\xa0\\\\x80\", \"nul \\\\x00 \\\\u0000 \\\\ud800\", \"\\\"\\\\ud800\\\"\", "
	    "{\"hex\": \"8000000000000001\"}, {\"cut\": true}]|\\xe4|\\xed\\xa0\\x80", "bytes that are no text are shown");
	is_str(ask("SELECT sql_text || text_cut || parameters::text || status FROM dbbat.queries WHERE "
	    "connection_id = %" PRIu64 " AND seq = 20", id),
	    "(storage refused this record: SQLSTATE 23514) 9 bytes, in hex: 504f49534f4e200102true[{\"cut\": true}]ok",
	    "a refused statement is there in reduced form");
	is_str(ask("SELECT status || sql_text || message FROM dbbat.queries WHERE connection_id = %" PRIu64 " AND seq = 22", id),
	    "errorSELECT 1(storage refused this record: SQLSTATE 23514)", "so is a refused outcome");
	is_str(ask("SELECT row_count || ' ' || flags || ' ' || cut FROM dbbat.query_results WHERE connection_id = %" PRIu64, id),
	    "666 3 6", "and a refused result");
	is_int(count(id, "status = 'ok' AND sql_text = 'SELECT 1'"), 37, "the others are as they were");
	ask("ALTER TABLE dbbat.queries DROP CONSTRAINT poison");
	ask("ALTER TABLE dbbat.query_results DROP CONSTRAINT poison");
}

/* Storage that refuses whatever comes with what a record could be to blame for. */
static void
test_all_refused(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);

	ask("CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE 'XX002'; END $$");
	ask("CREATE TRIGGER trouble BEFORE INSERT ON dbbat.queries FOR EACH ROW EXECUTE FUNCTION trouble()");
	start(r, 1, TEXT("SELECT 1"));
	finish(r, 1);
	turns(r, SECOND);
	ask("DROP FUNCTION trouble CASCADE");
	turns_to_storage(r, id);
	is_int(close_session(r, 1, 5 * SECOND), 0, "a storage that was broken is waited for");
	is_int(count(id, "sql_text = 'SELECT 1' AND status = 'ok'"), 1, "and nothing is reduced for its faults");
}

static void
test_away(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);
	int64_t		 t;

	is_int(cluster_stop(), 0, "storage is away");
	for (uint64_t seq = 1; seq <= 10; seq++) {
		start(r, seq, TEXT("SELECT 1"));
		finish(r, seq);
	}
	t = time_mono_us();
	is_int(close_session(r, 10, SECOND), 21, "a close says how many events did not make it");
	t = time_mono_us() - t;
	ok(t < SECOND / 2, "without waiting for storage: %lld ms", (long long)t / 1000);
	r = open_session(id, 1 << 20);
	is_int(close_session(r, 0, 0), 1, "also without any time");
}

int
main(void)
{
	storage_make();
	test_crash(1);
	test_full(2);
	test_poison(3);
	test_no_table(4);
	test_killed(5);
	test_away(6);
	ok(cluster_start() == 0, "storage is back");
	test_partition_under(7);
	test_all_refused(8);
	cluster_remove();
	return tap_done();
}
