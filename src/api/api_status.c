/*
 * What this node is doing: its sessions, and what they have recorded that storage has not got yet. From shared
 * memory; storage is asked for nothing but who the caller is.
 */
#include "api/api_internal.h"
#include "api/api_routes.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"

#define STATUS_WORST	20	/* sessions that are named */

struct status {
	uint64_t	shipped, records, bytes;
	int64_t		since_us;	/* 0: nothing waits */
	struct backlog_view worst[STATUS_WORST];	/* the oldest record first */
	int		nworst;
};

/* Keeps those whose records have waited longest. */
static void
status_rank(struct status *st, const struct backlog_view *l)
{
	int	at = st->nworst < STATUS_WORST ? st->nworst++ : STATUS_WORST;

	for (; at > 0 && st->worst[at - 1].since_us > l->since_us; at--)
		if (at < STATUS_WORST)
			st->worst[at] = st->worst[at - 1];
	if (at < STATUS_WORST)
		st->worst[at] = *l;
}

static void
status_add(struct status *st, const struct scoreboard *b, int slot)
{
	struct backlog_view	l;

	scoreboard_backlog(b, slot, &l);
	st->shipped += l.shipped;
	if (l.since_us == 0)
		return;
	st->records += l.records;
	st->bytes += l.bytes;
	if (st->since_us == 0 || l.since_us < st->since_us)
		st->since_us = l.since_us;
	status_rank(st, &l);
}

static void
status_put_age(cJSON *to, int64_t since_us)
{
	double	age = since_us == 0 ? 0 : (double)((time_mono_us() - since_us) / 1000) / 1000;

	cJSON_AddNumberToObject(to, "oldest_seconds", age > 0 ? age : 0);
}

static void
status_put_backlog(cJSON *to, const struct status *st)
{
	cJSON	*list = cJSON_AddArrayToObject(to, "sessions");

	for (int i = 0; i < st->nworst; i++) {
		const struct backlog_view	*l = &st->worst[i];
		cJSON				*one = cJSON_CreateObject();

		cJSON_AddNumberToObject(one, "connection_id", (double)l->connection_id);
		cJSON_AddNumberToObject(one, "records", (double)l->records);
		cJSON_AddNumberToObject(one, "bytes", (double)l->bytes);
		status_put_age(one, l->since_us);
		cJSON_AddItemToArray(list, one);
	}
}

int
api_status_get(struct api_request *r)
{
	const struct runtime		*rt = r->api->rt;
	const struct scoreboard		*b = rt->board;
	const struct backlog_totals	*totals = &b->shared->totals;
	struct status			 st = { .shipped = totals->shipped };
	cJSON				*status = cJSON_CreateObject(), *part;

	for (int i = 0; i < b->size; i++)
		status_add(&st, b, i);
	cJSON_AddStringToObject(status, "node_id", rt->node_id);
	part = cJSON_AddObjectToObject(status, "sessions");
	cJSON_AddNumberToObject(part, "busy", scoreboard_clients(b));
	cJSON_AddNumberToObject(part, "spare", scoreboard_count(b, SLOT_SPARE));
	cJSON_AddNumberToObject(part, "max", b->max_busy);
	part = cJSON_AddObjectToObject(status, "records");
	cJSON_AddNumberToObject(part, "shipped", (double)st.shipped);
	cJSON_AddNumberToObject(part, "waiting", (double)st.records);
	cJSON_AddNumberToObject(part, "waiting_bytes", (double)st.bytes);
	status_put_age(part, st.since_us);
	cJSON_AddNumberToObject(part, "orphaned_journals", (double)totals->orphans);
	cJSON_AddNumberToObject(part, "orphaned_bytes", (double)totals->orphan_bytes);
	status_put_backlog(part, &st);
	return api_reply(r, 200, status);
}
