/*
 * The state of one API worker.
 */
#ifndef API_API_INTERNAL_H
#define API_API_INTERNAL_H

#include "api/api_request.h"
#include "conf/conf_runtime.h"
#include "crypto/crypto.h"

struct api_clients;
struct bufferevent;
struct event_base;
struct evhttp_request;
struct store;
struct api_logins;

struct api {
	struct runtime		*rt;
	struct store		*store;
	struct api_logins	*logins;
	int			 keeper_fd;	/* -1: not connected */
	struct event_base	*base;
	struct api_clients	*clients;
	bool			 draining;	/* no new connections; those there are end with their reply */
};

#define API_CLIENT_S	20	/* longest silence of a client in the middle of something */

/* Serves one request from its first check to its reply. */
void	api_dispatch(struct api *api, struct evhttp_request *req);

/* --- who is connected (api_clients.c) ---------------------------------------------- */

struct api_clients	*api_clients_new(struct event_base *base);
/* A connection that was accepted. */
void	api_client_accepted(struct api_clients *cs, struct bufferevent *bev);
/* Its request is whole; the reply is counted until it is written, or the connection closed. Sets both callbacks for that. */
void	api_client_asked(struct api_clients *cs, struct evhttp_request *req);
/* The reply is a stream and the end of the connection: whoever sends it says when it is over, should it not be written. */
void	api_client_streams(struct api_clients *cs, struct evhttp_request *req);
void	api_client_streamed(struct api_clients *cs);
/* Calls done, now or later, when all replies are written and, with `silence`, no connection may bring another request. */
void	api_clients_wait(struct api_clients *cs, bool silence, void (*done)(void *arg), void *arg);

/* The key of the captured results of this connection (api_seal.c). 0, or -1: the keeper does not answer. */
int	api_capture_key(struct api *api, uint64_t connection_id, struct slice salt, unsigned char key[CRYPTO_KEY_SIZE]);

/* A new connection to the keeper, for whatever an API worker may ask. -1: said in the log. */
int	api_keeper_connect(struct api *api);

/* --- who is it (api_auth.c) -------------------------------------------------------- */

/* Logins that were verified a short time ago. */
struct api_logins	*api_logins_new(void);

/* header is the value of Authorization, or NULL. 0 with r->user filled, or the status. */
int	api_auth(struct api_request *r, const char *header);

#endif
