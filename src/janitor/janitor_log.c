/*
 * The log tables over time. The work is done by functions in storage (sql/migrations); one node at a
 * time does it, and the others find it done.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base_log.h"
#include "janitor/janitor_state.h"
#include "store_sql.h"

/* Below this retention partitions are days, else months: what is dropped is at most one of them too old. */
#define LOG_DAILY_MS	(60 * INT64_C(86400000))

/* The number that one of the functions returns; 0: also when another node is at it. -1 and err. */
static int64_t
log_call(struct janitor *j, const char *sql, const char *param, struct error *err)
{
	PGresult	*res = janitor_query(j, sql, 1, &param, err);
	int64_t		 n;

	if (res == NULL)
		return -1;
	n = atoll(PQgetvalue(res, 0, 0));
	PQclear(res);
	return n;
}

int
log_ahead(struct janitor *j, struct error *err)
{
	int64_t	retention = j->rt->conf->retention;
	int64_t	n = log_call(j, SQL_JANITOR_PARTITIONS, retention > 0 && retention < LOG_DAILY_MS ? "t" : "f", err);

	if (n > 0)
		log_info("%" PRId64 " partitions of the log are made", n);
	return n < 0 ? -1 : 0;
}

int
log_expire(struct janitor *j, struct error *err)
{
	char	retention[40];
	int64_t	n;

	if (j->rt->conf->retention == 0)
		return 0;
	snprintf(retention, sizeof(retention), "%" PRId64 " ms", j->rt->conf->retention);
	n = log_call(j, SQL_JANITOR_EXPIRE, retention, err);
	if (n > 0)
		log_info("%" PRId64 " partitions and rows of the log were older than retention, and are gone", n);
	return n < 0 ? -1 : 0;
}
