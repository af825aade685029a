/*
 * Cancel requests find their session by its key. Anybody can send them, so there is no answer, a
 * wrong key costs one look-up, and no more than one CANCEL waits for a session.
 */
#include "keeper/keeper_cancel.h"

#include <stdio.h>

#include "base/base_log.h"
#include "keeper/keeper_registry.h"
#include "keeper/keeper_storage.h"
#include "store_sql.h"

int
cancel_started(struct peer *p, struct slice packet)
{
	struct ipc_started	m;

	/* once: a session cannot move to the key of another */
	if (ipc_get_started(packet, &m) != 0 || p->session->backend_pid != 0)
		return -1;
	p->session->backend_pid = m.backend_pid;
	return 0;
}

static void
cancel_audited(PGresult *res, void *arg)
{
	(void)arg;
	if (res == NULL)
		log_error("an audit event of a cancel request could not be recorded");
}

static void
cancel_audit(struct keeper *k, const struct session *s, const struct ipc_cancel_key *m)
{
	char		 id[24], source[80];
	const char	*params[] = { id, source };

	snprintf(id, sizeof(id), "%lld", (long long)s->connection_id);
	snprintf(source, sizeof(source), "%s:%u", m->client_host, m->client_port);
	if (storage_query(k->storage, SQL_KEEPER_CANCEL, cancel_audited, NULL, 2, params) != 0)
		cancel_audited(NULL, NULL);
}

int
cancel_asked(struct peer *p, struct slice packet)
{
	struct ipc_cancel_key	 m;
	struct session		*s;
	struct buf		 out = { 0 };

	if (ipc_get_cancel_key(packet, &m) != 0)
		return -1;
	s = registry_by_key(p->keeper->registry, m.pid, m.secret);
	if (s != NULL && !peer_waits(s->peer, IPC_CANCEL)) {
		cancel_audit(p->keeper, s, &m);
		ipc_put_cancel(&out, &(struct ipc_cancel){ });
		peer_send(s->peer, &out);
	}
	peer_drop(p, NULL);
	return 0;
}
