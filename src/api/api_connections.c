/*
 * The log of sessions: who was where, from when to when. An admin can end one that is open.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/api_internal.h"
#include "api/api_routes.h"
#include "store_sql.h"

int
api_connections_list(struct api_request *r)
{
	return api_list(r, SQL_CONNECTION_LIST, "connections", api_viewer(r));
}

/* The keeper of its node hears it, or sees it when it is there again, and ends the session, which writes its end itself. */
int
api_connections_end(struct api_request *r)
{
	char		 id[24];
	const char	*params[1] = { id };
	PGresult	*res;
	cJSON		*connection = api_one(r, SQL_CONNECTION_LIST, CONNECTION_FILTERS, r->id, 0);
	bool		 open;

	if (connection == NULL)
		return r->status ? r->status : api_not_found(r);
	snprintf(id, sizeof(id), "%" PRId64, r->id);
	if ((res = api_exec(r, SQL_CONNECTION_END, 1, params)) == NULL) {
		cJSON_Delete(connection);
		return r->status;
	}
	open = PQntuples(res) == 1;
	PQclear(res);
	if (!open)
		api_fail(r, 409, "conflict", NULL, "this connection has ended already");
	else if (api_audit(r, "connection.end", "connection", r->id, connection, NULL, NULL) == 0 &&
	    api_notify(r, "connection", r->id) == 0)
		api_reply(r, 202, cJSON_Duplicate(connection, true));
	cJSON_Delete(connection);
	return r->status;
}
