/*
 * The keeper's life: keys, the loop, signals. SIGTERM: no new logins, the end comes with the
 * last session. SIGUSR1: another keeper is there; logins that have begun are finished, sessions are sent
 * on to it, and then comes the end. SIGINT and SIGQUIT: the end. Nothing in the loop waits. It runs no code on bytes a client has
 * sent but comparing and hashing, and lets nobody in while storage cannot record it.
 */
#include "keeper/keeper.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_title.h"
#include "crypto/crypto_labels.h"
#include "ipc/ipc.h"
#include "keeper/keeper_login.h"
#include "keeper/keeper_notify.h"
#include "keeper/keeper_peer.h"
#include "keeper/keeper_registry.h"
#include "keeper/keeper_state.h"
#include "keeper/keeper_storage.h"

#define KEEPER_ACCEPT_BATCH	64
#define KEEPER_ACCEPT_PAUSE	100000	/* us, when there are no descriptors left */

/* Derives the subkeys onto a page that is not swapped and not dumped; the master key is gone after it. */
static struct keys *
keys_derive(unsigned char master[CRYPTO_KEY_SIZE])
{
	long		 page = sysconf(_SC_PAGESIZE);
	struct keys	*keys = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (keys == MAP_FAILED)
		log_fatal(EX_OSERR, "mmap: %m");
	if (mlock(keys, (size_t)page) != 0)
		log_debug("the keys' page is not locked: %m");
	madvise(keys, (size_t)page, MADV_DONTDUMP);
	crypto_subkey(master, CRYPTO_LABEL_SEAL, keys->seal);
	crypto_subkey(master, CRYPTO_LABEL_MOCK, keys->mock);
	crypto_subkey(master, CRYPTO_LABEL_TICKET, keys->ticket);
	crypto_subkey(master, CRYPTO_LABEL_CAPTURE, keys->capture);
	crypto_subkey(master, CRYPTO_LABEL_CANCEL, keys->cancel);
	explicit_bzero(master, CRYPTO_KEY_SIZE);
	return keys;
}

static void
keeper_accept(evutil_socket_t fd, short what, void *arg)
{
	struct keeper	*k = arg;
	struct timeval	 pause = { 0, KEEPER_ACCEPT_PAUSE };
	int		 peer;

	(void)what;
	for (int i = 0; i < KEEPER_ACCEPT_BATCH; i++) {
		peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer >= 0) {
			peer_new(k, peer);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* no descriptors: the socket stays readable, so it is not looked at for a moment */
		log_error("accept: %m");
		event_del(k->listener);
		event_add(k->resume, &pause);
		return;
	}
}

static void
keeper_resume(evutil_socket_t fd, short what, void *arg)
{
	struct keeper	*k = arg;

	(void)fd, (void)what;
	event_add(k->listener, NULL);
}

void
keeper_drained(struct keeper *k)
{
	bool	done = (k->draining && k->sessions == 0) || (k->retiring && LIST_EMPTY(&k->peers));

	if (done && storage_pending(k->storage) == 0)
		event_base_loopbreak(k->base);
}

static void
keeper_retire(evutil_socket_t sig, short what, void *arg)
{
	struct keeper	*k = arg;

	(void)sig, (void)what;
	event_del(k->listener);
	event_del(k->resume);
	k->retiring = true;
	peer_retire_all(k);
	keeper_drained(k);
}

static void
keeper_terminate(evutil_socket_t sig, short what, void *arg)
{
	struct keeper	*k = arg;

	(void)sig, (void)what;
	k->draining = true;
	keeper_drained(k);
}

static void
keeper_quit(evutil_socket_t sig, short what, void *arg)
{
	struct keeper	*k = arg;

	(void)sig, (void)what;
	event_base_loopbreak(k->base);
}

static void
keeper_connected(void *arg)
{
	notify_check_all(arg);
}

static void
keeper_notified(const char *payload, void *arg)
{
	notify_heard(arg, payload);
}

static void
keeper_idle(void *arg)
{
	keeper_drained(arg);
}

/* Each session is a descriptor here. */
static void
keeper_raise_limit(void)
{
	struct rlimit	limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static struct event *
keeper_event(struct keeper *k, int fd, short what, event_callback_fn fn)
{
	struct event	*ev = event_new(k->base, fd, what, fn, k);

	if (ev == NULL)
		log_fatal(EX_OSERR, "out of memory");
	return ev;
}

_Noreturn void
keeper_main(struct runtime *rt)
{
	struct keeper		 k = { .rt = rt };
	struct storage_hooks	 hooks = { keeper_connected, keeper_notified, keeper_idle, &k };
	struct event		*signals[4];

	title_set("keeper");
	log_prefix("keeper: ");
	keeper_raise_limit();
	/* checks of targets run in processes nobody waits for */
	signal(SIGCHLD, SIG_IGN);
	LIST_INIT(&k.peers);
	LIST_INIT(&k.checks);
	k.keys = keys_derive(rt->key);
	k.base = event_base_new();
	if (k.base == NULL)
		log_fatal(EX_OSERR, "event_base_new failed");
	k.registry = registry_new();
	login_init(&k);
	notify_init(&k);
	k.storage = storage_new(k.base, rt->dsn, &hooks);

	k.listener = keeper_event(&k, rt->keeper_fd, EV_READ | EV_PERSIST, keeper_accept);
	k.resume = keeper_event(&k, -1, 0, keeper_resume);
	event_add(k.listener, NULL);
	signals[0] = keeper_event(&k, SIGTERM, EV_SIGNAL | EV_PERSIST, keeper_terminate);
	signals[1] = keeper_event(&k, SIGINT, EV_SIGNAL | EV_PERSIST, keeper_quit);
	signals[2] = keeper_event(&k, SIGQUIT, EV_SIGNAL | EV_PERSIST, keeper_quit);
	signals[3] = keeper_event(&k, SIGUSR1, EV_SIGNAL | EV_PERSIST, keeper_retire);
	for (int i = 0; i < 4; i++)
		event_add(signals[i], NULL);

	event_base_dispatch(k.base);

	while (!LIST_EMPTY(&k.peers))
		peer_drop(LIST_FIRST(&k.peers), NULL);
	storage_free(k.storage);
	explicit_bzero(k.keys, sizeof(*k.keys));
	exit(0);
}
