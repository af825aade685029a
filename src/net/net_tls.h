/*
 * TLS of the client side: the server's context, its certificate, handshakes.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>

#include "base/base_buf.h"
#include "base/base_error.h"

struct ssl_st;
struct ssl_ctx_st;

/*
 * Makes a self-signed certificate and key (EC P-256, ten years, subject the
 * host's name, SANs host name and localhost) as PEM files, the key 0600. Only when neither exists;
 * written under a temporary name and renamed. 0, also when both are there; -1 and err, also
 * when only one is.
 */
int	net_tls_self_signed(const char *cert_file, const char *key_file, struct error *err);

/*
 * TLS 1.2 or newer, ALPN "postgresql" or none, no renegotiation, no session tickets; a key that every
 * user can read is refused. NULL and err.
 */
struct ssl_ctx_st	*net_tls_server(const char *cert_file, const char *key_file, struct error *err);

/* Certificates and key of such a context as PEM, and the same made of it. 0 or -1; NULL and err. */
int	net_tls_export(struct ssl_ctx_st *ctx, struct buf *pem);
struct ssl_ctx_st	*net_tls_server_pem(struct slice pem, struct error *err);

/* A server-side TLS state on this socket; free with net_tls_free. */
struct ssl_st	*net_tls_accept_new(struct ssl_ctx_st *ctx, int fd);

/*
 * One step of the handshake: 1 done, 0 poll for *wants (POLLIN or POLLOUT) and
 * call again, -1 failed with err.
 */
int	net_tls_accept_step(struct ssl_st *ssl, short *wants, struct error *err);

/* The client asked for ALPN "postgresql" (direct TLS requires it). */
bool	net_tls_alpn_ok(const struct ssl_st *ssl);

/*
 * Channel binding data tls-server-end-point (RFC 5929) of our certificate: its hash
 * appended to out. 0 or -1.
 */
int	net_tls_end_point(struct ssl_ctx_st *ctx, struct buf *out);

/* "TLSv1.3" of an established connection. */
const char	*net_tls_version(const struct ssl_st *ssl);
void	net_tls_free(struct ssl_st *ssl);

#endif
