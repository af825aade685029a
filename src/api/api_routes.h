/*
 * The handlers of the route table, and the places of body fields and list parameters in its
 * field tables (api_route.c), for the handlers that read them.
 */
#ifndef API_API_ROUTES_H
#define API_API_ROUTES_H

#include "api/api_request.h"

enum { PAGE_LIMIT, PAGE_CURSOR, PAGE_FILTERS };
enum { PAGE_RESULT = PAGE_FILTERS };	/* of one statement */
enum { ROWS_FORMAT, ROWS_RESULT };

enum { USER_USERNAME, USER_PASSWORD, USER_IS_ADMIN, USER_IS_DISABLED, USER_FIELDS };
enum { DATABASE_NAME, DATABASE_DESCRIPTION, DATABASE_HOST, DATABASE_PORT, DATABASE_DATABASE_NAME,
       DATABASE_USERNAME, DATABASE_PASSWORD, DATABASE_SSL_MODE, DATABASE_CAPTURE,
       DATABASE_SSL_ROOT_CERT, DATABASE_SSL_CERT, DATABASE_SSL_KEY, DATABASE_READ_USERNAME,
       DATABASE_READ_PASSWORD, DATABASE_FIELDS };
enum { GRANT_USER_ID, GRANT_DATABASE_ID, GRANT_ACCESS_LEVEL, GRANT_STARTS_AT, GRANT_EXPIRES_AT,
       GRANT_MAX_QUERIES, GRANT_MAX_BYTES, GRANT_FIELDS };

/* How many filters the list queries take that also serve for one row. */
#define USER_FILTERS		1
#define DATABASE_FILTERS	1
#define GRANT_FILTERS		6
#define CONNECTION_FILTERS	8
#define QUERY_FILTERS		10
enum { QUERY_FORMAT = PAGE_FILTERS + QUERY_FILTERS };

/* What the last check of a database says, shortly: NULL: none, or r->status tells. */
cJSON	*api_checks_summary(struct api_request *r, int64_t database_id);
/* Texts for who grants read on it; NULL: none, or r->status tells. */
cJSON	*api_checks_warnings(struct api_request *r, const char *database_id);

int	api_users_create(struct api_request *r);
int	api_users_list(struct api_request *r);
int	api_users_get(struct api_request *r);
int	api_users_update(struct api_request *r);
int	api_users_delete(struct api_request *r);
int	api_databases_create(struct api_request *r);
int	api_databases_list(struct api_request *r);
int	api_databases_get(struct api_request *r);
int	api_databases_update(struct api_request *r);
int	api_databases_delete(struct api_request *r);
int	api_checks_create(struct api_request *r);
int	api_checks_get(struct api_request *r);
int	api_grants_create(struct api_request *r);
int	api_grants_list(struct api_request *r);
int	api_grants_get(struct api_request *r);
int	api_grants_revoke(struct api_request *r);
int	api_connections_list(struct api_request *r);
int	api_connections_end(struct api_request *r);
int	api_queries_list(struct api_request *r);
int	api_queries_get(struct api_request *r);
int	api_rows_download(struct api_request *r);
int	api_export(struct api_request *r);	/* the list of queries, where format is given */
int	api_audit_list(struct api_request *r);
int	api_health_get(struct api_request *r);
int	api_status_get(struct api_request *r);
int	api_version_get(struct api_request *r);

#endif
