/*
 * The audit trail of changes and failed logins: written in the transaction of the change it tells of,
 * so that there is neither one without the other. Secrets have no way in: before and after are
 * what the API shows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_routes.h"
#include "store_sql.h"

int
api_audit(struct api_request *r, const char *action, const char *type, int64_t id,
    const cJSON *before, const cJSON *after, const char *detail)
{
	char		 actor_id[24], object_id[24];
	char		*was = before ? cJSON_PrintUnformatted(before) : NULL;
	char		*is = after ? cJSON_PrintUnformatted(after) : NULL;
	const char	*params[9] = { actor_id, r->user.name, r->peer.host, action, type, id ? object_id : NULL, was, is, detail };
	PGresult	*res;

	snprintf(actor_id, sizeof(actor_id), "%" PRId64, r->user.id);
	snprintf(object_id, sizeof(object_id), "%" PRId64, id);
	res = api_exec(r, SQL_AUDIT_INSERT, 9, params);
	PQclear(res);
	cJSON_free(was);
	cJSON_free(is);
	return res == NULL ? r->status : 0;
}

int
api_audit_login_failed(struct api_request *r, const char *user, const char *reason)
{
	const char	*params[9] = { NULL, NULL, r->peer.host, "login.failed", "user", NULL, NULL, NULL, reason };
	char		 actor[64];
	PGresult	*res;
	size_t		 n;

	snprintf(actor, sizeof(actor), "%s", user);
	for (n = strlen(actor); n > 0 && !api_utf8_ok(actor, n); n--)
		actor[n - 1] = '\0';
	params[1] = actor;
	res = api_exec(r, SQL_AUDIT_INSERT, 9, params);
	PQclear(res);
	return res == NULL ? r->status : 0;
}

int
api_audit_list(struct api_request *r)
{
	return api_list(r, SQL_AUDIT_LIST, "audit_events", 0);
}
