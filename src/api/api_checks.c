/*
 * Checks of targets. The keeper has them made, by a process of their own; this one waits for the word that it is
 * done, without making others wait, and shows what was stored.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "api/api_internal.h"
#include "api/api_routes.h"
#include "ipc/ipc.h"
#include "store_sql.h"

#define CHECK_GRACE_MS	45000		/* beside connecting with two credentials */

static int
checks_unanswered(struct api_request *r)
{
	return api_fail(r, 503, "keeper_unavailable", NULL, "the keeper does not answer, or the check failed; see the log");
}

static cJSON *
checks_row(struct api_request *r, const char *sql, int64_t database_id)
{
	char		 id[24];
	const char	*params[1] = { id };

	snprintf(id, sizeof(id), "%" PRId64, database_id);
	return api_exec_row(r, sql, 1, params);
}

int
api_checks_get(struct api_request *r)
{
	cJSON	*report = checks_row(r, SQL_TARGET_REPORT, r->id);

	if (report == NULL)
		return r->status ? r->status : api_not_found(r);
	return api_reply(r, 200, report);
}

static int
checks_done(struct api_request *r, int fd)
{
	struct ipc_checked	m = { .how = IPC_CHECKED_FAILED };
	struct buf		answer = { 0 };

	if (ipc_recv(fd, &answer, 0) != 1 || ipc_get_checked((struct slice){ answer.data, answer.len }, &m) != 0)
		m.how = IPC_CHECKED_FAILED;
	buf_free(&answer);
	switch ((enum ipc_checked_as)m.how) {
	case IPC_CHECKED_DONE:
		return api_checks_get(r);
	case IPC_CHECKED_NONE:
		return api_not_found(r);
	case IPC_CHECKED_CHANGED:
		return api_fail(r, 409, "conflict", NULL, "the database was changed while it was checked; check it again");
	case IPC_CHECKED_BUSY:
		return api_fail(r, 503, "busy", NULL, "other databases are being checked; try again in a moment");
	case IPC_CHECKED_FAILED:
		break;
	}
	return checks_unanswered(r);
}

int
api_checks_create(struct api_request *r)
{
	int		 fd = api_keeper_connect(r->api);
	struct buf	 packet = { 0 };
	int		 rc;

	if (fd < 0)
		return checks_unanswered(r);
	ipc_put_check(&packet, &(struct ipc_check){ .database_id = (uint64_t)r->id, .actor_id = (uint64_t)r->user.id,
	    .actor = r->user.name, .source = r->peer.host });
	rc = ipc_send(fd, &packet);
	buf_free(&packet);
	if (rc != 0) {
		close(fd);
		return checks_unanswered(r);
	}
	return api_later(r, fd, (int)(2 * r->api->rt->conf->connect_timeout + CHECK_GRACE_MS), checks_done);
}

cJSON *
api_checks_summary(struct api_request *r, int64_t database_id)
{
	return checks_row(r, SQL_TARGET_SUMMARY, database_id);
}

cJSON *
api_checks_warnings(struct api_request *r, const char *database_id)
{
	const char	*params[1] = { database_id };
	PGresult	*res = api_exec(r, SQL_TARGET_WARNINGS, 1, params);
	cJSON		*warnings = NULL;

	for (int i = 0; res != NULL && i < PQntuples(res); i++) {
		if (PQgetisnull(res, i, 0))
			continue;
		if (warnings == NULL)
			warnings = cJSON_CreateArray();
		cJSON_AddItemToArray(warnings, cJSON_CreateString(PQgetvalue(res, i, 0)));
	}
	PQclear(res);
	return warnings;
}
