/*
 * A non-blocking byte stream: a socket, with TLS on top or not. net/ is the
 * only user of libssl.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;

struct stream {
	int		 fd;
	struct ssl_st	*ssl;		/* NULL without TLS */
	short		 recv_wants;	/* POLLIN or POLLOUT: what the last AGAIN of recv waits for */
	short		 send_wants;	/* the same for send */
	bool		 broken;	/* TLS has failed and must not be used again */
	bool		 patient;	/* stream_recv_wait waits */
	bool		 pending;	/* the TLS library may have more than it gave */
	bool		 bulk;		/* see stream_bulk_end */
	size_t		 run;		/* bytes that have come without a pause */
};

#define STREAM_AGAIN	(-1)	/* nothing now: poll for recv_wants/send_wants */
#define STREAM_FAILED	(-2)	/* the connection is broken */

/* fd must be non-blocking. Neither fd nor ssl is owned. */
void	stream_init(struct stream *s, int fd, struct ssl_st *ssl);

/* Bytes received (> 0), 0 at end of stream, STREAM_AGAIN or STREAM_FAILED. n > 0. */
ssize_t	stream_recv(struct stream *s, void *p, size_t n);

/*
 * The same, but where nothing is there it waits as long as stream_patience has said, or until a signal, which saves
 * a poll and the call that found nothing. Patience makes the descriptor a blocking one, for others who use it too, until
 * stream_impatience. TLS on a BIO that is not net/'s (libpq's) has none: it would wait where it sends, too. Of a TLS record
 * that comes in pieces only the first is waited for.
 */
void	stream_patience(struct stream *s, int64_t us);
void	stream_impatience(struct stream *s);
ssize_t	stream_recv_wait(struct stream *s, void *p, size_t n);

/*
 * Bytes sent of the iovecs, in order (> 0; 0 when they are empty), STREAM_AGAIN or STREAM_FAILED. With TLS what
 * was offered and not sent must be offered again, the same bytes or more, at any address: a record of up to
 * 16 KiB of them may be on its way already. No SIGPIPE.
 */
ssize_t	stream_send(struct stream *s, const struct iovec *iov, int iovcnt);

/*
 * Where much comes without a pause the stream is `bulk`: poll tells of its socket only when there is enough for a call, so that
 * neither we nor the sender's processor are kept busy with waking us for each little. What is less than that must not
 * wait for long: who polls does so for STREAM_BULK_US at most, and when that is over in vain ends it. It is ended also where the peer
 * has said all that it says unasked. Nothing happens where there is nothing to end.
 */
#define STREAM_BULK_US	1000
void	stream_bulk_end(struct stream *s);

/* Bytes, or the end, may wait inside the TLS library; poll would not tell, the next stream_recv does. */
bool	stream_pending(const struct stream *s);

/* Orderly end: TLS close_notify, then shutdown(SHUT_WR). Never waits. */
void	stream_shutdown(struct stream *s);

#endif
