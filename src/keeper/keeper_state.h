/*
 * The keeper's own state: one per process, made by keeper_main.
 */
#ifndef KEEPER_STATE_H
#define KEEPER_STATE_H

#include <sys/queue.h>

#include <stdbool.h>

#include "base/base_buf.h"
#include "conf/conf_runtime.h"
#include "crypto/crypto.h"

struct event;
struct event_base;
struct peer;
struct registry;
struct storage;
struct target_check;

/* On a locked page that core files leave out. */
struct keys {
	unsigned char	seal[CRYPTO_KEY_SIZE];
	unsigned char	mock[CRYPTO_KEY_SIZE];
	unsigned char	ticket[CRYPTO_KEY_SIZE];
	unsigned char	capture[CRYPTO_KEY_SIZE];
	unsigned char	cancel[CRYPTO_KEY_SIZE];
};

struct keeper {
	const struct runtime	*rt;
	struct keys		*keys;
	struct event_base	*base;
	struct storage		*storage;
	struct registry		*registry;
	struct event		*listener, *resume;	/* accepting; a pause of it is over */
	struct event		*check;		/* notify: sessions wait to be checked */
	struct buf		 unknown;	/* login: what is opened for a user that does not exist */
	struct buf		 packet;	/* peer: the one being handled */
	LIST_HEAD(peers, peer)	 peers;
	LIST_HEAD(checks, target_check) checks;
	int64_t			 cancels_since;	/* cancel: that were passed on to other nodes since then */
	unsigned		 cancels;
	unsigned		 sessions;	/* peers that said LOGIN or REGISTER */
	bool			 draining;	/* no new logins; ends with the last session */
	bool			 retiring;	/* another keeper is there: ends with the last peer */
};

/* Ends the loop when the keeper is to end and nothing is left to do. */
void	keeper_drained(struct keeper *k);

#endif
