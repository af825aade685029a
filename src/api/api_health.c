/*
 * Is it up, and what is it. Health is for probes that have no password: it tells nothing but that.
 */
#include "api/api_routes.h"
#include "store_sql.h"

/* That storage is connected was seen to before; that it answers is seen here. */
int
api_health_get(struct api_request *r)
{
	PGresult	*res = api_exec(r, SQL_STORE_PING, 0, NULL);
	cJSON		*health;

	PQclear(res);
	if (res == NULL)
		return r->status;
	health = cJSON_CreateObject();
	cJSON_AddStringToObject(health, "status", "ok");
	return api_reply(r, 200, health);
}

int
api_version_get(struct api_request *r)
{
	cJSON	*version = cJSON_CreateObject();

	cJSON_AddStringToObject(version, "version", DBBAT_VERSION);
	return api_reply(r, 200, version);
}
