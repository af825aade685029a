/*
 * A session process: waits in accept, serves exactly one client connection, exits.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "conf/conf_runtime.h"

/*
 * Does what libraries do on their first use, before the fork, so that each session finds it done: the grammar's
 * tables and memory, the number of processors.
 */
void	session_warm(void);

_Noreturn void	session_main(struct runtime *rt);

#endif
