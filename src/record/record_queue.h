/*
 * Frames that are not in storage yet, in order. Between what writes and what
 * ships there are only bytes and positions, so that a mapped journal file can
 * take this place. A position is a number of bytes since the session's first
 * frame; it only grows.
 */
#ifndef RECORD_QUEUE_H
#define RECORD_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/base_buf.h"

struct record_queue;

struct record_queue	*record_queue_new(size_t max);	/* bytes */
void			 record_queue_free(struct record_queue *q);

/* Bytes that still fit. */
size_t		record_queue_room(const struct record_queue *q);
/* One whole frame. The caller has looked at the room. */
void		record_queue_append(struct record_queue *q, const void *frame, size_t n);

uint64_t	record_queue_start(const struct record_queue *q);	/* of the oldest frame kept */
uint64_t	record_queue_end(const struct record_queue *q);		/* where the next will be */
/* The frames from position `at` (start ≤ at ≤ end); valid until the next append or ack. */
struct slice	record_queue_read(const struct record_queue *q, uint64_t at);
/* What lies before `at` is in storage: it is kept no longer. */
void		record_queue_ack(struct record_queue *q, uint64_t at);

#endif
