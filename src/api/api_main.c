/*
 * The loop of an API worker: the listeners it shares with the others, evhttp, and its end. It answers
 * one request at a time; a client that is slow costs a connection, not the loop. SIGUSR1: others have taken its
 * place; it serves the connections that it has accepted to their end. SIGTERM: the replies it has begun, and no more.
 */
#include "api/api.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>

#include "api/api_internal.h"
#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_title.h"
#include "store/store.h"

#define STATEMENT_MS	8000	/* longest statement: others wait behind it */
#define HEADERS_MAX	16384
#define DRAIN_S		5	/* longest wait for clients to take their last reply */
#define PAUSE_S		1	/* no accept for so long after one that failed */

struct listener {
	struct evhttp_bound_socket	*bound;
	struct evconnlistener		*listener;
	struct event			*resume;
};

/* This process; a listener's error callback has no argument of ours. */
static struct worker {
	struct api	 api;
	struct evhttp	*http;
	struct listener	 listeners[RUNTIME_LISTEN_MAX];
	int		 nlisteners;
} worker;

static void
main_request(struct evhttp_request *req, void *arg)
{
	api_dispatch(arg, req);
}

/* Out of descriptors, most likely: a pause, not a busy loop. */
static void
main_accept_failed(struct evconnlistener *listener, void *arg)
{
	struct timeval	 pause = { .tv_sec = PAUSE_S };
	int		 i;

	(void)arg;
	log_warn("accept: %m");
	for (i = 0; i < worker.nlisteners; i++)
		if (worker.listeners[i].listener == listener) {
			evconnlistener_disable(listener);
			event_add(worker.listeners[i].resume, &pause);
		}
}

static void
main_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	evconnlistener_enable(arg);
}

static void
main_listen(int fd)
{
	struct listener	*l = &worker.listeners[worker.nlisteners++];

	l->bound = evhttp_accept_socket_with_handle(worker.http, fd);
	if (l->bound == NULL)
		log_fatal(EX_OSERR, "cannot watch a listening socket");
	l->listener = evhttp_bound_socket_get_listener(l->bound);
	l->resume = event_new(worker.api.base, -1, 0, main_resume, l->listener);
	evconnlistener_set_error_cb(l->listener, main_accept_failed);
}

/* As evhttp would make it. */
static struct bufferevent *
main_accepted(struct event_base *base, void *arg)
{
	struct bufferevent	*bev = bufferevent_socket_new(base, -1, 0);

	(void)arg;
	if (bev != NULL)
		api_client_accepted(worker.api.clients, bev);
	return bev;
}

static void
main_done(void *arg)
{
	(void)arg;
	event_base_loopexit(worker.api.base, NULL);
}

static void
main_drain(void)
{
	worker.api.draining = true;
	while (worker.nlisteners > 0) {
		worker.nlisteners--;
		event_free(worker.listeners[worker.nlisteners].resume);
		evhttp_del_accept_socket(worker.http, worker.listeners[worker.nlisteners].bound);
	}
}

static void
main_retire(evutil_socket_t signo, short what, void *arg)
{
	(void)signo, (void)what, (void)arg;
	main_drain();
	api_clients_wait(worker.api.clients, true, main_done, NULL);
}

static void
main_stop(evutil_socket_t signo, short what, void *arg)
{
	struct timeval	 longest = { .tv_sec = DRAIN_S };

	(void)signo, (void)what, (void)arg;
	main_drain();
	event_base_loopexit(worker.api.base, &longest);
	api_clients_wait(worker.api.clients, false, main_done, NULL);
}

static void
main_event_log(int severity, const char *msg)
{
	if (severity >= EVENT_LOG_ERR)
		log_error("%s", msg);
	else
		log_debug("%s", msg);
}

static void
main_open(void)
{
	struct runtime	*rt = worker.api.rt;
	int		 i;

	event_set_log_callback(main_event_log);
	worker.api.base = event_base_new();
	worker.http = worker.api.base ? evhttp_new(worker.api.base) : NULL;
	if (worker.http == NULL)
		log_fatal(EX_OSERR, "cannot make an event loop");
	worker.api.clients = api_clients_new(worker.api.base);
	evhttp_set_bevcb(worker.http, main_accepted, NULL);
	evhttp_set_timeout(worker.http, API_CLIENT_S);
	evhttp_set_max_headers_size(worker.http, HEADERS_MAX);
	/* evhttp's own answer to a larger body is a page of HTML; up to here ours comes first */
	evhttp_set_max_body_size(worker.http, 4 * rt->conf->api_max_body);
	/* every method: those without a route get their 405 */
	evhttp_set_allowed_methods(worker.http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
	    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_flags(worker.http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_gencb(worker.http, main_request, &worker.api);
	for (i = 0; i < rt->napi_fds; i++)
		main_listen(rt->api_fds[i]);
}

_Noreturn void
api_main(struct runtime *rt)
{
	static const struct {
		int			signo;
		event_callback_fn	fn;
	} signals[] = { { SIGTERM, main_stop }, { SIGINT, main_stop }, { SIGUSR1, main_retire } };
	cJSON_Hooks		 hooks = { .malloc_fn = xmalloc, .free_fn = free };
	struct event		*ev;
	size_t			 i;

	title_set("api");
	log_prefix("api: ");
	cJSON_InitHooks(&hooks);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	worker.api.rt = rt;
	worker.api.keeper_fd = -1;
	worker.api.logins = api_logins_new();
	worker.api.store = store_new(rt->dsn, "api", STATEMENT_MS);
	main_open();
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		ev = evsignal_new(worker.api.base, signals[i].signo, signals[i].fn, NULL);
		if (ev == NULL || event_add(ev, NULL) != 0)
			log_fatal(EX_OSERR, "cannot watch signals");
	}
	event_base_dispatch(worker.api.base);
	store_close(worker.api.store);
	exit(0);
}
