/*
 * The channel over real sockets: paths, permissions, timeouts, a full backlog,
 * packets that are too large or carry descriptors.
 */
#include "ipc/ipc.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_time.h"
#include "tap.h"

static char	dir[] = "/tmp/dbbat-ipc-XXXXXX";
static char	path[128], other[128];

static void
pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
}

static void
test_listen(void)
{
	struct error	err = { "" };
	struct stat	st;
	struct buf	b = { 0 }, got = { 0 };
	struct ipc_hello h = { .token = { (const unsigned char *)"token", 5 } }, in;
	int		l, l2, c, a, fd;
	char		longpath[300];

	l = ipc_listen(path, &err);
	ok(l >= 0, "listens: %s", err.msg);
	ok(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600, "mode is 0600");
	ok((fcntl(l, F_GETFD) & FD_CLOEXEC) && (fcntl(l, F_GETFL) & O_NONBLOCK),
	    "the listener is close-on-exec and non-blocking");
	c = ipc_connect(path, 1000, &err);
	ok(c >= 0, "connects: %s", err.msg);
	ok((fcntl(c, F_GETFD) & FD_CLOEXEC) && !(fcntl(c, F_GETFL) & O_NONBLOCK),
	    "the client's end is close-on-exec and blocking");
	a = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ok(a >= 0 && ipc_peer_is_us(a) && ipc_peer_is_us(c), "both ends are us");
	ok(!ipc_peer_is_us(STDIN_FILENO), "what is no unix socket is not us");

	ipc_put_hello(&b, &h);
	is_int(ipc_send(c, &b), 0, "sends");
	is_int(ipc_recv(a, &got, 1000), 1, "receives");
	ok(ipc_get_hello((struct slice){ got.data, got.len }, &in) == 0 && in.token.n == 5 &&
	    memcmp(in.token.p, "token", 5) == 0, "what was sent");
	close(c);
	is_int(ipc_recv(a, &got, -1), -1, "a closed end is an error");
	is_int(got.len, 0, "and leaves an empty buffer");
	errno = 0;
	is_int(ipc_send(a, &b), -1, "sending to it fails without a signal");
	is_int(errno, EPIPE, "with EPIPE");
	close(a);

	l2 = ipc_listen(path, &err);
	ok(l2 >= 0, "an old socket is replaced");
	close(l);
	c = ipc_connect(path, 1000, &err);
	a = accept4(l2, NULL, NULL, SOCK_CLOEXEC);
	ok(c >= 0 && a >= 0, "and the new one is connected to");
	close(c);
	close(a);
	close(l2);
	ok(ipc_connect(path, 100, &err) == -1 && err.msg[0], "nobody listens: %s", err.msg);

	fd = open(other, O_CREAT | O_WRONLY, 0600);
	close(fd);
	ok(ipc_listen(other, &err) == -1 && stat(other, &st) == 0 && S_ISREG(st.st_mode),
	    "a file that is no socket is not replaced: %s", err.msg);
	memset(longpath, 'x', sizeof(longpath) - 1);
	longpath[0] = '/';
	longpath[sizeof(longpath) - 1] = '\0';
	ok(ipc_listen(longpath, &err) == -1 && ipc_connect(longpath, 10, &err) == -1,
	    "a path that is too long is refused");
	ok(ipc_listen("", &err) == -1 && strstr(err.msg, "not a path"), "an empty path is refused");
	buf_free(&b);
	buf_free(&got);
}

static void
test_packets(void)
{
	int		fds[2];
	struct buf	b = { 0 }, got = { 0 }, small = { .max = 100 };
	int64_t		t0;
	char		big[IPC_PACKET_MAX + 1];

	pair(fds);
	t0 = time_mono_us();
	is_int(ipc_recv(fds[0], &got, 0), 0, "nothing there, no waiting");
	is_int(ipc_recv(fds[0], &got, 50), 0, "nothing there in 50 ms");
	ok(time_mono_us() - t0 >= 50000 && time_mono_us() - t0 < 5000000, "and that was waited");

	is_int(ipc_send(fds[1], &b), -1, "an empty packet is not sent");
	memset(big, 'x', sizeof(big));
	buf_put(&b, big, IPC_PACKET_MAX);
	is_int(ipc_send(fds[1], &b), 0, "the largest packet is sent");
	is_int(ipc_recv(fds[0], &got, 1000), 1, "and received");
	ok(got.len == IPC_PACKET_MAX && memcmp(got.data, big, got.len) == 0, "whole");
	buf_put_u8(&b, 'x');
	is_int(ipc_send(fds[1], &b), -1, "one byte more is not sent");
	is_int(errno, EMSGSIZE, "with EMSGSIZE");
	ok(send(fds[1], big, sizeof(big), 0) == (ssize_t)sizeof(big), "a peer that sends it anyway");
	is_int(ipc_recv(fds[0], &got, 1000), -1, "is refused, not cut short");
	is_int(got.len, 0, "with an empty buffer");

	buf_reset(&b);
	buf_put_u8(&b, 1);
	b.failed = true;
	is_int(ipc_send(fds[1], &b), -1, "a failed buffer is not sent");
	b.failed = false;
	ipc_send(fds[1], &b);
	ipc_send(fds[1], &b);
	ok(ipc_recv(fds[0], &got, 0) == 1 && got.len == 1 && ipc_recv(fds[0], &got, 0) == 1 &&
	    got.len == 1, "packets keep their boundaries");
	is_int(ipc_recv(fds[0], &small, 0), -1, "a buffer too small for a packet is an error");
	is_int(send(fds[1], "", 0, 0), 0, "an empty packet of a peer");
	is_int(ipc_recv(fds[0], &got, 1000), -1, "is the end");
	close(fds[0]);
	close(fds[1]);
	buf_free(&b);
	buf_free(&got);
	buf_free(&small);
}

static void
test_descriptors(void)
{
	int		fds[2], before, after, sent = dup(0);
	char		byte = 1;
	union {
		struct cmsghdr	align;
		char		space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec	iov = { &byte, 1 };
	struct msghdr	msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr	*c = CMSG_FIRSTHDR(&msg);
	struct buf	got = { 0 };

	pair(fds);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &sent, sizeof(int));
	before = dup(0);
	close(before);
	is_int(sendmsg(fds[1], &msg, 0), 1, "a packet with a descriptor is sent");
	is_int(ipc_recv(fds[0], &got, 1000), -1, "and refused");
	after = dup(0);
	close(after);
	is_int(after, before, "and no descriptor came along");
	close(fds[0]);
	close(fds[1]);
	close(sent);
	buf_free(&got);
}

static void
on_alarm(int sig)
{
	(void)sig;
}

/* A signal every 10 ms must neither end a wait early nor stretch it. */
static void
test_signals(void)
{
	struct itimerval	every = { { 0, 10000 }, { 0, 10000 } }, off = { { 0, 0 }, { 0, 0 } };
	struct sigaction	sa = { .sa_handler = on_alarm };
	struct error		err = { "" };
	struct buf		got = { 0 };
	int			fds[2], conns[16], n = 0, l, rc;
	int64_t			t0, took;

	sigaction(SIGALRM, &sa, NULL);
	pair(fds);
	setitimer(ITIMER_REAL, &every, NULL);
	t0 = time_mono_us();
	rc = ipc_recv(fds[0], &got, 200);
	took = time_mono_us() - t0;
	ok(rc == 0 && took >= 200000 && took < 2000000, "signals do not change how long is waited");
	close(fds[0]);
	close(fds[1]);

	l = ipc_listen(path, &err);
	listen(l, 0);
	while (n < 16 && (conns[n] = ipc_connect(path, 100, &err)) >= 0)
		n++;
	ok(n > 0 && n < 16, "a full backlog ends connecting, after %d", n);
	t0 = time_mono_us();
	rc = ipc_connect(path, 300, &err);
	took = time_mono_us() - t0;
	ok(rc == -1 && took >= 250000 && took < 3000000, "in the time given (%lld us)", (long long)took);
	ok(strstr(err.msg, "timed out") != NULL, "which is said: %s", err.msg);
	if (fork() == 0) {
		usleep(100000);
		_exit(accept(l, NULL, NULL) < 0);
	}
	rc = ipc_connect(path, 3000, &err);
	ok(rc >= 0, "a place that comes free in time is taken");
	close(rc);
	setitimer(ITIMER_REAL, &off, NULL);
	while (wait(NULL) < 0 && errno == EINTR)
		;
	while (n > 0)
		close(conns[--n]);
	close(l);
	buf_free(&got);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(other, sizeof(other), "%s/file", dir);
	test_listen();
	test_packets();
	test_descriptors();
	test_signals();
	unlink(path);
	unlink(other);
	ok(rmdir(dir) == 0, "nothing else is left behind");
	return tap_done();
}
