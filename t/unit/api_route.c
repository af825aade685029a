/* The route table: what is found, what is not, and what 405 answers. */
#include "api/api_request.h"

#include "tap.h"

static const struct api_route *
find(const char *method, const char *path, int64_t *id, char *allow)
{
	*id = 0;
	return api_route_find(method, path, id, allow);
}

int
main(void)
{
	static const char *const	no[] = {
		"", "/", "/api", "/api/", "/api/user", "/api/userss", "/api/users/", "/api/users//", "//api/users",
		"/api/users/0", "/api/users/01", "/api/users/-1", "/api/users/+1", "/api/users/1 ", "/api/users/1/",
		"/api/users/1x", "/api/users/:id", "/api/users/9223372036854775808", "/api/users/1234567890123456789",
		"/api/users/%31", "/API/users", "/api/users/1/2", "/api/audit/1", "/users"
	};
	const struct api_route	*route;
	char			 allow[API_ALLOW_SIZE];
	int64_t			 id;
	size_t			 i;

	route = find("GET", "/api/users", &id, allow);
	ok(route != NULL && route->role == API_USER && !route->writes, "a list");
	route = find("GET", "/api/users/42", &id, allow);
	is_int(id, 42, "the id is read");
	is_str(route ? route->path : NULL, "/api/users/:id", "and its route found");
	find("DELETE", "/api/grants/999999999999999999", &id, allow);
	is_int(id, 999999999999999999, "18 digits");

	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ok(find("GET", no[i], &id, allow) == NULL && allow[0] == '\0', "no path: '%s'", no[i]);

	ok(find("PUT", "/api/users", &id, allow) == NULL, "a method the path has not");
	is_str(allow, "POST, GET", "and those it has");
	ok(find("POST", "/api/users/1", &id, allow) == NULL, "the same with an id");
	is_str(allow, "GET, PUT, DELETE", "and those that has");
	ok(find("", "/api/health", &id, allow) == NULL, "a method that is unknown");
	is_str(allow, "GET", "is not allowed");
	ok(find("get", "/api/health", &id, allow) == NULL, "methods have capitals");

	ok(find("GET", "/api/health", &id, allow)->role == API_ANYONE, "health is for anyone");
	ok(find("GET", "/api/version", &id, allow)->role == API_USER, "the version is not");
	ok(find("GET", "/api/audit", &id, allow)->role == API_ADMIN, "the audit trail is for admins");
	ok(find("POST", "/api/users", &id, allow)->role == API_ADMIN, "and so are changes");
	ok(find("POST", "/api/grants", &id, allow)->writes, "which run in transactions");
	ok(find("PUT", "/api/databases/1", &id, allow)->partial, "PUT takes any of the fields");
	return tap_done();
}
