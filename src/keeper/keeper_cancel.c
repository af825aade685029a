/*
 * Cancel requests find their session by its key, here or, by a notification, at another node. Anybody can send
 * them, so there is no answer, a wrong key costs one look-up and at most CANCEL_PER_SECOND times a second a notification,
 * and no more than one CANCEL waits for a session. The secret of a key leaves this process as its MAC only.
 */
#include "keeper/keeper_cancel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_text.h"
#include "base/base_time.h"
#include "keeper/keeper_registry.h"
#include "keeper/keeper_storage.h"
#include "store_sql.h"

#define CANCEL_PER_SECOND	20
#define CANCEL_SOURCE_SIZE	80

/* "PID MAC", as a notification names a key. */
struct cancel_name {
	char	text[12 + 2 * CRYPTO_HASH_SIZE + 1];
};

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
cancel_deliver(struct keeper *k, struct session *s, const char *source)
{
	char		 id[24];
	const char	*params[] = { id, source };
	struct buf	 out = { 0 };

	if (peer_waits(s->peer, IPC_CANCEL))
		return;
	snprintf(id, sizeof(id), "%" PRId64, s->connection_id);
	if (storage_query(k->storage, SQL_KEEPER_CANCEL, cancel_audited, NULL, 2, params) != 0)
		cancel_audited(NULL, NULL);
	ipc_put_cancel(&out, &(struct ipc_cancel){ });
	peer_send(s->peer, &out);
}

static void
cancel_name(const struct keeper *k, uint32_t pid, const void *secret, size_t n, struct cancel_name *name)
{
	unsigned char	mac[CRYPTO_HASH_SIZE];
	int		at = snprintf(name->text, sizeof(name->text), "%" PRIu32 " ", pid);

	crypto_hmac(k->keys->cancel, sizeof(k->keys->cancel), secret, n, mac);
	text_hex(mac, sizeof(mac), name->text + at);
}

void
cancel_heard(struct keeper *k, const char *payload)
{
	struct cancel_name	 name;
	uint32_t		 pid;
	int			 at;

	if (sscanf(payload, "%" SCNu32 " %n", &pid, &at) != 1 || pid == 0)
		return;
	for (struct session *s = registry_first(k->registry); s != NULL; s = LIST_NEXT(s, link)) {
		if (s->backend_pid != pid)
			continue;
		cancel_name(k, pid, s->cancel_secret, sizeof(s->cancel_secret), &name);
		if (strncmp(payload, name.text, strlen(name.text)) == 0 && payload[strlen(name.text)] == ' ') {
			cancel_deliver(k, s, payload + strlen(name.text) + 1);
			return;
		}
	}
}

static bool
cancel_may_notify(struct keeper *k)
{
	int64_t	now = time_mono_us();

	if (now - k->cancels_since >= 1000000) {
		k->cancels_since = now;
		k->cancels = 0;
	}
	return k->cancels++ < CANCEL_PER_SECOND;
}

/* The others were asked; whoever sent the request may go on. */
static void
cancel_notified(struct peer *p, PGresult *res)
{
	(void)res;
	peer_drop(p, NULL);
}

int
cancel_asked(struct peer *p, struct slice packet)
{
	struct keeper		*k = p->keeper;
	struct ipc_cancel_key	 m;
	struct session		*s;
	struct cancel_name	 name;
	char			 source[CANCEL_SOURCE_SIZE], payload[256];
	const char		*params[] = { payload };

	if (ipc_get_cancel_key(packet, &m) != 0)
		return -1;
	snprintf(source, sizeof(source), "%s:%u", m.client_host, m.client_port);
	s = registry_by_key(k->registry, m.pid, m.secret);
	if (s != NULL) {
		cancel_deliver(k, s, source);
		peer_drop(p, NULL);
		return 0;
	}
	cancel_name(k, m.pid, m.secret.p, m.secret.n, &name);
	snprintf(payload, sizeof(payload), "cancel %s %s", name.text, source);
	peer_set_phase(p, PHASE_NOTIFYING);
	if (m.pid == 0 || m.secret.n != REGISTRY_SECRET_SIZE || !cancel_may_notify(k) ||
	    peer_query(p, SQL_STORE_NOTIFY, cancel_notified, 1, params) != 0)
		peer_drop(p, NULL);
	return 0;
}
