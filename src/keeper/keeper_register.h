/*
 * A keeper that is new takes over the sessions of the one before it. The handler returns -1 for a
 * malformed message.
 */
#ifndef KEEPER_REGISTER_H
#define KEEPER_REGISTER_H

#include "keeper/keeper_peer.h"

/* Appends what the session is to show to the next keeper; it cannot read it. */
void	register_ticket(const struct keeper *k, const struct session *s, struct buf *out);

int	register_asked(struct peer *p, struct slice packet);

/* What can be known is known. Harmless for a session that does not wait for it. */
void	register_answer(struct session *s);

#endif
