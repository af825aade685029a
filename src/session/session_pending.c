/*
 * The queue of owed replies: a ring that grows.
 */
#include "session/session_pending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

void
pending_init(struct pending_queue *q)
{
	*q = (struct pending_queue){ .size = 16 };
	q->ring = xcalloc(q->size, sizeof(*q->ring));
}

void
pending_free(struct pending_queue *q)
{
	assert(q->count == 0);
	free(q->ring);
	q->ring = NULL;
}

struct pending *
pending_push(struct pending_queue *q, enum pending_kind kind)
{
	struct pending	*e;

	if (q->count == q->size) {
		struct pending	*ring = xcalloc(q->size * 2, sizeof(*ring));

		for (size_t i = 0; i < q->count; i++)
			ring[i] = *pending_at(q, i);
		free(q->ring);
		q->ring = ring;
		q->size *= 2;
		q->head = 0;
	}
	q->count++;
	q->of[kind]++;
	e = pending_at(q, q->count - 1);
	*e = (struct pending){ .kind = kind };
	return e;
}

void
pending_pop(struct pending_queue *q)
{
	assert(q->count > 0);
	q->of[pending_at(q, 0)->kind]--;
	q->head = (q->head + 1) & (q->size - 1);
	q->count--;
}

void
pending_settle(struct pending_queue *q)
{
	struct pending	*e = pending_at(q, 0);

	named_confirm(&e->change);
	named_unref(e->object);
	free(e->refusal);
	pending_pop(q);
}

void
pending_remove(struct pending_queue *q, size_t i, size_t n)
{
	assert(i <= q->count && n <= q->count - i);
	for (size_t k = i; k < i + n; k++)
		q->of[pending_at(q, k)->kind]--;
	for (; i + n < q->count; i++)
		*pending_at(q, i) = *pending_at(q, i + n);
	q->count -= n;
}

struct pending *
pending_changes(const struct pending_queue *q, size_t i, const struct map *map, const char *name)
{
	if (q->of[PENDING_PARSE] + q->of[PENDING_BIND] + q->of[PENDING_CLOSE] == 0)
		return NULL;
	for (; i < q->count; i++) {
		struct pending	*e = pending_at(q, i);

		if (e->change.map == map && named_changes(&e->change, name))
			return e;
	}
	return NULL;
}
