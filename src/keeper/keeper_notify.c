/*
 * Notifications. They only say where to look: whether a session must end is asked of storage, for all
 * sessions concerned at once, and for all there are now and then, so that a notification that was missed, doubled or
 * forged ends nobody who may go on and spares nobody who may not.
 */
#include "keeper/keeper_notify.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_reader.h"
#include "keeper/keeper_cancel.h"
#include "keeper/keeper_peer.h"
#include "keeper/keeper_register.h"
#include "keeper/keeper_registry.h"
#include "store_sql.h"

#define NOTIFY_RETRY	250	/* ms: until a check that failed is tried again */
#define NOTIFY_ROUND	5	/* s: between checks that nothing asked for */

static const struct {
	const char	*reason;
	const char	*message;	/* up to the database's name, or all of it */
	const char	*rest;
} endings[] = {
	{ "revoked", "the grant for database \"", "\" was revoked" },
	{ "expired", "the grant for database \"", "\" has expired" },
	{ "database", "the database \"", "\" was changed or deleted" },
	{ "user", "your DBBat user was changed or deleted", NULL },
	{ "connection", "the connection was terminated by an administrator", NULL },
};

void
notify_terminate(struct session *s, const char *reason)
{
	struct buf	packet = { 0 };
	char		message[256] = "access has ended";

	if (s->terminated)
		return;
	s->terminated = true;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (strcmp(endings[i].reason, reason) == 0)
			snprintf(message, sizeof(message), "%s%s%s", endings[i].message,
			    endings[i].rest ? s->database : "", endings[i].rest ? endings[i].rest : "");
	log_info("connection %" PRId64 " is told to end: %s", s->connection_id, message);
	ipc_put_terminate(&packet, &(struct ipc_terminate){ .sqlstate = "57P01", .message = message });
	peer_send(s->peer, &packet);
}

static void
notify_later(struct keeper *k, int ms)
{
	struct timeval	tv = { 0, ms * 1000 };

	event_add(k->check, &tv);
}

void
notify_check(struct session *s)
{
	s->check_due = true;
	notify_later(s->peer->keeper, 0);
}

void
notify_check_all(struct keeper *k)
{
	for (struct session *s = registry_first(k->registry); s != NULL; s = LIST_NEXT(s, link))
		s->check_due = true;
	notify_later(k, 0);
}

/* A query under way, and the sessions it is about. */
struct check {
	struct keeper	*keeper;
	struct buf	 ids;		/* u64 each */
};

static void
notify_checked(PGresult *res, void *arg)
{
	struct check	*c = arg;
	struct keeper	*k = c->keeper;
	struct reader	 ids = reader_init(c->ids.data, c->ids.len);
	struct session	*s;

	for (int i = 0; res != NULL && i < PQntuples(res); i++) {
		s = registry_by_connection(k->registry, storage_int(res, i, "connection_id"));
		if (s != NULL)
			notify_terminate(s, storage_text(res, i, "reason"));
	}
	while (ids.left > 0) {
		s = registry_by_connection(k->registry, (int64_t)reader_u64(&ids));
		if (s != NULL && res != NULL)
			register_answer(s);
		else if (s != NULL)
			s->check_due = true;
	}
	if (res == NULL)
		notify_later(k, NOTIFY_RETRY);
	buf_free(&c->ids);
	free(c);
}

/* Storage is away, which ends no session: those that wait go on, and are checked when it is back. */
static void
notify_postpone(struct keeper *k)
{
	struct session	*next;

	for (struct session *s = registry_first(k->registry); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		register_answer(s);
	}
	notify_later(k, NOTIFY_RETRY);
}

/* Adds an element to an array's text. */
static void
array_add(struct buf *b, const char *element)
{
	buf_put_u8(b, b->len == 0 ? '{' : ',');
	buf_put_str(b, element);
}

/* One query for all sessions that are due. */
static void
notify_ask(evutil_socket_t fd, short what, void *arg)
{
	struct keeper	*k = arg;
	struct check	*c;
	struct buf	 columns[4] = { 0 }, ids = { 0 };
	const char	*params[4];
	char		 number[24];

	(void)fd, (void)what;
	for (struct session *s = registry_first(k->registry); s != NULL; s = LIST_NEXT(s, link)) {
		if (!s->check_due || s->terminated)
			continue;
		buf_put_u64(&ids, (uint64_t)s->connection_id);
		snprintf(number, sizeof(number), "%" PRId64, s->connection_id);
		array_add(&columns[0], number);
		snprintf(number, sizeof(number), "%" PRId64, s->grant_id);
		array_add(&columns[1], number);
		array_add(&columns[2], s->user_mark);	/* hex */
		array_add(&columns[3], s->database_mark);
	}
	if (columns[0].len == 0)
		return;
	for (int i = 0; i < 4; i++) {
		buf_put_u8(&columns[i], '}');
		params[i] = buf_text(&columns[i]);
	}
	c = xmalloc(sizeof(*c));
	*c = (struct check){ k, ids };
	if (storage_query(k->storage, SQL_KEEPER_CHECK, notify_checked, c, 4, params) != 0) {
		buf_free(&ids);
		free(c);
		notify_postpone(k);
	} else
		for (struct session *s = registry_first(k->registry); s != NULL; s = LIST_NEXT(s, link))
			s->check_due = false;
	for (int i = 0; i < 4; i++)
		buf_free(&columns[i]);
}

static int64_t
session_grant(const struct session *s)
{
	return s->grant_id;
}

static int64_t
session_user(const struct session *s)
{
	return s->user_id;
}

static int64_t
session_database(const struct session *s)
{
	return s->database_id;
}

static int64_t
session_connection(const struct session *s)
{
	return s->connection_id;
}

static const struct {
	const char	*kind;
	int64_t		(*id)(const struct session *s);
} kinds[] = {
	{ "grant ", session_grant },
	{ "user ", session_user },
	{ "database ", session_database },
	{ "connection ", session_connection },
};

/* The id after `kind` in the payload, or -1. */
static int64_t
payload_id(const char *payload, const char *kind)
{
	size_t		 n = strlen(kind);
	long long	 id;
	char		*end;

	if (strncmp(payload, kind, n) != 0 || payload[n] < '0' || payload[n] > '9')
		return -1;
	id = strtoll(payload + n, &end, 10);
	return *end == '\0' ? id : -1;
}

void
notify_heard(struct keeper *k, const char *payload)
{
	struct session	*s;
	int64_t		 id;

	if (strncmp(payload, "cancel ", 7) == 0) {
		cancel_heard(k, payload + 7);
		return;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((id = payload_id(payload, kinds[i].kind)) < 0)
			continue;
		for (s = registry_first(k->registry); s != NULL; s = LIST_NEXT(s, link))
			if (kinds[i].id(s) == id)
				s->check_due = true;
		notify_later(k, 0);
		return;
	}
	log_debug("a notification means nothing to this version");
}

static void
notify_round(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	notify_check_all(arg);
}

void
notify_init(struct keeper *k)
{
	static const struct timeval	every = { NOTIFY_ROUND, 0 };
	struct event			*round = event_new(k->base, -1, EV_PERSIST, notify_round, k);

	k->check = event_new(k->base, -1, 0, notify_ask, k);
	if (k->check == NULL || round == NULL || event_add(round, &every) != 0)
		log_fatal(EX_OSERR, "out of memory");
}
