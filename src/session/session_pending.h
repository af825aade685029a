/*
 * What replies the target owes: one entry for each message sent that has
 * one, in order. The replies that come are matched with the head.
 */
#ifndef SESSION_PENDING_H
#define SESSION_PENDING_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "session/session_named.h"

enum pending_kind {
	PENDING_QUERY,		/* ends with ReadyForQuery */
	PENDING_FUNCTION,	/* ends with ReadyForQuery */
	PENDING_SYNC,		/* ReadyForQuery */
	PENDING_PARSE,
	PENDING_BIND,
	PENDING_DESCRIBE,	/* RowDescription or NoData, behind ParameterDescription for a statement */
	PENDING_EXECUTE,	/* CommandComplete, EmptyQueryResponse or PortalSuspended */
	PENDING_CLOSE,
	PENDING_COPY_END,	/* CopyDone or CopyFail: no reply; tells where a COPY's input ends */
	PENDING_KINDS
};

/* What a message of our own is for; its replies are swallowed. */
enum pending_own {
	OWN_NONE,		/* the client's */
	OWN_BEGIN,		/* opens a transaction around the client's statements */
	OWN_CHECK,		/* nothing was written */
	OWN_CHECK_BEHIND,	/* ... if the client's Query has not failed */
	OWN_SAVE,		/* reads the settings that are to outlive the transaction */
	OWN_RESTORE,		/* sets them again */
	OWN_END,		/* ends what OWN_BEGIN began */
	OWN_AROUND,		/* Parse to Close around an Execute that is the client's */
	OWN_MODE		/* SET TRANSACTION READ ONLY behind the client's BEGIN */
};

/* Of the simple protocol: it is complete with a ReadyForQuery of its own. */
static inline bool
pending_is_simple(enum pending_kind kind)
{
	return kind == PENDING_QUERY || kind == PENDING_FUNCTION;
}

struct run;
struct refusal;

struct pending {
	enum pending_kind	 kind;
	bool			 maybe;		/* SYNC inside COPY data: may have no reply */
	bool			 copies;	/* QUERY, EXECUTE: may turn out to be COPY FROM STDIN */
	struct run		*run;		/* QUERY, FUNCTION, EXECUTE, BIND: its record; NULL: has none */
	struct refusal		*refusal;	/* the target was sent a stand-in, its error is to be swapped */
	struct named_change	 change;	/* PARSE, BIND, CLOSE */
	struct named		*object;	/* DESCRIBE, EXECUTE: reference to what it is about; NULL: unknown */
	enum pending_own	 own;
	bool			 hidden;	/* QUERY, FUNCTION: a ReadyForQuery of our own follows, this one is swallowed */
	const char		*retag;		/* EXECUTE, QUERY: the tag the client is told in place of the target's */
};

struct pending_queue {
	struct pending	*ring;
	size_t		 size;		/* a power of two */
	size_t		 head, count;
	size_t		 of[PENDING_KINDS];	/* entries of each kind */
};

void		 pending_init(struct pending_queue *q);
void		 pending_free(struct pending_queue *q);	/* the entries must be gone */
/* A new last entry of this kind; valid until the next push. */
struct pending	*pending_push(struct pending_queue *q, enum pending_kind kind);
/* 0 is the head. */
static inline struct pending *
pending_at(const struct pending_queue *q, size_t i)
{
	assert(i < q->count);
	return &q->ring[(q->head + i) & (q->size - 1)];
}
/* Forgets the head; its owner has released what it holds. */
void		 pending_pop(struct pending_queue *q);
/* Releases what the head holds, its record excepted, and forgets it: its change stays. */
void		 pending_settle(struct pending_queue *q);
/* Forgets n entries from i on, which hold nothing any more. */
void		 pending_remove(struct pending_queue *q, size_t i, size_t n);
/* The first entry from i on that changes `name` in `map`, or NULL. */
struct pending	*pending_changes(const struct pending_queue *q, size_t i, const struct map *map,
		    const char *name);

#endif
