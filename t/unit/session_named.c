/*
 * The picture of prepared statements and portals: changes take place at once
 * and can be undone in reverse order.
 */
#include "session/session_named.h"
#include "session/session_pending.h"
#include "tap.h"

static const char *
text(const struct map *map, const char *name)
{
	struct named	*n = named_get(map, name);

	return n ? buf_text(&n->text) : NULL;
}

static struct named_change
parse(struct map *map, const char *name, const char *sql)
{
	struct named	*n = named_new('S', name);

	buf_put_str(&n->text, sql);
	return named_set(map, name, n);
}

int
main(void)
{
	struct map		*map = map_new();
	struct named_change	 a, b, c, d;
	struct pending_queue	 q;

	a = parse(map, "s", "one");
	is_str(text(map, "s"), "one", "a Parse counts at once");
	named_confirm(&a);
	is_str(text(map, "s"), "one", "and stays when confirmed");

	/* the target refuses a second statement of that name: the first one is what it knows */
	a = parse(map, "s", "two");
	b = named_set(map, "s", NULL);
	c = parse(map, "s", "three");
	d = parse(map, "t", "four");
	is_str(text(map, "s"), "three", "the last change shows");
	named_undo(&d);
	named_undo(&c);
	ok(named_get(map, "s") == NULL, "back to the Close");
	named_undo(&b);
	is_str(text(map, "s"), "two", "back to the second Parse");
	named_undo(&a);
	is_str(text(map, "s"), "one", "back to the first");
	ok(named_get(map, "t") == NULL, "a name that was new is gone");

	a = named_set(map, "nothing", NULL);
	named_undo(&a);
	ok(named_get(map, "nothing") == NULL, "closing what is not there changes nothing");
	a = named_set(map, "s", NULL);
	named_confirm(&a);
	ok(named_get(map, "s") == NULL, "a confirmed Close");
	named_free_all(map);

	pending_init(&q);
	for (int i = 0; i < 1000; i++) {
		pending_push(&q, PENDING_SYNC);
		pending_push(&q, PENDING_QUERY);
		if (i % 3 == 0)
			pending_pop(&q);
	}
	is_int(q.count, 2000 - 334, "the queue grows");
	is_int(pending_at(&q, 0)->kind, PENDING_SYNC, "334 entries are gone from its front");
	pending_remove(&q, 0, 1);
	is_int(pending_at(&q, 0)->kind, PENDING_QUERY, "an entry taken out");
	is_int(pending_at(&q, q.count - 1)->kind, PENDING_QUERY, "the last one is in place");
	while (q.count > 0)
		pending_pop(&q);
	pending_free(&q);
	return tap_done();
}
