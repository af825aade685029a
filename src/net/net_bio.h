/*
 * What TLS of the client's side reads from and writes to: a socket that is never waited for, unless its next read is told to.
 */
#ifndef NET_BIO_H
#define NET_BIO_H

#include <stdbool.h>

struct bio_st;

/* fd is not owned. Goes with the SSL it is given to. NULL: no memory. */
struct bio_st	*net_bio_new(int fd);

/* Such a one; others do with a blocking descriptor what they like. */
bool	net_bio_is_ours(struct bio_st *bio);

/*
 * Where nothing is there, the next read waits, if the descriptor does: one read, however many more a record takes, so
 * that a peer who sends byte by byte cannot hold us longer. False takes it back.
 */
void	net_bio_wait(struct bio_st *bio, bool wait);

#endif
