/*
 * The two ends of a cancel key: a session that says its backend's pid, and a
 * session process that got a CancelRequest. -1 for a malformed message.
 */
#ifndef KEEPER_CANCEL_H
#define KEEPER_CANCEL_H

#include "keeper/keeper_peer.h"

int	cancel_started(struct peer *p, struct slice packet);
int	cancel_asked(struct peer *p, struct slice packet);

/* A request that came in at another node: what its notification says behind "cancel ". */
void	cancel_heard(struct keeper *k, const char *payload);

#endif
