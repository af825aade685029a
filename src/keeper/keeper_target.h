/*
 * Checks of targets: for an admin who asks by way of the API, and by the keeper itself where a read
 * login finds none that counts. One at a time for each database; who asks while one is under way waits for that.
 */
#ifndef KEEPER_TARGET_H
#define KEEPER_TARGET_H

#include "keeper/keeper_peer.h"

/* CHECK of an API worker. -1: malformed. */
int	target_asked(struct peer *p, struct slice packet);

/* In the background, if there is room for one; its report is for the next login. */
void	target_check(struct keeper *k, int64_t database_id);

#endif
