/*
 * The scoreboard: one byte a session process in memory shared by the supervisor and the sessions. A
 * session sets its own slot; the supervisor frees it when the process is reaped. It counts, it
 * grants nothing: a session that lies here can at most make others be refused.
 */
#ifndef BASE_SCOREBOARD_H
#define BASE_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/base_error.h"

enum slot_state { SLOT_FREE, SLOT_SPARE, SLOT_BUSY };

#define SCOREBOARD_MAX	131072		/* slots */

/* Only the slots are shared. */
struct scoreboard {
	int			 size;
	int			 max_busy;
	int			 event_fd;	/* a session that became busy wakes the supervisor */
	int			 memory_fd;	/* of the slots */
	_Atomic unsigned char	*slots;
};

/* Shared memory for `size` slots; ends the process when there is none. */
struct scoreboard	*scoreboard_new(int size, int max_busy);
/* The same on the descriptors of one that was made before the program was executed again. NULL and err. */
struct scoreboard	*scoreboard_adopt(int size, int max_busy, int memory_fd, int event_fd, struct error *err);
int	scoreboard_take(struct scoreboard *b);		/* a free slot, now SPARE; -1: all taken */
void	scoreboard_free(struct scoreboard *b, int slot);
int	scoreboard_count(const struct scoreboard *b, enum slot_state state);

/* By a session that accepted a client. False: that makes more than max_busy; refuse it. */
bool	scoreboard_busy(struct scoreboard *b, int slot);

#endif
