/*
 * The bytes of one direction. Knows nothing of what they mean.
 */
#include "session/session_lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

#define LANE_MIN	16384
#define LANE_BULK	262144		/* as far as it grows for speed alone */
#define LANE_OUT_MAX	65536		/* more than this unsent: no more is received */

void
lane_init(struct lane *l, struct stream *from, struct stream *to)
{
	*l = (struct lane){ .from = from, .to = to, .cap = LANE_MIN };
	l->in = xmalloc(l->cap);
}

/* Another buffer in the place of the one that is there. */
static void
lane_move(struct lane *l, unsigned char *in, size_t cap)
{
	secret_free_n(l->in, l->used);
	l->in = in;
	l->cap = cap;
}

static void
lane_received(struct lane *l, size_t n)
{
	l->end += n;
	if (l->end > l->used)
		l->used = l->end;
}

void
lane_free(struct lane *l)
{
	lane_move(l, NULL, 0);
	buf_wipe(&l->out);
	l->used = l->done = l->walk = l->end = 0;
}

bool
lane_can_recv(const struct lane *l, size_t want)
{
	if (l->eof || l->out.len - l->out_done > LANE_OUT_MAX)
		return false;
	/* what completes the message at walk is asked for when there is nothing left to send in front of it */
	if (l->walk > l->done)
		want = 0;
	return l->end - l->done < (want > LANE_BULK ? want : LANE_BULK);
}

/* Moves what is kept to the front and grows until there is room. */
static void
lane_room(struct lane *l, size_t want)
{
	size_t	kept = l->end - l->done, cap = l->cap;

	if (l->done == l->end)
		l->done = l->walk = l->end = 0;
	/* everything that is kept and what completes the message at walk */
	want += l->walk - l->done;
	while (cap < want || cap - kept < LANE_MIN / 4)
		cap *= 2;
	if (cap == l->cap && l->cap - l->end >= LANE_MIN / 4 && l->cap - l->done >= want)
		return;
	if (cap == l->cap)
		memmove(l->in, l->in + l->done, kept);
	else {
		unsigned char	*in = xmalloc(cap);

		memcpy(in, l->in + l->done, kept);
		lane_move(l, in, cap);
		l->used = kept;
	}
	l->walk -= l->done;
	l->end -= l->done;
	l->done = 0;
}

void
lane_seed(struct lane *l, const void *p, size_t n)
{
	lane_room(l, n);
	if (n > 0)
		memcpy(l->in + l->end, p, n);
	lane_received(l, n);
}

static ssize_t
lane_take(struct lane *l, size_t want, ssize_t (*take)(struct stream *, void *, size_t))
{
	ssize_t	n;

	lane_room(l, want);
	n = take(l->from, l->in + l->end, l->cap - l->end);
	if (n > 0) {
		lane_received(l, (size_t)n);
		/* bulk fills the buffer: a larger one saves calls */
		if (l->end == l->cap && l->cap < LANE_BULK && l->done == 0) {
			unsigned char	*in = xmalloc(l->cap * 2);

			memcpy(in, l->in, l->cap);
			lane_move(l, in, l->cap * 2);
		}
	} else if (n != STREAM_AGAIN) {
		l->eof = true;
		n = 0;
	}
	return n;
}

ssize_t
lane_recv(struct lane *l, size_t want)
{
	return lane_take(l, want, stream_recv);
}

ssize_t
lane_recv_wait(struct lane *l, size_t want)
{
	return lane_take(l, want, stream_recv_wait);
}

void
lane_pass(struct lane *l, uint64_t n)
{
	assert(l->rest == 0);
	l->rest = n;
	l->drop = false;
}

/* What was let through and not sent goes to `out`, in front of what follows. */
static void
lane_divert(struct lane *l)
{
	buf_put(&l->out, l->in + l->done, l->walk - l->done);
	l->done = l->walk;
}

void
lane_cut(struct lane *l, uint64_t n)
{
	const unsigned char	*p;

	assert(l->rest == 0);
	lane_divert(l);
	l->rest = n;
	l->drop = true;
	lane_continue(l, &p);
}

size_t
lane_continue(struct lane *l, const unsigned char **p)
{
	size_t	n = lane_ready(l);

	if (n > l->rest)
		n = (size_t)l->rest;
	*p = l->in + l->walk;
	l->walk += n;
	l->rest -= n;
	if (l->drop)
		l->done = l->walk;
	return n;
}

struct buf *
lane_insert(struct lane *l)
{
	assert(l->rest == 0 || l->drop);
	lane_divert(l);
	return &l->out;
}

bool
lane_has_output(const struct lane *l)
{
	return !l->broken && (l->out.len > l->out_done || l->walk > l->done);
}

static int
lane_discard(struct lane *l)
{
	l->broken = true;
	l->discarded += l->out.len - l->out_done + (l->walk - l->done);
	buf_reset(&l->out);
	l->out_done = 0;
	l->done = l->walk;
	return -1;
}

int
lane_send(struct lane *l)
{
	while (lane_has_output(l)) {
		struct iovec	iov[2];
		size_t		out = l->out.len - l->out_done;
		int		count = 0;
		ssize_t		n;

		if (out > 0)
			iov[count++] = (struct iovec){ l->out.data + l->out_done, out };
		if (l->walk > l->done)
			iov[count++] = (struct iovec){ l->in + l->done, l->walk - l->done };
		n = stream_send(l->to, iov, count);
		if (n == STREAM_AGAIN)
			return 0;
		if (n <= 0)
			return lane_discard(l);
		if ((size_t)n < out) {
			l->out_done += (size_t)n;
			continue;
		}
		buf_reset(&l->out);
		l->out_done = 0;
		l->done += (size_t)n - out;
	}
	return l->broken ? lane_discard(l) : 0;
}
