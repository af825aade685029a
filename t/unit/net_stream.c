/*
 * Streams in clear and over TLS: waiting, partial writes, ends, peers that are gone.
 */
#include "net/net_stream.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "net_pair.h"
#include "tap.h"

#define BIG	(8 * 1024 * 1024)

static SSL_CTX	*ctx;

static ssize_t
send_one(struct stream *s, const void *p, size_t n)
{
	struct iovec	iov = { (void *)(uintptr_t)p, n };

	return stream_send(s, &iov, 1);
}

static void
fill(unsigned char *p, size_t n)
{
	uint32_t	x = 12345;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = x >> 24;
	}
}

static void
small_buffers(int fd)
{
	int	size = 4096;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/*
 * Sends BIG bytes as iovecs of odd sizes, each try from a new address, while the
 * other end (TLS when ssl, else plain) reads odd amounts now and then.
 */
static void
transfer(struct stream *s, int client_fd, SSL *ssl, const char *name)
{
	static const size_t	sizes[] = { 1, 5, 3000, 0, 7, 16384, 40000, 2, 100 };
	unsigned char		*data = malloc(BIG), *got = malloc(BIG + 1), *copy = NULL;
	size_t			sent = 0, received = 0, again = 0;
	bool			failed = false;

	fill(data, BIG);
	for (int turn = 0; received < BIG && !failed && turn < 1000000; turn++) {
		struct iovec	iov[9];
		size_t		window = BIG - sent < 100000 ? BIG - sent : 100000, at = 0, want, n;
		int		count = 0;
		ssize_t		rc;

		free(copy);
		copy = malloc(window ? window : 1);
		memcpy(copy, data + sent, window);
		while (count < 9 && at < window) {
			n = sizes[(turn + count) % 9];
			n = n < window - at ? n : window - at;
			iov[count++] = (struct iovec){ copy + at, n };
			at += n;
		}
		/* what was offered before is offered again: all of the window, last */
		if (at < window)
			iov[count - 1].iov_len += window - at;
		if (count > 0) {
			rc = stream_send(s, iov, count);
			failed = rc == STREAM_FAILED || rc == 0 || (rc > 0 && (size_t)rc > window);
			again += rc == STREAM_AGAIN;
			sent += rc > 0 ? (size_t)rc : 0;
		}
		want = turn % 3 ? 30000 : 11;
		want = want < BIG + 1 - received ? want : BIG + 1 - received;
		if (ssl != NULL)
			rc = SSL_read(ssl, got + received, (int)want);
		else
			rc = read(client_fd, got + received, want);
		received += rc > 0 ? (size_t)rc : 0;
	}
	ok(!failed && sent == BIG && received == BIG && memcmp(got, data, BIG) == 0,
	    "%s: %d bytes arrive whole and in order, after waiting %zu times", name, BIG, again);
	ok(again > 0 && s->send_wants == POLLOUT, "%s: the socket was full at times, to be polled for", name);
	free(copy);
	free(data);
	free(got);
}

static void
test_plain(void)
{
	int		fds[2];
	struct stream	s;
	char		b[16];
	struct iovec	empty = { NULL, 0 }, three[] = { { b, 1 }, { b + 1, 0 }, { b + 1, 2 } };

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	stream_init(&s, fds[0], NULL);
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_AGAIN, "plain: nothing to read");
	is_int(s.recv_wants, POLLIN, "is polled for");
	ok(write(fds[1], "hello", 5) == 5 && stream_recv(&s, b, 3) == 3 && memcmp(b, "hel", 3) == 0 &&
	    stream_recv(&s, b, 3) == 2, "plain: bytes are read");
	is_int(stream_send(&s, &empty, 1), 0, "plain: nothing sent is 0");
	memcpy(b, "abc", 3);
	ok(stream_send(&s, three, 3) == 3 && read(fds[1], b, sizeof(b)) == 3 && memcmp(b, "abc", 3) == 0,
	    "plain: iovecs are sent in order");
	ok(!stream_pending(&s), "plain: nothing is ever pending");
	small_buffers(fds[0]);
	transfer(&s, fds[1], NULL, "plain");
	stream_shutdown(&s);
	is_int(read(fds[1], b, 1), 0, "plain: after shutdown the peer reads the end");
	close(fds[1]);
	is_int(stream_recv(&s, b, 1), 0, "plain: a peer that closed is the end");
	is_int(send_one(&s, "x", 1), STREAM_FAILED, "plain: sending to it fails, without SIGPIPE");
	close(fds[0]);
	is_int(stream_recv(&s, b, 1), STREAM_FAILED, "plain: a broken socket fails");
}

static struct stream
tls_open(struct pair *p)
{
	struct stream	s;

	pair_open(p, ctx);
	if (pair_handshake(p) != 1)
		abort();
	stream_init(&s, p->server_fd, p->server);
	return s;
}

static void
test_tls(void)
{
	struct pair	p;
	struct stream	s = tls_open(&p);
	char		b[8192];
	struct iovec	many[1000];
	int		waiting = 0;

	is_int(stream_recv(&s, b, sizeof(b)), STREAM_AGAIN, "tls: nothing to read");
	is_int(s.recv_wants, POLLIN, "is polled for");
	ok(SSL_write(p.client, "0123456789", 10) == 10 && stream_recv(&s, b, 4) == 4 &&
	    memcmp(b, "0123", 4) == 0, "tls: a part of a record is read");
	ok(stream_pending(&s), "the rest of it is pending, though no poll would tell");
	ok(stream_recv(&s, b, sizeof(b)) == 6 && !stream_pending(&s), "until it is read");
	is_int(stream_send(&s, many, 0), 0, "tls: nothing sent is 0");

	for (size_t i = 0; i < 1000; i++)
		many[i] = (struct iovec){ (void *)(uintptr_t)"abc", 3 };
	is_int(stream_send(&s, many, 1000), 3000, "tls: a thousand small pieces go out");
	ioctl(p.client_fd, FIONREAD, &waiting);
	ok(waiting > 3000 && waiting < 3100, "in one record: %d bytes", waiting);
	ok(SSL_read(p.client, b, sizeof(b)) == 3000 && memcmp(b, "abcabc", 6) == 0 &&
	    memcmp(b + 2997, "abc", 3) == 0, "whole");

	small_buffers(p.server_fd);
	transfer(&s, p.client_fd, p.client, "tls 1.3");

	stream_shutdown(&s);
	ok(SSL_read(p.client, b, 1) == 0 && SSL_get_error(p.client, 0) == SSL_ERROR_ZERO_RETURN,
	    "tls: after shutdown the peer reads a close_notify");
	SSL_shutdown(p.client);
	is_int(stream_recv(&s, b, 1), 0, "tls: the peer's close_notify is the end");
	pair_close(&p);

	pair_open(&p, ctx);
	SSL_set_max_proto_version(p.client, TLS1_2_VERSION);
	ok(pair_handshake(&p) == 1, "tls 1.2");
	stream_init(&s, p.server_fd, p.server);
	small_buffers(p.server_fd);
	transfer(&s, p.client_fd, p.client, "tls 1.2");
	pair_close(&p);
}

static void
test_tls_ends(void)
{
	struct pair	p;
	struct stream	s = tls_open(&p);
	char		b[64];

	close(p.client_fd);
	p.client_fd = -1;
	is_int(stream_recv(&s, b, sizeof(b)), 0, "tls: a peer that just closed is the end");
	is_int(stream_recv(&s, b, sizeof(b)), 0, "tls: and stays the end");
	is_int(send_one(&s, "x", 1), STREAM_FAILED, "tls: sending after that fails");
	stream_shutdown(&s);
	pair_close(&p);

	s = tls_open(&p);
	SSL_write(p.client, "last words", 10);
	close(p.client_fd);
	p.client_fd = -1;
	is_int(send_one(&s, "x", 1), STREAM_FAILED, "tls: sending to a peer that is gone fails, without SIGPIPE");
	ok(stream_recv(&s, b, sizeof(b)) == 10 && memcmp(b, "last words", 10) == 0, "but what it said is read");
	pair_close(&p);

	s = tls_open(&p);
	close(p.client_fd);
	p.client_fd = -1;
	stream_shutdown(&s);
	ok(ERR_peek_error() == 0, "tls: shutdown towards a peer that is gone is quiet");
	pair_close(&p);

	s = tls_open(&p);
	ok(SSL_write(p.client, "good", 4) == 4 && write(p.client_fd, "Q\0\0\0\x0dselect 1\0", 14) == 14,
	    "tls: plaintext behind a good record");
	ok(stream_recv(&s, b, sizeof(b)) == 4 && memcmp(b, "good", 4) == 0, "the record is read");
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_FAILED, "the plaintext is not");
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_FAILED, "and the connection stays broken");
	is_int(send_one(&s, "x", 1), STREAM_FAILED, "in both directions");
	stream_shutdown(&s);
	pair_close(&p);

	/* An error that an earlier call left in the queue is not ours. */
	s = tls_open(&p);
	ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_AGAIN, "tls: old errors do not count when reading");
	ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
	is_int(send_one(&s, "x", 1), 1, "nor when writing");
	pair_close(&p);

	/* A record cut off in its middle waits for the rest. */
	s = tls_open(&p);
	ok(write(p.client_fd, "\x17\x03\x03\x00\x20half", 9) == 9, "tls: half a record");
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_AGAIN, "is waited for");
	ok(!stream_pending(&s), "and not taken for data");
	close(p.client_fd);
	p.client_fd = -1;
	ok(stream_recv(&s, b, sizeof(b)) <= 0, "no data comes of it when the peer is gone");
	pair_close(&p);
}

/* The other end speaks when this one waits already, most likely; right it must be either way. */
static void
test_patience(void)
{
	int		fds[2];
	struct stream	s;
	char		b[16];
	struct pair	p;
	pid_t		pid;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	stream_init(&s, fds[0], NULL);
	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "patience: without it nothing is waited for");
	stream_patience(&s, 1000);
	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "patience: it comes to an end");
	stream_patience(&s, 60000000);
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_AGAIN, "patience: a receive that does not wait still does not");
	small_buffers(fds[0]);
	while (send_one(&s, b, sizeof(b)) > 0)
		;
	is_int(send_one(&s, b, sizeof(b)), STREAM_AGAIN, "patience: nor does sending");
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		_exit(write(fds[1], "late", 4) != 4);
	}
	ok(stream_recv_wait(&s, b, sizeof(b)) == 4 && memcmp(b, "late", 4) == 0, "patience: what comes late is received");
	waitpid(pid, NULL, 0);
	stream_impatience(&s);
	ok(!s.patient && (fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0, "patience: then the socket is as it was");
	is_int(recv(fds[0], b, 1, 0), -1, "patience: for others too");
	close(fds[0]);
	close(fds[1]);

	s = tls_open(&p);
	stream_patience(&s, 60000000);
	ok(!s.patient, "patience: TLS has none");
	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "patience: and does not wait");
	pair_close(&p);
}

int
main(void)
{
	struct error	err = { "" };

	pair_setup();
	ctx = net_tls_server(pair_cert, pair_key, &err);
	test_plain();
	test_patience();
	test_tls();
	test_tls_ends();
	SSL_CTX_free(ctx);
	pair_cleanup();
	return tap_done();
}
