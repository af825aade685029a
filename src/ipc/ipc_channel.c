/*
 * The SEQPACKET channel. Refuses packets over IPC_PACKET_MAX and packets that
 * carry file descriptors: no message of ours has any, so who sends one is not us.
 */
#include "ipc/ipc.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base_time.h"

/* The kernel counts its own overhead too. */
#define IPC_SOCKET_BUFFER	(4 * IPC_PACKET_MAX)

static int
ipc_address(const char *path, struct sockaddr_un *sa, struct error *err)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (path[0] == '\0' || strlen(path) >= sizeof(sa->sun_path))
		return error_set(err, "\"%s\" is not a path for a socket (1 to %zu bytes)",
		    path, sizeof(sa->sun_path) - 1);
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return 0;
}

static int
ipc_socket(int flags)
{
	int	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	int	size = IPC_SOCKET_BUFFER;

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	return fd;
}

/* 0: there is nothing, or an old socket. */
static int
ipc_replaceable(const char *path)
{
	struct stat	st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	return 0;
}

/*
 * Bound and listening under another name before it is renamed: who connects finds the
 * old socket or the new one, and never a file with other permissions.
 */
int
ipc_listen(const char *path, struct error *err)
{
	struct sockaddr_un	sa;
	char			fresh[sizeof(sa.sun_path)];
	mode_t			mask;
	int			fd, rc;

	if (ipc_address(path, &sa, err) < 0)
		return -1;
	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return error_set(err, "%s: too long for the path of a socket", path);
	if (ipc_address(fresh, &sa, err) < 0)
		return -1;
	if (ipc_replaceable(path) < 0 || ipc_replaceable(fresh) < 0)
		return error_set(err, "%s: %s", path, strerror(errno));
	if ((fd = ipc_socket(SOCK_NONBLOCK)) < 0)
		return error_set(err, "socket: %s", strerror(errno));
	unlink(fresh);
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(mask);
	if (rc < 0 || listen(fd, SOMAXCONN) < 0 || rename(fresh, path) < 0) {
		error_set(err, "%s: %s", path, strerror(errno));
		if (rc == 0)
			unlink(fresh);
		close(fd);
		return -1;
	}
	return fd;
}

/* Milliseconds until `deadline_us`, rounded up; 0 when it has passed. */
static int
ipc_left_ms(int64_t deadline_us)
{
	int64_t	left = deadline_us - time_mono_us();

	return left > 0 ? (int)((left + 999) / 1000) : 0;
}

/* 0 is "for ever" to the kernel. */
static int
ipc_set_send_timeout(int fd, int ms)
{
	struct timeval	tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/*
 * A full backlog makes a non-blocking connect fail at once and cannot be polled
 * for, so the socket blocks, for as long as its send timeout says.
 */
int
ipc_connect(const char *path, int timeout_ms, struct error *err)
{
	struct sockaddr_un	sa;
	int64_t			deadline = time_mono_us() + (int64_t)timeout_ms * 1000;
	int			fd, rc, ms;

	if (ipc_address(path, &sa, err) < 0)
		return -1;
	if ((fd = ipc_socket(0)) < 0)
		return error_set(err, "socket: %s", strerror(errno));
	do {
		ms = ipc_left_ms(deadline);
		rc = ipc_set_send_timeout(fd, ms > 0 ? ms : 1);
		if (rc == 0)
			rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	} while (rc < 0 && errno == EINTR && ms > 0);
	if (rc < 0 || ipc_set_send_timeout(fd, 0) < 0) {
		error_set(err, "%s: %s", path, errno == EAGAIN || errno == EINTR ?
		    "timed out" : strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

bool
ipc_peer_is_us(int fd)
{
	struct ucred	cred;
	socklen_t	len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	    len == sizeof(cred) && cred.uid == geteuid();
}

int
ipc_send(int fd, const struct buf *packet)
{
	ssize_t	n;

	if (packet->failed || packet->len == 0 || packet->len > IPC_PACKET_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	do
		n = send(fd, packet->data, packet->len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* One packet if there is one now: 1, 0 or -1 as ipc_recv. */
static int
ipc_recv_now(int fd, struct buf *b)
{
	struct iovec	iov = { .iov_base = b->data, .iov_len = IPC_PACKET_MAX };
	struct msghdr	msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t		n;

	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
	/* Without room for them descriptors are dropped by the kernel, which says so in CTRUNC. */
	if (n == 0 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return -1;
	b->len = (size_t)n;
	return 1;
}

int
ipc_recv(int fd, struct buf *b, int timeout_ms)
{
	int64_t		deadline = time_mono_us() + (int64_t)timeout_ms * 1000;
	struct pollfd	pfd = { .fd = fd, .events = POLLIN };
	int		rc, ms;

	buf_reset(b);
	if (!buf_reserve(b, IPC_PACKET_MAX))
		return -1;
	for (;;) {
		if ((rc = ipc_recv_now(fd, b)) != 0)
			return rc;
		ms = timeout_ms < 0 ? -1 : ipc_left_ms(deadline);
		if (ms == 0)
			return 0;
		if (poll(&pfd, 1, ms) < 0 && errno != EINTR)
			return -1;
	}
}
