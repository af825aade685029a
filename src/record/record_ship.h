/*
 * The shipper: moves records from journals to storage. Blocks in record_shipper_drain only.
 */
#ifndef RECORD_SHIP_H
#define RECORD_SHIP_H

#include <libpq-fe.h>
#include <poll.h>

#include "record/record_source.h"

struct record_shipper;

/* What: as store_params has it. Both are copied. */
struct record_shipper	*record_shipper_new(const char *dsn, const char *what);
void			 record_shipper_free(struct record_shipper *s);	/* not what it has shipped */

/* The source is the caller's, and stays until it is taken away, which can be at any time. */
void		record_shipper_add(struct record_shipper *s, struct record_source *source);
void		record_shipper_remove(struct record_shipper *s, struct record_source *source);

/*
 * A connection goes from one shipper to the next: what one hands out, in the state it is in, another takes up in
 * place of opening its own. NULL: there is none that could be used.
 */
PGconn		*record_shipper_hand_out(struct record_shipper *s);
void		 record_shipper_take_up(struct record_shipper *s, PGconn *conn);
/* No connection is open, nor being opened. */
bool		 record_shipper_closed(const struct record_shipper *s);

/* Wall clock in us of the moment storage went away; 0 when it did not. */
int64_t		record_shipper_away_since(const struct record_shipper *s);
/* Ships all there is, until it is done, storage fails, or that time (monotonic us). True: done. */
bool		record_shipper_drain(struct record_shipper *s, int64_t until_us);

/* As record_poll and record_ship. */
int64_t		record_shipper_poll(const struct record_shipper *s, struct pollfd *pfd);
void		record_shipper_step(struct record_shipper *s, short revents);

#endif
