/*
 * Recording end to end: events in, rows of a real storage out, also when it
 * stops, refuses, or was never there. Each test is a session of its own in one throw-away cluster.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "base/base_time.h"
#include "record/record.h"

#define SECOND		INT64_C(1000000)
#define STARTED(seq)	(INT64_C(1700000000123456) + (int64_t)(seq))
#define TEXT(s)		((struct slice){ (const unsigned char *)(s), sizeof(s) - 1 })

static char	 dir[] = "/tmp/dbbat-record-XXXXXX";
static char	 dsn[128];
static pid_t	 guard;
static int	 guard_pipe;

/* --- the cluster ----------------------------------------------------------------- */

/* Runs a shell command with $D the cluster's folder, $AS what becomes postgres when we are root. */
static int
run(const char *command)
{
	char	*line = xasprintf("D=%s; B=$(pg_config --bindir); AS=; cd /; [ $(id -u) = 0 ] && "
		    "AS='setpriv --reuid=postgres --regid=postgres --init-groups --'; { %s ; } >>$D/log 2>&1",
		    dir, command);
	int	 rc = system(line);

	free(line);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

static int
storage_start(void)
{
	return run("$AS $B/pg_ctl -w -s -D $D/data -l $D/data/server.log "
	    "-o \"-c listen_addresses= -c unix_socket_directories=$D -c max_connections=20\" start");
}

static int
storage_stop(void)
{
	return run("$AS $B/pg_ctl -w -s -D $D/data -m immediate stop");
}

/* A child that outlives the test, however that ends, and takes the cluster away. */
static void
storage_guard(void)
{
	int	ends[2];
	char	byte;

	if (pipe2(ends, O_CLOEXEC) != 0 || (guard = fork()) < 0) {
		printf("Bail out! no guard for the cluster\n");
		exit(1);
	}
	if (guard > 0) {
		close(ends[0]);
		guard_pipe = ends[1];
		return;
	}
	setsid();	/* out of reach of the terminal's ^C */
	close(ends[1]);
	while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
		;
	storage_stop();
	run("rm -rf $D");
	_exit(0);
}

static void
storage_remove(void)
{
	close(guard_pipe);
	waitpid(guard, NULL, 0);
}

static void
storage_make(void)
{
	char	*load, cwd[4096], line[64];

	if (mkdtemp(dir) == NULL || getcwd(cwd, sizeof(cwd)) == NULL ||
	    chmod(dir, 0755) != 0) {
		printf("Bail out! no folder for the cluster\n");
		exit(1);
	}
	storage_guard();
	snprintf(dsn, sizeof(dsn), "host=%s user=postgres dbname=postgres", dir);
	load = xasprintf("for f in '%s'/sql/migrations/*.sql; do psql -X -q -v ON_ERROR_STOP=1 -d '%s' -f $f || exit 1; done",
	    cwd, dsn);
	if (run("[ -z \"$AS\" ] || chown postgres $D") != 0 ||
	    run("$AS $B/initdb -N -A trust -U postgres -E UTF8 --locale=C -D $D/data") != 0 ||
	    storage_start() != 0 || run(load) != 0) {
		printf("Bail out! no cluster: see below\n");
		fflush(stdout);
		snprintf(line, sizeof(line), "cat %s/log >&2", dir);
		if (system(line) != 0)
			printf("# and no log\n");
		storage_remove();
		exit(1);
	}
	free(load);
}

/* The first column of the first row, as long as the next call; "" when there is none. */
static const char *
ask(const char *fmt, ...)
{
	static char	 answer[4096];
	char		 sql[4096];
	PGconn		*conn = PQconnectdb(dsn);
	PGresult	*res;
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	res = PQexec(conn, sql);
	answer[0] = '\0';
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) > 0)
		snprintf(answer, sizeof(answer), "%s", PQgetvalue(res, 0, 0));
	else if (PQresultStatus(res) != PGRES_COMMAND_OK)
		printf("# %s# %s\n", PQerrorMessage(conn), sql);
	PQclear(res);
	PQfinish(conn);
	return answer;
}

static long long
count(uint64_t id, const char *where)
{
	return atoll(ask("SELECT count(*) FROM dbbat.queries WHERE connection_id = %" PRIu64 " AND %s", id, where));
}

/* --- a session --------------------------------------------------------------------- */

static struct record *
open_session(uint64_t id, size_t journal_max)
{
	char			*journals = xasprintf("%s/journal", dir);
	struct record_options	 o = {
		.dsn = dsn, .dir = journals, .connection_id = id, .user_id = 2, .database_id = 3, .grant_id = 4,
		.ship_interval_us = SECOND / 10, .journal_max = journal_max, .capture = true,
	};
	struct error		 err = { "" };
	struct record		*r = record_open(&o, &err);

	free(journals);
	if (r == NULL) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return r;
}

static void
make_connection(uint64_t id)
{
	ask("INSERT INTO dbbat.connections (id, user_id, username, database_id, database, grant_id, access_level, "
	    "client_host, client_port, tls, application_name) VALUES (%" PRIu64
	    ", 2, 'john', 3, 'db', 4, 'write', '::1', 1, true, '')", id);
}

/* One turn of a session's poll loop, which waits at most so long. */
static void
turn(struct record *r, int64_t wait_us)
{
	struct pollfd	pfd;
	int64_t		at = record_poll(r, &pfd), now;

	if (wait_us == 0 && at == INT64_MAX && pfd.fd < 0)
		return;
	now = time_mono_us();
	if (at > now + wait_us)
		at = now + wait_us;
	pfd.revents = 0;
	if (poll(&pfd, 1, at > now ? (int)((at - now) / 1000) : 0) > 0 || record_poll(r, &(struct pollfd){ 0 }) <= time_mono_us())
		record_ship(r, pfd.revents);
}

static void
turns(struct record *r, int64_t for_us)
{
	int64_t	until = time_mono_us() + for_us, now;

	while ((now = time_mono_us()) < until)
		turn(r, until - now);
}

static int
start_at(struct record *r, uint64_t seq, struct slice text, int64_t at)
{
	const struct record_param	p[] = {
		{ .type = 23, .binary = true, .bytes = TEXT("\0\0\1\0") },
		{ .type = 25, .bytes = TEXT("it's") },
	};
	struct error			err;

	return record_statement(r, &(struct record_statement){
		.seq = seq, .started_us = at, .text = text, .params = p, .nparams = 2,
	}, &err);
}

static int
start(struct record *r, uint64_t seq, struct slice text)
{
	return start_at(r, seq, text, STARTED(seq));
}

static void
finish(struct record *r, uint64_t seq)
{
	record_outcome(r, &(struct record_outcome){
		.seq = seq, .started_us = STARTED(seq), .duration_us = 1500, .status = RECORD_OK, .sqlstate = "", .message = "", .tag = "SELECT 1",
		.rows = 1, .bytes = 77,
	});
}

static uint64_t
close_session(struct record *r, uint64_t statements, int64_t timeout_us)
{
	return record_close(r, &(struct record_end){
		.ended_us = INT64_C(1700000099000000), .reason = "client closed", .statements = statements, .bytes = 1234,
	}, timeout_us, false);
}

/* --- tests --------------------------------------------------------------------------- */

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
			is_int(storage_stop(), 0, "storage is killed in the middle");
		}
		if (i == n * 2 / 3) {
			turns(r, SECOND / 2);
			is_int(storage_start(), 0, "and comes back");
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
	is_int(storage_stop(), 0, "storage is away");
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
	is_int(storage_start(), 0, "storage is back");
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

/* A record alone in its batch, whose partition is made and attached while it waits for the table. */
static void
test_partition_under(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);
	PGconn		*conn = PQconnectdb(dsn);
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
	is_int(close_session(r, 1, 20 * SECOND), 0, "a storage that was broken is waited for");
	is_int(count(id, "sql_text = 'SELECT 1' AND status = 'ok'"), 1, "and nothing is reduced for its faults");
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

static void
test_away(uint64_t id)
{
	struct record	*r = open_session(id, 1 << 20);
	int64_t		 t;

	is_int(storage_stop(), 0, "storage is away");
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
	setenv("PGOPTIONS", "", 1);
	storage_make();
	test_load(1);
	test_running(2);
	test_again(3);
	test_crash(4);
	test_full(5);
	test_poison(6);
	test_no_table(7);
	test_killed(8);
	test_big(9);
	test_away(10);
	ok(storage_start() == 0, "storage is back");
	test_many_open(11);
	test_partition_under(12);
	test_all_refused(13);
	test_young(14);
	storage_remove();
	return tap_done();
}
