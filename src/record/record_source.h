/*
 * What a shipper ships: the records of one session, from its journal, and how far that has come. Inside record/ and for
 * those who own a shipper.
 */
#ifndef RECORD_SOURCE_H
#define RECORD_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "record/record_journal.h"

struct backlog;
struct record_batch;
struct shipment;

#define RECORD_SOURCE_MARKS	8

struct record_source {
	/* by whoever makes it; all of this outlives it */
	struct record_journal	*journal;
	int64_t			 interval_us;	/* longest time a record waits for its shipment */
	bool			 ends;		/* the end of the session is shipped, too */
	struct backlog		*backlog;	/* where others see what is not shipped; NULL: nowhere */
	struct shipment		*shipment;	/* of another process's journal: where it hears what is; NULL: it is ours */

	/* by the shipper */
	uint64_t		 sent;		/* position behind the batch under way */
	uint64_t		 sent_events;	/* in it */
	uint64_t		 pending;	/* events in the journal */
	uint64_t		 passed;	/* of them, behind `sent`: there they were, and were left for due_us */
	uint64_t		 stored;	/* that were in it, and are in storage */
	int64_t			 due_us;	/* when the first event behind `sent` must go */
	struct {
		uint64_t	 from;		/* of all events ever: those from this one on */
		int64_t		 at_us;		/* were added then, or later */
	}			 marks[RECORD_SOURCE_MARKS];	/* of those pending; the first is when the oldest was */
	unsigned		 nmarks;
	int64_t			 hold_us;	/* nothing goes before then: storage has refused it, and it is not to blame */
	int64_t			 hold_delay_us;
	uint64_t		 alone_until;	/* not with others up to this position, */
	uint64_t		 single_until;	/* record by record up to this one */
	bool			 doubted;	/* the next record was refused once */
	char			 refused[6];	/* why the next record goes in reduced form, or "" */
	bool			 damaged;	/* nothing goes: what is there cannot be read */
};

void	record_source_start(struct record_source *s);
/* So many frames have been appended, the first of them at that time (monotonic us), or later, or were there. */
void	record_source_added(struct record_source *s, uint64_t events, int64_t at_us);
/* When the oldest that is not in storage was added, or before; INT64_MAX: there is none. */
int64_t	record_source_oldest(const struct record_source *s);
/* What there is goes with the next batch, whether the interval is over or not. */
void	record_source_now(struct record_source *s);
/* When what is not sent yet must go. */
int64_t	record_source_due(const struct record_source *s);
/* Events that can go before that. */
uint64_t	record_source_ready(const struct record_source *s);
/* Adds what it has to the batch. False: it is damaged, and none of it is added. */
bool	record_source_take(struct record_source *s, struct record_batch *b, int64_t now);
/* Storage has refused what it has: it goes with no other's until that is found. */
bool	record_source_suspect(const struct record_source *s);

/* What was sent is not in storage, and goes again. */
void	record_source_again(struct record_source *s);
/*
 * The same, because storage refuses it for its content; `alone`: it was not sent with others'. True: it is refused in any
 * form, so storage is to blame, and will be asked again after a while.
 */
bool	record_source_refused(struct record_source *s, bool alone, const char *sqlstate, int64_t now);
/* What was sent is in storage. */
void	record_source_stored(struct record_source *s);
/* Those who look from outside see where it is. */
void	record_source_tell(const struct record_source *s);

#endif
