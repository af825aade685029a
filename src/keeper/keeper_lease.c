/*
 * Leases from the counter row of a grant. One statement takes them under a row lock, so what all sessions
 * and nodes hold together never passes the quota. What each holds stands in a row of its own, which goes when it
 * is settled: then what was not used goes back, at most what was given, and never twice. A session that dies is
 * settled by the janitor, from its journal.
 */
#include "keeper/keeper_lease.h"

#include <string.h>

#include "base/base_log.h"
#include "keeper/keeper_notify.h"
#include "keeper/keeper_registry.h"
#include "store_sql.h"

/* What a lying session may ask for, so that no sum overflows. */
#define LEASE_QUERIES_MAX	((uint64_t)1 << 32)
#define LEASE_BYTES_MAX		((uint64_t)1 << 40)

static uint64_t
at_most(uint64_t n, uint64_t max)
{
	return n < max ? n : max;
}

static void
lease_answer(struct peer *p, uint64_t queries, uint64_t bytes, bool failed)
{
	struct buf	packet = { 0 };

	ipc_put_leased(&packet, &(struct ipc_leased){ .queries = queries, .bytes = bytes, .failed = failed });
	peer_send(p, &packet);
}

/* A lease that its session did not hear of. */
static void
lease_return(struct keeper *k, int64_t connection_id, uint64_t queries, uint64_t bytes)
{
	char		 id[24], q[24], b[24];
	const char	*params[] = { id, q, b };

	if (queries == 0 && bytes == 0)
		return;
	snprintf(id, sizeof(id), "%lld", (long long)connection_id);
	snprintf(q, sizeof(q), "%llu", (unsigned long long)queries);
	snprintf(b, sizeof(b), "%llu", (unsigned long long)bytes);
	/* should it fail: the settlement returns it too */
	storage_query(k->storage, SQL_LEASE_RETURN, NULL, NULL, 3, params);
}

static void
lease_taken(struct peer *p, PGresult *res)
{
	struct session	*s = p->session;
	uint64_t	 queries = 0, bytes = 0;
	const char	*state = "revoked";	/* no row: the grant is not there any more */

	if (res != NULL && PQntuples(res) > 0) {
		state = storage_text(res, 0, "state");
		queries = (uint64_t)storage_int(res, 0, "queries");
		bytes = (uint64_t)storage_int(res, 0, "bytes");
	}
	if (p->phase != PHASE_LEASING) {
		/* it left before it could hear of the lease */
		lease_return(p->keeper, s->connection_id, queries, bytes);
		return;
	}
	peer_set_phase(p, PHASE_SERVING);
	if (res != NULL && strcmp(state, "active") != 0)
		notify_terminate(s, state);
	lease_answer(p, queries, bytes, res == NULL);
}

int
lease_asked(struct peer *p, struct slice packet)
{
	struct session		*s = p->session;
	struct ipc_lease	 m;
	char			 id[24], q[24], b[24], connection[24];
	const char		*params[] = { id, q, b, connection };

	if (ipc_get_lease(packet, &m) != 0)
		return -1;
	if (s->terminated) {
		lease_answer(p, 0, 0, false);
		return 0;
	}
	snprintf(id, sizeof(id), "%lld", (long long)s->grant_id);
	snprintf(q, sizeof(q), "%llu", (unsigned long long)at_most(m.queries, LEASE_QUERIES_MAX));
	snprintf(b, sizeof(b), "%llu", (unsigned long long)at_most(m.bytes, LEASE_BYTES_MAX));
	snprintf(connection, sizeof(connection), "%lld", (long long)s->connection_id);
	if (peer_query(p, SQL_LEASE_TAKE, lease_taken, 4, params) != 0)
		lease_answer(p, 0, 0, true);
	else
		peer_set_phase(p, PHASE_LEASING);
	return 0;
}

int
lease_used(struct peer *p, struct slice packet)
{
	struct session	*s = p->session;
	struct ipc_used	 m;
	char		 id[24], q[24], b[24];
	const char	*params[] = { id, q, b };

	if (ipc_get_used(packet, &m) != 0)
		return -1;
	s->told = true;
	s->queries_used = at_most(m.queries, INT64_MAX);
	s->bytes_used = at_most(m.bytes, INT64_MAX);
	snprintf(id, sizeof(id), "%lld", (long long)s->connection_id);
	snprintf(q, sizeof(q), "%llu", (unsigned long long)s->queries_used);
	snprintf(b, sizeof(b), "%llu", (unsigned long long)s->bytes_used);
	/* should it fail: the API shows it the next time */
	storage_query(p->keeper->storage, SQL_LEASE_USED, NULL, NULL, 3, params);
	return 0;
}

static void
lease_settled(struct peer *p, PGresult *res)
{
	struct buf	packet = { 0 };

	if (p->phase == PHASE_GONE)
		return;
	if (res != NULL) {
		ipc_put_settled(&packet, &(struct ipc_settled){ });
		peer_send(p, &packet);
	} else
		log_warn("the leases of connection %lld could not be settled: its journal is kept for that",
		    (long long)p->session->connection_id);
	peer_drop(p, NULL);
}

/* A session of an older program says what it has left, and not what it has used. */
static int
lease_settle(struct peer *p, const struct ipc_bye *m)
{
	const struct session	*s = p->session;
	uint64_t		 counts[] = { (uint64_t)s->connection_id, s->queries_used, s->bytes_used,
				    at_most(m->queries, INT64_MAX), at_most(m->bytes, INT64_MAX) };
	char			 text[5][24];
	const char		*params[] = { text[0], s->told ? text[1] : NULL, s->told ? text[2] : NULL, text[3], text[4] };

	for (int i = 0; i < 5; i++)
		snprintf(text[i], sizeof(text[i]), "%llu", (unsigned long long)counts[i]);
	return peer_query(p, SQL_LEASE_SETTLE, lease_settled, 5, params);
}

int
lease_bye(struct peer *p, struct slice packet)
{
	struct session	*s = p->session;
	struct ipc_bye	 m;

	if (ipc_get_bye(packet, &m) != 0)
		return -1;
	registry_remove(p->keeper->registry, s);
	peer_set_phase(p, PHASE_SETTLING);
	if (!s->limited)
		peer_drop(p, NULL);
	else if (lease_settle(p, &m) != 0)
		lease_settled(p, NULL);
	return 0;
}
