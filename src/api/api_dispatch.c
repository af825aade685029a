/*
 * One request, from its first check to its reply. Whatever a handler may take for granted is seen to here: the route, the
 * size, storage, who is asking, what he may, what the request carries, the transaction.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "api/api_stream.h"
#include "base/base_log.h"
#include "base/base_mem.h"
#include "store/store.h"

int
api_reply(struct api_request *r, int status, cJSON *json)
{
	cJSON_Delete(r->reply);
	r->reply = json;
	r->status = status;
	return status;
}

int
api_fail(struct api_request *r, int status, const char *code, const char *field, const char *fmt, ...)
{
	cJSON	*json = cJSON_CreateObject();
	cJSON	*error = cJSON_AddObjectToObject(json, "error");
	char	 message[512];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	cJSON_AddStringToObject(error, "code", code);
	cJSON_AddStringToObject(error, "message", message);
	if (field != NULL)
		cJSON_AddStringToObject(error, "field", field);
	return api_reply(r, status, json);
}

int
api_later(struct api_request *r, int fd, int timeout_ms, int (*resume)(struct api_request *r, int fd))
{
	r->later = (struct api_later){ fd, timeout_ms, resume };
	return r->status = API_LATER;
}

int
api_not_found(struct api_request *r)
{
	return api_fail(r, 404, "not_found", NULL, "there is no such object");
}

static const char *
dispatch_method(struct evhttp_request *req)
{
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET: return "GET";
	case EVHTTP_REQ_POST: return "POST";
	case EVHTTP_REQ_PUT: return "PUT";
	case EVHTTP_REQ_DELETE: return "DELETE";
	default: return "";		/* none of them has a route */
	}
}

static int
dispatch_body(struct api_request *r, struct evbuffer *input)
{
	size_t		 n = evbuffer_get_length(input);
	const char	*text = n ? (const char *)evbuffer_pullup(input, -1) : "", *why;
	cJSON		*body;
	int		 status;

	if (text == NULL)
		return api_fail(r, 500, "internal", NULL, "out of memory");
	if ((body = api_json_parse(text, n, &why)) == NULL)
		return api_fail(r, 400, "bad_json", NULL, "%s", why);
	status = api_validate_body(r, body);
	api_json_wipe(body);
	return status;
}

/* What happens in the handler happens as a whole, or not at all. */
static int
dispatch_handle(struct api_request *r)
{
	struct store	*store = r->api->store;
	int		 status;

	if (!r->route->writes)
		return r->route->handler(r);
	if (store_begin(store) != 0)
		return api_fail(r, 503, "storage_unavailable", NULL, "the storage database does not answer");
	status = r->route->handler(r);
	if (status >= 400)
		store_rollback(store);
	else if (store_commit(store) != 0) {
		log_error("storage: %s %s could not be committed", r->route->method, r->route->path);
		return api_fail(r, 503, "storage_unavailable", NULL,
		    "the storage database did not confirm the change: look before trying again");
	}
	return status;
}

/* Browsers say on whose behalf they send something: a page of another site would use the login they remember. */
static bool
dispatch_foreign(struct evhttp_request *req)
{
	struct evkeyvalq	*headers = evhttp_request_get_input_headers(req);
	const char		*origin = evhttp_find_header(headers, "Origin"), *host = evhttp_find_header(headers, "Host");
	const char		*site = origin != NULL ? strstr(origin, "://") : NULL;

	return origin != NULL && (site == NULL || host == NULL || evutil_ascii_strcasecmp(site + 3, host) != 0);
}

static int
dispatch_route(struct api_request *r, struct evhttp_request *req, char allow[API_ALLOW_SIZE])
{
	const struct evhttp_uri	*uri = evhttp_request_get_evhttp_uri(req);
	const char		*path = uri ? evhttp_uri_get_path(uri) : NULL;
	struct evbuffer		*input = evhttp_request_get_input_buffer(req);
	struct error		 err;
	int			 status;

	r->route = api_route_find(dispatch_method(req), path ? path : "", &r->id, allow);
	if (r->route == NULL && allow[0] != '\0')
		return api_fail(r, 405, "method_not_allowed", NULL, "this path takes %s", allow);
	if (r->route == NULL)
		return api_fail(r, 404, "not_found", NULL, "there is no such path");
	if (dispatch_foreign(req))
		return api_fail(r, 403, "foreign_origin", NULL, "this is not for pages of other sites");
	if (evbuffer_get_length(input) > (size_t)r->api->rt->conf->api_max_body)
		return api_fail(r, 413, "too_large", NULL, "the body is larger than %lld bytes",
		    (long long)r->api->rt->conf->api_max_body);
	if (store_ready(r->api->store, &err) != 0) {
		log_error("storage: %s", err.msg);
		return api_fail(r, 503, "storage_unavailable", NULL, "the storage database does not answer");
	}
	if (r->route->role != API_ANYONE &&
	    (status = api_auth(r, evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization"))) != 0)
		return status;
	if (r->route->role == API_ADMIN && !r->user.is_admin)
		return api_fail(r, 403, "forbidden", NULL, "this is for admins");
	if ((status = api_validate_query(r, evhttp_uri_get_query(uri))) != 0)
		return status;
	if (r->route->nbody > 0 && (status = dispatch_body(r, input)) != 0)
		return status;
	return dispatch_handle(r);
}

/* Of those that libevent has no words for; NULL: it has. */
static const char *
dispatch_reason(int status)
{
	return status == 422 ? "Unprocessable Content" : status == 429 ? "Too Many Requests" : NULL;
}

static void
dispatch_send(struct api_request *r, struct evhttp_request *req, const char *allow)
{
	struct evkeyvalq	*headers = evhttp_request_get_output_headers(req);
	struct evbuffer		*body = evhttp_request_get_output_buffer(req);
	char			*text;

	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	if (r->stream != NULL) {
		api_stream_begin(r->api, r->stream, req);
		return;
	}
	evhttp_add_header(headers, "Content-Type", "application/json");
	if (r->status == 401)
		evhttp_add_header(headers, "WWW-Authenticate", "Basic realm=\"DBBat\", charset=\"UTF-8\"");
	if (r->status == 429)
		evhttp_add_header(headers, "Retry-After", "60");
	if (r->status == 405)
		evhttp_add_header(headers, "Allow", allow);
	if (r->api->draining)
		evhttp_add_header(headers, "Connection", "close");
	if (r->reply != NULL && evhttp_request_get_command(req) != EVHTTP_REQ_HEAD) {
		text = cJSON_PrintUnformatted(r->reply);
		evbuffer_add(body, text, strlen(text));
		evbuffer_add(body, "\n", 1);
		cJSON_free(text);
	}
	evhttp_send_reply(req, r->status, dispatch_reason(r->status), NULL);
}

/* Passwords do not stay in memory that libevent gives back. */
static void
dispatch_wipe(struct evhttp_request *req)
{
	struct evbuffer	*input = evhttp_request_get_input_buffer(req);
	size_t		 n = evbuffer_get_length(input);
	unsigned char	*p = n ? evbuffer_pullup(input, -1) : NULL;
	struct evkeyval	*kv;

	if (p != NULL)
		explicit_bzero(p, n);
	for (kv = evhttp_request_get_input_headers(req)->tqh_first; kv != NULL; kv = kv->next.tqe_next)
		if (evutil_ascii_strcasecmp(kv->key, "Authorization") == 0)
			explicit_bzero(kv->value, strlen(kv->value));
}

/* A request between its first check and its reply. */
struct dispatch {
	struct api_request	 r;
	struct evhttp_request	*req;
	struct event		*later;
	char			 allow[API_ALLOW_SIZE];
};

static void
dispatch_finish(struct dispatch *d)
{
	struct api_request	*r = &d->r;

	log_debug("%s %s: %d to %s", dispatch_method(d->req), r->route ? r->route->path : "?", r->status, r->peer.host);
	dispatch_send(r, d->req, d->allow);
	if (r->route != NULL) {
		api_values_free(r->body, r->route->body, r->route->nbody);
		api_values_free(r->query, r->route->query, r->route->nquery);
	}
	cJSON_Delete(r->reply);
	if (d->later != NULL)
		event_free(d->later);
	free(d);
}

/* What a handler waited for is there, or did not come in time. */
static void
dispatch_resume(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch	*d = arg;
	struct error	 err;

	(void)what;
	d->r.status = 0;
	if (store_ready(d->r.api->store, &err) != 0) {
		log_error("storage: %s", err.msg);
		api_fail(&d->r, 503, "storage_unavailable", NULL, "the storage database does not answer");
	} else
		d->r.later.resume(&d->r, fd);
	close(fd);
	dispatch_finish(d);
}

/* libevent reads nothing more of this client meanwhile, and so does not notice if it leaves: the request stays. */
static void
dispatch_wait(struct dispatch *d)
{
	struct timeval	longest = { d->r.later.timeout_ms / 1000, d->r.later.timeout_ms % 1000 * 1000 };

	d->later = event_new(d->r.api->base, d->r.later.fd, EV_READ, dispatch_resume, d);
	if (d->later == NULL || event_add(d->later, &longest) != 0)
		log_fatal(EX_OSERR, "out of memory");
}

void
api_dispatch(struct api *api, struct evhttp_request *req)
{
	struct dispatch		*d = xcalloc(1, sizeof(*d));
	struct bufferevent	*bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));

	d->r.api = api;
	d->req = req;
	d->r.chunks = req->major == 1 && req->minor >= 1;
	api_client_asked(api->clients, req);
	net_peer(bufferevent_getfd(bev), &d->r.peer);
	dispatch_route(&d->r, req, d->allow);
	dispatch_wipe(req);
	if (d->r.status == API_LATER)
		dispatch_wait(d);
	else
		dispatch_finish(d);
}
