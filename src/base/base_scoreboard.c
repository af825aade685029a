/*
 * The scoreboard in anonymous shared memory.
 */
#include "base/base_scoreboard.h"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <stdint.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"

struct scoreboard *
scoreboard_new(int size, int max_busy)
{
	struct scoreboard	*b;

	b = mmap(NULL, sizeof(*b) + (size_t)size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		log_fatal(EX_OSERR, "no shared memory for the scoreboard: %m");
	b->size = size;
	b->max_busy = max_busy;
	b->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (b->event_fd < 0)
		log_fatal(EX_OSERR, "no eventfd for the scoreboard: %m");
	return b;
}

int
scoreboard_take(struct scoreboard *b)
{
	for (int i = 0; i < b->size; i++)
		if (b->slots[i] == SLOT_FREE) {
			b->slots[i] = SLOT_SPARE;
			return i;
		}
	return -1;
}

void
scoreboard_free(struct scoreboard *b, int slot)
{
	b->slots[slot] = SLOT_FREE;
}

int
scoreboard_count(const struct scoreboard *b, enum slot_state state)
{
	int	n = 0;

	for (int i = 0; i < b->size; i++)
		n += b->slots[i] == state;
	return n;
}

bool
scoreboard_busy(struct scoreboard *b, int slot)
{
	uint64_t	one = 1;

	b->slots[slot] = SLOT_BUSY;
	/* the counter cannot overflow: the supervisor reads it away */
	if (write(b->event_fd, &one, sizeof(one)) != sizeof(one))
		log_debug("scoreboard: %m");
	return scoreboard_count(b, SLOT_BUSY) <= b->max_busy;
}
