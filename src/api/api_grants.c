/*
 * Grants: who may use which database, how, from when to when, and how much. A grant is never
 * edited; it is revoked and another is made, so that the log can name the one that applied.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_routes.h"
#include "store_sql.h"

int
api_grants_create(struct api_request *r)
{
	const char	*params[GRANT_FIELDS + 1];
	PGresult	*res;
	cJSON		*grant, *warnings;
	int64_t		 id;
	int		 i;

	if (r->body[GRANT_EXPIRES_AT].number <= r->body[GRANT_STARTS_AT].number)
		return api_fail(r, 422, "invalid", "expires_at", "expires_at must be later than starts_at");
	for (i = 0; i < GRANT_FIELDS; i++)
		params[i] = r->body[i].text;
	params[GRANT_FIELDS] = r->user.name;
	if ((res = api_exec(r, SQL_GRANT_INSERT, GRANT_FIELDS + 1, params)) == NULL)
		return r->status;
	id = atoll(PQgetvalue(res, 0, 0));
	PQclear(res);
	grant = api_one(r, SQL_GRANT_LIST, GRANT_FILTERS, id, 0);
	if (grant == NULL || api_audit(r, "grant.create", "grant", id, NULL, grant, NULL) != 0) {
		cJSON_Delete(grant);
		return r->status;
	}
	if (strcmp(r->body[GRANT_ACCESS_LEVEL].text, "read") == 0 &&
	    (warnings = api_checks_warnings(r, r->body[GRANT_DATABASE_ID].text)) != NULL)
		cJSON_AddItemToObject(grant, "warnings", warnings);
	if (r->status != 0) {
		cJSON_Delete(grant);
		return r->status;
	}
	return api_reply(r, 201, grant);
}

int
api_grants_list(struct api_request *r)
{
	return api_list(r, SQL_GRANT_LIST, "grants", api_viewer(r));
}

int
api_grants_get(struct api_request *r)
{
	cJSON	*grant = api_one(r, SQL_GRANT_LIST, GRANT_FILTERS, r->id, api_viewer(r));

	if (grant == NULL)
		return r->status ? r->status : api_not_found(r);
	return api_reply(r, 200, grant);
}

/* Again and again the same: the second time nothing changes and nothing is recorded. */
int
api_grants_revoke(struct api_request *r)
{
	char		 id[24];
	const char	*params[2] = { id, r->user.name };
	PGresult	*res;
	cJSON		*before, *after;
	bool		 revoked;

	snprintf(id, sizeof(id), "%" PRId64, r->id);
	if ((before = api_one(r, SQL_GRANT_LIST, GRANT_FILTERS, r->id, 0)) == NULL)
		return r->status ? r->status : api_not_found(r);
	if ((res = api_exec(r, SQL_GRANT_REVOKE, 2, params)) == NULL) {
		cJSON_Delete(before);
		return r->status;
	}
	revoked = PQntuples(res) == 1;
	PQclear(res);
	after = api_one(r, SQL_GRANT_LIST, GRANT_FILTERS, r->id, 0);
	if (after != NULL && (!revoked || (api_audit(r, "grant.revoke", "grant", r->id, before, after, NULL) == 0 &&
	    api_notify(r, "grant", r->id) == 0)))
		api_reply(r, 200, after);
	else
		cJSON_Delete(after);
	cJSON_Delete(before);
	return r->status;
}
