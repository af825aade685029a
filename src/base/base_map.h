/*
 * A hash table from byte keys to pointers. Keys are copied, values are the
 * caller's. The hash is seeded at random per process: keys come from outside.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>

struct map;

struct map	*map_new(void);
void		 map_free(struct map *m);	/* not the values; NULL is fine */
void		*map_get(const struct map *m, const void *key, size_t n);	/* NULL: absent */
/* Returns the value that was there, or NULL. `value` is not NULL. */
void		*map_put(struct map *m, const void *key, size_t n, void *value);
void		*map_remove(struct map *m, const void *key, size_t n);
/* Forgets all; each value goes to `drop`, which may be NULL. */
void		 map_clear(struct map *m, void (*drop)(void *value));
size_t		 map_count(const struct map *m);
/* Calls fn for each value, in no order; fn must not change the map. */
void		 map_each(const struct map *m, void (*fn)(void *value, void *arg), void *arg);

#endif
