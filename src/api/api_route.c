/*
 * The one table of the API: what there is, who may use it, and what it takes. Decides
 * nothing by itself; a request that is not in it does not exist.
 */
#include "api/api_routes.h"

#include <string.h>

static const char *const ssl_modes[] = { "disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL };
static const char *const access_levels[] = { "read", "write", NULL };
static const char *const grant_statuses[] = { "active", "pending", "expired", "revoked", NULL };
static const char *const export_formats[] = { "ndjson", "csv", NULL };
static const char *const rows_formats[] = { "csv", "json", NULL };
static const char *const query_statuses[] = { "running", "ok", "error", "refused", "cancelled", NULL };

/* A colon ends the name in Basic authentication. */
#define NAME(field, ...) \
	{ .name = (field), .kind = API_STRING, .min = 1, .max = 63, __VA_ARGS__ }
#define ID(field, ...) \
	{ .name = (field), .kind = API_INTEGER, .min = 1, .max = INT64_MAX, __VA_ARGS__ }
#define PASSWORD(field, ...) \
	{ .name = (field), .kind = API_STRING, .secret = true, .min = 1, .max = API_PASSWORD_MAX, __VA_ARGS__ }

/* Together they must fit a packet of the keeper's. */
#define PEM(field, ...) \
	{ .name = (field), .kind = API_STRING, .lines = true, .max = 16384, __VA_ARGS__ }

static const struct api_field user_body[USER_FIELDS] = {
	[USER_USERNAME] = NAME("username", .required = true, .forbid = ":"),
	[USER_PASSWORD] = PASSWORD("password", .required = true),
	[USER_IS_ADMIN] = { .name = "is_admin", .kind = API_BOOLEAN },
	[USER_IS_DISABLED] = { .name = "is_disabled", .kind = API_BOOLEAN },
};

static const struct api_field database_body[DATABASE_FIELDS] = {
	[DATABASE_NAME] = NAME("name", .required = true),
	[DATABASE_DESCRIPTION] = { .name = "description", .kind = API_STRING, .lines = true, .max = 4096 },
	[DATABASE_HOST] = { .name = "host", .kind = API_STRING, .required = true, .min = 1, .max = 1024 },
	[DATABASE_PORT] = { .name = "port", .kind = API_INTEGER, .min = 1, .max = 65535 },
	[DATABASE_DATABASE_NAME] = { .name = "database_name", .kind = API_STRING, .required = true, .min = 1, .max = 255 },
	[DATABASE_USERNAME] = { .name = "username", .kind = API_STRING, .required = true, .min = 1, .max = 255 },
	[DATABASE_PASSWORD] = PASSWORD("password", .required = true),
	[DATABASE_SSL_MODE] = { .name = "ssl_mode", .kind = API_CHOICE, .choices = ssl_modes },
	[DATABASE_CAPTURE] = { .name = "capture", .kind = API_BOOLEAN, .nullable = true },
	[DATABASE_SSL_ROOT_CERT] = PEM("ssl_root_cert"),
	[DATABASE_SSL_CERT] = PEM("ssl_cert"),
	[DATABASE_SSL_KEY] = PEM("ssl_key", .secret = true),
	[DATABASE_READ_USERNAME] = { .name = "read_username", .kind = API_STRING, .max = 255 },
	[DATABASE_READ_PASSWORD] = PASSWORD("read_password"),
};

#define QUOTA_MAX	INT64_C(9007199254740991)

static const struct api_field grant_body[GRANT_FIELDS] = {
	[GRANT_USER_ID] = ID("user_id", .required = true),
	[GRANT_DATABASE_ID] = ID("database_id", .required = true),
	[GRANT_ACCESS_LEVEL] = { .name = "access_level", .kind = API_CHOICE, .required = true, .choices = access_levels },
	[GRANT_STARTS_AT] = { .name = "starts_at", .kind = API_TIME, .required = true },
	[GRANT_EXPIRES_AT] = { .name = "expires_at", .kind = API_TIME, .required = true },
	[GRANT_MAX_QUERIES] = { .name = "max_queries", .kind = API_INTEGER, .nullable = true, .max = QUOTA_MAX },
	[GRANT_MAX_BYTES] = { .name = "max_bytes", .kind = API_INTEGER, .nullable = true, .max = QUOTA_MAX },
};

/* Parameters of lists, behind limit and cursor in the order of the query's $5, $6, ... */
static const struct api_field user_query[] = {
	API_PAGE_FIELDS, NAME("username"),
};
static const struct api_field database_query[] = {
	API_PAGE_FIELDS, NAME("name"),
};
static const struct api_field grant_query[] = {
	API_PAGE_FIELDS, ID("user_id"), NAME("username"), ID("database_id"), NAME("database"),
	{ .name = "access_level", .kind = API_CHOICE, .choices = access_levels },
	{ .name = "status", .kind = API_CHOICE, .choices = grant_statuses },
};
static const struct api_field connection_query[] = {
	API_PAGE_FIELDS, ID("user_id"), NAME("username"), ID("database_id"), NAME("database"), ID("grant_id"),
	{ .name = "since", .kind = API_TIME }, { .name = "until", .kind = API_TIME },
	{ .name = "active", .kind = API_BOOLEAN },
};
static const struct api_field query_query[] = {
	API_PAGE_FIELDS, ID("user_id"), NAME("username"), ID("database_id"), NAME("database"), ID("grant_id"),
	{ .name = "since", .kind = API_TIME }, { .name = "until", .kind = API_TIME },
	ID("connection_id"),
	{ .name = "status", .kind = API_CHOICE, .choices = query_statuses },
	{ .name = "q", .kind = API_STRING, .lines = true, .min = 1, .max = 1000 },
	{ .name = "format", .kind = API_CHOICE, .choices = export_formats, .own = true },
};
#define RESULT_FIELD	{ .name = "result", .kind = API_INTEGER, .min = 1, .max = INT32_MAX }
static const struct api_field query_get[] = {
	API_PAGE_FIELDS, RESULT_FIELD,
};
static const struct api_field rows_query[] = {
	[ROWS_FORMAT] = { .name = "format", .kind = API_CHOICE, .choices = rows_formats },
	[ROWS_RESULT] = RESULT_FIELD,
};
static const struct api_field audit_query[] = {
	API_PAGE_FIELDS, NAME("action"), NAME("actor"), NAME("object_type"), ID("object_id"),
	{ .name = "since", .kind = API_TIME }, { .name = "until", .kind = API_TIME },
};

#define COUNT(a)	((int)(sizeof(a) / sizeof((a)[0])))
#define BODY(a)		.body = (a), .nbody = COUNT(a)
#define QUERY(a)	.query = (a), .nquery = COUNT(a)

_Static_assert(COUNT(user_query) == PAGE_FILTERS + USER_FILTERS, "user_list.sql");
_Static_assert(COUNT(database_query) == PAGE_FILTERS + DATABASE_FILTERS, "database_list.sql");
_Static_assert(COUNT(grant_query) == PAGE_FILTERS + GRANT_FILTERS, "grant_list.sql");
_Static_assert(COUNT(connection_query) == PAGE_FILTERS + CONNECTION_FILTERS, "connection_list.sql");
_Static_assert(COUNT(query_query) == QUERY_FORMAT + 1, "query_list.sql");
_Static_assert(COUNT(query_query) <= API_VALUES_MAX && DATABASE_FIELDS <= API_VALUES_MAX, "values of a request");

static const struct api_route routes[] = {
	{ "POST", "/api/users", API_ADMIN, .writes = true, BODY(user_body), .handler = api_users_create },
	{ "GET", "/api/users", API_USER, QUERY(user_query), .handler = api_users_list },
	{ "GET", "/api/users/:id", API_USER, .handler = api_users_get },
	{ "PUT", "/api/users/:id", API_USER, .writes = true, .partial = true, BODY(user_body), .handler = api_users_update },
	{ "DELETE", "/api/users/:id", API_ADMIN, .writes = true, .handler = api_users_delete },

	{ "POST", "/api/databases", API_ADMIN, .writes = true, BODY(database_body), .handler = api_databases_create },
	{ "GET", "/api/databases", API_USER, QUERY(database_query), .handler = api_databases_list },
	{ "GET", "/api/databases/:id", API_USER, .handler = api_databases_get },
	{ "PUT", "/api/databases/:id", API_ADMIN, .writes = true, .partial = true, BODY(database_body), .handler = api_databases_update },
	{ "DELETE", "/api/databases/:id", API_ADMIN, .writes = true, .handler = api_databases_delete },
	{ "POST", "/api/databases/:id/check", API_ADMIN, .handler = api_checks_create },
	{ "GET", "/api/databases/:id/check", API_ADMIN, .handler = api_checks_get },

	{ "POST", "/api/grants", API_ADMIN, .writes = true, BODY(grant_body), .handler = api_grants_create },
	{ "GET", "/api/grants", API_USER, QUERY(grant_query), .handler = api_grants_list },
	{ "GET", "/api/grants/:id", API_USER, .handler = api_grants_get },
	{ "DELETE", "/api/grants/:id", API_ADMIN, .writes = true, .handler = api_grants_revoke },

	{ "GET", "/api/connections", API_USER, QUERY(connection_query), .handler = api_connections_list },
	{ "DELETE", "/api/connections/:id", API_ADMIN, .writes = true, .handler = api_connections_end },
	{ "GET", "/api/queries", API_USER, QUERY(query_query), .handler = api_queries_list },
	{ "GET", "/api/queries/:id", API_USER, QUERY(query_get), .handler = api_queries_get },
	{ "GET", "/api/queries/:id/rows", API_USER, QUERY(rows_query), .handler = api_rows_download },
	{ "GET", "/api/audit", API_ADMIN, QUERY(audit_query), .handler = api_audit_list },

	{ "GET", "/api/health", API_ANYONE, .handler = api_health_get },
	{ "GET", "/api/status", API_ADMIN, .handler = api_status_get },
	{ "GET", "/api/version", API_USER, .handler = api_version_get },
};

/* An id is 1 to 18 digits without a leading zero, so that it fits and each has one spelling. */
static bool
route_id(const char *segment, size_t n, int64_t *id)
{
	size_t	i;

	if (n == 0 || n > 18 || segment[0] == '0')
		return false;
	for (*id = 0, i = 0; i < n; i++) {
		if (segment[i] < '0' || segment[i] > '9')
			return false;
		*id = *id * 10 + (segment[i] - '0');
	}
	return true;
}

static bool
route_matches(const char *pattern, const char *path, int64_t *id)
{
	size_t	n;

	for (;;) {
		if (strncmp(pattern, ":id", 3) == 0) {
			n = strcspn(path, "/");
			if (!route_id(path, n, id))
				return false;
			pattern += 3;
			path += n;
		}
		if (*pattern != *path)
			return false;
		if (*pattern == '\0')
			return true;
		pattern++;
		path++;
	}
}

const struct api_route *
api_route_find(const char *method, const char *path, int64_t *id, char allow[API_ALLOW_SIZE])
{
	const struct api_route	*route;

	allow[0] = '\0';
	for (route = routes; route < routes + COUNT(routes); route++) {
		if (!route_matches(route->path, path, id))
			continue;
		if (strcmp(route->method, method) == 0)
			return route;
		if (allow[0] != '\0')
			strncat(allow, ", ", API_ALLOW_SIZE - strlen(allow) - 1);
		strncat(allow, route->method, API_ALLOW_SIZE - strlen(allow) - 1);
	}
	return NULL;
}
