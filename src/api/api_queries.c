/*
 * The log of statements, and one of them with what was captured of its results. Read only.
 */
#include <stdlib.h>

#include "api/api_routes.h"
#include "api/api_rows.h"
#include "store_sql.h"

int
api_queries_list(struct api_request *r)
{
	if (r->query[QUERY_FORMAT].given)
		return api_export(r);
	return api_list(r, SQL_QUERY_LIST, "queries", api_viewer(r));
}

int
api_queries_get(struct api_request *r)
{
	cJSON	*query = api_one(r, SQL_QUERY_LIST, QUERY_FILTERS, r->id, api_viewer(r));
	char	*results;

	if (query == NULL)
		return r->status ? r->status : api_not_found(r);
	results = api_rows_page(r, &r->query[PAGE_LIMIT], &r->query[PAGE_CURSOR], &r->query[PAGE_RESULT]);
	if (results == NULL) {
		cJSON_Delete(query);
		return r->status;
	}
	cJSON_AddRawToObject(query, "results", results);
	free(results);
	return api_reply(r, 200, query);
}
