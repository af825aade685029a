/*
 * Lists of addresses, listening, and who is at the other end.
 */
#include "net/net_addr.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "tap.h"

static void
test_syntax(void)
{
	static const char *const	good[] = {
		":5432", "*:5432", "localhost:1", "127.0.0.1:65535", "[::1]:5432", "[::]:5432",
		"[fe80::1%eth0]:5432", "[::ffff:10.0.0.1]:5432", "db-1.example.com:5432",
		" 10.0.0.1:1 ,\t:2", "a:1,b:2,c:3,d:4,e:5,f:6,g:7,h:8,i:9,j:10,k:11,l:12,m:13,n:14,o:15,p:16",
	};
	static const char *const	bad[] = {
		"", " ", ",", ":5432,", ",:5432", ":5432,,:5433", "5432", "localhost", ":", "localhost:",
		":0", ":65536", ":99999", ":123456", ":-1", ":+1", ":5432x", ":x", ": 5432", "::1:5432", "::",
		"[::1]", "[::1]5432", "[::1:5432", "::1]:5432", "[]:5432", "[:5432", "[*]:5432", "[10.0.0.1]:5432",
		"[localhost]:5432", "[::1%]x:5432", "ho st:5432", "host/x:5432", "host;x:1", "[::1][::1]:5432",
		"a:1,b:2,c:3,d:4,e:5,f:6,g:7,h:8,i:9,j:10,k:11,l:12,m:13,n:14,o:15,p:16,q:17",
	};
	struct error	err;
	char		longhost[1000];
	int		wrong = 0;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (net_listen_check(good[i], &err) != 0) {
			printf("# refused: %s: %s\n", good[i], err.msg);
			wrong++;
		}
	is_int(wrong, 0, "good lists pass");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.msg[0] = '\0';
		if (net_listen_check(bad[i], &err) != -1 || err.msg[0] == '\0') {
			printf("# accepted: %s\n", bad[i]);
			wrong++;
		}
	}
	is_int(wrong, 0, "bad lists do not, and it is said why");
	for (size_t n = 200; n < sizeof(longhost) - 3; n++) {
		memset(longhost, 'a', n);
		strcpy(longhost + n, ":1");
		wrong += net_listen_check(longhost, &err) != (n < 256 ? 0 : -1);
	}
	is_int(wrong, 0, "hosts of 256 bytes and more are refused");
}

/* A port that was free on loopback a moment ago. */
static int
free_port(void)
{
	struct sockaddr_in	sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		len = sizeof(sa);
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	getsockname(fd, (struct sockaddr *)&sa, &len);
	close(fd);
	return ntohs(sa.sin_port);
}

static int
connect_to(int family, int port)
{
	struct sockaddr_in	in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) };
	struct sockaddr_in6	in6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback,
		.sin6_port = htons((uint16_t)port) };
	int			fd = socket(family, SOCK_STREAM, 0), rc;

	rc = family == AF_INET ? connect(fd, (struct sockaddr *)&in, sizeof(in)) :
	    connect(fd, (struct sockaddr *)&in6, sizeof(in6));
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

static void
close_all(const int *fds, int n)
{
	while (n > 0)
		close(fds[--n]);
}

static void
test_listen(void)
{
	int			fds[NET_LISTEN_MAX], more[NET_LISTEN_MAX], port = free_port(), n, c, a, before, after, value = 0;
	bool			ipv6;
	struct error		err = { "" };
	struct net_peer		peer;
	struct sockaddr_in6	any6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	socklen_t		len = sizeof(value);
	char			spec[128];

	c = socket(AF_INET6, SOCK_STREAM, 0);
	ipv6 = c >= 0 && bind(c, (struct sockaddr *)&any6, sizeof(any6)) == 0;
	close(c);

	snprintf(spec, sizeof(spec), "127.0.0.1:%d", port);
	n = net_listen(spec, fds, &err);
	is_int(n, 1, "listens on one address");
	ok((fcntl(fds[0], F_GETFD) & FD_CLOEXEC) && (fcntl(fds[0], F_GETFL) & O_NONBLOCK),
	    "close-on-exec and non-blocking");
	c = connect_to(AF_INET, port);
	a = accept4(fds[0], NULL, NULL, SOCK_CLOEXEC);
	ok(c >= 0 && a >= 0, "a client connects");
	net_peer(a, &peer);
	is_str(peer.host, "127.0.0.1", "its address");
	ok(peer.port > 0 && peer.port <= 65535 && peer.loopback, "its port, and that it is local");
	net_tune(a);
	ok(getsockopt(a, IPPROTO_TCP, TCP_NODELAY, &value, &len) == 0 && value, "TCP_NODELAY is set");
	ok(getsockopt(a, SOL_SOCKET, SO_KEEPALIVE, &value, &len) == 0 && value, "keepalive is set");
	close(a);
	close(c);

	before = dup(0);
	close(before);
	snprintf(spec, sizeof(spec), "127.0.0.1:%d, 127.0.0.1:%d", free_port(), port);
	is_int(net_listen(spec, more, &err), -1, "one address of two that is taken fails both");
	snprintf(spec, sizeof(spec), ":%d: ", port);
	ok(strstr(err.msg, spec) != NULL, "and is named: %s", err.msg);
	after = dup(0);
	close(after);
	is_int(after, before, "no socket stays open");
	close_all(fds, n);
	n = net_listen("no-such-host.invalid:5432", fds, &err);
	ok(n == -1 && strstr(err.msg, "no-such-host.invalid"), "an unknown host is named: %s", err.msg);
	ok(net_listen("bad", fds, &err) == -1, "a bad list is refused");

	snprintf(spec, sizeof(spec), ":%d", port);
	n = net_listen(spec, fds, &err);
	is_int(n, ipv6 ? 2 : 1, "no host is every address of both families");
	c = connect_to(AF_INET, port);
	ok(c >= 0, "IPv4 connects");
	close(c);
	if (ipv6) {
		c = connect_to(AF_INET6, port);
		ok(c >= 0, "IPv6 connects");
		for (int i = 0; i < n; i++)
			if ((a = accept4(fds[i], NULL, NULL, 0)) >= 0) {
				net_peer(a, &peer);
				if (strcmp(peer.host, "::1") == 0 && peer.loopback)
					value = 6;
				close(a);
			}
		is_int(value, 6, "its address is ::1, local");
		close(c);
	}
	close_all(fds, n);
	snprintf(spec, sizeof(spec), "localhost:%d", port);
	n = net_listen(spec, fds, &err);
	ok(n >= 1, "localhost is listened on, once each address: %s", n < 0 ? err.msg : "yes");
	close_all(fds, n);
}

/* A free port of 127.0.0.1. */
static int
some_port(void)
{
	struct sockaddr_in	sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		len = sizeof(sa);
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		getsockname(fd, (struct sockaddr *)&sa, &len);
	close(fd);
	return ntohs(sa.sin_port);
}

/* Another list of addresses, when some are listened on already. */
static void
test_again(void)
{
	struct net_old	old = { .n = 2 };
	struct error	err = { "" };
	bool		keep[2 * NET_LISTEN_MAX] = { false };
	int		more[NET_LISTEN_MAX], nmore;
	int		fds[NET_LISTEN_MAX], n, stays = some_port(), goes = some_port(), other, c, waiting, kept;
	char		spec[128];

	snprintf(spec, sizeof(spec), "127.0.0.1:%d, 127.0.0.1:%d", stays, goes);
	if (net_listen(spec, old.fds, &err) != 2) {
		ok(false, "%s: %s", spec, err.msg);
		return;
	}
	kept = old.fds[0];
	waiting = connect_to(AF_INET, stays);
	other = dup(old.fds[1]);	/* a process that still has it */

	snprintf(spec, sizeof(spec), "127.0.0.1:%d, *:%d", stays, goes);
	is_int(net_listen_probe(spec, &old, keep, &err), 0, "a list that is in the way of itself would work");
	ok(keep[0] && !keep[1], "with the one socket kept and the other closed");
	c = connect_to(AF_INET, goes);
	ok(c >= 0, "nothing has changed yet");
	close(c);
	shutdown(old.fds[1], SHUT_RDWR);
	close(old.fds[1]);
	old.fds[1] = -1;
	is_int(net_listen_from(spec, &old, fds, &n, &err), 0, "and works");
	ok(n >= 2 && fds[0] == kept && old.fds[0] == -1, "the socket that stays is the same");
	c = accept4(fds[0], NULL, NULL, 0);
	ok(c >= 0, "who was waiting at it waits");
	close(c);
	close(waiting);
	c = connect_to(AF_INET, goes);
	ok(c >= 0, "the other listens anew, although a process has the old one");
	close(c);
	close(other);

	old.n = 0;
	snprintf(spec, sizeof(spec), "127.0.0.1:%d", stays);
	is_int(net_listen_probe(spec, &old, keep, &err), -1, "an address that another has is not to be had");
	snprintf(spec, sizeof(spec), "127.0.0.1:%d, 127.0.0.1:%d", stays, other = some_port());
	is_int(net_listen_from(spec, &old, more, &nmore, &err), -1, "nor in part");
	is_int(nmore, 1, "but what can be had is");
	close_all(more, nmore);
	close_all(fds, n);
}

static void
test_peer(void)
{
	struct sockaddr_in6	sa = { .sin6_family = AF_INET6 };
	socklen_t		len = sizeof(sa);
	struct net_peer		peer;
	int			fds[2], l, c, a;

	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	net_peer(fds[0], &peer);
	ok(strcmp(peer.host, "local") == 0 && peer.loopback && peer.port == 0, "a unix socket is local");
	close(fds[0]);
	close(fds[1]);
	net_peer(-1, &peer);
	ok(strcmp(peer.host, "unknown") == 0 && !peer.loopback, "what is no socket is not");

	l = socket(AF_INET6, SOCK_STREAM, 0);
	if (l >= 0 && setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int)) == 0 &&
	    bind(l, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(l, 1) == 0) {
		getsockname(l, (struct sockaddr *)&sa, &len);
		c = connect_to(AF_INET, ntohs(sa.sin6_port));
		a = accept(l, NULL, NULL);
		net_peer(a, &peer);
		ok(strcmp(peer.host, "127.0.0.1") == 0 && peer.loopback, "a mapped address is shown as IPv4, local");
		close(a);
		close(c);
	}
	close(l);
}

int
main(void)
{
	test_syntax();
	test_listen();
	test_again();
	test_peer();
	return tap_done();
}
