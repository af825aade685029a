/*
 * The shipper: takes what the sessions of this node record to storage, over one connection for all of them. It reads their
 * journals and changes nothing there; how far it has come, it says on the scoreboard. It serves nobody, and may be
 * killed at any moment: what storage has and nobody has heard of is sent again, which changes nothing. The end of a session, and
 * what is left of it then, is the janitor's.
 */
#ifndef SHIPPER_SHIPPER_H
#define SHIPPER_SHIPPER_H

#include "conf/conf_runtime.h"

_Noreturn void	shipper_main(struct runtime *rt);

#endif
