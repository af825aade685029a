/*
 * One connection to the keeper: a session or an API worker. Which message it may send
 * depends on its phase; any other message, and one that is malformed, drops it.
 */
#ifndef KEEPER_PEER_H
#define KEEPER_PEER_H

#include <sys/queue.h>

#include "ipc/ipc.h"
#include "keeper/keeper_state.h"
#include "keeper/keeper_storage.h"

#define PEER_QUEUE_MAX	16	/* packets for a peer that does not read; one more drops it */

enum phase {
	PHASE_START,		/* said nothing yet */
	PHASE_LOOKUP,		/* LOGIN: the user is looked up */
	PHASE_CHALLENGED,	/* CHALLENGE sent */
	PHASE_GRANTING,		/* the proof was right: the grant is looked up */
	PHASE_SERVING,		/* GRANT sent */
	PHASE_LEASING,		/* SERVING, with a LEASE under way */
	PHASE_REGISTERING,	/* REGISTER: whether it may go on is looked up */
	PHASE_SETTLING,		/* BYE: what it did not use is on its way back */
	PHASE_LEAVING,		/* sent on to another keeper; only its BYE is still of interest */
	PHASE_NOTIFYING,	/* CANCEL_KEY of a session that is not here: the other nodes are told */
	PHASE_API,
	PHASE_CHECKING,		/* API, with a CHECK under way */
	PHASE_DOOMED,		/* REFUSE is on its way, then the end */
	PHASE_GONE,		/* closed; only pending queries still know it */
	PHASES
};

struct login;
struct session;
struct target_check;

struct peer {
	LIST_ENTRY(peer)	 link;
	struct keeper		*keeper;
	int			 fd;
	enum phase		 phase;
	unsigned		 refs;
	struct event		*readable, *writable, *deadline;
	struct buf		 queue[PEER_QUEUE_MAX];
	unsigned		 queued;
	struct login		*login;		/* from LOGIN to GRANT */
	struct session		*session;	/* from GRANT or REGISTER on */
	struct target_check	*check;		/* CHECKING: the one it waits for */
};

/* Takes over an accepted, non-blocking socket. */
void	peer_new(struct keeper *k, int fd);

/* The only way to another phase; one that may not follow ends the process. */
void	peer_set_phase(struct peer *p, enum phase to);

/*
 * Sends the packet now or soon; wipes and frees it. The peer may be GONE
 * afterwards, but stays valid until the event that is being handled is done.
 */
void	peer_send(struct peer *p, struct buf *packet);
/* A packet of this type waits to be sent. */
bool	peer_waits(const struct peer *p, enum ipc_type type);

/* Sends REFUSE; the peer is of no use after it. */
void	peer_refuse(struct peer *p, const char *sqlstate, const char *hint, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));

/* Sends on to another keeper whoever is not in the middle of something; others follow later. */
void	peer_retire_all(struct keeper *k);

/* Closes. `why` is logged; NULL: nothing is wrong. */
void	peer_drop(struct peer *p, const char *why);

/*
 * As storage_query, for this peer, which stays valid until `done` has run but may be
 * GONE then.
 */
typedef void	peer_done(struct peer *p, PGresult *res);
int	peer_query(struct peer *p, const char *sql, peer_done *done, int nparams, const char *const *params);

#endif
