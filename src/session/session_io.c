/*
 * Reading and writing the client while there is one thing to do at a time:
 * startup, login, the last words. Every wait has a deadline and ends when the
 * process is told to stop.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "session/session_stage.h"
#include "session/session_state.h"
#include "wire/wire_server.h"

/* How much is received at once before the session proper. */
#define IO_CHUNK	2048
#define IO_SMALL	4096	/* what it is received into; hardly a client sends more at once */
#define IO_LARGE	131072	/* and when one does: more than the largest message that is taken */
#define IO_PLACE_MS	500	/* how often it is looked whether the place is still ours */

/* Whose place another may take; NULL: nobody's. */
static const struct runtime	*io_place;

/* Reserved, and their first pages there. */
static void
io_prepare(struct buf *b, size_t n)
{
	if (buf_reserve(b, n))
		memset(b->data, 0, IO_SMALL);
}

void
session_io_rehearse(struct session *s)
{
	io_prepare(&s->in, IO_SMALL);
	io_prepare(&s->out, IO_SMALL);
	io_prepare(&s->packet, IPC_PACKET_MAX);
}

void
session_place(const struct runtime *rt)
{
	io_place = rt;
}

short
session_wait(int fd, short events, int64_t deadline)
{
	struct pollfd	pfd = { .fd = fd, .events = events };

	while (!session_stopping && (io_place == NULL || !scoreboard_evicted(io_place->board, io_place->slot))) {
		int64_t		left = deadline - time_mono_us();
		enum stage	was;
		int		n;

		if (left <= 0)
			return 0;
		left = left / 1000 + 1;
		if (io_place != NULL && left > IO_PLACE_MS)
			left = IO_PLACE_MS;
		was = stage_enter(STAGE_CLIENT);
		n = poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left);
		stage_enter(was);
		if (n > 0)
			return pfd.revents;
		if (n < 0 && errno != EINTR)
			return 0;
	}
	return 0;
}

/* Room for another chunk. It is made once, for who sends much: the bytes may be a password, and leave no copy. */
static bool
io_room(struct buf *b)
{
	struct buf	large = { 0 };

	if (b->cap - b->len >= IO_CHUNK)
		return true;
	if (b->cap >= IO_LARGE)
		return false;
	buf_reserve(&large, b->cap == 0 ? IO_SMALL : IO_LARGE);
	buf_put(&large, b->data, b->len);
	buf_wipe(b);
	*b = large;
	return true;
}

int
session_receive(struct session *s, int64_t deadline)
{
	for (;;) {
		ssize_t	n;

		if (!io_room(&s->in))
			return -1;
		n = stream_recv(&s->client, s->in.data + s->in.len, s->in.cap - s->in.len);
		if (n > 0) {
			s->in.len += (size_t)n;
			return 1;
		}
		if (n == 0)
			return 0;
		if (n != STREAM_AGAIN ||
		    session_wait(s->fd, s->client.recv_wants, deadline) == 0)
			return -1;
	}
}

int
session_flush(struct session *s, int64_t deadline)
{
	size_t	done = 0;

	while (done < s->out.len) {
		struct iovec	iov = { s->out.data + done, s->out.len - done };
		ssize_t		n = stream_send(&s->client, &iov, 1);

		if (n > 0)
			done += (size_t)n;
		else if (n != STREAM_AGAIN ||
		    session_wait(s->fd, s->client.send_wants, deadline) == 0)
			return -1;
	}
	buf_reset(&s->out);
	return 0;
}

void
session_fatal(struct session *s, const char *sqlstate, const char *message, const char *hint)
{
	wire_put_error(&s->out, &(struct wire_report){ .severity = "FATAL", .sqlstate = sqlstate,
	    .message = message, .hint = hint });
	session_flush(s, time_mono_us() + 2000000);
}
