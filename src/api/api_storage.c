/*
 * Statements of handlers, and what a failed one means to the client. What storage
 * says goes to the operator's log, never to the client.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/api_internal.h"
#include "base/base_log.h"
#include "store/store.h"
#include "store_sql.h"

/* Constraints of the tables that a request can run into. */
static const struct {
	const char	*constraint;
	int		 status;
	const char	*code;
	const char	*field;
	const char	*message;
} constraints[] = {
	{ "users_username_key", 409, "conflict", "username", "there is a user with this username" },
	{ "databases_name_key", 409, "conflict", "name", "there is a database with this name" },
	{ "databases_ssl_key", 422, "invalid", "ssl_key", "ssl_cert needs ssl_key" },
	{ "databases_read_password", 422, "invalid", "read_password", "read_username needs read_password" },
	{ "grants_user_id_fkey", 422, "invalid", "user_id", "there is no user with this id" },
	{ "grants_database_id_fkey", 422, "invalid", "database_id", "there is no database with this id" },
};

static int
storage_failed(struct api_request *r, const PGresult *res)
{
	PGconn		*conn = store_conn(r->api->store);
	const char	*constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
	const char	*state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	struct error	 why;
	size_t		 i;

	for (i = 0; constraint != NULL && i < sizeof(constraints) / sizeof(constraints[0]); i++)
		if (strcmp(constraint, constraints[i].constraint) == 0)
			return api_fail(r, constraints[i].status, constraints[i].code, constraints[i].field,
			    "%s", constraints[i].message);
	log_error("storage: %s %s: %s: %s", r->route->method, r->route->path, state ? state : "-",
	    store_error(conn, res, &why));
	if (state != NULL && strcmp(state, "57014") == 0)
		return api_fail(r, 503, "timeout", NULL, "storage took too long; a narrower filter may help");
	/* connection, resources, operator intervention, read-only standby, lock conflicts: not this request's fault */
	if (PQstatus(conn) != CONNECTION_OK || state == NULL || strncmp(state, "08", 2) == 0 ||
	    strncmp(state, "53", 2) == 0 || strncmp(state, "57", 2) == 0 || strncmp(state, "25", 2) == 0 ||
	    strncmp(state, "40", 2) == 0 || strncmp(state, "55", 2) == 0)
		return api_fail(r, 503, "storage_unavailable", NULL, "the storage database does not answer");
	return api_fail(r, 500, "internal", NULL, "the storage database refused the request; see the log");
}

PGresult *
api_exec(struct api_request *r, const char *sql, int n, const char *const *params)
{
	PGresult	*res = store_exec(r->api->store, sql, n, params);

	if (PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK)
		return res;
	storage_failed(r, res);
	PQclear(res);
	return NULL;
}

cJSON *
api_exec_row(struct api_request *r, const char *sql, int n, const char *const *params)
{
	PGresult	*res = api_exec(r, sql, n, params);
	cJSON		*row = NULL;

	if (res != NULL && PQntuples(res) > 0)
		row = api_json_row(res, 0);
	PQclear(res);
	return row;
}

int
api_next_id(struct api_request *r, const char *sql, char id[24])
{
	PGresult	*res = api_exec(r, sql, 0, NULL);

	if (res == NULL)
		return r->status;
	snprintf(id, 24, "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return 0;
}

int
api_notify(struct api_request *r, const char *kind, int64_t id)
{
	char		 payload[64];
	const char	*params[1] = { payload };
	PGresult	*res;

	snprintf(payload, sizeof(payload), "%s %" PRId64, kind, id);
	res = api_exec(r, SQL_STORE_NOTIFY, 1, params);
	PQclear(res);
	return res == NULL ? r->status : 0;
}

int
api_refuse_live(struct api_request *r, const char *user_id, const char *database_id)
{
	const char	*params[2] = { user_id, database_id };
	PGresult	*res = api_exec(r, SQL_GRANT_LIVE, 2, params);
	bool		 live = res != NULL && PQgetvalue(res, 0, 0)[0] == 't';

	PQclear(res);
	if (res == NULL)
		return r->status;
	if (live)
		return api_fail(r, 409, "conflict", NULL,
		    "a grant that is neither revoked nor expired refers to it: revoke that first");
	return 0;
}

int
api_purge_grants(struct api_request *r, const char *user_id, const char *database_id, cJSON *before)
{
	const char	*params[2] = { user_id, database_id };
	PGresult	*res = api_exec(r, SQL_GRANT_PURGE, 2, params);
	cJSON		*grants;
	int		 i;

	if (res == NULL)
		return r->status;
	grants = cJSON_AddArrayToObject(before, "grants");
	for (i = 0; i < PQntuples(res); i++)
		cJSON_AddItemToArray(grants, api_json_row(res, i));
	PQclear(res);
	return 0;
}
