/*
 * A journal: the frames of one session that are not in storage yet, in order, in a
 * file of their own that outlives the process. The file is allocated ahead and mapped,
 * so appending is a copy: no system call, and nothing is lost when the process is killed.
 *
 * Between what writes and what ships there are only bytes and positions. A position
 * is a number of bytes since the session's first frame; it only grows.
 *
 * Whoever has a journal open holds its lock. One whose lock is free has lost its owner,
 * and is taken over by record_journal_adopt.
 */
#ifndef RECORD_JOURNAL_H
#define RECORD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "base/base_error.h"

#define RECORD_JOURNAL_SUFFIX	".journal"
#define RECORD_JOURNAL_NEW	".new"		/* behind it: being made */
#define RECORD_JOURNAL_ASIDE	".damaged"	/* behind it: left for a person to look at */

/*
 * Whose events they are. The numbers come again when the storage database was replaced; the time, which is that of the
 * connection's row, does not. RECORD_TIME_UNKNOWN: of an earlier version.
 */
struct record_owner {
	uint64_t	connection_id, user_id, database_id, grant_id;
	int64_t		started_us;
};

struct record_journal;
struct shipment;

/*
 * A new one in the directory `dir`, which is made when absent, for at most `max` bytes of frames.
 * `durable`: it is meant to survive a loss of power, by record_journal_sync. NULL and err.
 */
struct record_journal	*record_journal_create(const char *dir, const struct record_owner *owner,
			    size_t max, bool durable, struct error *err);

enum record_journal_end {
	RECORD_JOURNAL_LEAVE,	/* for record_journal_adopt */
	RECORD_JOURNAL_REMOVE,
	RECORD_JOURNAL_SET_ASIDE
};
/* NULL is fine. The lock goes with it. */
void	record_journal_close(struct record_journal *j, enum record_journal_end how);

/* Bytes that may still be added under `max`. */
size_t	record_journal_room(struct record_journal *j);
/* Makes sure that n bytes can be appended, growing the file. 0, or -1 and err: the disk is full. */
int	record_journal_reserve(struct record_journal *j, size_t n, struct error *err);
/* One whole frame. The caller has reserved it. */
void	record_journal_append(struct record_journal *j, const void *frame, size_t n);
/* What was appended survives a loss of power. 0, or -1 and err. */
int	record_journal_sync(struct record_journal *j, struct error *err);
uint64_t	record_journal_synced(const struct record_journal *j);	/* up to where it does */

/*
 * The node's shipper takes the frames to storage, and says so there: what it has is kept no longer. From now on, for a new
 * journal; `to` outlives it.
 */
void	record_journal_follow(struct record_journal *j, struct shipment *to);

uint64_t	record_journal_start(const struct record_journal *j);	/* of the oldest frame kept */
uint64_t	record_journal_end(const struct record_journal *j);	/* where the next will be */
/* The frames from position `at` (start ≤ at ≤ end); valid until the next reserve, append or ack. */
struct slice	record_journal_read(const struct record_journal *j, uint64_t at);
/* What the session has used of its leases. Survives the process, not the machine. */
void		record_journal_used(struct record_journal *j, uint64_t queries, uint64_t bytes);
/* What lies before `at` is in storage: it is kept no longer. */
void		record_journal_ack(struct record_journal *j, uint64_t at);
/* Gives the disk back when nothing is in it. What was reserved and not appended is no longer. */
void		record_journal_trim(struct record_journal *j);
/* Whether there is disk to be given back, some time. */
bool		record_journal_bulky(const struct record_journal *j);

/* --- the journal of a session that lives, by another process (record_adopt.c) --------- */

/* --- journals without an owner (record_adopt.c) -------------------------------------- */

enum record_adopt {
	RECORD_ADOPTED,
	RECORD_ADOPT_BUSY,	/* its owner lives, or it is gone */
	RECORD_ADOPT_FOREIGN,	/* of another version of this program, or out of reach; err says why */
	RECORD_ADOPT_DAMAGED	/* not a journal; err says why. It was set aside */
};

struct record_adopted {
	struct record_journal	*journal;
	struct record_owner	 owner;
	int64_t			 opened_us;	/* wall clock */
	uint64_t		 events;	/* in its frames */
	bool			 limited;	/* it may have had leases, */
	bool			 counts;	/* and this is what was used of them: */
	uint64_t		 used_queries, used_bytes;
	bool			 ended;		/* the last of them is the end of the session: nothing is missing */
	uint64_t		 lost;		/* bytes behind them that were promised and are damaged */
};

/* Whether it is there and nobody has it: a look, without any promise. */
bool			record_journal_orphaned(const char *path);
/* Fills *out for RECORD_ADOPTED. Nothing in the file is trusted. */
enum record_adopt	record_journal_adopt(const char *path, struct record_adopted *out, struct error *err);

/* --- the journal of a session that lives, by another process (record_adopt.c) --------- */

/*
 * To be read from that position on, by record_journal_start, _end, _read and _ack; the last moves nothing but this view. The file
 * is only read, and its lock not asked for. Fills journal and events of *out; RECORD_ADOPT_BUSY: it is not there.
 */
enum record_adopt	record_journal_view(const char *dir, uint64_t connection_id, int64_t opened_us, uint64_t at,
			    struct record_adopted *out, struct error *err);
/*
 * Takes note of what was appended, and counts its frames, but for the end of the session. -1: it cannot be true; do not
 * read on.
 */
int			 record_journal_look(struct record_journal *j, uint64_t *events);
const struct record_owner	*record_journal_owner(const struct record_journal *j);

#endif
