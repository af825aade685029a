/*
 * An orphaned journal, from its lock to its end. It is removed only after storage has
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

/* Over the connection that is there; where it turns out to be broken, over a new one. */
static int
orphan_shipped(struct janitor *j, const struct record_adopted *a)
{
	struct record_source	src = { .journal = a->journal, .ends = true };
	bool			done, used;

	record_source_added(&src, a->events, 0);
	do {
		struct record_shipper	*s = record_shipper_new(j->rt->dsn, "journals");

		used = j->line != NULL;
		record_shipper_take_up(s, j->line);
		record_shipper_add(s, &src);
		done = record_shipper_drain(s, time_mono_us() + ORPHAN_TIME_US);
		j->line = record_shipper_hand_out(s);
		record_shipper_free(s);
	} while (!done && used);
	j->rt->board->shared->totals.shipped += src.stored;
	j->line_us = time_mono_us();
	return done ? 0 : -1;
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
orphan_close(struct record_journal *j, enum record_journal_end how, enum janitor_orphan rc)
{
	record_journal_close(j, how);
	return rc;
}

enum janitor_orphan
janitor_orphan_ship(struct janitor *j, const char *path, struct error *err)
{
	struct record_adopted	a;

	switch (record_journal_adopt(path, &a, err)) {
	case RECORD_ADOPTED:
		break;
	case RECORD_ADOPT_BUSY:
		return JANITOR_LATER;
	case RECORD_ADOPT_FOREIGN:
		return JANITOR_UNREADABLE;
	case RECORD_ADOPT_DAMAGED:
		log_error("%s is damaged, and is kept as *" RECORD_JOURNAL_ASIDE ": %s", path, err->msg);
		return JANITOR_DONE;
	}
	if (store_ready(j->store, err) != 0)
		return orphan_close(a.journal, RECORD_JOURNAL_LEAVE, JANITOR_AWAY);
	switch (orphan_known(j, &a, err)) {
	case 1:
		break;
	case 0:
		orphan_tell(path, &a);
		return orphan_close(a.journal, RECORD_JOURNAL_SET_ASIDE, JANITOR_DONE);
	default:
		return orphan_close(a.journal, RECORD_JOURNAL_LEAVE, JANITOR_FAILED);
	}
	if (orphan_shipped(j, &a) != 0) {
		error_set(err, "the records in %s could not be shipped", path);
		return orphan_close(a.journal, RECORD_JOURNAL_LEAVE, JANITOR_FAILED);
	}
	if ((!a.ended && orphan_finish(j, a.owner.connection_id, err) != 0) ||
	    (a.limited && orphan_settle(j, &a, err) != 0))
		return orphan_close(a.journal, RECORD_JOURNAL_LEAVE, JANITOR_FAILED);
	if (a.events > 0 && !a.ended)
		log_info("%" PRIu64 " records that session %" PRIu64 " had left behind are shipped", a.events,
		    a.owner.connection_id);
	if (a.lost > 0) {
		log_error("%s is damaged: %" PRIu64 " bytes of records behind those are lost; it is kept as *"
		    RECORD_JOURNAL_ASIDE, path, a.lost);
		return orphan_close(a.journal, RECORD_JOURNAL_SET_ASIDE, JANITOR_DONE);
	}
	return orphan_close(a.journal, RECORD_JOURNAL_REMOVE, JANITOR_DONE);
}
