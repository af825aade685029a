/*
 * The janitor's rounds: a table of duties, each done at the start and then whenever its time has come. When
 * one fails, storage is most often away: it says so once, and tries again. Between them it waits for sessions to end.
 */
#include "janitor/janitor.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_stop.h"
#include "base/base_time.h"
#include "janitor/janitor_state.h"

#define JANITOR_STATEMENT_MS	60000
#define SECOND_US		INT64_C(1000000)
#define JANITOR_AGAIN_US	(5 * SECOND_US)		/* a duty that failed */
#define JANITOR_GATHER_US	(SECOND_US / 20)	/* from the end of a session on: who ends meanwhile goes with it */

bool
janitor_ends(const char *name, const char *suffix)
{
	size_t	n = strlen(name), k = strlen(suffix);

	return n > k && strcmp(name + n - k, suffix) == 0;
}

PGresult *
janitor_query(struct janitor *j, const char *sql, int n, const char *const *params, struct error *err)
{
	PGresult	*res;
	ExecStatusType	 status;

	if (store_ready(j->store, err) != 0)
		return NULL;
	res = store_exec_often(j->store, sql, n, params);
	status = PQresultStatus(res);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return res;
	store_error(store_conn(j->store), res, err);
	PQclear(res);
	return NULL;
}

enum { DUTY_JOURNALS };

static struct duty {
	const char	*what;
	int64_t		 every_us;
	int		 (*run)(struct janitor *j, struct error *err);
	int64_t		 due_us;
	bool		 failed;
} duties[] = {
	[DUTY_JOURNALS] = { "records of ended sessions wait", 2 * SECOND_US, journal_round, 0, false },
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

/* Sleeps until then, a signal, or what the descriptor tells of. */
static bool
janitor_sleep(int fd, int64_t until, const sigset_t *mask)
{
	struct pollfd	pfd = { .fd = fd, .events = POLLIN };
	struct timespec	ts = time_left(until);

	return ppoll(&pfd, 1, &ts, mask) > 0;
}

/* Sleeps until then, a signal, or the end of a session, whose journal is shipped with those of others that end soon. */
static void
janitor_wait(struct janitor *j, int64_t until, const sigset_t *mask)
{
	struct duty	*d = &duties[DUTY_JOURNALS];

	if (!janitor_sleep(j->watch_fd, until, mask))
		return;
	janitor_sleep(-1, time_mono_us() + JANITOR_GATHER_US, mask);
	/* while storage is away the rounds are enough */
	if (!journal_ended(j, d->failed))
		d->due_us = 0;
}

/* Told to stop, it ships what the last sessions have left first; for how long, the supervisor knows. */
_Noreturn void
janitor_main(struct runtime *rt)
{
	struct janitor		j = { .rt = rt };
	sigset_t		mask;
	struct error		err;

	log_prefix("janitor: ");
	stop_catch(&mask);
	j.dir = xasprintf("%s/journal", rt->conf->state_dir);
	j.store = store_new(rt->dsn, "janitor", JANITOR_STATEMENT_MS);
	j.watch_fd = journal_watch(&j);
	while (!stop_asked()) {
		int64_t	next = INT64_MAX;

		for (size_t i = 0; i < sizeof(duties) / sizeof(duties[0]); i++) {
			if (duties[i].due_us <= time_mono_us())
				janitor_duty(&j, &duties[i]);
			if (duties[i].due_us < next)
				next = duties[i].due_us;
		}
		janitor_wait(&j, next, &mask);
	}
	journal_round(&j, &err);
	exit(0);
}
