/*
 * One direction of the relay: bytes from one stream, walked message by
 * message, on to another. Three cursors in one buffer:
 *
 *	0        done          walk           end        cap
 *	|  sent  |  to be sent  |  not looked at |  free    |
 *
 * What passes is sent from the buffer it was received in. A message that is
 * taken out, or one that is put in, goes through `out`, which is sent first.
 */
#ifndef SESSION_LANE_H
#define SESSION_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "net/net_stream.h"

struct lane {
	struct stream	*from, *to;
	unsigned char	*in;
	size_t		 cap, done, walk, end;
	size_t		 used;		/* bytes of it that were ever written: the rest need not be wiped, nor its pages touched */
	uint64_t	 rest;		/* bytes of the message at walk that are yet to be walked over */
	bool		 drop;		/* ... and are not sent on */
	struct buf	 out;
	size_t		 out_done;	/* of out that is sent */
	bool		 eof;		/* `from` has ended or broken */
	bool		 broken;	/* `to` takes no more */
	uint64_t	 discarded;	/* bytes that passed since then */
};

void	lane_init(struct lane *l, struct stream *from, struct stream *to);
void	lane_free(struct lane *l);	/* wipes: results may lie in it */

/* Puts bytes that were received before the lane was there at its start. */
void	lane_seed(struct lane *l, const void *p, size_t n);

/* There is room to receive, or room can be made. `want`: bytes a message needs in one piece. */
bool	lane_can_recv(const struct lane *l, size_t want);
/* Receives once. Bytes, 0 at the end (eof is set), or STREAM_AGAIN. */
ssize_t	lane_recv(struct lane *l, size_t want);
/* The same, waiting for a while where nothing is there (stream_patience). */
ssize_t	lane_recv_wait(struct lane *l, size_t want);

/* Bytes at walk. */
static inline size_t
lane_ready(const struct lane *l)
{
	return l->end - l->walk;
}

/* Lets n bytes at walk through; those not received yet pass (or are dropped) as they come. */
void	lane_pass(struct lane *l, uint64_t n);
/* Takes n bytes at walk out. */
void	lane_cut(struct lane *l, uint64_t n);
/* Walks over `rest` as far as received; returns how many bytes, at *p. */
size_t	lane_continue(struct lane *l, const unsigned char **p);
/* Where to put messages of our own, behind what was let through. Only when rest is 0. */
struct buf	*lane_insert(struct lane *l);

bool	lane_has_output(const struct lane *l);
/* Sends what it can; what nobody takes any more is discarded. 0, or -1 and broken. */
int	lane_send(struct lane *l);

#endif
