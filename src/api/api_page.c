/*
 * Lists: one page of a *_LIST query, and the cursor of the next. The cursor is the
 * last id of the page, so a page stays right while rows come and go.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_routes.h"

#define PAGE_DEFAULT	50
#define PAGE_PARAMS	4	/* id, viewer, cursor, limit */

int64_t
api_viewer(const struct api_request *r)
{
	return r->user.is_admin ? 0 : r->user.id;
}

/* Text of a number that is NULL when it is 0. */
static const char *
page_number(char text[24], int64_t number)
{
	if (number == 0)
		return NULL;
	snprintf(text, 24, "%" PRId64, number);
	return text;
}

int
api_list(struct api_request *r, const char *sql, const char *name, int64_t viewer)
{
	const char	*params[PAGE_PARAMS + API_VALUES_MAX];
	char		 seen[24], limit_text[24], cursor[24];
	int64_t		 limit = r->query[PAGE_LIMIT].given ? r->query[PAGE_LIMIT].number : PAGE_DEFAULT;
	PGresult	*res;
	cJSON		*list, *rows;
	int		 i, n, found, nparams = PAGE_PARAMS;

	params[0] = NULL;
	params[1] = page_number(seen, viewer);
	params[2] = r->query[PAGE_CURSOR].text;
	params[3] = page_number(limit_text, limit + 1);	/* one more tells whether there is a next page */
	for (i = PAGE_FILTERS; i < r->route->nquery; i++)
		if (!r->route->query[i].own)
			params[nparams++] = r->query[i].text;
	res = api_exec(r, sql, nparams, params);
	if (res == NULL)
		return r->status;

	list = cJSON_CreateObject();
	rows = cJSON_AddArrayToObject(list, name);
	n = PQntuples(res) < limit ? PQntuples(res) : (int)limit;
	for (i = 0; i < n; i++)
		cJSON_AddItemToArray(rows, api_json_row(res, i));
	found = PQntuples(res);
	if (found > 0 && PQfnumber(res, "_found") >= 0)
		found = atoi(PQgetvalue(res, 0, PQfnumber(res, "_found")));
	if (found > n) {
		snprintf(cursor, sizeof(cursor), "%s", PQgetvalue(res, n - 1, 0));
		cJSON_AddStringToObject(list, "next_cursor", cursor);
	} else
		cJSON_AddNullToObject(list, "next_cursor");
	PQclear(res);
	return api_reply(r, 200, list);
}

cJSON *
api_one(struct api_request *r, const char *sql, int nfilters, int64_t id, int64_t viewer)
{
	const char	*params[PAGE_PARAMS + API_VALUES_MAX] = { NULL };
	char		 id_text[24], seen[24];

	params[0] = page_number(id_text, id);
	params[1] = page_number(seen, viewer);
	params[3] = "1";
	return api_exec_row(r, sql, PAGE_PARAMS + nfilters, params);
}
