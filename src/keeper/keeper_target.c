/*
 * Checks of targets. The credentials are opened for a process of its own (check/), which says what it has
 * seen; that is stored as it came. The keeper never speaks to a target.
 */
#include "keeper/keeper_target.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "check/check.h"
#include "keeper/keeper_seal.h"
#include "store_sql.h"

#define TARGET_CHECKS_MAX	4
#define TARGET_NAME_SIZE	64

/* From asking storage for the database to the report in it. */
struct target_check {
	LIST_ENTRY(target_check) link;
	struct keeper		*keeper;
	int64_t			 database_id;
	char			 name[TARGET_NAME_SIZE];
	char			*mark;		/* of the database that was looked at */
	struct event		*readable;	/* a report; NULL: not started yet */
	int			 fd;
	/* for the audit event */
	int64_t			 actor_id;	/* 0: nobody asked */
	char			*actor, *source;
};

static void
target_answer(struct peer *p, enum ipc_checked_as how)
{
	struct buf	packet = { 0 };

	p->check = NULL;
	peer_set_phase(p, PHASE_API);
	ipc_put_checked(&packet, &(struct ipc_checked){ .how = (uint8_t)how });
	peer_send(p, &packet);
}

/* Tells who waits for it, and forgets it. */
static void
target_done(struct target_check *c, enum ipc_checked_as how)
{
	struct peer	*p, *next;

	for (p = LIST_FIRST(&c->keeper->peers); p != NULL; p = next) {
		next = LIST_NEXT(p, link);
		if (p->check == c)
			target_answer(p, how);
	}
	if (c->readable != NULL) {
		event_free(c->readable);
		close(c->fd);
	}
	LIST_REMOVE(c, link);
	free(c->mark);
	free(c->actor);
	free(c->source);
	free(c);
}

static void
target_stored(PGresult *res, void *arg)
{
	struct target_check	*c = arg;

	if (res == NULL)
		log_error("the check of database \"%s\" could not be stored", c->name);
	target_done(c, res == NULL ? IPC_CHECKED_FAILED : PQntuples(res) > 0 ? IPC_CHECKED_DONE : IPC_CHECKED_CHANGED);
}

static void
target_store(struct target_check *c, const struct ipc_report *r)
{
	char		 id[24], actor_id[24];
	const char	*params[] = { id, c->mark, r->reachable ? "t" : "f", r->clean ? "t" : "f", r->json,
			    c->actor_id ? actor_id : NULL, c->actor, c->source };

	snprintf(id, sizeof(id), "%" PRId64, c->database_id);
	snprintf(actor_id, sizeof(actor_id), "%" PRId64, c->actor_id);
	log_info("database \"%s\" was checked: %s", c->name, !r->reachable ? "not reachable" :
	    r->clean ? "the role of read grants cannot write" : "the role of read grants could do more than read");
	if (storage_query(c->keeper->storage, SQL_TARGET_CHECKED, target_stored, c, 8, params) != 0)
		target_stored(NULL, c);
}

/* The report, or the end without one. */
static void
target_readable(evutil_socket_t fd, short what, void *arg)
{
	struct target_check	*c = arg;
	struct ipc_report	 r = { .json = "{\"logins\":[],\"findings\":[],\"remarks\":[],"
				    "\"error\":\"the check did not come to its end\"}" };
	struct buf		 packet = { 0 };

	(void)what;
	event_del(c->readable);
	if (ipc_recv(fd, &packet, 0) == 1) {
		struct ipc_report	whole;

		if (ipc_get_report((struct slice){ packet.data, packet.len }, &whole) == 0)
			r = whole;
	}
	target_store(c, &r);
	buf_free(&packet);
}

/* One sealed column; NULL when it does not open. Free with secret_free. */
static char *
target_open(struct target_check *c, const PGresult *res, const char *name)
{
	char	*secret;

	if (*storage_text(res, 0, name) == '\0')
		return xstrdup("");
	secret = seal_open(c->keeper, res, name, name);
	if (secret == NULL)
		log_error("the stored %s of database \"%s\" cannot be opened with this master key", name, c->name);
	return secret;
}

static int
target_spawn(struct target_check *c, const PGresult *res)
{
	char	*password = target_open(c, res, "password"), *read_password = target_open(c, res, "read_password"),
		*ssl_key = target_open(c, res, "ssl_key");
	int	 fd = -1;

	if (password != NULL && read_password != NULL && ssl_key != NULL)
		fd = check_spawn(c->name, &(struct ipc_target){
			.host = storage_text(res, 0, "host"),
			.port = (uint32_t)storage_int(res, 0, "port"),
			.dbname = storage_text(res, 0, "database_name"),
			.ssl_mode = storage_text(res, 0, "ssl_mode"),
			.ssl_root_cert = storage_text(res, 0, "ssl_root_cert"),
			.ssl_cert = storage_text(res, 0, "ssl_cert"),
			.ssl_key = ssl_key,
			.username = storage_text(res, 0, "username"),
			.password = password,
			.read_username = storage_text(res, 0, "read_username"),
			.read_password = read_password,
			.connect_timeout_s = (uint32_t)(c->keeper->rt->conf->connect_timeout / 1000),
		});
	secret_free(password);
	secret_free(read_password);
	secret_free(ssl_key);
	return fd;
}

static void
target_found(PGresult *res, void *arg)
{
	struct target_check	*c = arg;

	if (res == NULL || PQntuples(res) == 0) {
		target_done(c, res == NULL ? IPC_CHECKED_FAILED : IPC_CHECKED_NONE);
		return;
	}
	snprintf(c->name, sizeof(c->name), "%s", storage_text(res, 0, "name"));
	c->mark = xstrdup(storage_text(res, 0, "mark"));
	c->fd = target_spawn(c, res);
	if (c->fd < 0) {
		target_done(c, IPC_CHECKED_FAILED);
		return;
	}
	c->readable = event_new(c->keeper->base, c->fd, EV_READ, target_readable, c);
	if (c->readable == NULL)
		log_fatal(EX_OSERR, "out of memory");
	event_add(c->readable, NULL);
}

/* The one under way for this database, or a new one; NULL and *how: there is none. */
static struct target_check *
target_begin(struct keeper *k, int64_t database_id, const struct ipc_check *by, enum ipc_checked_as *how)
{
	struct target_check	*c;
	unsigned		 n = 0;
	char			 id[24];
	const char		*params[] = { id };

	LIST_FOREACH(c, &k->checks, link) {
		if (c->database_id == database_id)
			return c;
		n++;
	}
	*how = IPC_CHECKED_BUSY;
	if (n >= TARGET_CHECKS_MAX)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->keeper = k;
	c->database_id = database_id;
	c->actor_id = by != NULL ? (int64_t)by->actor_id : 0;
	c->actor = xstrdup(by != NULL ? by->actor : "dbbat");
	c->source = xstrdup(by != NULL ? by->source : "keeper");
	LIST_INSERT_HEAD(&k->checks, c, link);
	snprintf(id, sizeof(id), "%" PRId64, database_id);
	if (storage_query(k->storage, SQL_TARGET_GET, target_found, c, 1, params) == 0)
		return c;
	target_done(c, IPC_CHECKED_FAILED);
	*how = IPC_CHECKED_FAILED;
	return NULL;
}

void
target_check(struct keeper *k, int64_t database_id)
{
	enum ipc_checked_as	how;

	if (!k->draining && !k->retiring)
		target_begin(k, database_id, NULL, &how);
}

int
target_asked(struct peer *p, struct slice packet)
{
	struct ipc_check	m;
	enum ipc_checked_as	how = IPC_CHECKED_FAILED;

	if (ipc_get_check(packet, &m) != 0)
		return -1;
	peer_set_phase(p, PHASE_CHECKING);
	p->check = target_begin(p->keeper, (int64_t)m.database_id, &m, &how);
	if (p->check == NULL)
		target_answer(p, how);
	return 0;
}
