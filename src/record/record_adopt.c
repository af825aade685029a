/*
 * Journals that another process has written. Of those whose owner is gone every number is checked, and every
 * frame read, before anything is shipped from it; of those whose owner lives, what has been appended each time it is looked for.
 * Nothing but what lies before `committed` counts. It never waits for a lock.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "base/base_time.h"
#include "record/record_codec.h"
#include "record/record_file.h"

/* Opens, and locks where it is to be ours. 0, or why not. */
static enum record_adopt
adopt_open(struct record_file *f, const char *path, int mode, bool lock, struct stat *st, struct error *err)
{
	f->fd = open(path, mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (f->fd < 0 && errno == ENOENT)
		return RECORD_ADOPT_BUSY;
	if (f->fd < 0) {
		error_set(err, "%s", strerror(errno));
		return RECORD_ADOPT_FOREIGN;
	}
	if (lock && flock(f->fd, LOCK_EX | LOCK_NB) != 0)
		return RECORD_ADOPT_BUSY;
	/* its owner may have removed or replaced it between our two calls */
	if (fstat(f->fd, st) != 0 || st->st_nlink == 0)
		return RECORD_ADOPT_BUSY;
	if (st->st_uid != geteuid() || !S_ISREG(st->st_mode)) {
		error_set(err, "it is no file of this user's");
		return RECORD_ADOPT_FOREIGN;
	}
	return RECORD_ADOPTED;
}

bool
record_journal_orphaned(const char *path)
{
	struct record_file	f = { .fd = -1 };
	struct stat		st;
	struct error		err;
	bool			orphaned = adopt_open(&f, path, O_RDONLY, true, &st, &err) != RECORD_ADOPT_BUSY;

	record_file_close(&f);
	return orphaned;
}

static enum record_adopt
adopt_head(struct record_journal *j, const struct stat *st, struct error *err)
{
	unsigned char	bytes[RECORD_FILE_LIVE];
	size_t		page = 0;
	ssize_t		n = pread(j->file.fd, bytes, sizeof(bytes), 0);

	if (n < 0) {
		error_set(err, "%s", strerror(errno));
		return RECORD_ADOPT_FOREIGN;
	}
	switch (record_file_head(bytes, (size_t)n, &page, &j->head)) {
	case 0:
		break;
	case -2:
		error_set(err, "it was written by another version of this program");
		return RECORD_ADOPT_FOREIGN;
	default:
		error_set(err, "it has no head that can be read");
		return RECORD_ADOPT_DAMAGED;
	}
	if (page != (size_t)sysconf(_SC_PAGESIZE) || j->head.ring == 0 || j->head.ring % page != 0 ||
	    j->head.ring > RECORD_FILE_RING_MAX || (uint64_t)st->st_size < page + j->head.ring) {
		error_set(err, "its size is not what its head says");
		return RECORD_ADOPT_DAMAGED;
	}
	j->file.page = page;
	j->file.ring = (size_t)j->head.ring;
	return RECORD_ADOPTED;
}

/* Reads all frames. j->end is then where the good ones end. */
static enum record_adopt
adopt_frames(struct record_journal *j, struct record_adopted *out, struct error *err)
{
	uint64_t		promised;
	struct record_event	event;
	struct slice		left;

	j->start = j->file.live->acked;
	j->end = j->file.live->committed;
	j->synced = j->file.live->synced;
	promised = j->head.durable ? j->synced : j->end;
	if (j->start > j->end || j->end - j->start > j->file.ring || j->synced > j->end) {
		error_set(err, "its positions contradict each other");
		return RECORD_ADOPT_DAMAGED;
	}
	left = record_journal_read(j, j->start);
	while (left.n > 0 && record_get(left.p, left.n, &event) == 1) {
		left.p += event.size;
		left.n -= event.size;
		out->events++;
		out->ended = event.kind == RECORD_END;
	}
	j->end -= left.n;
	out->lost = promised > j->end ? promised - j->end : 0;
	return RECORD_ADOPTED;
}

static uint64_t
adopt_count(uint64_t n)
{
	return n < INT64_MAX ? n : INT64_MAX;
}

enum record_adopt
record_journal_adopt(const char *path, struct record_adopted *out, struct error *err)
{
	/* first only to look: who watches for journals that writers close is not to hear of us */
	static const int	 modes[] = { O_RDONLY, O_RDWR };
	struct record_journal	*j = xcalloc(1, sizeof(*j));
	struct stat		 st;
	enum record_adopt	 rc = RECORD_ADOPTED;

	*out = (struct record_adopted){ 0 };
	j->path = xstrdup(path);
	j->file.fd = -1;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]) && rc == RECORD_ADOPTED; i++) {
		record_file_close(&j->file);
		rc = adopt_open(&j->file, path, modes[i], true, &st, err);
		if (rc == RECORD_ADOPTED)
			rc = adopt_head(j, &st, err);
	}
	if (rc == RECORD_ADOPTED && record_file_map(&j->file, PROT_READ | PROT_WRITE, err) != 0)
		rc = RECORD_ADOPT_FOREIGN;
	if (rc == RECORD_ADOPTED)
		rc = adopt_frames(j, out, err);
	if (rc != RECORD_ADOPTED) {
		record_journal_close(j, rc == RECORD_ADOPT_DAMAGED ? RECORD_JOURNAL_SET_ASIDE : RECORD_JOURNAL_LEAVE);
		return rc;
	}
	out->journal = j;
	out->owner = j->head.owner;
	out->opened_us = j->head.opened_us;
	/* written before the machine went down, they may be older than what was done */
	out->limited = j->file.live->counts == 1;
	out->counts = out->limited && out->lost == 0 && j->head.opened_us > time_now_us() - time_mono_us();
	/* no checksum covers them, and they go to storage as bigint */
	out->used_queries = adopt_count(j->file.live->used_queries);
	out->used_bytes = adopt_count(j->file.live->used_bytes);
	return RECORD_ADOPTED;
}

const struct record_owner *
record_journal_owner(const struct record_journal *j)
{
	return &j->head.owner;
}

int
record_journal_look(struct record_journal *j, uint64_t *events)
{
	uint64_t		end = atomic_load_explicit(&j->file.live->committed, memory_order_acquire), from = j->end;
	struct slice		left;
	enum record_kind	kind;

	*events = 0;
	if (end < j->end || end - j->start > j->file.ring)
		return -1;
	j->end = end;
	left = record_journal_read(j, from);
	while (left.n > 0) {
		size_t	size = record_peek(left.p, left.n, &kind);

		if (size == 0)
			return -1;
		left.p += size;
		left.n -= size;
		*events += kind != RECORD_END;
	}
	return 0;
}

enum record_adopt
record_journal_view(const char *dir, uint64_t connection_id, int64_t opened_us, uint64_t at, struct record_adopted *out,
    struct error *err)
{
	struct record_journal	*j = xcalloc(1, sizeof(*j));
	struct stat		 st;
	enum record_adopt	 rc;

	j->path = record_file_path(dir, connection_id, opened_us);
	j->view = true;
	j->start = j->end = at;
	j->file.fd = -1;
	*out = (struct record_adopted){ 0 };
	error_set(err, "it is not there");
	rc = adopt_open(&j->file, j->path, O_RDONLY, false, &st, err);
	if (rc == RECORD_ADOPTED)
		rc = adopt_head(j, &st, err);
	if (rc == RECORD_ADOPTED && record_file_map(&j->file, PROT_READ, err) != 0)
		rc = RECORD_ADOPT_FOREIGN;
	if (rc == RECORD_ADOPTED && (j->head.owner.connection_id != connection_id || record_journal_look(j, &out->events) != 0)) {
		error_set(err, "its positions contradict each other");
		rc = RECORD_ADOPT_DAMAGED;
	}
	if (rc != RECORD_ADOPTED) {
		record_journal_close(j, RECORD_JOURNAL_LEAVE);
		return rc;
	}
	/* the mapping is enough */
	close(j->file.fd);
	j->file.fd = -1;
	out->journal = j;
	return RECORD_ADOPTED;
}
