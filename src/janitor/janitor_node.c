/*
 * Which nodes live, and the ends of connections whose session cannot say it: those it left no
 * journal of, and those of nodes that are gone. Only the clock of storage counts. A node that
 * comes back takes back what was said about it; the session's own word, should it come, is the last.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_buf.h"
#include "base/base_log.h"
#include "base/base_map.h"
#include "base/base_time.h"
#include "janitor/janitor_state.h"
#include "record/record_journal.h"
#include "store_sql.h"

#define NODE_OTHERS_US	INT64_C(30000000)	/* in which every node that can reach storage has said that it lives */

static bool
node_flag(const PGresult *res, const char *column)
{
	return PQgetvalue(res, 0, PQfnumber(res, column))[0] == 't';
}

/* 0, or -1 and err; the result is not looked at. */
static int
node_do(struct janitor *j, const char *sql, int n, const char *const *params, struct error *err)
{
	PGresult	*res = janitor_query(j, sql, n, params, err);

	PQclear(res);
	return res != NULL ? 0 : -1;
}

int
node_seen(struct janitor *j, struct error *err)
{
	char		 host[256] = "";
	const char	*params[] = { j->rt->node_id, j->rt->boot_id, host, j->known ? "f" : "t" };
	PGresult	*res;
	bool		 ours, kept, back;

	gethostname(host, sizeof(host) - 1);
	j->seen_us = time_mono_us();
	res = janitor_query(j, SQL_JANITOR_SEEN, 4, params, err);
	if (res == NULL)
		return -1;
	ours = node_flag(res, "ours");
	kept = node_flag(res, "kept");
	back = node_flag(res, "back");
	PQclear(res);
	if (!ours && !j->doubled)
		log_error("another DBBat goes by the id of this node: its state_dir is a copy of ours, or ours of its; "
		    "stop one, remove the file node from its state_dir, and start it again");
	j->doubled = !ours;
	j->known = j->known || ours;
	/* storage was away, perhaps for all, or we were: what others say comes in now */
	if (!kept)
		j->others_at = time_mono_us() + NODE_OTHERS_US;
	return back ? node_do(j, SQL_JANITOR_REOPEN, 2, params, err) : 0;
}

void
node_pulse(struct janitor *j)
{
	struct error	err;

	if (time_mono_us() - j->seen_us > NODE_SEEN_US && node_seen(j, &err) != 0)
		log_debug("%s", err.msg);
}

/* The connections that have a journal here, as keys of a map. NULL and err. */
static struct map *
node_journals(const struct janitor *j, struct error *err)
{
	DIR		*dir = opendir(j->dir);
	struct map	*m;
	struct dirent	*e;
	size_t		 n;

	if (dir == NULL && errno != ENOENT) {
		error_set(err, "%s: %s", j->dir, strerror(errno));
		return NULL;
	}
	m = map_new();
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		n = strspn(e->d_name, "0123456789");
		if (n > 0 && e->d_name[n] == '-' && !janitor_ends(e->d_name, RECORD_JOURNAL_ASIDE))
			map_put(m, e->d_name, n, m);
	}
	if (dir != NULL)
		closedir(dir);
	return m;
}

/* A session that died between its row and its journal, or whose journal cannot be read. */
static int
node_end(struct janitor *j, const char *id, struct error *err)
{
	const char	*params[] = { id, "session process died" };

	if (node_do(j, SQL_JANITOR_STATEMENTS, 1, params, err) != 0 ||
	    node_do(j, SQL_KEEPER_END, 2, params, err) != 0)
		return -1;
	log_info("connection %s has no session and no journal: it is closed", id);
	return 0;
}

static int
node_close_own(struct janitor *j, struct error *err)
{
	const char	*params[] = { j->rt->node_id, j->rt->boot_id };
	PGresult	*res = janitor_query(j, SQL_JANITOR_OPEN, 2, params, err);
	struct map	*journals;
	int		 rc = 0;

	if (res == NULL)
		return -1;
	/* only now: a session that ends says so before its journal goes */
	journals = node_journals(j, err);
	if (journals == NULL)
		rc = -1;
	for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
		const char	*id = PQgetvalue(res, i, 0);

		if (map_get(journals, id, strlen(id)) == NULL)
			rc = node_end(j, id, err);
	}
	map_free(journals);
	PQclear(res);
	return rc;
}

static int
node_close_lost(struct janitor *j, struct error *err)
{
	const char	*params[] = { j->rt->node_id };
	PGresult	*res = janitor_query(j, SQL_JANITOR_LOST, 1, params, err);

	if (res == NULL)
		return -1;
	for (int i = 0; i < PQntuples(res); i++)
		log_warn("node %s (%s) was not seen for some minutes: its %s open connections are closed in the log",
		    PQgetvalue(res, i, 0), PQgetvalue(res, i, 1), PQgetvalue(res, i, 2));
	PQclear(res);
	return 0;
}

int
node_close(struct janitor *j, struct error *err)
{
	if (!j->known || j->doubled)
		return 0;
	if (node_close_own(j, err) != 0)
		return -1;
	return time_mono_us() < j->others_at ? 0 : node_close_lost(j, err);
}

int
node_forget(struct janitor *j, struct error *err)
{
	return node_do(j, SQL_JANITOR_FORGET, 0, NULL, err);
}
