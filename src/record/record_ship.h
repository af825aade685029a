/*
 * The shipper: moves frames from a queue to storage, without blocking.
 */
#ifndef RECORD_SHIP_H
#define RECORD_SHIP_H

#include "record/record.h"
#include "record/record_queue.h"

struct record_shipper;

/* The queue is the caller's and outlives the shipper. */
struct record_shipper	*record_shipper_new(const struct record_options *o, struct record_queue *q);
void			 record_shipper_free(struct record_shipper *s);

/* A frame was appended to the queue. */
void		record_shipper_added(struct record_shipper *s);
/* Events that are not known to be in storage. */
uint64_t	record_shipper_pending(const struct record_shipper *s);
/* Wall clock in us of the moment storage went away; 0 when it did not. */
int64_t		record_shipper_away_since(const struct record_shipper *s);
/* No more waiting: ship what there is now. */
void		record_shipper_hurry(struct record_shipper *s);

/* As record_poll and record_ship. */
int64_t		record_shipper_poll(const struct record_shipper *s, struct pollfd *pfd);
void		record_shipper_step(struct record_shipper *s, short revents);

#endif
