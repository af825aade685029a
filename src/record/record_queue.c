/*
 * The queue in memory. It knows nothing of what the bytes mean.
 */
#include "record/record_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

#define QUEUE_KEEP	((size_t)1 << 18)	/* memory an empty queue holds on to */

struct record_queue {
	struct buf	bytes;
	size_t		gone;		/* bytes at the front that are acknowledged */
	uint64_t	start;		/* position of bytes.data[gone] */
	size_t		max;
};

struct record_queue *
record_queue_new(size_t max)
{
	struct record_queue	*q = xcalloc(1, sizeof(*q));

	q->max = max;
	q->bytes.max = SIZE_MAX / 2;
	return q;
}

void
record_queue_free(struct record_queue *q)
{
	if (q == NULL)
		return;
	buf_free(&q->bytes);
	free(q);
}

static size_t
queue_used(const struct record_queue *q)
{
	return q->bytes.len - q->gone;
}

size_t
record_queue_room(const struct record_queue *q)
{
	return queue_used(q) < q->max ? q->max - queue_used(q) : 0;
}

void
record_queue_append(struct record_queue *q, const void *frame, size_t n)
{
	/* before growing, and only when what moves is less than what it frees: cheap on average */
	if (n > q->bytes.cap - q->bytes.len && q->gone > queue_used(q)) {
		buf_drop(&q->bytes, q->gone);
		q->gone = 0;
	}
	buf_put(&q->bytes, frame, n);
	assert(!q->bytes.failed);
}

uint64_t
record_queue_start(const struct record_queue *q)
{
	return q->start;
}

uint64_t
record_queue_end(const struct record_queue *q)
{
	return q->start + queue_used(q);
}

struct slice
record_queue_read(const struct record_queue *q, uint64_t at)
{
	size_t	skip = (size_t)(at - q->start);

	assert(at >= q->start && skip <= queue_used(q));
	if (skip == queue_used(q))
		return (struct slice){ (const unsigned char *)"", 0 };
	return (struct slice){ q->bytes.data + q->gone + skip, queue_used(q) - skip };
}

void
record_queue_ack(struct record_queue *q, uint64_t at)
{
	size_t	n = (size_t)(at - q->start);

	assert(at >= q->start && n <= queue_used(q));
	q->gone += n;
	q->start = at;
	if (queue_used(q) > 0)
		return;
	if (q->bytes.cap > QUEUE_KEEP)
		buf_free(&q->bytes);
	buf_reset(&q->bytes);
	q->gone = 0;
}
