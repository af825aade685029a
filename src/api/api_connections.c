/*
 * The log of sessions: who was where, from when to when. Read only.
 */
#include "api/api_routes.h"
#include "store_sql.h"

int
api_connections_list(struct api_request *r)
{
	return api_list(r, SQL_CONNECTION_LIST, "connections", api_viewer(r));
}
