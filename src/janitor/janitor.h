/*
 * The janitor: ships the journals of sessions that are gone, closes what they left
 * open in the log, makes the log's partitions ahead and drops those past retention. One per node, for the journals in its own state_dir. It serves nobody, and may
 * be killed at any moment: what it had not finished it does again.
 */
#ifndef JANITOR_JANITOR_H
#define JANITOR_JANITOR_H

#include "conf/conf_runtime.h"

_Noreturn void	janitor_main(struct runtime *rt);

#endif
