/*
 * Makes and maps the file of a journal. It is allocated whole before it is mapped: a
 * disk that is full is an error here, and never a SIGBUS later.
 */
#include "record/record_file.h"

#include <sys/file.h>
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "base/base_reader.h"
#include "record/record.h"
#include "record/record_crc.h"

#define FILE_MAGIC	"DBBATJNL"
#define FILE_MAGIC_SIZE	8
#define FILE_HOST_MAX	64

char *
record_file_path(const char *dir, uint64_t connection_id, int64_t opened_us)
{
	/* with the time: an id comes again when the storage database was replaced */
	return xasprintf("%s/%llu-%llx" RECORD_JOURNAL_SUFFIX, dir, (unsigned long long)connection_id,
	    (unsigned long long)opened_us);
}

static void
file_put_head(struct buf *b, size_t page, const struct record_file_head *h)
{
	char	host[FILE_HOST_MAX + 1] = "";

	gethostname(host, FILE_HOST_MAX);
	buf_put(b, FILE_MAGIC, FILE_MAGIC_SIZE);
	buf_put_u32(b, RECORD_FILE_VERSION);
	buf_put_u32(b, (uint32_t)page);
	buf_put_u64(b, h->ring);
	buf_put_u64(b, h->owner.connection_id);
	buf_put_u64(b, h->owner.user_id);
	buf_put_u64(b, h->owner.database_id);
	buf_put_u64(b, h->owner.grant_id);
	buf_put_u64(b, (uint64_t)h->opened_us);
	buf_put_u64(b, (uint64_t)h->owner.started_us);
	buf_put_u8(b, h->durable);
	buf_put_cstr(b, host);
	buf_put_u32(b, record_crc32c(b->data, b->len));
}

int
record_file_head(const void *p, size_t n, size_t *page, struct record_file_head *h)
{
	struct reader	r = reader_init(p, n);
	struct slice	magic = reader_bytes(&r, FILE_MAGIC_SIZE);
	uint32_t	version;
	size_t		sealed;

	memset(h, 0, sizeof(*h));
	if (magic.n != FILE_MAGIC_SIZE || memcmp(magic.p, FILE_MAGIC, FILE_MAGIC_SIZE) != 0)
		return -1;
	version = reader_u32(&r);
	if (version < 1 || version > RECORD_FILE_VERSION)
		return r.failed ? -1 : -2;
	*page = reader_u32(&r);
	h->ring = reader_u64(&r);
	h->owner.connection_id = reader_u64(&r);
	h->owner.user_id = reader_u64(&r);
	h->owner.database_id = reader_u64(&r);
	h->owner.grant_id = reader_u64(&r);
	h->opened_us = (int64_t)reader_u64(&r);
	h->owner.started_us = version >= 4 ? (int64_t)reader_u64(&r) : RECORD_TIME_UNKNOWN;
	h->durable = reader_u8(&r) != 0;
	reader_cstr(&r);
	sealed = n - r.left;
	if (reader_u32(&r) != record_crc32c(p, sealed) || r.failed)
		return -1;
	return 0;
}

int
record_file_map(struct record_file *f, int prot, struct error *err)
{
	const int	flags = MAP_SHARED | MAP_FIXED;
	size_t		whole = f->page + 2 * f->ring;

	f->map = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		return error_set(err, "mmap: %s", strerror(errno));
	}
	if (mmap(f->map, f->page + f->ring, prot, flags, f->fd, 0) == MAP_FAILED ||
	    mmap(f->map + f->page + f->ring, f->ring, prot, flags, f->fd, (off_t)f->page) == MAP_FAILED)
		return error_set(err, "mmap: %s", strerror(errno));
	f->live = (struct record_file_live *)(void *)(f->map + RECORD_FILE_LIVE);
	f->data = f->map + f->page;
	return 0;
}

void
record_file_close(struct record_file *f)
{
	if (f->map != NULL)
		munmap(f->map, f->page + 2 * f->ring);
	if (f->fd >= 0)
		close(f->fd);
	*f = (struct record_file){ .fd = -1 };
}

int
record_file_make(struct record_file *f, const char *path, const struct record_file_head *head,
    struct error *err)
{
	struct buf	b = { 0 };
	int		rc;

	*f = (struct record_file){ .page = (size_t)sysconf(_SC_PAGESIZE), .ring = (size_t)head->ring };
	f->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0)
		return error_set(err, "%s: %s", path, strerror(errno));
	if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
		error_set(err, "%s: lock: %s", path, strerror(errno));
		goto fail;
	}
	rc = posix_fallocate(f->fd, 0, (off_t)(f->page + f->ring));
	if (rc != 0) {
		error_set(err, "%s: no room for %zu bytes: %s", path, f->page + f->ring, strerror(rc));
		goto fail;
	}
	if (record_file_map(f, PROT_READ | PROT_WRITE, err) != 0)
		goto fail;
	file_put_head(&b, f->page, head);
	memcpy(f->map, b.data, b.len);
	buf_free(&b);
	return 0;
fail:
	unlink(path);
	record_file_close(f);
	return -1;
}
