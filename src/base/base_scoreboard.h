/*
 * The scoreboard, in memory shared by all processes of a node: one byte a session process, and what each
 * has recorded and not shipped. A session sets its own slot; the supervisor frees it when the
 * process is reaped. It counts, it
 * grants nothing. What is shared is memory of processes of one user, which could read and write each other's journals as
 * well: it keeps apart what goes wrong, not who would break in.
 */
#ifndef BASE_SCOREBOARD_H
#define BASE_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base_error.h"

enum slot_state {
	SLOT_FREE,
	SLOT_SPARE,
	SLOT_BUSY,		/* logged in, or about to be */
	SLOT_LOGIN,		/* has a client, and a place that another may take from it */
	SLOT_EVICTED,		/* another took it */
	SLOT_REFUSED		/* has a client and no place */
};

#define SCOREBOARD_MAX	131072		/* slots */

/* Of a session that ships its records itself, which sets it. */
struct backlog {
	_Atomic uint64_t	connection_id;
	_Atomic uint64_t	shipped;	/* records that are in storage */
	_Atomic uint64_t	records, bytes;	/* that are not */
	_Atomic int64_t		since_us;	/* monotonic: how old the first of them may be; 0: there is none */
};

/* Of the node. */
struct backlog_totals {
	_Atomic uint64_t	shipped;	/* by sessions that are gone, and by the janitor */
	_Atomic uint64_t	orphans, orphan_bytes;	/* journals without a session that wait, and how large they are */
};

/*
 * The journal of a session whose records the node's shipper takes to storage, and how far it has come. The session
 * writes the first half, the shipper the second; each is on cache lines of its own.
 */
struct shipment {
	_Alignas(64) _Atomic uint64_t connection_id;	/* 0: there is none */
	_Atomic int64_t		opened_us;	/* with the id, the name of its file */
	_Atomic uint64_t	files;		/* that it has had: another takes its place when it grows */
	_Atomic uint64_t	records;	/* so far */
	_Atomic uint64_t	bytes;		/* the same */
	_Atomic int64_t		since_us;	/* monotonic: how old the first one may be that is not in storage */
	/* both behind the last 16 bits of the id */
	_Alignas(64) _Atomic uint64_t stored;	/* records that are in storage */
	_Atomic uint64_t	acked;		/* the bytes of them */
};

struct scoreboard_shared {
	_Atomic unsigned char	slots[SCOREBOARD_MAX];
	struct backlog_totals	totals;
	struct backlog		backlogs[SCOREBOARD_MAX];
	_Atomic int64_t		since_us[SCOREBOARD_MAX];	/* LOGIN: monotonic */
	_Atomic uint64_t	crowd;		/* see scoreboard_crowd */
	/* sessions of a program before an upgrade know what is above, where it is: what is new comes behind it */
	_Atomic int64_t		away_since_us;	/* wall clock: the shipper cannot reach storage since then; 0: it can */
	_Atomic int64_t		pace_us;	/* what a session that records much should wait with each statement; 0: nothing */
	struct shipment		shipments[SCOREBOARD_MAX];
	_Atomic int64_t		paced_us;	/* monotonic: when pace_us was said. It counts for a while only */
};

struct scoreboard {
	int			 size;
	int			 max_busy;
	int			 event_fd;	/* a session that has a client wakes the supervisor */
	int			 memory_fd;	/* of what is shared */
	_Atomic unsigned char	*slots;
	struct scoreboard_shared *shared;
	uint64_t		 tick;		/* the last that this process was counted in */
};

/* Shared memory for `size` slots; ends the process when there is none. */
struct scoreboard	*scoreboard_new(int size, int max_busy);
/* The same on the descriptors of one that was made before the program was executed again. NULL and err. */
struct scoreboard	*scoreboard_adopt(int size, int max_busy, int memory_fd, int event_fd, struct error *err);
int	scoreboard_take(struct scoreboard *b);		/* a free slot, now SPARE; -1: all taken */
void	scoreboard_free(struct scoreboard *b, int slot);	/* keeps what it has shipped in the totals */
int	scoreboard_count(const struct scoreboard *b, enum slot_state state);

int	scoreboard_clients(const struct scoreboard *b);	/* places that are taken */

/*
 * By a session that accepted a client. False: all places are taken; refuse it. A place that is taken by a client
 * that has not logged in for a while is free for another: who connects and says nothing keeps nobody out.
 */
bool	scoreboard_login(struct scoreboard *b, int slot, int64_t now_us);
/* By one that waits for a client: maps what it will need then. */
void	scoreboard_rehearse(const struct scoreboard *b, int slot);
bool	scoreboard_evicted(const struct scoreboard *b, int slot);
/* Before the login is decided: the place is its own from now on. False: it has been taken. */
bool	scoreboard_busy(struct scoreboard *b, int slot);

/* What of a session is in storage, and what is not, whoever ships it. *out may be a moment old. */
struct backlog_view {
	uint64_t	connection_id, shipped, records, bytes;
	int64_t		since_us;	/* as in struct backlog */
};
void	scoreboard_backlog(const struct scoreboard *b, int slot, struct backlog_view *out);

/* The session's: there is a journal to be shipped, with nothing in it. */
void	shipment_open(struct shipment *s, uint64_t connection_id, int64_t opened_us);
/* The session's: one more record, up to that byte. To be called before the record counts in the journal. */
void	shipment_added(struct shipment *s, uint64_t bytes);
/* How many of them, and up to where, are in storage. */
uint64_t	shipment_stored(const struct shipment *s);
uint64_t	shipment_acked(const struct shipment *s);
/*
 * The shipper's: so many are in storage, up to that byte, and the first that is not was added then, or later (monotonic us).
 * Less than is known already changes nothing, nor does it when the slot is another session's by now. A shipper that is killed
 * in here leaves a number of records that is too small: it is right again with the first that finds no more bytes.
 */
void	shipment_ack(struct shipment *s, uint64_t connection_id, uint64_t records, uint64_t bytes, int64_t since_us);

/* The shipper's, again and again: pace_us is that. What a shipper has said that is gone since counts no more. */
void	scoreboard_set_pace(struct scoreboard *b, int64_t pace_us, int64_t now_us);
int64_t	scoreboard_pace(const struct scoreboard *b);

/*
 * Counts the calling session among those that have something to do, and says how many there were in the last full
 * tenth of a second. It costs next to nothing where it was counted in this one already. now_us: monotonic.
 */
unsigned	scoreboard_crowd(struct scoreboard *b, int64_t now_us);

#endif
