/* How a crowd is counted. */
#include <sys/stat.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "tap.h"

#define TICK	100000
#define SESSIONS 40

/* A later program may have more there than this one knows of, and its sessions go on with it. */
static void
test_size(const struct scoreboard *first)
{
	off_t			 more = (off_t)sizeof(struct scoreboard_shared) + 65536;
	struct scoreboard	*b;
	struct error		 err;
	struct stat		 st = { 0 };

	ok(ftruncate(first->memory_fd, more) == 0, "a scoreboard of a later program");
	b = scoreboard_adopt(SESSIONS, SESSIONS, first->memory_fd, first->event_fd, &err);
	ok(b != NULL, "is taken over");
	ok(fstat(first->memory_fd, &st) == 0 && st.st_size == more, "with all that its sessions have in it");
	free(b);
}

static void
test_pace(struct scoreboard *b)
{
	int64_t	now = time_mono_us();

	is_int(scoreboard_pace(b), 0, "nobody waits");
	scoreboard_set_pace(b, 500, now);
	is_int(scoreboard_pace(b), 500, "who records much waits when he is told to");
	scoreboard_set_pace(b, 500, now - 60000000);
	is_int(scoreboard_pace(b), 0, "but not for ever when nobody says so again");
}

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
	test_size(first);
	test_pace(first);
	free(first);
	return tap_done();
}
