/*
 * The connections of an API worker, as far as it must know of them to leave without losing a request: those that
 * may bring one, and those whose reply is not written. libevent does not tell of one that ends before it has brought
 * anything; it closes what is silent for API_CLIENT_S, so after that nothing more is expected of it.
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <sysexits.h>

#include "api/api_internal.h"
#include "base/base_log.h"
#include "base/base_map.h"
#include "base/base_mem.h"
#include "base/base_time.h"

#define CLIENTS_SWEEP	1024	/* known at least, before those that have ended are looked for */

struct api_client {
	struct api_clients	*clients;
	struct bufferevent	*bev;		/* a name only: it may be gone */
	int64_t			 until_us;	/* monotonic: may bring a request until then */
	bool			 replying;
};

struct api_clients {
	struct map	*all;			/* by bev */
	size_t		 sweep_at;
	int		 replying;
	void		(*done)(void *arg);	/* NULL: nobody waits */
	void		*arg;
	bool		 silence;		/* of all connections is waited for */
	struct event	*timer;			/* for that */
};

/* What a walk over all of them looks for. */
struct walk {
	struct api_client	**ended;
	size_t			  n;
	int64_t			  now_us, last_us;
};

static void
clients_ended(void *value, void *arg)
{
	struct api_client	*c = value;
	struct walk		*w = arg;

	if (!c->replying && c->until_us <= w->now_us)
		w->ended[w->n++] = c;
}

static void
clients_last(void *value, void *arg)
{
	const struct api_client	*c = value;
	struct walk		*w = arg;

	if (c->until_us > w->last_us)
		w->last_us = c->until_us;
}

static void
client_free(struct api_client *c)
{
	map_remove(c->clients->all, &c->bev, sizeof(c->bev));
	free(c);
}

static void
clients_sweep(struct api_clients *cs)
{
	struct walk	w = { .ended = xcalloc(map_count(cs->all), sizeof(*w.ended)), .now_us = time_mono_us() };

	map_each(cs->all, clients_ended, &w);
	while (w.n > 0)
		client_free(w.ended[--w.n]);
	free(w.ended);
	cs->sweep_at = 2 * map_count(cs->all) > CLIENTS_SWEEP ? 2 * map_count(cs->all) : CLIENTS_SWEEP;
}

/* Tells who waits when there is nothing to wait for. */
static void
clients_look(struct api_clients *cs)
{
	struct walk	w = { .now_us = time_mono_us() };
	struct timeval	left;

	if (cs->done == NULL || cs->replying > 0)
		return;
	if (cs->silence)
		map_each(cs->all, clients_last, &w);
	if (w.last_us <= w.now_us) {
		cs->done(cs->arg);
		return;
	}
	w.last_us -= w.now_us;
	left = (struct timeval){ w.last_us / 1000000, w.last_us % 1000000 };
	event_add(cs->timer, &left);
}

static void
clients_silent(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	clients_look(arg);
}

struct api_clients *
api_clients_new(struct event_base *base)
{
	struct api_clients	*cs = xcalloc(1, sizeof(*cs));

	cs->all = map_new();
	cs->sweep_at = CLIENTS_SWEEP;
	cs->timer = event_new(base, -1, 0, clients_silent, cs);
	if (cs->timer == NULL)
		log_fatal(EX_OSERR, "out of memory");
	return cs;
}

/* The one of this name; it may have been another's that ended. */
static struct api_client *
client_get(struct api_clients *cs, struct bufferevent *bev)
{
	struct api_client	*c = map_get(cs->all, &bev, sizeof(bev));

	if (c == NULL) {
		c = xcalloc(1, sizeof(*c));
		*c = (struct api_client){ .clients = cs, .bev = bev };
		map_put(cs->all, &bev, sizeof(bev), c);
	}
	c->until_us = time_mono_us() + (int64_t)API_CLIENT_S * 1000000;
	return c;
}

void
api_client_accepted(struct api_clients *cs, struct bufferevent *bev)
{
	if (map_count(cs->all) >= cs->sweep_at)
		clients_sweep(cs);
	client_get(cs, bev);
}

static void
client_closed(struct evhttp_connection *connection, void *arg)
{
	struct api_client	*c = arg;
	struct api_clients	*cs = c->clients;

	(void)connection;
	if (c->replying)
		cs->replying--;
	client_free(c);
	clients_look(cs);
}

static void
client_written(struct evhttp_request *req, void *arg)
{
	struct api_client	*c = arg;

	(void)req;
	c->replying = false;
	c->clients->replying--;
	c->until_us = time_mono_us() + (int64_t)API_CLIENT_S * 1000000;
	clients_look(c->clients);
}

void
api_client_asked(struct api_clients *cs, struct evhttp_request *req)
{
	struct evhttp_connection	*connection = evhttp_request_get_connection(req);
	struct api_client		*c = client_get(cs, evhttp_connection_get_bufferevent(connection));

	c->replying = true;
	cs->replying++;
	evhttp_connection_set_closecb(connection, client_closed, c);
	evhttp_request_set_on_complete_cb(req, client_written, c);
}

static void
client_streamed(struct evhttp_request *req, void *arg)
{
	(void)req;
	api_client_streamed(arg);
}

void
api_client_streams(struct api_clients *cs, struct evhttp_request *req)
{
	struct evhttp_connection	*connection = evhttp_request_get_connection(req);

	evhttp_connection_set_closecb(connection, NULL, NULL);
	evhttp_request_set_on_complete_cb(req, client_streamed, cs);
	client_free(client_get(cs, evhttp_connection_get_bufferevent(connection)));
}

void
api_client_streamed(struct api_clients *cs)
{
	cs->replying--;
	clients_look(cs);
}

void
api_clients_wait(struct api_clients *cs, bool silence, void (*done)(void *arg), void *arg)
{
	cs->silence = silence;
	cs->done = done;
	cs->arg = arg;
	clients_look(cs);
}
