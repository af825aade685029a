/*
 * Sessions that an earlier keeper has let in. What they were granted stands in a ticket that only keepers
 * can read and make, so a session can neither become another nor hide that its user or
 * database has changed meanwhile. Whether it may go on is asked of storage (keeper_notify.c) before it is answered.
 */
#include "keeper/keeper_register.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"
#include "base/base_reader.h"
#include "crypto/crypto_labels.h"
#include "crypto/crypto_seal.h"
#include "keeper/keeper_notify.h"
#include "keeper/keeper_registry.h"

void
register_ticket(const struct keeper *k, const struct session *s, struct buf *out)
{
	char		identity[CRYPTO_IDENTITY_SIZE];
	struct buf	b = { 0 };

	buf_put_u64(&b, (uint64_t)s->user_id);
	buf_put_u64(&b, (uint64_t)s->database_id);
	buf_put_u64(&b, (uint64_t)s->grant_id);
	buf_put_cstr(&b, s->database);
	buf_put_cstr(&b, s->user_mark);
	buf_put_cstr(&b, s->database_mark);
	buf_put(&b, s->cancel_secret, sizeof(s->cancel_secret));
	crypto_identity(identity, "session", s->connection_id, "ticket");
	crypto_seal(k->keys->ticket, identity, b.data, b.len, out);
	buf_wipe(&b);
}

/* The session of this ticket, or NULL. */
static struct session *
ticket_read(const struct keeper *k, const struct ipc_register *m)
{
	struct session	*s = NULL;
	struct reader	 r;
	struct slice	 secret;
	char		 identity[CRYPTO_IDENTITY_SIZE], *text;
	size_t		 n;

	crypto_identity(identity, "session", (int64_t)m->connection_id, "ticket");
	text = crypto_open(k->keys->ticket, identity, m->ticket.p, m->ticket.n, &n);
	if (text == NULL)
		return NULL;
	r = reader_init(text, n);
	s = xcalloc(1, sizeof(*s));
	s->connection_id = (int64_t)m->connection_id;
	s->backend_pid = m->backend_pid;
	s->limited = true;	/* or not: storage knows */
	s->user_id = (int64_t)reader_u64(&r);
	s->database_id = (int64_t)reader_u64(&r);
	s->grant_id = (int64_t)reader_u64(&r);
	snprintf(s->database, sizeof(s->database), "%s", reader_cstr(&r));
	snprintf(s->user_mark, sizeof(s->user_mark), "%s", reader_cstr(&r));
	snprintf(s->database_mark, sizeof(s->database_mark), "%s", reader_cstr(&r));
	secret = reader_bytes(&r, sizeof(s->cancel_secret));
	memcpy(s->cancel_secret, secret.p, secret.n);
	if (!reader_done(&r)) {
		free(s);
		s = NULL;
	}
	secret_free_n(text, n);
	return s;
}

int
register_asked(struct peer *p, struct slice packet)
{
	struct keeper		*k = p->keeper;
	struct ipc_register	 m;
	struct session		*s;

	if (ipc_get_register(packet, &m) != 0 ||
	    registry_by_connection(k->registry, (int64_t)m.connection_id) != NULL ||
	    (s = ticket_read(k, &m)) == NULL)
		return -1;
	s->peer = p;
	s->unanswered = true;
	p->session = s;
	k->sessions++;
	registry_add(k->registry, s);
	peer_set_phase(p, PHASE_REGISTERING);
	notify_check(s);
	return 0;
}

void
register_answer(struct session *s)
{
	struct buf	packet = { 0 };

	if (!s->unanswered || s->terminated)
		return;
	s->unanswered = false;
	peer_set_phase(s->peer, PHASE_SERVING);
	ipc_put_registered(&packet, &(struct ipc_registered){ });
	peer_send(s->peer, &packet);
}
