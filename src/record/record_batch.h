/*
 * A batch: some frames of a journal as the fewest statements that store them.
 */
#ifndef RECORD_BATCH_H
#define RECORD_BATCH_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "record/record_journal.h"

#define RECORD_BATCH_EVENTS	500
#define RECORD_BATCH_BYTES	((size_t)1 << 20)

struct record_batch {
	size_t		bytes;		/* of the frames taken */
	unsigned	events;
	int64_t		open_us;	/* a statement ended it that had just started, then (us since the epoch); 0: none */
};

/* Queues what prepares the statements below on a new connection. 0, or -1 (libpq's failure). */
int	record_batch_prepare(PGconn *conn);

/*
 * Queues one transaction for the first frames of `frames`: at most max_events (at most
 * RECORD_BATCH_EVENTS) and RECORD_BATCH_BYTES, but at least one frame, and a Sync. A transaction
 * that failed before is rolled back first. It ends before the first statement that has no outcome in it and started
 * at young_us or later, where that is in its second half: one that is over soon is then stored once, and not
 * changed behind that. INT64_MAX: all may go. `refused`, when not NULL, is the SQLSTATE
 * with which storage refused this frame: it goes in a form that cannot be refused for its content.
 * 0, -1 (libpq's failure), or RECORD_BATCH_TOO_LONG with nothing queued: as a message it
 * would be longer than PostgreSQL takes. A damaged frame ends the process.
 */
#define RECORD_BATCH_TOO_LONG	(-2)
int	record_batch_send(PGconn *conn, const struct record_owner *owner, struct slice frames,
	    unsigned max_events, int64_t young_us, const char *refused, struct record_batch *out);

#endif
