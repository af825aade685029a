/*
 * Listening sockets and peer addresses. Refuses a list of addresses that it can
 * only listen on in part: who is told it listens there may rely on it.
 */
#include "net/net_addr.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NET_KEEPALIVE_IDLE	60	/* seconds */
#define NET_KEEPALIVE_INTERVAL	10
#define NET_KEEPALIVE_COUNT	6

/* One entry of the list. */
struct net_entry {
	char	host[256];	/* empty: every address */
	char	port[6];
};

static bool
net_host_ok(const char *host, bool bracketed)
{
	char		 numeric[64];
	struct in6_addr	 in6;
	size_t		 n = strcspn(host, "%");	/* a scope: fe80::1%eth0 */

	if (bracketed) {
		if (n >= sizeof(numeric))
			return false;
		memcpy(numeric, host, n);
		numeric[n] = '\0';
		return inet_pton(AF_INET6, numeric, &in6) == 1;
	}
	return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
	    strlen(host);
}

static bool
net_port_ok(const char *port)
{
	size_t	n = strlen(port);
	long	v;

	if (n == 0 || n > 5 || strspn(port, "0123456789") != n)
		return false;
	v = strtol(port, NULL, 10);
	return v >= 1 && v <= 65535;
}

/* Takes the text of one entry apart; it is changed. */
static int
net_entry_parse(char *text, struct net_entry *e, struct error *err)
{
	char	*host = text, *colon = strrchr(text, ':');
	bool	 bracketed = text[0] == '[';

	if (colon == NULL)
		return error_set(err, "\"%s\" has no port: want [host]:port", text);
	if (!net_port_ok(colon + 1))
		return error_set(err, "\"%s\": the port is not one of 1 to 65535", text);
	if (bracketed && (colon == text + 1 || colon[-1] != ']'))
		return error_set(err, "\"%s\": want [host]:port", text);
	*colon = '\0';
	if (bracketed) {
		host++;
		colon[-1] = '\0';
	} else if (strcmp(host, "*") == 0)
		host = colon;
	if (strlen(host) >= sizeof(e->host) || !net_host_ok(host, bracketed))
		return error_set(err, "\"%s\" is not a host to listen on (IPv6 addresses go in brackets)", host);
	strcpy(e->host, host);
	strcpy(e->port, colon + 1);
	return 0;
}

/* The entries of a list: how many, or -1 and err. */
static int
net_spec_parse(const char *spec, struct net_entry entries[NET_LISTEN_MAX], struct error *err)
{
	char	text[512];
	int	n = 0;

	for (;;) {
		size_t	len;

		spec += strspn(spec, " \t");
		len = strcspn(spec, ",");
		if (len >= sizeof(text))
			return error_set(err, "an address of %zu bytes is too long", len);
		memcpy(text, spec, len);
		text[len] = '\0';
		spec += len;
		while (len > 0 && strchr(" \t", text[len - 1]))
			text[--len] = '\0';
		if (len == 0)
			return error_set(err, "an address is missing: want [host]:port, ...");
		if (n == NET_LISTEN_MAX)
			return error_set(err, "more than %d addresses", NET_LISTEN_MAX);
		if (net_entry_parse(text, &entries[n++], err) < 0)
			return -1;
		if (*spec++ == '\0')
			return n;
	}
}

/* How sockets are come by. */
struct net_opener {
	struct net_old		*old;		/* taken from here first; NULL: nothing is there */
	const struct net_old	*probe;		/* or nothing is taken and nothing stays open */
	bool			*keep;
};

union net_sockaddr {
	struct sockaddr		sa;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
};

static in_port_t
net_port(const struct sockaddr *sa)
{
	const union net_sockaddr	*u = (const union net_sockaddr *)(const void *)sa;

	return sa->sa_family == AF_INET6 ? u->in6.sin6_port : u->in.sin_port;
}

static bool
net_same(const struct sockaddr *a, const struct sockaddr *b)
{
	const union net_sockaddr	*x = (const union net_sockaddr *)(const void *)a;
	const union net_sockaddr	*y = (const union net_sockaddr *)(const void *)b;

	if (a->sa_family != b->sa_family || net_port(a) != net_port(b))
		return false;
	if (a->sa_family == AF_INET)
		return x->in.sin_addr.s_addr == y->in.sin_addr.s_addr;
	return memcmp(&x->in6.sin6_addr, &y->in6.sin6_addr, sizeof(x->in6.sin6_addr)) == 0 &&
	    x->in6.sin6_scope_id == y->in6.sin6_scope_id;
}

/* The index of the socket that listens on this address, or only on its port; -1: none. */
static int
net_old_find(const struct net_old *old, const struct sockaddr *sa, bool port_only)
{
	for (int i = 0; i < old->n; i++) {
		union net_sockaddr	own;
		socklen_t		len = sizeof(own);

		if (old->fds[i] >= 0 && getsockname(old->fds[i], &own.sa, &len) == 0 &&
		    (port_only ? net_port(&own.sa) == net_port(sa) : net_same(&own.sa, sa)))
			return i;
	}
	return -1;
}

/* A listening socket, or one that could listen; -1 with errno. */
static int
net_listen_on(const struct addrinfo *ai, bool listening)
{
	int	fd, on = 1, saved;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (ai->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || (listening && listen(fd, SOMAXCONN) < 0)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* A socket for this address, however it is come by; -1 with errno. */
static int
net_open(const struct net_opener *o, const struct addrinfo *ai)
{
	const struct net_old	*old = o->probe ? o->probe : o->old;
	int			 i = old ? net_old_find(old, ai->ai_addr, false) : -1, fd;

	if (i >= 0 && o->probe != NULL) {
		o->keep[i] = true;
		return dup(old->fds[i]);
	}
	if (i >= 0) {
		fd = o->old->fds[i];
		o->old->fds[i] = -1;
		return fd;
	}
	fd = net_listen_on(ai, o->probe == NULL);
	/* another address of the same port is ours, and will be closed */
	if (fd < 0 && errno == EADDRINUSE && o->probe != NULL && (i = net_old_find(old, ai->ai_addr, true)) >= 0)
		return dup(old->fds[i]);
	return fd;
}

/* The resolver gives the same address twice when two lines of a hosts file do. */
static bool
net_seen(const struct addrinfo *first, const struct addrinfo *ai)
{
	for (; first != ai; first = first->ai_next)
		if (first->ai_addrlen == ai->ai_addrlen &&
		    memcmp(first->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
			return true;
	return false;
}

/* Opens what one entry stands for, adding to the *n that are open, in failure too. */
static int
net_entry_listen(const struct net_opener *o, const struct net_entry *e, int fds[NET_LISTEN_MAX], int *n,
    struct error *err)
{
	const struct addrinfo	 hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	const char		*name = e->host[0] ? e->host : "*";
	struct addrinfo		*list;
	int			 rc, before = *n, missing = EADDRNOTAVAIL;

	rc = getaddrinfo(e->host[0] ? e->host : NULL, e->port, &hints, &list);
	if (rc != 0)
		return error_set(err, "%s:%s: %s", name, e->port,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	for (struct addrinfo *ai = list; ai != NULL && rc == 0; ai = ai->ai_next) {
		if (net_seen(list, ai))
			continue;
		if (*n == NET_LISTEN_MAX)
			rc = error_set(err, "%s:%s: more than %d sockets", name, e->port, NET_LISTEN_MAX);
		else if ((fds[*n] = net_open(o, ai)) >= 0)
			(*n)++;
		/* A name or "*" may mean IPv6 too on a machine that has none. */
		else if (ai->ai_family == AF_INET6 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
			missing = errno;
		else
			rc = error_set(err, "%s:%s: %s", name, e->port, strerror(errno));
	}
	freeaddrinfo(list);
	if (rc == 0 && *n == before)
		rc = error_set(err, "%s:%s: %s", name, e->port, strerror(missing));
	return rc;
}

/* Each address of the list; goes on after one that fails. */
static int
net_spec_open(const struct net_opener *o, const char *spec, int fds[NET_LISTEN_MAX], int *n, struct error *err)
{
	struct net_entry	entries[NET_LISTEN_MAX];
	int			count = net_spec_parse(spec, entries, err), rc = 0;

	*n = 0;
	for (int i = 0; i < count; i++)
		if (net_entry_listen(o, &entries[i], fds, n, err) != 0)
			rc = -1;
	return count < 0 ? -1 : rc;
}

static void
net_close(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

int
net_listen(const char *spec, int fds[NET_LISTEN_MAX], struct error *err)
{
	int	n;

	if (net_spec_open(&(struct net_opener){ 0 }, spec, fds, &n, err) == 0)
		return n;
	net_close(fds, n);
	return -1;
}

int
net_listen_from(const char *spec, struct net_old *old, int fds[NET_LISTEN_MAX], int *n, struct error *err)
{
	return net_spec_open(&(struct net_opener){ .old = old }, spec, fds, n, err);
}

int
net_listen_probe(const char *spec, const struct net_old *old, bool keep[2 * NET_LISTEN_MAX], struct error *err)
{
	int	fds[NET_LISTEN_MAX], n;
	int	rc = net_spec_open(&(struct net_opener){ .probe = old, .keep = keep }, spec, fds, &n, err);

	net_close(fds, n);
	return rc;
}

int
net_listen_check(const char *spec, struct error *err)
{
	struct net_entry	entries[NET_LISTEN_MAX];

	return net_spec_parse(spec, entries, err) < 0 ? -1 : 0;
}

void
net_peer(int fd, struct net_peer *peer)
{
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
		struct sockaddr_un	un;
	}			addr;
	socklen_t		len = sizeof(addr);
	struct in_addr		v4;

	*peer = (struct net_peer){ .host = "unknown" };
	if (getpeername(fd, &addr.sa, &len) < 0)
		return;
	switch (addr.sa.sa_family) {
	case AF_INET:
		v4 = addr.in.sin_addr;
		peer->port = ntohs(addr.in.sin_port);
		break;
	case AF_INET6:
		peer->port = ntohs(addr.in6.sin6_port);
		if (!IN6_IS_ADDR_V4MAPPED(&addr.in6.sin6_addr)) {
			inet_ntop(AF_INET6, &addr.in6.sin6_addr, peer->host, sizeof(peer->host));
			peer->loopback = IN6_IS_ADDR_LOOPBACK(&addr.in6.sin6_addr);
			return;
		}
		memcpy(&v4, addr.in6.sin6_addr.s6_addr + 12, sizeof(v4));
		break;
	case AF_UNIX:
		strcpy(peer->host, "local");
		peer->loopback = true;
		return;
	default:
		return;
	}
	inet_ntop(AF_INET, &v4, peer->host, sizeof(peer->host));
	peer->loopback = ntohl(v4.s_addr) >> 24 == 127;
}

void
net_tune(int fd)
{
	static const struct {
		int	level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, NET_KEEPALIVE_IDLE },
		{ IPPROTO_TCP, TCP_KEEPINTVL, NET_KEEPALIVE_INTERVAL },
		{ IPPROTO_TCP, TCP_KEEPCNT, NET_KEEPALIVE_COUNT },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		    sizeof(options[i].value));
}
