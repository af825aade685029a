/*
 * The scoreboard in shared memory that has no name, only a descriptor.
 */
#include "base/base_scoreboard.h"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"

struct scoreboard *
scoreboard_adopt(int size, int max_busy, int memory_fd, int event_fd, struct error *err)
{
	struct scoreboard	*b;
	struct scoreboard_shared *shared;

	if (size > SCOREBOARD_MAX) {
		error_set(err, "more than %d processes", SCOREBOARD_MAX);
		return NULL;
	}
	/* the one that made it may have kept less there */
	shared = ftruncate(memory_fd, sizeof(*shared)) != 0 ? MAP_FAILED :
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	if (shared == MAP_FAILED) {
		error_set(err, "no shared memory for the scoreboard: %s", strerror(errno));
		return NULL;
	}
	b = xcalloc(1, sizeof(*b));
	*b = (struct scoreboard){ size, max_busy, event_fd, memory_fd, shared->slots, shared };
	return b;
}

struct scoreboard *
scoreboard_new(int size, int max_busy)
{
	int			 memory_fd = memfd_create("dbbat scoreboard", MFD_CLOEXEC);
	int			 event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct scoreboard	*b;
	struct error		 err;

	if (memory_fd < 0 || event_fd < 0)
		log_fatal(EX_OSERR, "no shared memory for the scoreboard: %m");
	b = scoreboard_adopt(size, max_busy, memory_fd, event_fd, &err);
	if (b == NULL)
		log_fatal(EX_OSERR, "%s", err.msg);
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
	struct backlog	*l = &b->shared->backlogs[slot];

	b->shared->totals.shipped += l->shipped;
	l->connection_id = l->shipped = l->records = l->bytes = 0;
	l->since_us = 0;
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
