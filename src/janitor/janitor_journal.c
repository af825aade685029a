/*
 * The journals in the directory of this node: each soon after its session ends, which the kernel tells (inotify), whether
 * it said goodbye or was killed, with others that end then; and all of them now and then. Whether a session lives, the lock of
 * its journal says.
 */
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "janitor/janitor_orphan.h"
#include "record/record_journal.h"

#define JOURNAL_NEW_US	INT64_C(60000000)	/* a file takes less time to be made */
#define JOURNAL_LINE_US	INT64_C(10000000)	/* a connection without work */
#define JOURNAL_GROUP	64			/* shipped together at most */

/* A journal whose maker died over it holds nothing that counts. */
static void
journal_unfinished(const char *path)
{
	struct stat	st;
	int		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	/* the lock comes last: its maker would fail over one that is held only to look */
	if (fstat(fd, &st) == 0 && time_now_us() - (int64_t)st.st_mtim.tv_sec * 1000000 > JOURNAL_NEW_US &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
		unlink(path);
	close(fd);
}

static void
journal_ship(struct janitor *j, struct orphan *orphans, size_t n)
{
	janitor_orphans_ship(j, orphans, n);
	for (size_t i = 0; i < n; i++)
		if (orphans[i].rc == JANITOR_UNREADABLE && !j->told)
			log_error("%s cannot be read, and is left as it is: %s", orphans[i].path, orphans[i].err.msg);
}

/* One round over the journals. */
struct round {
	bool		away, failed;	/* storage is away; it does not take one of them, which does not keep others */
	uint64_t	orphans, bytes;	/* that wait */
	struct error	err;		/* why */
};

/* Whether it stays, though nobody has it. */
static bool
journal_stays(struct janitor *j, char *path, struct round *r)
{
	struct orphan	o = { .path = path };

	if (r->away)
		return record_journal_orphaned(path);
	journal_ship(j, &o, 1);
	r->away = o.rc == JANITOR_AWAY;
	r->failed |= o.rc == JANITOR_FAILED || o.rc == JANITOR_AWAY;
	if (o.rc == JANITOR_FAILED || o.rc == JANITOR_AWAY)
		r->err = o.err;
	return o.rc != JANITOR_LATER && o.rc != JANITOR_DONE;
}

int
journal_round(struct janitor *j, struct error *err)
{
	DIR			*dir = opendir(j->dir);
	struct dirent		*e;
	struct round		 r = { .failed = false };
	struct stat		 st;
	struct backlog_totals	*totals = &j->rt->board->shared->totals;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		char	*path = xasprintf("%s/%s", j->dir, e->d_name);

		if (janitor_ends(e->d_name, RECORD_JOURNAL_SUFFIX RECORD_JOURNAL_NEW))
			journal_unfinished(path);
		else if (janitor_ends(e->d_name, RECORD_JOURNAL_SUFFIX) && journal_stays(j, path, &r) && stat(path, &st) == 0) {
			r.orphans++;
			r.bytes += (uint64_t)st.st_size;
		}
		free(path);
		node_pulse(j);
	}
	if (dir != NULL)
		closedir(dir);
	totals->orphans = r.orphans;
	totals->orphan_bytes = r.bytes;
	if (!r.away)
		j->told = true;
	if (r.failed)
		*err = r.err;
	if (j->line != NULL && time_mono_us() - j->line_us > JOURNAL_LINE_US) {
		PQfinish(j->line);
		j->line = NULL;
	}
	return r.failed ? -1 : 0;
}

int
journal_watch(const struct janitor *j)
{
	int	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (mkdir(j->dir, 0700) != 0 && errno != EEXIST)
		log_error("%s: %m", j->dir);
	if (fd >= 0 && inotify_add_watch(fd, j->dir, IN_CLOSE_WRITE) >= 0)
		return fd;
	log_warn("%s cannot be watched, but it is looked into every other second: %m", j->dir);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Journals that were closed; what is there of them is shipped, and the paths are freed. False: storage does not take it now. */
static bool
journals_closed(struct janitor *j, struct orphan *orphans, size_t n)
{
	bool	all = true;

	journal_ship(j, orphans, n);
	for (size_t i = 0; i < n; i++) {
		/* the kernel tells before it lets go of the lock */
		if (orphans[i].rc == JANITOR_LATER && all) {
			poll(NULL, 0, 1);
			journal_ship(j, &orphans[i], 1);
		}
		all &= orphans[i].rc != JANITOR_FAILED && orphans[i].rc != JANITOR_AWAY;
	}
	for (size_t i = 0; i < n; i++)
		free(orphans[i].path);
	node_pulse(j);
	return all;
}

/* A journal that could not be shipped is closed as well, which is told like any other: after the first there are no more. */
bool
journal_ended(struct janitor *j, bool look_only)
{
	_Alignas(struct inotify_event) char	 bytes[JOURNAL_GROUP * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	const struct inotify_event		*e;
	struct orphan				*orphans = xcalloc(JOURNAL_GROUP, sizeof(*orphans));
	ssize_t					 n;
	size_t					 count = 0;
	bool					 all = true;

	while ((n = read(j->watch_fd, bytes, sizeof(bytes))) > 0)
		for (char *at = bytes; at < bytes + n; at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(void *)at;
			if (e->mask & IN_Q_OVERFLOW)
				all = false;
			else if (!look_only && all && e->len > 0 && janitor_ends(e->name, RECORD_JOURNAL_SUFFIX))
				orphans[count++].path = xasprintf("%s/%s", j->dir, e->name);
			if (count == JOURNAL_GROUP) {
				all &= journals_closed(j, orphans, count);
				count = 0;
			}
		}
	if (count > 0)
		all &= journals_closed(j, orphans, count);
	free(orphans);
	return all;
}
