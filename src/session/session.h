/*
 * A session process: waits in accept, serves exactly one client connection, exits.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "conf/conf_runtime.h"

/* Exit codes with a meaning for the supervisor's log. */
#define SESSION_EXIT_OK		0
#define SESSION_EXIT_LOGIN	3	/* the client did not get in */

_Noreturn void	session_main(struct runtime *rt);

#endif
