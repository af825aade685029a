/*
 * Chained hash table with a seeded FNV-1a; grows at load 1.
 */
#include "base/base_map.h"

#include <sys/random.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

struct map_node {
	struct map_node	*next;
	void		*value;
	uint64_t	 hash;
	size_t		 n;
	unsigned char	 key[];
};

struct map {
	struct map_node	**buckets;
	size_t		 size;		/* a power of two */
	size_t		 count;
	uint64_t	 seed;
};

struct map *
map_new(void)
{
	struct map	*m = xcalloc(1, sizeof(*m));

	m->size = 16;
	m->buckets = xcalloc(m->size, sizeof(*m->buckets));
	if (getrandom(&m->seed, sizeof(m->seed), 0) != sizeof(m->seed))
		m->seed = (uintptr_t)m;
	return m;
}

void
map_clear(struct map *m, void (*drop)(void *value))
{
	for (size_t i = 0; m->count > 0; i++) {
		for (struct map_node *e = m->buckets[i], *next; e != NULL; e = next) {
			next = e->next;
			if (drop != NULL)
				drop(e->value);
			free(e);
			m->count--;
		}
		m->buckets[i] = NULL;
	}
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	map_clear(m, NULL);
	free(m->buckets);
	free(m);
}

static uint64_t
map_hash(const struct map *m, const unsigned char *key, size_t n)
{
	uint64_t	h = 14695981039346656037u ^ m->seed;

	for (size_t i = 0; i < n; i++)
		h = (h ^ key[i]) * 1099511628211u;
	return h ^ h >> 32;
}

static struct map_node **
map_find(const struct map *m, const void *key, size_t n, uint64_t hash)
{
	struct map_node	**at = &m->buckets[hash & (m->size - 1)];

	while (*at != NULL &&
	    ((*at)->hash != hash || (*at)->n != n || memcmp((*at)->key, key, n) != 0))
		at = &(*at)->next;
	return at;
}

void *
map_get(const struct map *m, const void *key, size_t n)
{
	struct map_node	*e = *map_find(m, key, n, map_hash(m, key, n));

	return e ? e->value : NULL;
}

static void
map_grow(struct map *m)
{
	size_t		  size = m->size * 2;
	struct map_node	**buckets = xcalloc(size, sizeof(*buckets));

	for (size_t i = 0; i < m->size; i++)
		for (struct map_node *e = m->buckets[i], *next; e != NULL; e = next) {
			next = e->next;
			e->next = buckets[e->hash & (size - 1)];
			buckets[e->hash & (size - 1)] = e;
		}
	free(m->buckets);
	m->buckets = buckets;
	m->size = size;
}

void *
map_put(struct map *m, const void *key, size_t n, void *value)
{
	uint64_t	  hash = map_hash(m, key, n);
	struct map_node	**at = map_find(m, key, n, hash), *e;
	void		 *old;

	if (*at != NULL) {
		old = (*at)->value;
		(*at)->value = value;
		return old;
	}
	e = xmalloc(sizeof(*e) + n);
	e->next = NULL;
	e->value = value;
	e->hash = hash;
	e->n = n;
	memcpy(e->key, key, n);
	*at = e;
	if (++m->count > m->size)
		map_grow(m);
	return NULL;
}

void *
map_remove(struct map *m, const void *key, size_t n)
{
	struct map_node	**at = map_find(m, key, n, map_hash(m, key, n)), *e = *at;
	void		 *old;

	if (e == NULL)
		return NULL;
	*at = e->next;
	old = e->value;
	free(e);
	m->count--;
	return old;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

void
map_each(const struct map *m, void (*fn)(void *value, void *arg), void *arg)
{
	for (size_t i = 0; i < m->size; i++)
		for (struct map_node *e = m->buckets[i]; e != NULL; e = e->next)
			fn(e->value, arg);
}
