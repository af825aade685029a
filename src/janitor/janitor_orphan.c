/*
 * Orphaned journals, from their lock to their end. One is removed only after storage has
 * committed everything; all that is done before can be done again.
 */
#include "janitor/janitor_orphan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "record/record.h"
#include "record/record_journal.h"
#include "record/record_ship.h"
#include "store_sql.h"

#define ORPHAN_TIME_US	INT64_C(60000000)	/* for one journal in one go: then others have their turn */
#define ORPHAN_BEGAN_US	"86400000000"		/* between two clocks, where only those of nodes were noted */

/* 1: it belongs to a connection of this storage; 0: it does not; -1 and err. */
static int
orphan_known(struct janitor *j, const struct record_adopted *a, struct error *err)
{
	const uint64_t	ids[4] = { a->owner.connection_id, a->owner.user_id, a->owner.database_id, a->owner.grant_id };
	bool		exact = a->owner.started_us != RECORD_TIME_UNKNOWN;
	char		text[4][24], began[24];
	const char	*params[] = { text[0], text[1], text[2], text[3], began, exact ? "0" : ORPHAN_BEGAN_US };
	PGresult	*res;
	int		 known;

	for (int i = 0; i < 4; i++)
		snprintf(text[i], sizeof(text[i]), "%" PRIu64, ids[i]);
	snprintf(began, sizeof(began), "%" PRId64, exact ? a->owner.started_us : a->opened_us);
	res = janitor_query(j, SQL_JANITOR_CONNECTION, 6, params, err);
	if (res == NULL)
		return -1;
	known = PQntuples(res) > 0;
	PQclear(res);
	return known;
}

/* With all that a person needs to put the connection's row back. */
static void
orphan_tell(const char *path, const struct record_adopted *a)
{
	char	began[TIME_ISO_SIZE];

	time_format_iso(a->owner.started_us != RECORD_TIME_UNKNOWN ? a->owner.started_us : a->opened_us, began);
	log_error("%s belongs to no connection of this storage database, and is kept as *" RECORD_JOURNAL_ASIDE
	    ": connection %" PRIu64 " of user %" PRIu64 ", database %" PRIu64 ", grant %" PRIu64 ", started at %s", path,
	    a->owner.connection_id, a->owner.user_id, a->owner.database_id, a->owner.grant_id, began);
}

/* Whether something of those that are there is not stored yet. */
static bool
orphans_wait(const struct orphan *orphans, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (orphans[i].adopted.journal != NULL && orphans[i].source.pending > 0)
			return true;
	return false;
}

/* Over the connection that is there; where it turns out to be broken, over a new one. */
static void
orphans_drain(struct janitor *j, struct orphan *orphans, size_t n)
{
	bool	used;

	do {
		struct record_shipper	*s = record_shipper_new(j->rt->dsn, "journals");

		used = j->line != NULL;
		record_shipper_take_up(s, j->line);
		for (size_t i = 0; i < n; i++)
			if (orphans[i].adopted.journal != NULL)
				record_shipper_add(s, &orphans[i].source);
		record_shipper_drain(s, time_mono_us() + ORPHAN_TIME_US);
		j->line = record_shipper_hand_out(s);
		record_shipper_free(s);
	} while (orphans_wait(orphans, n) && used && j->line == NULL);
	j->line_us = time_mono_us();
}

/* What the session could not say any more is said for it. */
static int
orphan_finish(struct janitor *j, uint64_t connection_id, struct error *err)
{
	char		 id[24];
	const char	*params[] = { id };
	PGresult	*res;

	snprintf(id, sizeof(id), "%" PRIu64, connection_id);
	res = janitor_query(j, SQL_JANITOR_STATEMENTS, 1, params, err);
	if (res == NULL)
		return -1;
	PQclear(res);
	res = janitor_query(j, SQL_JANITOR_END, 1, params, err);
	PQclear(res);
	return res != NULL ? 0 : -1;
}

/* What it had leased of its grant's quotas and not used goes back; a journal that does not know returns nothing. */
static int
orphan_settle(struct janitor *j, const struct record_adopted *a, struct error *err)
{
	const uint64_t	 numbers[] = { a->owner.connection_id, a->used_queries, a->used_bytes };
	char		 text[3][24];
	const char	*params[] = { text[0], a->counts ? text[1] : NULL, a->counts ? text[2] : NULL, "0", "0" };
	PGresult	*res;

	for (int i = 0; i < 3; i++)
		snprintf(text[i], sizeof(text[i]), "%" PRIu64, numbers[i]);
	res = janitor_query(j, SQL_LEASE_SETTLE, 5, params, err);
	PQclear(res);
	return res != NULL ? 0 : -1;
}

static enum janitor_orphan
orphan_close(struct orphan *o, enum record_journal_end how, enum janitor_orphan rc)
{
	record_journal_close(o->adopted.journal, how);
	o->adopted.journal = NULL;
	return rc;
}

/* Makes it ours, if it is to be shipped; else what else has become of it. */
static enum janitor_orphan
orphan_adopt(struct janitor *j, struct orphan *o)
{
	switch (record_journal_adopt(o->path, &o->adopted, &o->err)) {
	case RECORD_ADOPTED:
		break;
	case RECORD_ADOPT_BUSY:
		return JANITOR_LATER;
	case RECORD_ADOPT_FOREIGN:
		return JANITOR_UNREADABLE;
	case RECORD_ADOPT_DAMAGED:
		log_error("%s is damaged, and is kept as *" RECORD_JOURNAL_ASIDE ": %s", o->path, o->err.msg);
		return JANITOR_DONE;
	}
	if (store_ready(j->store, &o->err) != 0)
		return orphan_close(o, RECORD_JOURNAL_LEAVE, JANITOR_AWAY);
	switch (orphan_known(j, &o->adopted, &o->err)) {
	case 1:
		break;
	case 0:
		orphan_tell(o->path, &o->adopted);
		return orphan_close(o, RECORD_JOURNAL_SET_ASIDE, JANITOR_DONE);
	default:
		return orphan_close(o, RECORD_JOURNAL_LEAVE, JANITOR_FAILED);
	}
	o->source = (struct record_source){ .journal = o->adopted.journal, .ends = true };
	record_source_added(&o->source, o->adopted.events, 0);
	return JANITOR_DONE;
}

/* All that can be has been shipped. */
static enum janitor_orphan
orphan_end(struct janitor *j, struct orphan *o)
{
	const struct record_adopted	*a = &o->adopted;

	if (o->source.pending > 0) {
		error_set(&o->err, "the records in %s could not be shipped", o->path);
		return orphan_close(o, RECORD_JOURNAL_LEAVE, JANITOR_FAILED);
	}
	if ((!a->ended && orphan_finish(j, a->owner.connection_id, &o->err) != 0) ||
	    (a->limited && orphan_settle(j, a, &o->err) != 0))
		return orphan_close(o, RECORD_JOURNAL_LEAVE, JANITOR_FAILED);
	if (a->events > 0 && !a->ended)
		log_info("%" PRIu64 " records that session %" PRIu64 " had left behind are shipped", a->events,
		    a->owner.connection_id);
	if (a->lost > 0) {
		log_error("%s is damaged: %" PRIu64 " bytes of records behind those are lost; it is kept as *"
		    RECORD_JOURNAL_ASIDE, o->path, a->lost);
		return orphan_close(o, RECORD_JOURNAL_SET_ASIDE, JANITOR_DONE);
	}
	return orphan_close(o, RECORD_JOURNAL_REMOVE, JANITOR_DONE);
}

void
janitor_orphans_ship(struct janitor *j, struct orphan *orphans, size_t n)
{
	bool	away = false;

	for (size_t i = 0; i < n; i++) {
		struct orphan	*o = &orphans[i];

		o->adopted.journal = NULL;
		/* one attempt to connect is enough */
		o->rc = away ? JANITOR_LATER : orphan_adopt(j, o);
		away |= o->rc == JANITOR_AWAY;
	}
	if (orphans_wait(orphans, n))
		orphans_drain(j, orphans, n);
	for (size_t i = 0; i < n; i++)
		if (orphans[i].adopted.journal != NULL) {
			j->rt->board->shared->totals.shipped += orphans[i].source.stored;
			orphans[i].rc = orphan_end(j, &orphans[i]);
		}
}
