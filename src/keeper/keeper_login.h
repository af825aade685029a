/*
 * From LOGIN to GRANT or REFUSE. Handlers return -1 for a malformed message.
 */
#ifndef KEEPER_LOGIN_H
#define KEEPER_LOGIN_H

#include "keeper/keeper_peer.h"

void	login_init(struct keeper *k);
int	login_asked(struct peer *p, struct slice packet);
int	login_proved(struct peer *p, struct slice packet);
void	login_free(struct login *l);

#endif
