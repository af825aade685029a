/*
 * Reading and writing without ever blocking, with TLS or without. Refuses
 * nothing and interprets nothing; it only says what happened.
 */
#include "net/net_stream.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/net_bio.h"

#define STREAM_RECORD	16384	/* bytes in the largest TLS record */

#define STREAM_BULK_RUN		((size_t)4 << 20)	/* bytes after which a stream is bulk */
#define STREAM_BULK_LOW		131072			/* enough for a call */
#define STREAM_PAUSE		8192			/* a receive of less comes after a pause, or before one */

void
stream_init(struct stream *s, int fd, struct ssl_st *ssl)
{
	*s = (struct stream){ .fd = fd, .ssl = ssl, .recv_wants = POLLIN, .send_wants = POLLOUT };
	if (ssl == NULL)
		return;
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
	/* one read for what has come, not two for each record */
	SSL_set_read_ahead(ssl, 1);
	s->pending = SSL_has_pending(ssl);
}

/*
 * Before a TLS call: what fails then is told from what others left behind. There is seldom anything, and looking costs
 * a fraction of clearing.
 */
static void
stream_tls_begin(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	errno = 0;
}

/*
 * What a TLS call that did nothing means. An end without close_notify counts as
 * an end: many drivers just close, and the PostgreSQL protocol knows for itself
 * whether it was cut off. (libpq's BIO reports that end as SYSCALL with no errno.)
 */
static ssize_t
stream_tls_result(struct stream *s, int rc, short *wants)
{
	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*wants = POLLIN;
		return STREAM_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		*wants = POLLOUT;
		return STREAM_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		/* A socket that cannot be written to may still have the peer's last words. */
		return errno == 0 ? 0 : STREAM_FAILED;
	case SSL_ERROR_SSL:
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return 0;
		break;
	}
	s->broken = true;
	return STREAM_FAILED;
}

/*
 * Reads all whole records that have come, as far as there is room. What the library may still have then is not told by
 * a poll: it is pending, until the library has asked the socket in vain (a part of a record may be in it even so). An
 * end or a failure behind the last record is pending, too.
 */
static ssize_t
stream_recv_tls(struct stream *s, unsigned char *p, size_t n)
{
	size_t	total = 0, got;
	ssize_t	result;
	int	rc;

	if (s->broken) {
		s->pending = false;
		return STREAM_FAILED;
	}
	do {
		stream_tls_begin();
		if ((rc = SSL_read_ex(s->ssl, p + total, n - total, &got)) != 1)
			break;
		total += got;
		s->pending = SSL_has_pending(s->ssl);
	} while (s->pending && total < n);
	if (rc == 1)
		return (ssize_t)total;
	result = stream_tls_result(s, rc, &s->recv_wants);
	s->broken |= result == STREAM_FAILED;
	s->pending = total > 0 && result != STREAM_AGAIN;
	return total > 0 ? (ssize_t)total : result;
}

static ssize_t
stream_recv_plain(struct stream *s, void *p, size_t n, int flags)
{
	ssize_t	got = recv(s->fd, p, n, flags);

	if (got >= 0)
		return got;
	s->recv_wants = POLLIN;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? STREAM_AGAIN : STREAM_FAILED;
}

static bool
stream_low(struct stream *s, int low)
{
	return setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0;
}

/* n was asked for. */
static ssize_t
stream_got(struct stream *s, ssize_t got, size_t n)
{
	if (got > 0 && got < STREAM_PAUSE && (size_t)got < n && !s->bulk)
		s->run = 0;
	else if (got > 0 && !s->bulk && (s->run += (size_t)got) >= STREAM_BULK_RUN)
		s->bulk = stream_low(s, STREAM_BULK_LOW);
	return got;
}

void
stream_bulk_end(struct stream *s)
{
	s->run = 0;
	if (s->bulk)
		s->bulk = !stream_low(s, 1);
}

ssize_t
stream_recv(struct stream *s, void *p, size_t n)
{
	return stream_got(s, s->ssl != NULL ? stream_recv_tls(s, p, n) : stream_recv_plain(s, p, n, MSG_DONTWAIT), n);
}

ssize_t
stream_recv_wait(struct stream *s, void *p, size_t n)
{
	ssize_t	got;

	if (s->ssl == NULL)
		return stream_got(s, stream_recv_plain(s, p, n, 0), n);
	if (!s->patient || s->pending)
		return stream_recv(s, p, n);
	net_bio_wait(SSL_get_rbio(s->ssl), true);
	got = stream_recv(s, p, n);
	net_bio_wait(SSL_get_rbio(s->ssl), false);
	return got;
}

/* The descriptor waits, or not. False: it is as it was. */
static bool
stream_waits(int fd, bool waits)
{
	int	flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, waits ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0;
}

void
stream_patience(struct stream *s, int64_t us)
{
	struct timeval	tv = { us / 1000000, us % 1000000 };

	s->patient = (s->ssl == NULL || net_bio_is_ours(SSL_get_rbio(s->ssl))) &&
	    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0 && stream_waits(s->fd, true);
}

void
stream_impatience(struct stream *s)
{
	if (s->patient)
		stream_waits(s->fd, false);
	s->patient = false;
}

static ssize_t
stream_send_plain(struct stream *s, const struct iovec *iov, int iovcnt)
{
	struct msghdr	msg = {
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = (size_t)(iovcnt < IOV_MAX ? iovcnt : IOV_MAX),
	};
	ssize_t		sent;

	do
		/* the kernel takes one piece with less ado */
		sent = iovcnt == 1 ? send(s->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT) :
		    sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	s->send_wants = POLLOUT;
	return errno == EAGAIN || errno == EWOULDBLOCK ? STREAM_AGAIN : STREAM_FAILED;
}

/*
 * At least the first record's worth of what is behind `skip` bytes of the iovecs: in
 * place when it is in one piece, else gathered, so that small pieces share a record.
 */
static struct iovec
stream_piece(const struct iovec *iov, int iovcnt, size_t skip, unsigned char gather[STREAM_RECORD])
{
	struct iovec	piece = { .iov_base = gather };

	for (int i = 0; i < iovcnt && piece.iov_len < STREAM_RECORD; i++) {
		unsigned char	*p = iov[i].iov_base;
		size_t		 n = iov[i].iov_len, room = STREAM_RECORD - piece.iov_len;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		p += skip;
		n -= skip;
		skip = 0;
		if (piece.iov_len == 0 && (n >= STREAM_RECORD || i == iovcnt - 1))
			return (struct iovec){ p, n };
		n = n < room ? n : room;
		memcpy(gather + piece.iov_len, p, n);
		piece.iov_len += n;
	}
	return piece;
}

/*
 * A record that did not go out whole is kept, encrypted, by the library, and
 * is finished when its bytes are offered again. They are: each call offers
 * at least a record's worth from the first unsent byte.
 */
static ssize_t
stream_send_tls(struct stream *s, const struct iovec *iov, int iovcnt)
{
	unsigned char	gather[STREAM_RECORD];
	size_t		sent = 0, n;
	ssize_t		failure;
	int		rc;

	for (;;) {
		struct iovec	piece = stream_piece(iov, iovcnt, sent, gather);

		if (piece.iov_len == 0)
			return (ssize_t)sent;
		stream_tls_begin();
		rc = SSL_write_ex(s->ssl, piece.iov_base, piece.iov_len, &n);
		if (rc != 1)
			break;
		sent += n;
	}
	failure = stream_tls_result(s, rc, &s->send_wants);
	if (failure == STREAM_AGAIN && sent > 0)
		return (ssize_t)sent;
	return failure == STREAM_AGAIN ? STREAM_AGAIN : STREAM_FAILED;
}

ssize_t
stream_send(struct stream *s, const struct iovec *iov, int iovcnt)
{
	if (s->broken)
		return STREAM_FAILED;
	return s->ssl != NULL ? stream_send_tls(s, iov, iovcnt) : stream_send_plain(s, iov, iovcnt);
}

bool
stream_pending(const struct stream *s)
{
	return s->pending;
}

void
stream_shutdown(struct stream *s)
{
	if (s->ssl != NULL && !s->broken && SSL_is_init_finished(s->ssl)) {
		ERR_clear_error();
		SSL_shutdown(s->ssl);
		ERR_clear_error();
	}
	shutdown(s->fd, SHUT_WR);
}
