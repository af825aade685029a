/*
 * The shipper: moves frames from a journal to storage. Blocks in record_shipper_drain only.
 */
#ifndef RECORD_SHIP_H
#define RECORD_SHIP_H

#include <libpq-fe.h>

#include "record/record.h"
#include "record/record_journal.h"

struct record_shipper;

struct backlog;

/*
 * The journal is the caller's and outlives the shipper, as does backlog (NULL: nobody looks); the rest is copied.
 * what: as store_params has it.
 */
struct record_shipper	*record_shipper_new(const char *dsn, const char *what, const struct record_owner *owner,
			    int64_t interval_us, struct record_journal *j, struct backlog *backlog);
void			 record_shipper_free(struct record_shipper *s);

/*
 * A connection goes from one shipper to the next: what one hands out, in the state it is in, another takes up in
 * place of opening its own. NULL: there is none that could be used.
 */
PGconn		*record_shipper_hand_out(struct record_shipper *s);
void		 record_shipper_take_up(struct record_shipper *s, PGconn *conn);
/* No connection is open, nor being opened. */
bool		 record_shipper_closed(const struct record_shipper *s);

/* So many frames have been appended to the journal, or were in it. */
void		record_shipper_added(struct record_shipper *s, uint64_t events);
/* Events that are not known to be in storage. */
uint64_t	record_shipper_pending(const struct record_shipper *s);
/* Wall clock in us of the moment storage went away; 0 when it did not. */
int64_t		record_shipper_away_since(const struct record_shipper *s);
/* What there is goes with the next batch, whether the interval is over or not. */
void		record_shipper_now(struct record_shipper *s);
/* Ships all there is, until it is done, storage fails, or that time (monotonic us). True: done. */
bool		record_shipper_drain(struct record_shipper *s, int64_t until_us);

/* As record_poll and record_ship. */
int64_t		record_shipper_poll(const struct record_shipper *s, struct pollfd *pfd);
void		record_shipper_step(struct record_shipper *s, short revents);

#endif
