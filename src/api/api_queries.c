/*
 * The log of statements, and the captured result of one. Read only.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_routes.h"
#include "store_sql.h"

int
api_queries_list(struct api_request *r)
{
	return api_list(r, SQL_QUERY_LIST, "queries", api_viewer(r));
}

/* The captured result, JSON null where there is none; NULL: r->status tells. */
static cJSON *
queries_result(struct api_request *r)
{
	char		 id[24];
	const char	*params[1] = { id };
	struct slice	 description, data;
	PGresult	*res;
	cJSON		*result;

	snprintf(id, sizeof(id), "%" PRId64, r->id);
	if ((res = api_exec(r, SQL_QUERY_RESULT, 1, params)) == NULL)
		return NULL;
	if (PQntuples(res) == 0) {
		PQclear(res);
		return cJSON_CreateNull();
	}
	description.p = PQunescapeBytea((const unsigned char *)PQgetvalue(res, 0, 0), &description.n);
	data.p = PQunescapeBytea((const unsigned char *)PQgetvalue(res, 0, 1), &data.n);
	if (description.p == NULL || data.p == NULL) {
		api_fail(r, 500, "internal", NULL, "out of memory");
		result = NULL;
	} else
		result = api_result(description, data, atoll(PQgetvalue(res, 0, 2)), PQgetvalue(res, 0, 3)[0] == 't');
	PQfreemem((void *)description.p);
	PQfreemem((void *)data.p);
	PQclear(res);
	return result;
}

int
api_queries_get(struct api_request *r)
{
	cJSON	*query = api_one(r, SQL_QUERY_LIST, QUERY_FILTERS, r->id, api_viewer(r)), *result;

	if (query == NULL)
		return r->status ? r->status : api_not_found(r);
	if ((result = queries_result(r)) == NULL) {
		cJSON_Delete(query);
		return r->status;
	}
	cJSON_AddItemToObject(query, "result", result);
	return api_reply(r, 200, query);
}
