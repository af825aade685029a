/*
 * The registry. It holds sessions that were granted access and nothing else;
 * it sends nothing and frees no session.
 */
#include "keeper/keeper_registry.h"

#include "base/base_map.h"
#include "base/base_mem.h"
#include "crypto/crypto.h"

struct registry {
	LIST_HEAD(, session)	 sessions;
	struct map		*by_connection;
};

struct registry *
registry_new(void)
{
	struct registry	*r = xcalloc(1, sizeof(*r));

	LIST_INIT(&r->sessions);
	r->by_connection = map_new();
	return r;
}

void
registry_add(struct registry *r, struct session *s)
{
	map_put(r->by_connection, &s->connection_id, sizeof(s->connection_id), s);
	LIST_INSERT_HEAD(&r->sessions, s, link);
	s->registered = true;
}

void
registry_remove(struct registry *r, struct session *s)
{
	if (!s->registered)
		return;
	map_remove(r->by_connection, &s->connection_id, sizeof(s->connection_id));
	LIST_REMOVE(s, link);
	s->registered = false;
}

struct session *
registry_by_connection(const struct registry *r, int64_t connection_id)
{
	return map_get(r->by_connection, &connection_id, sizeof(connection_id));
}

struct session *
registry_by_key(const struct registry *r, uint32_t pid, struct slice secret)
{
	struct session	*s;

	/* backends of different targets may have the same pid: the secret decides */
	LIST_FOREACH(s, &r->sessions, link)
		if (s->backend_pid != 0 && s->backend_pid == pid &&
		    secret.n == sizeof(s->cancel_secret) &&
		    crypto_equal(s->cancel_secret, secret.p, sizeof(s->cancel_secret)))
			return s;
	return NULL;
}

struct session *
registry_first(const struct registry *r)
{
	return LIST_FIRST(&r->sessions);
}
