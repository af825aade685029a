/*
 * What the parts of the API share: a route, what it takes, and one request on its way
 * through authorisation, validation, a handler and the reply.
 *
 * A handler runs with the caller known and allowed, r->id read from the path, r->body and r->query checked
 * and in the order of the route's tables, storage connected, and, on a route that writes, inside a transaction that is
 * committed when the handler's status is below 400 and rolled back else. It returns the
 * status and leaves the reply in r->reply (api_fail and api_reply do both).
 */
#ifndef API_API_REQUEST_H
#define API_API_REQUEST_H

#include <cjson/cJSON.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "net/net_addr.h"

#define API_VALUES_MAX		16	/* fields of a body, parameters of a list */
#define API_PASSWORD_MAX	1024

enum api_kind { API_STRING, API_INTEGER, API_BOOLEAN, API_TIME, API_CHOICE };

/* A field of a body or a parameter of a query string. */
struct api_field {
	const char		*name;
	enum api_kind		 kind;
	bool			 required;	/* by a route that is not partial */
	bool			 nullable;	/* null in a body is a value */
	bool			 secret;	/* wiped; control characters are its own business */
	bool			 lines;		/* text that may have line ends and tabs */
	bool			 own;		/* of a list: for the handler alone, not for its SQL */
	const char		*forbid;	/* characters it must not have */
	int64_t			 min, max;	/* STRING: bytes; INTEGER: value */
	const char *const	*choices;	/* CHOICE: NULL at the end */
};

/* text is what is bound to SQL: NULL when absent or null. */
struct api_value {
	bool	 given;
	char	*text;
	int64_t	 number;	/* INTEGER; BOOLEAN 0 or 1; TIME in microseconds */
};

struct api;
struct api_request;
struct api_stream;

enum api_role { API_ANYONE, API_USER, API_ADMIN };

struct api_route {
	const char		*method;
	const char		*path;		/* with at most one ":id" segment */
	enum api_role		 role;
	bool			 writes;	/* runs in a transaction */
	bool			 partial;	/* any one of the body's fields will do */
	const struct api_field	*body;
	int			 nbody;
	const struct api_field	*query;		/* a list's begins with limit and cursor */
	int			 nquery;
	int			(*handler)(struct api_request *r);
};

struct api_user {
	int64_t	 id;
	char	 name[64];
	bool	 is_admin;
};

/* What a handler waits for that others must not wait behind. */
struct api_later {
	int	 fd;			/* to become readable */
	int	 timeout_ms;
	/* what comes then, as a handler: fd is readable, or the time is over. Outside a transaction. */
	int	(*resume)(struct api_request *r, int fd);
};

#define API_LATER	100		/* a status that is none */

struct api_request {
	struct api		*api;
	const struct api_route	*route;
	struct net_peer		 peer;
	struct api_user		 user;
	int64_t			 id;
	struct api_value	 body[API_VALUES_MAX];
	struct api_value	 query[API_VALUES_MAX];
	int			 status;	/* API_LATER: see api_later */
	struct api_later	 later;
	cJSON			*reply;		/* NULL: no body */
	struct api_stream	*stream;	/* the body in its place, when the status is 200 */
	bool			 chunks;	/* the client knows HTTP/1.1: it sees where a stream is cut short */
};

/* --- replies: return the status --------------------------------------------- */

/* Takes over json. */
int	api_reply(struct api_request *r, int status, cJSON *json);
/* field may be NULL. */
int	api_fail(struct api_request *r, int status, const char *code, const char *field, const char *fmt, ...)
	    __attribute__((format(printf, 5, 6)));
int	api_not_found(struct api_request *r);

/* To be returned by a handler that does not write: the reply comes from `resume`. Takes over fd. */
int	api_later(struct api_request *r, int fd, int timeout_ms, int (*resume)(struct api_request *r, int fd));

/* --- storage (api_storage.c) -------------------------------------------------- */

/*
 * One statement. NULL when it failed: then the reply is made (409 and 422 for what a constraint
 * says, 503 when storage is away) and r->status is to be returned.
 */
PGresult	*api_exec(struct api_request *r, const char *sql, int n, const char *const *params);

/* The first row as an object; NULL when there is none or it failed: r->status is 0 or tells. */
cJSON		*api_exec_row(struct api_request *r, const char *sql, int n, const char *const *params);

/* A new id from one of the *_NEXT_ID queries, as text. 0, or the status. */
int		 api_next_id(struct api_request *r, const char *sql, char id[24]);

/* Tells the keepers, at commit. 0, or the status. */
int		 api_notify(struct api_request *r, const char *kind, int64_t id);

/* 0 when no grant that is neither revoked nor expired refers to the user or database (the other is NULL). */
int		 api_refuse_live(struct api_request *r, const char *user_id, const char *database_id);
/* Deletes its old grants and adds them to `before`. 0, or the status. */
int		 api_purge_grants(struct api_request *r, const char *user_id, const char *database_id, cJSON *before);

/* --- JSON (api_json.c) ---------------------------------------------------------- */

/*
 * Parses a body: one JSON object in UTF-8, nested at most 8 deep, no NUL in any form, nothing behind it. NULL and
 * *why when it is not.
 */
cJSON	*api_json_parse(const char *text, size_t n, const char **why);
/* A row by the names and types of its columns; those that begin with '_' are left out. */
cJSON	*api_json_row(const PGresult *res, int row);
bool	 api_utf8_ok(const void *p, size_t n);
/* Wipes every string in it, then frees. NULL is fine. */
void	 api_json_wipe(cJSON *json);

/* --- validation (api_validate.c): 0, or the status with the reply made ------------- */

int	api_validate_body(struct api_request *r, cJSON *body);
/* query is the part behind '?', or NULL. */
int	api_validate_query(struct api_request *r, const char *query);
void	api_values_free(struct api_value *values, const struct api_field *fields, int n);

/* --- lists (api_page.c) ---------------------------------------------------------- */

#define API_PAGE_FIELDS							\
	{ .name = "limit", .kind = API_INTEGER, .min = 1, .max = 1000 },	\
	{ .name = "cursor", .kind = API_INTEGER, .min = 1, .max = INT64_MAX }

/*
 * Runs a *_LIST query: $1 id, $2 viewer, $3 cursor, $4 limit, then the route's other parameters in
 * their order. NULL id: all; viewer: 0 for everybody's rows. {"NAME": [...], "next_cursor": ...}
 */
int	 api_list(struct api_request *r, const char *sql, const char *name, int64_t viewer);
/* The one row with this id by the same query. NULL: r->status is 0 (there is none) or tells. */
cJSON	*api_one(struct api_request *r, const char *sql, int nfilters, int64_t id, int64_t viewer);
/* Whose rows the caller may see: 0 for an admin, else his own id. */
int64_t	 api_viewer(const struct api_request *r);

/* --- routes (api_route.c) --------------------------------------------------------- */

#define API_ALLOW_SIZE	64

/*
 * NULL when there is no such route; then `allow` lists the methods the path has, "" when there is no such
 * path. *id is set when the path has one.
 */
const struct api_route	*api_route_find(const char *method, const char *path, int64_t *id,
			    char allow[API_ALLOW_SIZE]);

/* --- audit events (api_audit.c) --------------------------------------------------- */

/* before, after and detail may be NULL; id 0: it is about no single object. 0, or the status. */
int	api_audit(struct api_request *r, const char *action, const char *type, int64_t id,
	    const cJSON *before, const cJSON *after, const char *detail);
/* `user` is what was claimed. 0, or the status. */
int	api_audit_login_failed(struct api_request *r, const char *user, const char *reason);

/* --- secrets (api_seal.c) ---------------------------------------------------------- */

/* Has the keeper seal it and gives the text form of the bytea; free(3). NULL: r->status tells. */
char	*api_seal(struct api_request *r, const char *identity, const char *secret);

#endif
