/*
 * Peers: the table of what each may say when, and the sending of answers. A session is assumed
 * to be in an attacker's hands: a message that its phase does not permit, one that is
 * malformed, and a queue that is not read end the connection. Says nothing to
 * processes of other users.
 */
#include "keeper/keeper_peer.h"

#include <sys/socket.h>

#include <event2/event.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "keeper/keeper_cancel.h"
#include "keeper/keeper_lease.h"
#include "keeper/keeper_login.h"
#include "keeper/keeper_register.h"
#include "keeper/keeper_registry.h"
#include "keeper/keeper_seal.h"
#include "keeper/keeper_target.h"
#include "store_sql.h"

/* Beyond the session's own login_timeout, which is to end a slow login first. */
#define PEER_LOGIN_GRACE	60	/* s */
#define PEER_LEAVE_GRACE	10	/* s: a session that was sent on hangs up within that */

/* 0, or -1 for a malformed message. */
typedef int	peer_handler(struct peer *p, struct slice packet);

static int
peer_ignore(struct peer *p, struct slice packet)
{
	(void)p, (void)packet;
	return 0;
}

static peer_handler *const permitted[PHASES][IPC_TYPES] = {
	[PHASE_START] = {
		[IPC_LOGIN] = login_asked,
		[IPC_REGISTER] = register_asked,
		[IPC_CANCEL_KEY] = cancel_asked,
		[IPC_HELLO] = seal_hello,
	},
	[PHASE_CHALLENGED] = { [IPC_PROOF] = login_proved },
	[PHASE_SERVING] = {
		[IPC_STARTED] = cancel_started,
		[IPC_LEASE] = lease_asked,
		[IPC_USED] = lease_used,
		[IPC_BYE] = lease_bye,
	},
	[PHASE_LEASING] = { [IPC_USED] = lease_used, [IPC_BYE] = lease_bye },
	[PHASE_REGISTERING] = { [IPC_USED] = lease_used, [IPC_BYE] = lease_bye },
	[PHASE_LEAVING] = {
		/* it had not seen yet that it was sent on, and says these to the next keeper */
		[IPC_STARTED] = peer_ignore,
		[IPC_LEASE] = peer_ignore,
		[IPC_USED] = lease_used,
		[IPC_BYE] = lease_bye,
	},
	[PHASE_API] = { [IPC_SEAL] = seal_asked, [IPC_CHECK] = target_asked, [IPC_CAPTURE] = seal_capture },
};

static const char *const phase_names[PHASES] = {
	"start", "lookup", "challenged", "granting", "serving", "leasing", "registering",
	"settling", "leaving", "notifying", "api", "checking", "doomed", "gone",
};

#define TO(phase)	(1u << (phase))
static const unsigned followed_by[PHASES] = {
	[PHASE_START] = TO(PHASE_LOOKUP) | TO(PHASE_REGISTERING) | TO(PHASE_NOTIFYING) | TO(PHASE_API) | TO(PHASE_DOOMED) | TO(PHASE_GONE),
	[PHASE_LOOKUP] = TO(PHASE_CHALLENGED) | TO(PHASE_DOOMED) | TO(PHASE_GONE),
	[PHASE_CHALLENGED] = TO(PHASE_GRANTING) | TO(PHASE_DOOMED) | TO(PHASE_GONE),
	[PHASE_GRANTING] = TO(PHASE_SERVING) | TO(PHASE_DOOMED) | TO(PHASE_GONE),
	[PHASE_SERVING] = TO(PHASE_LEASING) | TO(PHASE_SETTLING) | TO(PHASE_LEAVING) | TO(PHASE_GONE),
	[PHASE_LEASING] = TO(PHASE_SERVING) | TO(PHASE_SETTLING) | TO(PHASE_GONE),
	[PHASE_REGISTERING] = TO(PHASE_SERVING) | TO(PHASE_SETTLING) | TO(PHASE_LEAVING) | TO(PHASE_GONE),
	[PHASE_SETTLING] = TO(PHASE_GONE),
	[PHASE_LEAVING] = TO(PHASE_SETTLING) | TO(PHASE_GONE),
	[PHASE_NOTIFYING] = TO(PHASE_GONE),
	[PHASE_API] = TO(PHASE_CHECKING) | TO(PHASE_GONE),
	[PHASE_CHECKING] = TO(PHASE_API) | TO(PHASE_GONE),
	[PHASE_DOOMED] = TO(PHASE_GONE),
};

void
peer_set_phase(struct peer *p, enum phase to)
{
	if (!(followed_by[p->phase] & TO(to)))
		log_fatal(EX_SOFTWARE, "a peer went from phase %s to %s", phase_names[p->phase], phase_names[to]);
	p->phase = to;
	if (to == PHASE_SERVING || to == PHASE_API)
		event_del(p->deadline);
}

static void
peer_release(struct peer *p)
{
	if (--p->refs > 0)
		return;
	event_free(p->readable);
	event_free(p->writable);
	event_free(p->deadline);
	login_free(p->login);
	free(p->session);
	free(p);
}

/* A session that was let in and hung up without a word could not write its end either. */
static void
peer_died(struct peer *p)
{
	char		 id[24];
	const char	*params[] = { id, "session process died" };

	snprintf(id, sizeof(id), "%lld", (long long)p->session->connection_id);
	if (storage_query(p->keeper->storage, SQL_KEEPER_END, NULL, NULL, 2, params) != 0)
		log_warn("the end of connection %s cannot be recorded: storage is away", id);
}

void
peer_drop(struct peer *p, const char *why)
{
	struct keeper	*k = p->keeper;

	if (p->phase == PHASE_GONE)
		return;
	if (why != NULL)
		log_warn("a %s is dropped: %s", p->phase == PHASE_API ? "peer of the API" : "session", why);
	if (p->session != NULL && p->session->registered) {
		registry_remove(k->registry, p->session);
		peer_died(p);
	}
	if (p->login != NULL || p->session != NULL)
		k->sessions--;
	peer_set_phase(p, PHASE_GONE);
	event_del(p->readable);
	event_del(p->writable);
	event_del(p->deadline);
	close(p->fd);
	for (unsigned i = 0; i < p->queued; i++)
		buf_wipe(&p->queue[i]);
	p->queued = 0;
	LIST_REMOVE(p, link);
	peer_release(p);
	keeper_drained(k);
}

/* The session hears that this keeper has no more to say, and looks for another; it can still say BYE. */
static void
peer_leave(struct peer *p)
{
	struct timeval	grace = { PEER_LEAVE_GRACE, 0 };

	registry_remove(p->keeper->registry, p->session);
	peer_set_phase(p, PHASE_LEAVING);
	event_add(p->deadline, &grace);
	shutdown(p->fd, SHUT_WR);
}

void
peer_retire_all(struct keeper *k)
{
	struct peer	*p, *next;

	for (p = LIST_FIRST(&k->peers); p != NULL; p = next) {
		next = LIST_NEXT(p, link);
		if (p->phase == PHASE_API)
			peer_drop(p, NULL);
		else if ((p->phase == PHASE_SERVING || p->phase == PHASE_REGISTERING) && p->queued == 0)
			peer_leave(p);
	}
}

/* What follows when everything is sent. */
static void
peer_sent(struct peer *p)
{
	if (p->phase == PHASE_DOOMED)
		peer_drop(p, NULL);
	else if (p->phase == PHASE_SERVING && p->keeper->retiring)
		peer_leave(p);
	else if (p->phase == PHASE_API && p->keeper->retiring)
		peer_drop(p, NULL);
}

void
peer_send(struct peer *p, struct buf *packet)
{
	if (p->phase == PHASE_GONE || p->phase == PHASE_LEAVING)
		goto out;
	if (p->queued == 0) {
		if (ipc_send(p->fd, packet) == 0) {
			peer_sent(p);
			goto out;
		}
		if (errno != EAGAIN) {
			peer_drop(p, errno == EPIPE || errno == ECONNRESET ? NULL : strerror(errno));
			goto out;
		}
		event_add(p->writable, NULL);
	}
	if (p->queued == PEER_QUEUE_MAX) {
		peer_drop(p, "it does not read");
		goto out;
	}
	p->queue[p->queued++] = *packet;
	*packet = (struct buf){ 0 };
	return;
out:
	buf_wipe(packet);
}

bool
peer_waits(const struct peer *p, enum ipc_type type)
{
	for (unsigned i = 0; i < p->queued; i++)
		if (ipc_type((struct slice){ p->queue[i].data, p->queue[i].len }) == type)
			return true;
	return false;
}

static void
peer_writable(evutil_socket_t fd, short what, void *arg)
{
	struct peer	*p = arg;

	(void)what;
	while (p->queued > 0) {
		if (ipc_send(fd, &p->queue[0]) != 0) {
			if (errno == EAGAIN)
				event_add(p->writable, NULL);
			else
				peer_drop(p, NULL);
			return;
		}
		buf_wipe(&p->queue[0]);
		memmove(p->queue, p->queue + 1, --p->queued * sizeof(p->queue[0]));
	}
	peer_sent(p);
}

void
peer_refuse(struct peer *p, const char *sqlstate, const char *hint, const char *fmt, ...)
{
	struct buf	 packet = { 0 };
	char		 message[512];
	va_list		 ap;

	if (p->phase == PHASE_GONE)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	peer_set_phase(p, PHASE_DOOMED);
	ipc_put_refuse(&packet, &(struct ipc_refuse){ .sqlstate = sqlstate, .message = message, .hint = hint });
	peer_send(p, &packet);
}

static void
peer_dispatch(struct peer *p, struct slice packet)
{
	enum ipc_type	 type = ipc_type(packet);
	peer_handler	*handler = permitted[p->phase][type];
	struct error	 err;

	if (handler == NULL)
		error_set(&err, "it sent %s in phase %s", ipc_type_name(type), phase_names[p->phase]);
	else if (handler(p, packet) != 0)
		error_set(&err, "its %s is malformed", ipc_type_name(type));
	else
		return;
	peer_drop(p, err.msg);
}

static void
peer_readable(evutil_socket_t fd, short what, void *arg)
{
	struct peer	*p = arg;
	struct buf	*packet = &p->keeper->packet;
	int		 got = ipc_recv(fd, packet, 0);

	(void)what;
	p->refs++;
	if (got > 0)
		peer_dispatch(p, (struct slice){ packet->data, packet->len });
	else if (got < 0)
		peer_drop(p, NULL);
	/* it may have been a secret to be sealed */
	explicit_bzero(packet->data, packet->len);
	peer_release(p);
}

static void
peer_late(evutil_socket_t fd, short what, void *arg)
{
	struct peer	*p = arg;

	(void)fd, (void)what;
	peer_drop(p, p->phase == PHASE_LEAVING ? NULL : "its login takes too long");
}

void
peer_new(struct keeper *k, int fd)
{
	struct timeval	 login = { k->rt->conf->login_timeout / 1000 + PEER_LOGIN_GRACE, 0 };
	struct peer	*p;

	if (!ipc_peer_is_us(fd)) {
		log_warn("a connection from another user is refused");
		close(fd);
		return;
	}
	p = xcalloc(1, sizeof(*p));
	p->keeper = k;
	p->fd = fd;
	p->refs = 1;
	p->readable = event_new(k->base, fd, EV_READ | EV_PERSIST, peer_readable, p);
	p->writable = event_new(k->base, fd, EV_WRITE, peer_writable, p);
	p->deadline = event_new(k->base, -1, 0, peer_late, p);
	if (p->readable == NULL || p->writable == NULL || p->deadline == NULL)
		log_fatal(EX_OSERR, "out of memory");
	event_add(p->readable, NULL);
	event_add(p->deadline, &login);
	LIST_INSERT_HEAD(&k->peers, p, link);
}

struct asked {
	struct peer	*peer;
	peer_done	*done;
};

static void
peer_answered(PGresult *res, void *arg)
{
	struct asked	*a = arg;

	a->done(a->peer, res);
	peer_release(a->peer);
	free(a);
}

int
peer_query(struct peer *p, const char *sql, peer_done *done, int nparams, const char *const *params)
{
	struct asked	*a = xmalloc(sizeof(*a));

	*a = (struct asked){ p, done };
	if (storage_query(p->keeper->storage, sql, peer_answered, a, nparams, params) != 0) {
		free(a);
		return -1;
	}
	p->refs++;
	return 0;
}
