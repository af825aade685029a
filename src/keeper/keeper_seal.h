/*
 * API workers: HELLO with the token they were started with, then SEAL and CAPTURE. Handlers return -1 for
 * a malformed message.
 */
#ifndef KEEPER_SEAL_H
#define KEEPER_SEAL_H

#include "keeper/keeper_peer.h"

int	seal_hello(struct peer *p, struct slice packet);
int	seal_asked(struct peer *p, struct slice packet);
int	seal_capture(struct peer *p, struct slice packet);	/* the key of one connection's captured results */

/*
 * Opens a sealed column of the row of dbbat.databases (its id is database_id), sealed under this name. NULL when it
 * does not open. Free with secret_free.
 */
char	*seal_open(const struct keeper *k, const PGresult *res, const char *column, const char *name);

#endif
