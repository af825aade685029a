/*
 * The picture of prepared statements and portals: changes take place at once
 * and can be undone in reverse order.
 */
#include <stdlib.h>

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

static bool
doubted(const char *name, const char *sql, bool cut)
{
	struct map	*map = map_new();
	struct named	*n = named_new('S', name);
	bool		 is;

	map_put(map, name, strlen(name), n);
	named_doubt(map, (struct slice){ (const unsigned char *)sql, strlen(sql) }, cut);
	is = n->doubtful;
	named_free_all(map);
	return is;
}

static bool
names(const char *sql)
{
	return named_in_sql((struct slice){ (const unsigned char *)sql, strlen(sql) }, false);
}

/* Names that SQL gives to something else. */
static void
doubts(void)
{
	static const char *const	give[] = { "DECLARE c CURSOR FOR SELECT 1", "prepare s as select 1", "SELECT 1; PrEpArE s AS SELECT 1",
					    "DO $$BEGIN EXECUTE 'prepare s'; END$$", "xdeclare", "pprepare" };
	static const char *const	others[] = { "", "SELECT 1", "declar", "repare", "p", "c", "PREPAR", "de clare", "DEALLOCATE s", "pre", "eclare" };

	for (size_t i = 0; i < sizeof(give) / sizeof(give[0]); i++)
		ok(names(give[i]), "may give a name: %s", give[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ok(!names(others[i]), "gives none: %s", others[i]);
	ok(named_in_sql((struct slice){ NULL, 0 }, true), "what is cut may");
	ok(doubted("s1", "PREPARE S1 AS SELECT 1", false), "a name in other letters");
	ok(doubted("s1", "PREPARE s1", false), "at the end");
	ok(!doubted("s1", "PREPARE s AS SELECT 1", false), "another name");
	ok(!doubted("s1", "s", false) && !doubted("s1", "", false), "a text that is shorter");
	ok(doubted("s1", "PREPARE U&\"\\0073\\0031\" AS SELECT 1", false), "an escape may be any name");
	ok(doubted("a\"b", "PREPARE \"a\"\"b\" AS SELECT 1", false), "and so may a doubled quote");
	ok(!doubted("s1", "PREPARE \"t\" AS SELECT 1", false), "a quote alone is none");
	ok(doubted("s1", "", true), "in what is cut it may be");
	ok(!doubted("", "PREPARE s AS SELECT 1", true), "SQL cannot write the empty name");
	ok(doubted("S1", "PREPARE \"S1\" AS SELECT 1", false), "in quotes a name is as it stands");
	ok(doubted("s 1", "SELECT '\"'; PREPARE \"s 1\"", false), "quotes that stand alone hide none");
	ok(doubted("s1", "prepare/**/s1(int)", false), "nor does what is around it");
	ok(doubted("n23456789a123456789b123456789c123456789d123456789e123456789f123", "PREPARE "
	    "n23456789a123456789b123456789c123456789d123456789e123456789f123456 AS", false), "long ones count as far as the server reads");
	ok(doubted("n 3456789a123456789b123456789c123456789d123456789e123456789f12", "PREPARE "
	    "\"n 3456789a123456789b123456789c123456789d123456789e123456789f12\xc3\xa9\" AS", false), "and it cuts no character");
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
	/* the first of two fails after the second was sent: the second stands, on what was before the first */
	a = parse(map, "u", "one");
	named_confirm(&a);
	pending_init(&q);
	pending_push(&q, PENDING_PARSE)->change = parse(map, "u", "two");
	pending_push(&q, PENDING_SYNC);
	pending_push(&q, PENDING_CLOSE)->change = named_set(map, "v", NULL);
	pending_push(&q, PENDING_PARSE)->change = parse(map, "u", "three");
	ok(pending_changes(&q, 1, map, "u") == pending_at(&q, 3), "the later change is found");
	ok(pending_changes(&q, 0, map, "v") == NULL, "a Close of nothing is no change");
	named_undo_below(&pending_at(&q, 0)->change, &pending_at(&q, 3)->change);
	is_str(text(map, "u"), "three", "undone below a later change, which stands");
	named_undo(&pending_at(&q, 3)->change);
	is_str(text(map, "u"), "one", "and goes back to what was before both");
	is_int(q.of[PENDING_PARSE], 2, "two Parses");
	pending_remove(&q, 0, 2);
	is_int(q.of[PENDING_PARSE], 1, "one is left when two entries are taken out");
	is_int(pending_at(&q, 0)->kind, PENDING_CLOSE, "from the front");
	while (q.count > 0)
		pending_pop(&q);
	pending_free(&q);
	named_clear(map);
	ok(named_get(map, "u") == NULL, "all names forgotten");
	is_int(named_weight(), 0, "nothing weighs anything");
	a = parse(map, "w", "some text");
	named_weigh(a.now);
	ok(named_weight() > 9, "what is kept is weighed");
	named_confirm(&a);
	{
		struct named_skipped	skipped = { 0 };
		struct named_change	none = named_set(map, "nothing", NULL);

		c = parse(map, "x", "one");
		named_confirm(&c);
		named_skip(&skipped, &none);
		is_int(skipped.count, 0, "a Close of nothing is nothing to be skipped");
		c = named_set(map, "x", NULL);
		named_skip(&skipped, &c);
		ok(c.map == NULL, "a change that is skipped is its list's");
		for (int i = 0; i < 100; i++) {
			c = parse(map, "x", "two");
			named_skip(&skipped, &c);
		}
		is_str(text(map, "x"), "two", "and holds meanwhile");
		named_skip_end(&skipped);
		is_str(text(map, "x"), "one", "until none is skipped any more");
		is_int(skipped.count, 0, "then the list is empty");
		named_skip_end(&skipped);
	}
	named_free_all(map);
	is_int(named_weight(), 0, "and is gone when freed");

	pending_init(&q);
	map = map_new();
	a = parse(map, "y", "one");
	named_weigh(a.now);
	named_confirm(&a);
	pending_push(&q, PENDING_PARSE)->change = parse(map, "y", "two");
	named_weigh(named_get(map, "y"));
	pending_at(&q, 0)->object = named_ref(named_get(map, "y"));
	pending_at(&q, 0)->refusal = malloc(1);
	pending_settle(&q);
	is_int(q.count + q.of[PENDING_PARSE], 0, "an entry that is settled is gone");
	is_str(text(map, "y"), "two", "its change stays");
	named_free_all(map);
	is_int(named_weight(), 0, "and nobody else holds what it held");
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
	doubts();
	return tap_done();
}
