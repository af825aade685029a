/*
 * Names of prepared statements and portals.
 */
#include "session/session_named.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

struct named *
named_new(char kind, const char *name)
{
	struct named	*n = xcalloc(1, sizeof(*n));

	n->refs = 1;
	n->kind = kind;
	n->name = xstrdup(name);
	return n;
}

struct named *
named_ref(struct named *n)
{
	if (n != NULL)
		n->refs++;
	return n;
}

void
named_unref(struct named *n)
{
	if (n == NULL || --n->refs > 0)
		return;
	named_unref(n->statement);
	buf_wipe(&n->text);
	buf_wipe(&n->bind);
	buf_free(&n->description);
	free(n->types);
	free(n->name);
	free(n);
}

struct named_change
named_set(struct map *map, const char *name, struct named *n)
{
	struct named_change	c = { .map = map, .now = n };

	/* the map's reference to what was there passes to the change */
	if (n != NULL)
		c.before = map_put(map, name, strlen(name), named_ref(n));
	else
		c.before = map_remove(map, name, strlen(name));
	return c;
}

void
named_confirm(struct named_change *c)
{
	named_unref(c->now);
	named_unref(c->before);
	*c = (struct named_change){ .map = NULL };
}

void
named_undo(struct named_change *c)
{
	const char	*name;

	if (c->map == NULL || (c->now == NULL && c->before == NULL))
		return;
	name = c->now ? c->now->name : c->before->name;
	if (c->before != NULL)
		named_unref(map_put(c->map, name, strlen(name), c->before));
	else
		named_unref(map_remove(c->map, name, strlen(name)));
	named_unref(c->now);
	*c = (struct named_change){ .map = NULL };
}

struct named *
named_get(const struct map *map, const char *name)
{
	return map_get(map, name, strlen(name));
}

static void
named_free_one(void *value, void *arg)
{
	(void)arg;
	named_unref(value);
}

void
named_free_all(struct map *map)
{
	map_each(map, named_free_one, NULL);
	map_free(map);
}
