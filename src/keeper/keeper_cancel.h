/*
 * CANCEL_KEY: a session process got a CancelRequest. Returns -1 for a malformed
 * message.
 */
#ifndef KEEPER_CANCEL_H
#define KEEPER_CANCEL_H

#include "keeper/keeper_peer.h"

int	cancel_asked(struct peer *p, struct slice packet);

#endif
