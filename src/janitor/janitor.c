/*
 * The janitor's rounds: a table of duties, each done at the start and then whenever its time has come. When
 * one fails, storage is most often away: it says so once, and tries again.
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
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "janitor/janitor_orphan.h"
#include "janitor/janitor_state.h"
#include "record/record_journal.h"

#define JANITOR_STATEMENT_MS	60000
#define SECOND_US		INT64_C(1000000)
#define JANITOR_AGAIN_US	(5 * SECOND_US)		/* a duty that failed */
#define JANITOR_NEW_US		(60 * SECOND_US)	/* a file takes less time to be made */

bool
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

PGresult *
janitor_query(struct janitor *j, const char *sql, int n, const char *const *params, struct error *err)
{
	PGresult	*res;
	ExecStatusType	 status;

	if (store_ready(j->store, err) != 0)
		return NULL;
	res = store_exec(j->store, sql, n, params);
	status = PQresultStatus(res);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return res;
	store_error(store_conn(j->store), res, err);
	PQclear(res);
	return NULL;
}

/* One round over the journals. */
struct round {
	bool		away, failed;	/* storage is away; it does not take one of them, which does not keep others */
	uint64_t	orphans, bytes;	/* that wait */
	struct error	err;		/* why */
};

/* Whether it stays, though nobody has it. */
static bool
janitor_journal(struct janitor *j, const char *path, struct round *r)
{
	struct error	why;

	if (r->away)
		return record_journal_orphaned(path);
	switch (janitor_orphan_ship(j, path, &why)) {
	case JANITOR_LATER:
	case JANITOR_DONE:
		return false;
	case JANITOR_UNREADABLE:
		if (!j->told)
			log_error("%s cannot be read, and is left as it is: %s", path, why.msg);
		return true;
	case JANITOR_FAILED:
		r->failed = true;
		break;
	case JANITOR_AWAY:
		r->away = true;
		break;
	}
	r->err = why;
	return true;
}

static int
janitor_journals(struct janitor *j, struct error *err)
{
	DIR			*dir = opendir(j->dir);
	struct dirent		*e;
	struct round		 r = { .failed = false };
	struct stat		 st;
	struct backlog_totals	*totals = &j->rt->board->shared->totals;

	if (dir == NULL)
		return 0;	/* no session was ever here */
	while ((e = readdir(dir)) != NULL) {
		char	*path = xasprintf("%s/%s", j->dir, e->d_name);

		if (janitor_ends(e->d_name, RECORD_JOURNAL_SUFFIX RECORD_JOURNAL_NEW))
			janitor_unfinished(path);
		else if (janitor_ends(e->d_name, RECORD_JOURNAL_SUFFIX) && janitor_journal(j, path, &r) && stat(path, &st) == 0) {
			r.orphans++;
			r.bytes += (uint64_t)st.st_size;
		}
		free(path);
		node_pulse(j);
	}
	closedir(dir);
	totals->orphans = r.orphans;
	totals->orphan_bytes = r.bytes;
	if (!r.away)
		j->told = true;
	if (r.away || r.failed)
		*err = r.err;
	return r.away || r.failed ? -1 : 0;
}

static struct duty {
	const char	*what;
	int64_t		 every_us;
	int		 (*run)(struct janitor *j, struct error *err);
	int64_t		 due_us;
	bool		 failed;
} duties[] = {
	{ "records of ended sessions wait", 2 * SECOND_US, janitor_journals, 0, false },
	{ "this node cannot say that it lives", NODE_SEEN_US, node_seen, 0, false },
	{ "connections without a session stay open in the log", 10 * SECOND_US, node_close, 0, false },
	{ "partitions are not made ahead", 600 * SECOND_US, log_ahead, 0, false },
	{ "what is older than retention stays", 600 * SECOND_US, log_expire, 0, false },
	{ "nodes that are gone are not forgotten", 3600 * SECOND_US, node_forget, 0, false },
};

static void
janitor_duty(struct janitor *j, struct duty *d)
{
	struct error	err;
	bool		failed = d->run(j, &err) != 0;

	if (failed && !d->failed)
		log_warn("%s: %s; trying again", d->what, err.msg);
	d->failed = failed;
	d->due_us = time_mono_us() + (failed && d->every_us > JANITOR_AGAIN_US ? JANITOR_AGAIN_US : d->every_us);
}

_Noreturn void
janitor_main(struct runtime *rt)
{
	struct janitor	j = { .rt = rt };

	log_prefix("janitor: ");
	/* ^C is for the supervisor, which lets us go after the sessions */
	signal(SIGINT, SIG_IGN);
	j.dir = xasprintf("%s/journal", rt->conf->state_dir);
	j.store = store_new(rt->dsn, "janitor", JANITOR_STATEMENT_MS);
	for (;;) {
		int64_t	next = INT64_MAX, now;

		for (size_t i = 0; i < sizeof(duties) / sizeof(duties[0]); i++) {
			if (duties[i].due_us <= time_mono_us())
				janitor_duty(&j, &duties[i]);
			if (duties[i].due_us < next)
				next = duties[i].due_us;
		}
		now = time_mono_us();
		poll(NULL, 0, next > now ? (int)((next - now + 999) / 1000) : 0);
	}
}
