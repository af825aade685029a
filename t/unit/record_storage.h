/*
 * A session that records and ships for itself, step by step, to a storage of its own in a throw-away cluster.
 */
#ifndef RECORD_STORAGE_H
#define RECORD_STORAGE_H

#include "cluster_rig.h"

#include <inttypes.h>
#include <libpq-fe.h>

#include "base/base_time.h"
#include "record/record.h"

#define SECOND		INT64_C(1000000)
#define STARTED(seq)	(INT64_C(1700000000123456) + (int64_t)(seq))
#define TEXT(s)		((struct slice){ (const unsigned char *)(s), sizeof(s) - 1 })

/* --- the storage ------------------------------------------------------------------- */

static inline void
storage_make(void)
{
	char	*load, cwd[4096];

	if (getcwd(cwd, sizeof(cwd)) == NULL) {
		printf("Bail out! no folder\n");
		exit(1);
	}
	setenv("PGOPTIONS", "", 1);
	cluster_make();
	load = xasprintf("for f in '%s'/sql/migrations/*.sql; do psql -X -q -v ON_ERROR_STOP=1 -d '%s' -f $f || exit 1; done",
	    cwd, cluster_dsn);
	if (cluster_run(load) != 0)
		cluster_fail("no tables");
	free(load);
}

/* The first column of the first row, as long as the next call; "" when there is none. */
static inline const char *
ask(const char *fmt, ...)
{
	static char	 answer[4096];
	char		 sql[4096];
	PGconn		*conn = PQconnectdb(cluster_dsn);
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

static inline long long
count(uint64_t id, const char *where)
{
	return atoll(ask("SELECT count(*) FROM dbbat.queries WHERE connection_id = %" PRIu64 " AND %s", id, where));
}

/* --- a session --------------------------------------------------------------------- */

static inline struct record *
open_session(uint64_t id, size_t journal_max)
{
	char			*journals = xasprintf("%s/journal", cluster_dir);
	struct record_options	 o = {
		.dsn = cluster_dsn, .dir = journals, .connection_id = id, .user_id = 2, .database_id = 3, .grant_id = 4,
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

static inline void
make_connection(uint64_t id)
{
	ask("INSERT INTO dbbat.connections (id, user_id, username, database_id, database, grant_id, access_level, "
	    "client_host, client_port, tls, application_name) VALUES (%" PRIu64
	    ", 2, 'john', 3, 'db', 4, 'write', '::1', 1, true, '')", id);
}

/* One turn of a session's poll loop, which waits at most so long. */
static inline void
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

static inline void
turns(struct record *r, int64_t for_us)
{
	int64_t	until = time_mono_us() + for_us, now;

	while ((now = time_mono_us()) < until)
		turn(r, until - now);
}

static inline int
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

static inline int
start(struct record *r, uint64_t seq, struct slice text)
{
	return start_at(r, seq, text, STARTED(seq));
}

static inline void
finish(struct record *r, uint64_t seq)
{
	record_outcome(r, &(struct record_outcome){
		.seq = seq, .started_us = STARTED(seq), .duration_us = 1500, .status = RECORD_OK, .sqlstate = "", .message = "", .tag = "SELECT 1",
		.rows = 1, .bytes = 77,
	});
}

static inline uint64_t
close_session(struct record *r, uint64_t statements, int64_t timeout_us)
{
	return record_close(r, &(struct record_end){
		.ended_us = INT64_C(1700000099000000), .reason = "client closed", .statements = statements, .bytes = 1234,
	}, timeout_us, false);
}

#endif
