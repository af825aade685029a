/*
 * A batch: some frames of one or more journals as the fewest statements that store them.
 */
#ifndef RECORD_BATCH_H
#define RECORD_BATCH_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "record/record_journal.h"

#define RECORD_BATCH_EVENTS	2000			/* in a batch, */
#define RECORD_BATCH_SHARE	500			/* of one journal */
#define RECORD_BATCH_BYTES	((size_t)1 << 20)

/* Queues what prepares the statements below on a new connection. 0, or -1 (libpq's failure). */
int	record_batch_prepare(PGconn *conn);

struct record_batch;

struct record_batch	*record_batch_new(void);	/* with nothing in it */
void			 record_batch_free(struct record_batch *b);

/* Which frames of a journal go. */
struct record_take {
	const struct record_owner	*owner;
	struct slice			 frames;
	unsigned			 max_events;	/* at most RECORD_BATCH_SHARE */
	bool				 must;		/* at least one goes, else perhaps none */
	bool				 ends;		/* the end of the session, too, else only what lies before it */
	int64_t				 young_us;	/* INT64_MAX: all may go */
	const char			*refused;	/* the SQLSTATE with which storage refused the first frame; NULL: it did not */
};

struct record_taken {
	size_t		bytes;		/* of the frames taken */
	unsigned	events;
	int64_t		open_us;	/* a statement ended it that had just started, then (us since the epoch); 0: none */
};

/*
 * Adds frames to the batch, while there is room in it; once for each journal. They end before the first statement that has no
 * outcome among them and started at young_us or later, where that is in their second half, or no frame must go:
 * one that is over soon is then stored once, and not changed behind that. A frame that was refused goes in a form that
 * cannot be refused for its content. 0, or -1: the frames are damaged; the batch is as it was.
 */
int	record_batch_take(struct record_batch *b, const struct record_take *t, struct record_taken *out);
unsigned	record_batch_events(const struct record_batch *b);
bool	record_batch_full(const struct record_batch *b);

/*
 * Queues one transaction for all of it, and a Sync. A transaction that failed before is rolled back first. 0, -1 (libpq's
 * failure), or RECORD_BATCH_TOO_LONG with nothing queued: as a message it would be longer than PostgreSQL takes.
 */
#define RECORD_BATCH_TOO_LONG	(-2)
int	record_batch_send(struct record_batch *b, PGconn *conn);

#endif
