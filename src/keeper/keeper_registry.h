/*
 * The live sessions of this node, by connection id, and as a list.
 */
#ifndef KEEPER_REGISTRY_H
#define KEEPER_REGISTRY_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"

#define REGISTRY_SECRET_SIZE	4	/* of protocol 3.0 */
#define REGISTRY_MARK_SIZE	65

struct peer;
struct registry;

struct session {
	LIST_ENTRY(session)	 link;
	struct peer		*peer;
	bool			 registered;
	int64_t			 connection_id, user_id, database_id, grant_id;
	char			 database[64];
	/* fingerprints of the user and the database it was let in with */
	char			 user_mark[REGISTRY_MARK_SIZE], database_mark[REGISTRY_MARK_SIZE];
	uint32_t		 backend_pid;	/* of the target, and of the cancel key; 0: not connected yet */
	unsigned char		 cancel_secret[REGISTRY_SECRET_SIZE];
	bool			 limited;	/* it may have leases, which are to be settled */
	bool			 told;		/* it has said what it used */
	uint64_t		 queries_used, bytes_used;
	bool			 check_due;	/* whether it may go on is to be asked */
	bool			 unanswered;	/* REGISTER is answered when that is known */
	bool			 terminated;	/* was told to end */
};

struct registry	*registry_new(void);

/* Adds it; no other has this connection id. */
void		 registry_add(struct registry *r, struct session *s);
/* Harmless when it is not in there. */
void		 registry_remove(struct registry *r, struct session *s);

struct session	*registry_by_connection(const struct registry *r, int64_t connection_id);
/* The session with this cancel key, or NULL; the secret is compared in constant time. */
struct session	*registry_by_key(const struct registry *r, uint32_t pid, struct slice secret);

/* for (s = registry_first(r); s != NULL; s = LIST_NEXT(s, link)) */
struct session	*registry_first(const struct registry *r);

#endif
