/*
 * Addresses: what to listen on, and who is at the other end.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base_error.h"

#define NET_LISTEN_MAX	16

/*
 * Opens listening TCP sockets (non-blocking, close-on-exec, SO_REUSEADDR) for a comma-separated list of
 * "[host]:port" ("[::1]:5432" for IPv6; an empty host or "*" is every address of both
 * families; IPv6 sockets are V6ONLY). All or nothing. Returns how many fds
 * were written, or -1 with err naming the address.
 */
int	net_listen(const char *spec, int fds[NET_LISTEN_MAX], struct error *err);

/* Sockets that net_listen has opened before; -1: none. */
struct net_old {
	int	fds[2 * NET_LISTEN_MAX];
	int	n;
};

/*
 * As net_listen, but takes from `old` each socket that listens on such an address already, and not all or
 * nothing: what was opened or taken is in fds[0..*n), also when -1 and err say that something is missing.
 */
int	net_listen_from(const char *spec, struct net_old *old, int fds[NET_LISTEN_MAX], int *n, struct error *err);

/*
 * Whether that would work once the other sockets of `old` are closed; keep[i] becomes true where it would take
 * old->fds[i]. 0 or -1 and err.
 */
int	net_listen_probe(const char *spec, const struct net_old *old, bool keep[2 * NET_LISTEN_MAX], struct error *err);

/* Only checks the syntax. 0 or -1 and err. */
int	net_listen_check(const char *spec, struct error *err);

struct net_peer {
	char	host[64];	/* numeric; IPv4-mapped IPv6 shown as IPv4 */
	int	port;
	bool	loopback;	/* 127.0.0.0/8, ::1, or a unix socket */
};

void	net_peer(int fd, struct net_peer *peer);

/* For client connections: TCP_NODELAY, keepalive. Errors are ignored. */
void	net_tune(int fd);

#endif
