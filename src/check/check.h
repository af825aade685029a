/*
 * The check of a target: what it is, and what the role of read grants could do there that DBBat
 * alone should not have to stop. A process of its own, executed anew so that nothing of the keeper's memory is
 * in it, for a target's answers are anybody's bytes: it gets one target's credentials, has no
 * way to storage, and ends with its report.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdbool.h>

#include "ipc/ipc.h"

/*
 * Starts one. The descriptor a REPORT will come from, close-on-exec and not blocking, or -1; its end without one
 * means that it failed. It ends by itself within a minute or so, and with its parent. SIGCHLD is to be ignored.
 */
int	check_spawn(const char *database, const struct ipc_target *t);

/* Is this process one? Then check_main is its life. To be asked before anything else. */
bool	check_is_me(void);
_Noreturn void	check_main(void);

#endif
