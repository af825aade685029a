/*
 * The hash table, against a plain array as its model.
 */
#include <stdlib.h>

#include "base/base_map.h"
#include "tap.h"

#define N	5000

static int	values[N];

static void
test_basics(void)
{
	struct map	*m = map_new();
	int		 a, b;
	char		 key[] = "key";

	ok(map_get(m, "x", 1) == NULL && map_count(m) == 0, "an empty map");
	ok(map_remove(m, "x", 1) == NULL, "nothing to remove");
	ok(map_put(m, key, 3, &a) == NULL, "a new key");
	key[0] = 'K';
	ok(map_get(m, "key", 3) == &a, "the key was copied");
	ok(map_get(m, key, 3) == NULL, "another key");
	ok(map_put(m, "key", 3, &b) == &a, "put gives the old value back");
	ok(map_get(m, "key", 3) == &b && map_count(m) == 1, "and replaces it");
	ok(map_get(m, "ke", 2) == NULL, "a beginning of a key is another key");
	ok(map_put(m, "", 0, &a) == NULL && map_get(m, "", 0) == &a, "the empty key is a key");
	ok(map_put(m, "a\0b", 3, &a) == NULL && map_get(m, "a\0c", 3) == NULL, "bytes behind a NUL count");
	ok(map_remove(m, "key", 3) == &b && map_get(m, "key", 3) == NULL, "remove gives the value back");
	is_int((long long)map_count(m), 2, "count");
	map_free(m);
	map_free(NULL);
}

static void
count_value(void *value, void *arg)
{
	(*(int *)value)++;
	(*(int *)arg)++;
}

static void
drop_value(void *value)
{
	(*(int *)value)++;
}

static void
test_clear(void)
{
	struct map	*m = map_new();
	int		 dropped[100] = { 0 };
	bool		 once = true;

	map_clear(m, drop_value);
	for (int i = 0; i < 100; i++)
		map_put(m, &i, sizeof(i), &dropped[i]);
	map_clear(m, drop_value);
	for (int i = 0; i < 100; i++)
		once = once && dropped[i] == 1 && map_get(m, &i, sizeof(i)) == NULL;
	ok(once && map_count(m) == 0, "map_clear drops each value once");
	map_put(m, "again", 5, &dropped[7]);
	ok(map_get(m, "again", 5) == &dropped[7] && map_count(m) == 1, "and leaves a map that can be used");
	map_clear(m, NULL);
	ok(map_count(m) == 0 && dropped[7] == 1, "without a function it only forgets");
	map_free(m);
}

static void
test_many(void)
{
	struct map	*m = map_new();
	bool		 right = true;
	int		 seen = 0;

	for (int i = 0; i < N; i++)
		right = right && map_put(m, &i, sizeof(i), &values[i]) == NULL;
	ok(right && map_count(m) == N, "%d keys", N);
	for (int i = 0; i < N; i++)
		right = right && map_get(m, &i, sizeof(i)) == &values[i];
	ok(right, "each is found after growing");
	map_each(m, count_value, &seen);
	for (int i = 0; i < N; i++)
		right = right && values[i] == 1;
	ok(right && seen == N, "map_each comes to each once");
	for (int i = 0; i < N; i += 2)
		right = right && map_remove(m, &i, sizeof(i)) == &values[i];
	for (int i = 0; i < N; i++)
		right = right && map_get(m, &i, sizeof(i)) == (i % 2 ? &values[i] : NULL);
	ok(right && map_count(m) == N / 2, "half removed, the others are there");
	map_free(m);
}

int
main(void)
{
	test_basics();
	test_clear();
	test_many();
	return tap_done();
}
