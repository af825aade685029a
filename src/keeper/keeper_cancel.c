/*
 * Cancel requests find their session by its key. Anybody can send them, so there is no answer, a
 * wrong key costs one look-up, and no more than one CANCEL waits for a session.
 */
#include "keeper/keeper_cancel.h"

#include "keeper/keeper_registry.h"

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
		ipc_put_cancel(&out, &(struct ipc_cancel){ });
		peer_send(s->peer, &out);
	}
	peer_drop(p, NULL);
	return 0;
}
