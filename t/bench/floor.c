/*
 * floor PORT HOST TARGET_PORT
 *
 * The least that a relay with a process for each connection can do: accept on PORT of the loopback, fork, connect to
 * the target (IPv4), wait for either side, and pass on what comes. It logs in nobody, looks at nothing and records
 * nothing; the client logs in to the target through it. What it costs, a proxy of this make costs.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define FLOOR_BUFFER	262144

/* Reaped, not ignored: what a process has used counts for who waited for it. */
static void
floor_reap(int sig)
{
	int	saved = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	errno = saved;
}

/* What one receive brings; the end of either side is the end of both. */
static void
floor_pass(int from, int to)
{
	static char	buf[FLOOR_BUFFER];
	ssize_t		got = recv(from, buf, sizeof(buf), 0), sent = 0;

	if (got <= 0)
		_exit(0);
	while (sent < got) {
		ssize_t	n = send(to, buf + sent, (size_t)(got - sent), MSG_NOSIGNAL);

		if (n <= 0)
			_exit(0);
		sent += n;
	}
}

static void
floor_relay(int client, const struct sockaddr_in *target)
{
	int		server = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct pollfd	fds[2] = { { .fd = client, .events = POLLIN }, { .fd = server, .events = POLLIN } };

	if (server < 0 || connect(server, (const struct sockaddr *)target, sizeof(*target)) != 0)
		_exit(1);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			_exit(1);
		if (fds[0].revents != 0)
			floor_pass(client, server);
		if (fds[1].revents != 0)
			floor_pass(server, client);
	}
}

static struct sockaddr_in
floor_address(const char *host, const char *port)
{
	struct sockaddr_in	a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", host);
	return a;
}

int
main(int argc, char **argv)
{
	struct sigaction	reap = { .sa_handler = floor_reap, .sa_flags = SA_RESTART };
	struct sockaddr_in	here, target;
	int			fd = socket(AF_INET, SOCK_STREAM, 0), client, one = 1;

	if (argc != 4)
		errx(2, "usage: floor PORT HOST TARGET_PORT");
	here = floor_address("127.0.0.1", argv[1]);
	target = floor_address(argv[2], argv[3]);
	sigaction(SIGCHLD, &reap, NULL);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0 || listen(fd, 1024) != 0)
		err(1, "port %s", argv[1]);
	for (;;) {
		client = accept(fd, NULL, NULL);
		if (client >= 0 && fork() == 0) {
			close(fd);
			floor_relay(client, &target);
		}
		if (client >= 0)
			close(client);
	}
}
