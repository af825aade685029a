/*
 * A session process: waits in accept, serves exactly one client connection, exits.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "conf/conf_runtime.h"

_Noreturn void	session_main(struct runtime *rt);

#endif
