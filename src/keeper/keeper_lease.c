/*
 * Leases from the counter row of a grant. One statement takes them under a row lock, so what all sessions
 * and nodes hold together never passes the quota. What a session says it did not use goes back, at
 * most what it was given; a session that dies returns nothing.
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

static void
lease_return(struct keeper *k, int64_t grant_id, uint64_t queries, uint64_t bytes)
{
	char		 id[24], q[24], b[24];
	const char	*params[] = { id, q, b };

	if (queries == 0 && bytes == 0)
		return;
	snprintf(id, sizeof(id), "%lld", (long long)grant_id);
	snprintf(q, sizeof(q), "%llu", (unsigned long long)queries);
	snprintf(b, sizeof(b), "%llu", (unsigned long long)bytes);
	if (storage_query(k->storage, SQL_LEASE_RETURN, NULL, NULL, 3, params) != 0)
		log_warn("%s statements and %s bytes of grant %s cannot be returned: storage is away", q, b, id);
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
		lease_return(p->keeper, s->grant_id, queries, bytes);
		return;
	}
	s->queries += queries;
	s->bytes += bytes;
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
	char			 id[24], q[24], b[24];
	const char		*params[] = { id, q, b };

	if (ipc_get_lease(packet, &m) != 0)
		return -1;
	if (s->terminated) {
		lease_answer(p, 0, 0, false);
		return 0;
	}
	snprintf(id, sizeof(id), "%lld", (long long)s->grant_id);
	snprintf(q, sizeof(q), "%llu", (unsigned long long)at_most(m.queries, LEASE_QUERIES_MAX));
	snprintf(b, sizeof(b), "%llu", (unsigned long long)at_most(m.bytes, LEASE_BYTES_MAX));
	if (peer_query(p, SQL_LEASE_TAKE, lease_taken, 3, params) != 0)
		lease_answer(p, 0, 0, true);
	else
		peer_set_phase(p, PHASE_LEASING);
	return 0;
}

int
lease_bye(struct peer *p, struct slice packet)
{
	struct session	*s = p->session;
	struct ipc_bye	 m;

	if (ipc_get_bye(packet, &m) != 0)
		return -1;
	lease_return(p->keeper, s->grant_id, at_most(m.queries, s->queries), at_most(m.bytes, s->bytes));
	registry_remove(p->keeper->registry, s);
	peer_drop(p, NULL);
	return 0;
}
