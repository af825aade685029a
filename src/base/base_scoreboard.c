/*
 * The scoreboard in shared memory that has no name, only a descriptor.
 */
#include "base/base_scoreboard.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_time.h"

/* How long a client may take to log in while others want its place. */
#define SCOREBOARD_PATIENCE_US	5000000
#define SCOREBOARD_TICK_US	100000
#define SCOREBOARD_PACE_US	2000000	/* that a word on the pace counts */

struct scoreboard *
scoreboard_adopt(int size, int max_busy, int memory_fd, int event_fd, struct error *err)
{
	struct scoreboard	*b;
	struct scoreboard_shared *shared;
	struct stat		 st;

	if (size > SCOREBOARD_MAX) {
		error_set(err, "more than %d processes", SCOREBOARD_MAX);
		return NULL;
	}
	/* the one that made it may have kept less there; or more, and its sessions still do */
	shared = fstat(memory_fd, &st) != 0 ||
	    ((size_t)st.st_size < sizeof(*shared) && ftruncate(memory_fd, sizeof(*shared)) != 0) ? MAP_FAILED :
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	if (shared == MAP_FAILED) {
		error_set(err, "no shared memory for the scoreboard: %s", strerror(errno));
		return NULL;
	}
	b = xcalloc(1, sizeof(*b));
	*b = (struct scoreboard){ size, max_busy, event_fd, memory_fd, shared->slots, shared, 0 };
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
	struct shipment	*s = &b->shared->shipments[slot];

	s->connection_id = 0;
	b->shared->totals.shipped += l->shipped + shipment_stored(s);
	l->connection_id = l->shipped = l->records = l->bytes = 0;
	l->since_us = 0;
	s->stored = s->acked = 0;
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

int
scoreboard_clients(const struct scoreboard *b)
{
	return scoreboard_count(b, SLOT_BUSY) + scoreboard_count(b, SLOT_LOGIN);
}

/* Takes the place of the one that has been in its login the longest, and too long. */
static bool
scoreboard_evict(struct scoreboard *b, int64_t now_us)
{
	unsigned char	login = SLOT_LOGIN;
	int64_t		oldest = now_us - SCOREBOARD_PATIENCE_US;
	int		victim = -1;

	for (int i = 0; i < b->size; i++)
		if (b->slots[i] == SLOT_LOGIN && b->shared->since_us[i] <= oldest) {
			oldest = b->shared->since_us[i];
			victim = i;
		}
	return victim >= 0 && atomic_compare_exchange_strong(&b->slots[victim], &login, SLOT_EVICTED);
}

bool
scoreboard_login(struct scoreboard *b, int slot, int64_t now_us)
{
	uint64_t	one = 1;

	b->shared->since_us[slot] = now_us;
	b->slots[slot] = SLOT_LOGIN;
	/* the counter cannot overflow: the supervisor reads it away */
	if (write(b->event_fd, &one, sizeof(one)) != sizeof(one))
		log_debug("scoreboard: %m");
	while (scoreboard_clients(b) > b->max_busy)
		if (!scoreboard_evict(b, now_us)) {
			b->slots[slot] = SLOT_REFUSED;
			return false;
		}
	return true;
}

void
scoreboard_rehearse(const struct scoreboard *b, int slot)
{
	scoreboard_clients(b);
	(void)atomic_load(&b->shared->since_us[slot]);
	(void)atomic_load(&b->shared->shipments[slot].connection_id);
}

bool
scoreboard_evicted(const struct scoreboard *b, int slot)
{
	return b->slots[slot] == SLOT_EVICTED;
}

bool
scoreboard_busy(struct scoreboard *b, int slot)
{
	unsigned char	login = SLOT_LOGIN;

	return atomic_compare_exchange_strong(&b->slots[slot], &login, SLOT_BUSY);
}

/* The word: the tick, the sessions of the tick before it, and those of it so far; 32, 16 and 16 bits. */
unsigned
scoreboard_crowd(struct scoreboard *b, int64_t now_us)
{
	_Atomic uint64_t	*crowd = &b->shared->crowd;
	uint64_t		 tick = (uint64_t)(now_us / SCOREBOARD_TICK_US) & UINT32_MAX;
	uint64_t		 was = atomic_load(crowd), is;

	if (tick == b->tick)
		return was >> 16 & UINT16_MAX;
	b->tick = tick;
	do {
		uint64_t	before = was >> 16 & UINT16_MAX, count = was & UINT16_MAX;

		if (was >> 32 != tick) {
			before = was >> 32 == tick - 1 ? count : 0;
			count = 0;
		}
		if (count < UINT16_MAX)
			count++;
		is = tick << 32 | before << 16 | count;
	} while (!atomic_compare_exchange_weak(crowd, &was, is));
	return is >> 16 & UINT16_MAX;
}

#define SHIPMENT_NUMBER	((UINT64_C(1) << 48) - 1)

static uint64_t
shipment_tag(uint64_t connection_id)
{
	return connection_id << 48;
}

void
shipment_open(struct shipment *s, uint64_t connection_id, int64_t opened_us)
{
	s->connection_id = 0;
	s->opened_us = opened_us;
	s->files = s->records = s->bytes = 0;
	s->since_us = 0;
	s->stored = s->acked = shipment_tag(connection_id);
	s->connection_id = connection_id;
}

uint64_t
shipment_stored(const struct shipment *s)
{
	return atomic_load_explicit(&s->stored, memory_order_relaxed) & SHIPMENT_NUMBER;
}

uint64_t
shipment_acked(const struct shipment *s)
{
	return atomic_load_explicit(&s->acked, memory_order_acquire) & SHIPMENT_NUMBER;
}

void
shipment_added(struct shipment *s, uint64_t bytes)
{
	uint64_t	records = atomic_load_explicit(&s->records, memory_order_relaxed);

	/* the clock is read for the first of those that wait only */
	if (shipment_stored(s) == records)
		atomic_store_explicit(&s->since_us, time_mono_us(), memory_order_relaxed);
	atomic_store_explicit(&s->bytes, bytes, memory_order_relaxed);
	/* behind the bytes: see shipment_ack */
	atomic_store_explicit(&s->records, records + 1, memory_order_release);
}

/* The tag is part of what is compared: what was another session's must not count as this one's. */
static void
shipment_raise(_Atomic uint64_t *number, uint64_t tag, uint64_t to)
{
	uint64_t	was = *number;

	while ((was & ~SHIPMENT_NUMBER) == tag && (was & SHIPMENT_NUMBER) < to)
		if (atomic_compare_exchange_weak(number, &was, tag | to))
			break;
}

void
shipment_ack(struct shipment *s, uint64_t connection_id, uint64_t records, uint64_t bytes, int64_t since_us)
{
	uint64_t	added = s->records;

	if (s->connection_id != connection_id)
		return;
	/* all that had been counted by then is among these bytes */
	if (s->bytes == bytes && added > records)
		records = added;
	if (since_us != INT64_MAX)
		s->since_us = since_us;
	shipment_raise(&s->acked, shipment_tag(connection_id), bytes);
	shipment_raise(&s->stored, shipment_tag(connection_id), records);
}

void
scoreboard_set_pace(struct scoreboard *b, int64_t pace_us, int64_t now_us)
{
	b->shared->paced_us = now_us;
	b->shared->pace_us = pace_us;
}

int64_t
scoreboard_pace(const struct scoreboard *b)
{
	int64_t	pace = atomic_load_explicit(&b->shared->pace_us, memory_order_relaxed);

	if (pace != 0 && time_mono_us() - b->shared->paced_us > SCOREBOARD_PACE_US)
		return 0;
	return pace;
}

void
scoreboard_backlog(const struct scoreboard *b, int slot, struct backlog_view *out)
{
	const struct backlog	*l = &b->shared->backlogs[slot];
	const struct shipment	*s = &b->shared->shipments[slot];
	uint64_t		 id = s->connection_id, stored = shipment_stored(s), acked = shipment_acked(s);
	uint64_t		 records = s->records, bytes = s->bytes;

	*out = (struct backlog_view){ l->connection_id, l->shipped, l->records, l->bytes, l->since_us };
	if (id == 0)
		return;
	*out = (struct backlog_view){ .connection_id = id, .shipped = stored };
	if (records <= stored)
		return;
	out->records = records - stored;
	out->bytes = bytes > acked ? bytes - acked : 0;
	out->since_us = s->since_us;
}
