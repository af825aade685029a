/*
 * How a process that serves nobody learns that it is to stop: by SIGTERM, while it waits. SIGINT, ^C at a terminal, is for
 * the supervisor, which lets such processes go behind the sessions.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <signal.h>
#include <stdbool.h>

/* From now on. *mask is for ppoll and its like: only under it the signal comes in. */
void	stop_catch(sigset_t *mask);
/* It has come. */
bool	stop_asked(void);

#endif
