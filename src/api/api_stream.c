/*
 * The sending of streams. The next piece is made from an event of its own, never from within libevent's callback for
 * the one before: so other requests come in between, and the connection can be closed there.
 */
#include "api/api_stream.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/base_log.h"

#define PIECE_KEEP	((size_t)1 << 20)

static void
stream_end(struct api_stream *s)
{
	event_free(s->turn);
	buf_free(&s->piece);
	s->free(s);
}

/* The connection is going, and the request with it, unless libevent has left that to us. */
static void
stream_closed(struct evhttp_connection *connection, void *arg)
{
	struct api_stream	*s = arg;

	(void)connection;
	if (evhttp_request_get_connection(s->req) == NULL)
		evhttp_request_free(s->req);
	log_info("%s: the transfer ended early", s->what);
	api_client_streamed(s->api->clients);
	stream_end(s);
}

static void
stream_taken(struct evhttp_connection *connection, void *arg)
{
	static const struct timeval	now = { 0, 0 };
	struct api_stream		*s = arg;

	(void)connection;
	event_add(s->turn, &now);
}

static void
stream_turn(evutil_socket_t fd, short what, void *arg)
{
	struct api_stream		*s = arg;
	struct evhttp_connection	*connection = evhttp_request_get_connection(s->req);
	struct evbuffer			*piece;
	struct error			 err = { "" };
	int				 rc;

	(void)fd, (void)what;
	buf_reset(&s->piece);
	rc = s->more(s, &s->piece, &err);
	if (rc < 0 || s->piece.failed) {
		log_error("%s: the transfer is cut: %s", s->what, rc < 0 ? err.msg : "a piece is too long");
		evhttp_connection_free(connection);	/* and stream_closed */
		return;
	}
	piece = evbuffer_new();
	if (piece == NULL || evbuffer_add(piece, s->piece.data, s->piece.len) != 0)
		log_fatal(EX_OSERR, "out of memory");
	if (s->piece.cap > PIECE_KEEP)
		buf_free(&s->piece);
	if (rc > 0 && evbuffer_get_length(piece) > 0) {
		evhttp_send_reply_chunk_with_cb(s->req, piece, stream_taken, s);
	} else if (rc > 0) {
		stream_taken(connection, s);
	} else {
		evhttp_send_reply_chunk(s->req, piece);
		evhttp_connection_set_closecb(connection, NULL, NULL);
		evhttp_send_reply_end(s->req);
		stream_end(s);
	}
	evbuffer_free(piece);
}

int
api_stream_refused(struct api_request *r)
{
	if (r->chunks)
		return 0;
	return api_fail(r, 505, "http_version", NULL, "files need HTTP/1.1, which shows when one is cut short (nginx: proxy_http_version 1.1)");
}

void
api_stream_begin(struct api *api, struct api_stream *s, struct evhttp_request *req)
{
	struct evkeyvalq		*headers = evhttp_request_get_output_headers(req);
	struct evhttp_connection	*connection = evhttp_request_get_connection(req);
	struct timeval			 patience = { .tv_sec = API_CLIENT_S };
	char				 disposition[sizeof(s->filename) + 32];

	s->api = api;
	s->req = req;
	s->turn = event_new(api->base, -1, 0, stream_turn, s);
	if (s->turn == NULL)
		log_fatal(EX_OSERR, "out of memory");
	snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", s->filename);
	evhttp_add_header(headers, "Content-Type", s->content_type);
	evhttp_add_header(headers, "Content-Disposition", disposition);
	if (s->truncated != NULL)
		evhttp_add_header(headers, "DBBat-Truncated", s->truncated);
	evhttp_add_header(headers, "Connection", "close");
	/* the client has nothing to say while it reads; that it reads is asked of it */
	bufferevent_set_timeouts(evhttp_connection_get_bufferevent(connection), NULL, &patience);
	api_client_streams(api->clients, req);
	evhttp_connection_set_closecb(connection, stream_closed, s);
	evhttp_send_reply_start(req, 200, NULL);
	stream_taken(connection, s);
}
