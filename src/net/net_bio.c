/*
 * A BIO on a socket. The library's own reads and writes as the descriptor has it, where a write must never wait and a
 * read seldom, and writes with write(2), and so with SIGPIPE.
 */
#include "net/net_bio.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include <openssl/bio.h>

#include "base/base_log.h"
#include "base/base_mem.h"

struct bio_socket {
	int	fd;
	bool	wait;	/* the next read */
	bool	eof;
};

static bool
bio_again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int
bio_read(BIO *bio, char *p, size_t n, size_t *got)
{
	struct bio_socket	*b = BIO_get_data(bio);
	ssize_t			 rc;

	BIO_clear_retry_flags(bio);
	rc = recv(b->fd, p, n, b->wait ? 0 : MSG_DONTWAIT);
	b->wait = false;
	if (rc > 0) {
		*got = (size_t)rc;
		return 1;
	}
	if (rc == 0)
		b->eof = true;
	else if (bio_again())
		BIO_set_retry_read(bio);
	return 0;
}

static int
bio_write(BIO *bio, const char *p, size_t n, size_t *sent)
{
	struct bio_socket	*b = BIO_get_data(bio);
	ssize_t			 rc;

	BIO_clear_retry_flags(bio);
	do
		rc = send(b->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (rc < 0 && errno == EINTR);
	if (rc >= 0) {
		*sent = (size_t)rc;
		return 1;
	}
	if (bio_again())
		BIO_set_retry_write(bio);
	return 0;
}

/* What the library asks of a BIO under TLS; nothing of ours needs flushing. */
static long
bio_ctrl(BIO *bio, int cmd, long n, void *p)
{
	const struct bio_socket	*b = BIO_get_data(bio);

	(void)n;
	(void)p;
	return cmd == BIO_CTRL_FLUSH || (cmd == BIO_CTRL_EOF && b->eof);
}

static int
bio_destroy(BIO *bio)
{
	free(BIO_get_data(bio));
	return 1;
}

static int
bio_type(void)
{
	static int	type;

	if (type == 0)
		type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
	return type;
}

static const BIO_METHOD *
bio_method(void)
{
	static BIO_METHOD	*method;

	if (method != NULL)
		return method;
	method = BIO_meth_new(bio_type(), "dbbat socket");
	if (method == NULL ||
	    !BIO_meth_set_read_ex(method, bio_read) ||
	    !BIO_meth_set_write_ex(method, bio_write) ||
	    !BIO_meth_set_ctrl(method, bio_ctrl) ||
	    !BIO_meth_set_destroy(method, bio_destroy))
		log_fatal(EX_OSERR, "out of memory for TLS");
	return method;
}

BIO *
net_bio_new(int fd)
{
	BIO			*bio = BIO_new(bio_method());
	struct bio_socket	*b;

	if (bio == NULL)
		return NULL;
	b = xmalloc(sizeof(*b));
	*b = (struct bio_socket){ .fd = fd };
	BIO_set_data(bio, b);
	BIO_set_init(bio, 1);
	return bio;
}

bool
net_bio_is_ours(BIO *bio)
{
	return BIO_method_type(bio) == bio_type();
}

void
net_bio_wait(BIO *bio, bool wait)
{
	struct bio_socket	*b = BIO_get_data(bio);

	b->wait = wait;
}
