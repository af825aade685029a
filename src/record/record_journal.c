/*
 * The living side of a journal. Appending copies the frame and then moves
 * `committed`, so a process that is killed in between leaves nothing half-written
 * that counts. A ring that is full is replaced by a larger file, and a large one
 * that has become empty by a small one: made beside it, filled, and renamed over it.
 * It knows nothing of what the bytes mean.
 */
#include "record/record_journal.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "record/record_file.h"

#define JOURNAL_FIRST	((size_t)64 << 10)	/* ring at first: enough for most sessions */
#define JOURNAL_SHRINK	((size_t)4 << 20)	/* record_journal_trim leaves a smaller ring alone */

static size_t
journal_used(const struct record_journal *j)
{
	return (size_t)(j->end - j->start);
}

/*
 * Bytes of the ring that may not be written over. After a loss of power the disk may have the start of the last sync and
 * bytes that were written later: what lay at that start must not be among them.
 */
static size_t
journal_taken(const struct record_journal *j)
{
	return j->head.durable ? (size_t)(j->end - j->disk_start) : journal_used(j);
}

/* The directory entry, too, survives a loss of power. */
static int
journal_sync_directory(const char *path, struct error *err)
{
	char	*dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int	 fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd) != 0)
		rc = error_set(err, "%s: fsync: %s", dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

/* Puts a file with a ring of this size in the place of j->file, frames included. */
static int
journal_replace(struct record_journal *j, size_t ring, struct error *err)
{
	struct record_file_head	 head = j->head;
	struct record_file	 f;
	char			*path = xasprintf("%s" RECORD_JOURNAL_NEW, j->path);
	struct slice		 old;
	int			 rc = -1;

	head.ring = ring;
	if (record_file_make(&f, path, &head, err) != 0)
		goto out;
	if (journal_used(j) > 0) {
		old = record_journal_read(j, j->start);
		memcpy(f.data + j->start % ring, old.p, old.n);
	}
	f.live->acked = j->start;
	f.live->committed = j->end;
	f.live->synced = j->end;
	if (j->file.live != NULL) {
		f.live->used_queries = j->file.live->used_queries;
		f.live->used_bytes = j->file.live->used_bytes;
		f.live->counts = j->file.live->counts;
	}
	if (head.durable && fdatasync(f.fd) != 0)
		error_set(err, "%s: fdatasync: %s", path, strerror(errno));
	else if (rename(path, j->path) != 0)
		error_set(err, "rename to %s: %s", j->path, strerror(errno));
	else
		rc = 0;
	if (rc != 0) {
		unlink(path);
		record_file_close(&f);
		goto out;
	}
	record_file_close(&j->file);
	j->file = f;
	j->head = head;
	j->tail = (size_t)(j->end % ring);
	if (j->shipment != NULL)
		j->shipment->files++;
	if (head.durable) {
		rc = journal_sync_directory(j->path, err);
		if (rc == 0)
			j->synced = j->end;
	}
	j->disk_start = j->start;
out:
	free(path);
	return rc;
}

struct record_journal *
record_journal_create(const char *dir, const struct record_owner *owner, size_t max, bool durable,
    struct error *err)
{
	struct record_journal	*j;
	int64_t			 now = time_now_us();

	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		error_set(err, "%s: %s", dir, strerror(errno));
		return NULL;
	}
	j = xcalloc(1, sizeof(*j));
	j->file.fd = -1;
	j->max = max;
	j->head = (struct record_file_head){ .owner = *owner, .opened_us = now, .durable = durable };
	j->path = record_file_path(dir, owner->connection_id, now);
	if (journal_replace(j, JOURNAL_FIRST, err) != 0) {
		record_journal_close(j, RECORD_JOURNAL_LEAVE);
		return NULL;
	}
	return j;
}

/* What the shipper has brought to storage meanwhile. */
static void
journal_heed(struct record_journal *j)
{
	uint64_t	at;

	if (j->shipment == NULL)
		return;
	at = shipment_acked(j->shipment);
	if (at > j->start && at <= j->end)
		record_journal_ack(j, at);
}

void
record_journal_close(struct record_journal *j, enum record_journal_end how)
{
	char	*aside;

	if (j == NULL)
		return;
	/* who has it next need not bring that there again */
	journal_heed(j);
	if (how == RECORD_JOURNAL_REMOVE && unlink(j->path) != 0)
		log_error("%s cannot be removed: %m", j->path);
	if (how == RECORD_JOURNAL_SET_ASIDE) {
		aside = xasprintf("%s" RECORD_JOURNAL_ASIDE, j->path);
		if (rename(j->path, aside) != 0)
			log_error("%s cannot be renamed: %m", j->path);
		free(aside);
	}
	record_file_close(&j->file);
	free(j->path);
	free(j);
}

void
record_journal_follow(struct record_journal *j, struct shipment *to)
{
	assert(j->end == 0);
	j->shipment = to;
	shipment_open(to, j->head.owner.connection_id, j->head.opened_us);
}

size_t
record_journal_room(struct record_journal *j)
{
	journal_heed(j);
	return journal_used(j) < j->max ? j->max - journal_used(j) : 0;
}

static int
journal_sync(struct record_journal *j, struct error *err)
{
	if (fdatasync(j->file.fd) != 0)
		return error_set(err, "%s: fdatasync: %s", j->path, strerror(errno));
	j->disk_start = j->start;
	j->synced = j->end;
	j->file.live->synced = j->end;
	return 0;
}

int
record_journal_reserve(struct record_journal *j, size_t n, struct error *err)
{
	size_t	need, ring = j->file.ring, most;

	journal_heed(j);
	need = journal_used(j) + n;
	if (need <= ring)
		return journal_taken(j) + n <= ring ? 0 : journal_sync(j, err);
	most = (j->max + j->file.page - 1) / j->file.page * j->file.page;
	while (ring < need)
		ring *= 2;
	if (ring > most)
		ring = most;
	if (need > ring)
		return error_set(err, "the journal is full");
	return journal_replace(j, ring, err);
}

void
record_journal_append(struct record_journal *j, const void *frame, size_t n)
{
	assert(n <= j->file.ring - journal_taken(j));
	memcpy(j->file.data + j->tail, frame, n);
	j->tail += n;
	if (j->tail >= j->file.ring)
		j->tail -= j->file.ring;
	j->end += n;
	/* before it counts in the file: who reads it there finds it counted here */
	if (j->shipment != NULL)
		shipment_added(j->shipment, j->end);
	atomic_store_explicit(&j->file.live->committed, j->end, memory_order_release);
}

int
record_journal_sync(struct record_journal *j, struct error *err)
{
	return j->synced == j->end ? 0 : journal_sync(j, err);
}

uint64_t
record_journal_synced(const struct record_journal *j)
{
	return j->synced;
}

uint64_t
record_journal_start(const struct record_journal *j)
{
	return j->start;
}

uint64_t
record_journal_end(const struct record_journal *j)
{
	return j->end;
}

struct slice
record_journal_read(const struct record_journal *j, uint64_t at)
{
	assert(at >= j->start && at <= j->end);
	return (struct slice){ j->file.data + at % j->file.ring, (size_t)(j->end - at) };
}

void
record_journal_used(struct record_journal *j, uint64_t queries, uint64_t bytes)
{
	atomic_store_explicit(&j->file.live->used_queries, queries, memory_order_relaxed);
	atomic_store_explicit(&j->file.live->used_bytes, bytes, memory_order_relaxed);
	atomic_store_explicit(&j->file.live->counts, 1, memory_order_relaxed);
}

void
record_journal_ack(struct record_journal *j, uint64_t at)
{
	assert(at >= j->start && at <= j->end);
	j->start = at;
	if (!j->view)
		atomic_store_explicit(&j->file.live->acked, at, memory_order_release);
}

bool
record_journal_bulky(const struct record_journal *j)
{
	return j->file.ring > JOURNAL_SHRINK;
}

void
record_journal_trim(struct record_journal *j)
{
	struct error	err;

	journal_heed(j);
	if (j->start == j->end && record_journal_bulky(j) && journal_replace(j, JOURNAL_FIRST, &err) != 0)
		log_warn("the journal keeps its size: %s", err.msg);
}
