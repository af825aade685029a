/*
 * The log of sessions: who was where, from when to when. An admin can end one that is open.
 */
#include "api/api_internal.h"
#include "api/api_routes.h"
#include "store_sql.h"

int
api_connections_list(struct api_request *r)
{
	return api_list(r, SQL_CONNECTION_LIST, "connections", api_viewer(r));
}

/* The keeper of its node hears it and ends the session; the session writes its end itself. */
int
api_connections_end(struct api_request *r)
{
	cJSON	*connection = api_one(r, SQL_CONNECTION_LIST, CONNECTION_FILTERS, r->id, 0);

	if (connection == NULL)
		return r->status ? r->status : api_not_found(r);
	if (!cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(connection, "ended_at")))
		api_fail(r, 409, "conflict", NULL, "this connection has ended already");
	else if (api_audit(r, "connection.end", "connection", r->id, connection, NULL, NULL) == 0 &&
	    api_notify(r, "connection", r->id) == 0)
		api_reply(r, 202, cJSON_Duplicate(connection, true));
	cJSON_Delete(connection);
	return r->status;
}
