/*
 * API workers: HELLO with the token they were started with, then SEAL. Handlers return -1 for
 * a malformed message.
 */
#ifndef KEEPER_SEAL_H
#define KEEPER_SEAL_H

#include "keeper/keeper_peer.h"

int	seal_hello(struct peer *p, struct slice packet);
int	seal_asked(struct peer *p, struct slice packet);

#endif
