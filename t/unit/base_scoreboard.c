/* How a crowd is counted. */
#include <stdlib.h>

#include "base/base_scoreboard.h"
#include "tap.h"

#define TICK	100000
#define SESSIONS 40

int
main(void)
{
	struct scoreboard	*first = scoreboard_new(SESSIONS, SESSIONS), each[SESSIONS];
	int64_t			 now = 1000000 * (int64_t)TICK;

	for (int i = 0; i < SESSIONS; i++)
		each[i] = *first;
	for (int i = 0; i < SESSIONS; i++)
		scoreboard_crowd(&each[i], now + i);
	is_int(scoreboard_crowd(&each[0], now + TICK - 1), 0, "of a tick that is not over nothing is told");
	is_int(scoreboard_crowd(&each[0], now + TICK), SESSIONS, "of the one before, all are");
	is_int(scoreboard_crowd(&each[0], now + TICK + 1), SESSIONS, "and told again");
	is_int(scoreboard_crowd(&each[1], now + TICK + 2), SESSIONS, "to another, too");
	is_int(scoreboard_crowd(&each[2], now + 2 * TICK), 2, "each is counted once a tick");
	is_int(scoreboard_crowd(&each[2], now + 4 * TICK), 0, "a tick in which there was none counts none");
	/* ticks begin again at some time: 2^32 of them */
	is_int(scoreboard_crowd(&each[3], ((INT64_C(1) << 32) - 1) * TICK), 0, "the last tick that fits");
	is_int(scoreboard_crowd(&each[4], (INT64_C(1) << 32) * TICK), 0, "and the one behind it");
	is_int(scoreboard_crowd(&each[5], ((INT64_C(1) << 32) + 1) * TICK), 1, "after which all goes on");
	free(first);
	return tap_done();
}
