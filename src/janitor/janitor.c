/*
 * The janitor's rounds: every few seconds it looks at each journal of this node. It
 * connects to storage only when one of them needs it.
 */
#include "janitor/janitor.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_time.h"
#include "janitor/janitor_orphan.h"
#include "record/record_journal.h"

#define JANITOR_ROUND_MS	2000
#define JANITOR_STATEMENT_MS	60000
#define JANITOR_NEW_US		INT64_C(60000000)	/* a file takes less time to be made */

static struct {
	struct store	*store;
	const char	*dsn;
	char		*dir;
	bool		 told;		/* of files that cannot be read */
	bool		 away;		/* storage was, when last needed */
} janitor;

static bool
janitor_ends(const char *name, const char *suffix)
{
	size_t	n = strlen(name), k = strlen(suffix);

	return n > k && strcmp(name + n - k, suffix) == 0;
}

/* A journal whose maker died over it holds nothing that counts. */
static void
janitor_unfinished(const char *path)
{
	struct stat	st;
	int		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0 &&
	    time_now_us() - (int64_t)st.st_mtim.tv_sec * 1000000 > JANITOR_NEW_US)
		unlink(path);
	close(fd);
}

static void
janitor_storage(bool away, const char *why)
{
	if (away && !janitor.away)
		log_warn("records of ended sessions wait for storage: %s", why);
	janitor.away = away;
}

/* False: storage is away, and the round is over. */
static bool
janitor_journal(const char *path)
{
	struct error	err;

	switch (janitor_orphan_ship(janitor.store, janitor.dsn, path, &err)) {
	case JANITOR_LATER:
		break;
	case JANITOR_DONE:
		janitor_storage(false, NULL);
		break;
	case JANITOR_UNREADABLE:
		if (!janitor.told)
			log_error("%s cannot be read, and is left as it is: %s", path, err.msg);
		break;
	case JANITOR_FAILED:
		janitor_storage(true, err.msg);
		break;
	case JANITOR_AWAY:
		janitor_storage(true, err.msg);
		return false;
	}
	return true;
}

static void
janitor_round(void)
{
	DIR		*dir = opendir(janitor.dir);
	struct dirent	*e;
	bool		 on = true;

	if (dir == NULL)
		return;		/* no session was ever here */
	while (on && (e = readdir(dir)) != NULL) {
		char	*path = xasprintf("%s/%s", janitor.dir, e->d_name);

		if (janitor_ends(e->d_name, RECORD_JOURNAL_SUFFIX))
			on = janitor_journal(path);
		else if (janitor_ends(e->d_name, RECORD_JOURNAL_SUFFIX RECORD_JOURNAL_NEW))
			janitor_unfinished(path);
		free(path);
	}
	closedir(dir);
	if (on)
		janitor.told = true;
}

_Noreturn void
janitor_main(struct runtime *rt)
{
	log_prefix("janitor: ");
	/* ^C is for the supervisor, which lets us go after the sessions */
	signal(SIGINT, SIG_IGN);
	janitor.dsn = rt->dsn;
	janitor.dir = xasprintf("%s/journal", rt->conf->state_dir);
	janitor.store = store_new(rt->dsn, "janitor", JANITOR_STATEMENT_MS);
	for (;;) {
		janitor_round();
		poll(NULL, 0, JANITOR_ROUND_MS);
	}
}
