/*
 * Both ends of a TLS connection over a socketpair in one process: the server's
 * is ours, the client's is plain OpenSSL.
 */
#ifndef NET_PAIR_H
#define NET_PAIR_H

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/net_tls.h"

static char	pair_dir[] = "/tmp/dbbat-net-XXXXXX";
static char	pair_cert[64], pair_key[64];

struct pair {
	int		 server_fd, client_fd;
	SSL_CTX		*client_ctx;
	SSL		*server, *client;
	struct error	 err;
};

/* A directory with a certificate in it. */
static inline void
pair_setup(void)
{
	struct error	err;

	if (mkdtemp(pair_dir) == NULL)
		abort();
	snprintf(pair_cert, sizeof(pair_cert), "%s/cert.pem", pair_dir);
	snprintf(pair_key, sizeof(pair_key), "%s/key.pem", pair_dir);
	if (net_tls_self_signed(pair_cert, pair_key, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
}

static inline void
pair_cleanup(void)
{
	unlink(pair_cert);
	unlink(pair_key);
	rmdir(pair_dir);
}

static inline void
pair_open(struct pair *p, SSL_CTX *ctx)
{
	int	fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	*p = (struct pair){ .server_fd = fds[0], .client_fd = fds[1] };
	p->client_ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_load_verify_file(p->client_ctx, pair_cert);
	p->server = net_tls_accept_new(ctx, fds[0]);
	p->client = SSL_new(p->client_ctx);
	SSL_set_fd(p->client, fds[1]);
	SSL_set_connect_state(p->client);
}

/* 1: both ends are done. -1: the server's refused, with p->err. 0: the client's did. */
static inline int
pair_handshake(struct pair *p)
{
	int	server = 0, client = 0;
	short	wants;

	for (int i = 0; i < 1000 && (server == 0 || client != 1); i++) {
		if (client != 1) {
			client = SSL_do_handshake(p->client);
			if (client != 1 && SSL_get_error(p->client, client) != SSL_ERROR_WANT_READ)
				return 0;
			ERR_clear_error();
		}
		if (server == 0)
			server = net_tls_accept_step(p->server, &wants, &p->err);
		if (server < 0)
			return -1;
	}
	return server == 1 && client == 1;
}

static inline void
pair_close(struct pair *p)
{
	net_tls_free(p->server);
	SSL_free(p->client);
	SSL_CTX_free(p->client_ctx);
	if (p->server_fd >= 0)
		close(p->server_fd);
	if (p->client_fd >= 0)
		close(p->client_fd);
}

#endif
