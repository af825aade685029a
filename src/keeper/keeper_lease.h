/*
 * Quotas: LEASE, USED and BYE of a session that was let in. Handlers return -1 for a
 * malformed message.
 */
#ifndef KEEPER_LEASE_H
#define KEEPER_LEASE_H

#include "keeper/keeper_peer.h"

int	lease_asked(struct peer *p, struct slice packet);
int	lease_used(struct peer *p, struct slice packet);
int	lease_bye(struct peer *p, struct slice packet);

#endif
