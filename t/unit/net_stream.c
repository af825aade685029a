/*
 * Streams in clear and over TLS: waiting, partial writes, reading ahead, ends, peers that are gone.
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

static bool
readable(int fd)
{
	struct pollfd	pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/*
 * The other way: the client writes records of odd sizes through a small socket, and the stream is read in odd amounts,
 * but only when a poll, or what it says to be pending, tells to.
 */
static void
transfer_up(struct stream *s, int client_fd, SSL *ssl, const char *name)
{
	static const size_t	sizes[] = { 1, 5, 3000, 16384, 7, 40000, 2, 100 }, rooms[] = { 16384, 1, 100000, 5000, 3 };
	unsigned char		*data = malloc(BIG), *got = malloc(BIG);
	size_t			sent = 0, received = 0, in_vain = 0, writes = 0;
	bool			failed = false, spins = false;

	fill(data, BIG);
	small_buffers(client_fd);
	for (int turn = 0; received < BIG && !failed && turn < 1000000; turn++) {
		size_t	n = sizes[writes % 8] < BIG - sent ? sizes[writes % 8] : BIG - sent, room = rooms[turn % 5];
		bool	pending = stream_pending(s);
		ssize_t	rc;

		if (n > 0 && SSL_write_ex(ssl, data + sent, n, &n) == 1) {
			sent += n;
			writes++;
		}
		if (!pending && !readable(s->fd))
			continue;
		rc = stream_recv(s, got + received, room < BIG - received ? room : BIG - received);
		failed = rc == STREAM_FAILED || rc == 0;
		received += rc > 0 ? (size_t)rc : 0;
		in_vain += pending && rc == STREAM_AGAIN;
		spins |= rc == STREAM_AGAIN && stream_pending(s);
	}
	ok(!failed && sent == BIG && received == BIG && memcmp(got, data, BIG) == 0,
	    "%s: %d bytes are received whole and in order, after looking in vain %zu times", name, BIG, in_vain);
	ok(!spins, "%s: what was looked for in vain is not pending", name);
	free(data);
	free(got);
}

/* What the client would send for these bytes. */
static size_t
record_of(struct pair *p, const void *bytes, int n, unsigned char *out, int size)
{
	BIO	*mem = BIO_new(BIO_s_mem()), *socket = SSL_get_wbio(p->client);
	int	got;

	BIO_up_ref(socket);
	SSL_set0_wbio(p->client, mem);
	SSL_write(p->client, bytes, n);
	got = BIO_read(mem, out, size);
	SSL_set0_wbio(p->client, socket);
	return got > 0 ? (size_t)got : 0;
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
	SSL_set_mode(p.client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	transfer_up(&s, p.client_fd, p.client, "tls 1.3");

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
	SSL_set_mode(p.client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	transfer_up(&s, p.client_fd, p.client, "tls 1.2");
	pair_close(&p);
}

/* What came is read at once, and nothing of it is forgotten inside the library. */
static void
test_tls_ahead(void)
{
	struct pair	p;
	struct stream	s = tls_open(&p);
	char		b[64];
	unsigned char	records[256];
	size_t		one, two;
	int		waiting = -1;

	ok(SSL_write(p.client, "first", 5) == 5 && SSL_write(p.client, "second", 6) == 6, "tls: two records");
	ok(stream_recv(&s, b, sizeof(b)) == 11 && memcmp(b, "firstsecond", 11) == 0 && !stream_pending(&s), "are received at once");
	SSL_write(p.client, "first", 5);
	SSL_write(p.client, "second", 6);
	ok(stream_recv(&s, b, 3) == 3 && ioctl(p.server_fd, FIONREAD, &waiting) == 0 && waiting == 0,
	    "tls: with room for a part of it all is read ahead");
	ok(stream_pending(&s) && !readable(p.server_fd), "which is pending");
	ok(stream_recv(&s, b, 2) == 2 && stream_pending(&s), "the second record, too");
	ok(stream_recv(&s, b, 6) == 6 && memcmp(b, "second", 6) == 0 && !stream_pending(&s), "until all is received");

	one = record_of(&p, "first", 5, records, 128);
	two = record_of(&p, "second", 6, records + one, 128);
	ok(write(p.client_fd, records, one + 7) == (ssize_t)one + 7 && stream_recv(&s, b, 5) == 5 && stream_pending(&s),
	    "tls: a record and a part of the next: something may be pending");
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_AGAIN, "but is not whole");
	ok(!stream_pending(&s) && !readable(p.server_fd), "and is waited for");
	ok(write(p.client_fd, records + one + 7, two - 7) == (ssize_t)two - 7 && readable(p.server_fd) &&
	    stream_recv(&s, b, sizeof(b)) == 6 && memcmp(b, "second", 6) == 0, "until the rest is there");

	SSL_key_update(p.client, SSL_KEY_UPDATE_REQUESTED);
	ok(SSL_do_handshake(p.client) == 1 && readable(p.server_fd), "tls: the client changes its key, and wants another of ours");
	ok(stream_recv(&s, b, sizeof(b)) == STREAM_AGAIN && s.recv_wants == POLLIN && !stream_pending(&s), "which is no data");
	ok(SSL_write(p.client, "third", 5) == 5 && stream_recv(&s, b, sizeof(b)) == 5, "tls: with the new key it is heard");
	ok(send_one(&s, "answer", 6) == 6 && SSL_read(p.client, b, sizeof(b)) == 6, "and answered");

	SSL_write(p.client, "bye", 3);
	SSL_shutdown(p.client);
	ok(stream_recv(&s, b, sizeof(b)) == 3 && memcmp(b, "bye", 3) == 0, "tls: a close_notify behind the last record");
	ok(stream_pending(&s) && !readable(p.server_fd), "is pending");
	ok(stream_recv(&s, b, sizeof(b)) == 0 && !stream_pending(&s), "tls: and is the end");
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
	ok(stream_pending(&s), "that there was something else is pending");
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_FAILED, "the plaintext is not");
	ok(stream_recv(&s, b, sizeof(b)) == STREAM_FAILED && !stream_pending(&s), "and the connection stays broken");
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

	/* A library's BIO on a blocking socket would wait for a peer that does not read, too. */
	pair_open(&p, ctx);
	SSL_set_fd(p.server, p.server_fd);
	if (pair_handshake(&p) != 1)
		abort();
	stream_init(&s, p.server_fd, p.server);
	stream_patience(&s, 60000000);
	ok(!s.patient, "patience: TLS on somebody else's BIO has none");
	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "patience: and does not wait");
	pair_close(&p);
}

static int
low(int fd)
{
	int		n = -1;
	socklen_t	len = sizeof(n);

	getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &n, &len);
	return n;
}

/* Takes pieces of n bytes until that many have come, or the stream is bulk; how many have. */
static size_t
take_pieces(struct stream *s, int from, size_t n, size_t until)
{
	static unsigned char	piece[65536], b[65536];
	size_t			came = 0;

	while (came < until && !s->bulk) {
		if (write(from, piece, n) != (ssize_t)n || stream_recv(s, b, sizeof(b)) != (ssize_t)n)
			abort();
		came += n;
	}
	return came;
}

static void
test_bulk(void)
{
	struct stream	s;
	char		b[16];
	size_t		much;
	int		fds[2];

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	stream_init(&s, fds[0], NULL);
	take_pieces(&s, fds[1], 4096, BIG);
	ok(!s.bulk && low(fds[0]) == 1, "bulk: little things are none, however many they are");
	much = take_pieces(&s, fds[1], 16384, BIG);
	ok(s.bulk && much < BIG, "bulk: much that comes without a pause is");
	ok(low(fds[0]) > 16384, "bulk: then poll tells of more together");
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_AGAIN, "bulk: nothing is still nothing");
	is_int(write(fds[1], "rest", 4), 4, "bulk: there is a rest");
	ok(stream_recv(&s, b, sizeof(b)) == 4 && s.bulk, "bulk: which a receive gets");
	stream_bulk_end(&s);
	ok(!s.bulk && low(fds[0]) == 1, "bulk: its end");
	stream_bulk_end(&s);
	take_pieces(&s, fds[1], 16384, much / 2);
	ok(!s.bulk, "bulk: after which much must come anew");
	take_pieces(&s, fds[1], 4096, 4096);
	take_pieces(&s, fds[1], 16384, much / 2 + 16384);
	ok(!s.bulk, "bulk: as after a pause");
	take_pieces(&s, fds[1], 16384, BIG);
	ok(s.bulk, "bulk: and again is");
	close(fds[0]);
	close(fds[1]);
}

static void
test_tls_patience(void)
{
	struct pair	p;
	struct stream	s = tls_open(&p);
	char		b[64], big[4096] = "";
	unsigned char	records[256];
	size_t		second, third, all;
	pid_t		pid;

	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "tls: without patience nothing is waited for");
	stream_patience(&s, 1000);
	ok(s.patient, "tls: patience");
	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "comes to an end");
	/* from here on a wait that should not be ends the test */
	stream_patience(&s, 600000000);
	alarm(60);
	is_int(stream_recv(&s, b, sizeof(b)), STREAM_AGAIN, "tls: a receive that does not wait still does not");
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		_exit(SSL_write(p.client, "late", 4) != 4);
	}
	ok(stream_recv_wait(&s, b, sizeof(b)) == 4 && memcmp(b, "late", 4) == 0, "tls: what comes late is received");
	waitpid(pid, NULL, 0);
	pair_close(&p);

	s = tls_open(&p);
	stream_patience(&s, 600000000);
	second = record_of(&p, "first", 5, records, 64);
	third = second + record_of(&p, "second", 6, records + second, 64);
	all = third + record_of(&p, "third", 5, records + third, 64);
	ok(write(p.client_fd, records, 7) == 7, "tls: some bytes of a record");
	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "end the wait, though the rest does not come");
	ok(write(p.client_fd, records + 7, second - 7) > 0 && stream_recv_wait(&s, b, sizeof(b)) == 5, "until it does");
	ok(write(p.client_fd, records + second, third + 7 - second) > 0 && stream_recv_wait(&s, b, 6) == 6 && stream_pending(&s),
	    "tls: a record, and some bytes of the next");
	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "are not waited with while they may be a record");
	ok(write(p.client_fd, records + third + 7, all - third - 7) > 0 && stream_recv_wait(&s, b, sizeof(b)) == 5,
	    "but when they are known not to be one");
	SSL_write(p.client, "first", 5);
	ok(stream_recv_wait(&s, b, 4) == 4 && stream_recv_wait(&s, b + 4, sizeof(b) - 4) == 1,
	    "tls: with some received, more is not waited for");
	small_buffers(p.server_fd);
	while (send_one(&s, big, sizeof(big)) > 0)
		;
	is_int(send_one(&s, big, sizeof(big)), STREAM_AGAIN, "tls: sending does not wait");
	stream_shutdown(&s);
	stream_impatience(&s);
	ok(!s.patient && (fcntl(p.server_fd, F_GETFL) & O_NONBLOCK) != 0, "tls: then the socket is as it was");
	is_int(stream_recv_wait(&s, b, sizeof(b)), STREAM_AGAIN, "and nothing is waited for");
	alarm(0);
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
	test_bulk();
	test_tls_patience();
	test_tls();
	test_tls_ahead();
	test_tls_ends();
	SSL_CTX_free(ctx);
	pair_cleanup();
	return tap_done();
}
