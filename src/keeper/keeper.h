/*
 * The keeper: the only process with the master key. Verifies logins, hands out credentials and
 * leases, keeps the registry of live sessions, carries revocations and cancels. Serves
 * everything from one libevent loop with libpq in pipeline mode and never
 * blocks. It parses no client's byte: sessions hand it fields they have read.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include "conf/conf_runtime.h"

_Noreturn void	keeper_main(struct runtime *rt);

#endif
