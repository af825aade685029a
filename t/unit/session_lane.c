/*
 * A lane over real sockets: what passes, what is cut, what is put in, in order
 * and whole, however the bytes come and go.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/session_lane.h"
#include "tap.h"

static int		from[2], to[2];
static struct stream	in, out;

static void
open_streams(void)
{
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, from);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, to);
	stream_init(&in, from[1], NULL);
	stream_init(&out, to[0], NULL);
}

static void
close_streams(void)
{
	for (int i = 0; i < 2; i++) {
		close(from[i]);
		close(to[i]);
	}
}

static const char *
received(void)
{
	static char	text[256];
	ssize_t		n = read(to[1], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Whole messages from a sender that is fast, to a receiver that takes nothing: the next one's head is no reason to grow. */
static void
stalled(void)
{
	static char		message[1000];
	struct lane		l;
	const unsigned char	*p;

	open_streams();
	lane_init(&l, &in, &out);
	for (int i = 0; i < 5000; i++) {
		if (write(from[0], message, sizeof(message)) != sizeof(message) || !lane_can_recv(&l, 5))
			break;
		lane_recv(&l, 5);
		lane_pass(&l, lane_ready(&l));
		lane_continue(&l, &p);
	}
	ok(l.end - l.done >= 200000 && l.cap <= 1000000, "what cannot be sent ends what is received");
	lane_free(&l);
	close_streams();
}

static void
order(void)
{
	struct lane		l;
	const unsigned char	*p;

	open_streams();
	lane_init(&l, &in, &out);
	ok(write(from[0], "aaabbbcccddd", 12) == 12, "twelve bytes come");
	is_int(lane_recv(&l, 0), 12, "and are received");
	lane_pass(&l, 3);
	lane_continue(&l, &p);
	lane_cut(&l, 3);
	buf_put_str(lane_insert(&l), "XX");
	lane_pass(&l, 3);
	lane_continue(&l, &p);
	is_int(lane_send(&l), 0, "sent");
	is_str(received(), "aaaXXccc", "passed, replaced, passed");
	is_int(lane_ready(&l), 3, "the rest waits to be walked");

	/* a message of which only the start is there */
	lane_cut(&l, 5);
	is_int(l.rest, 2, "two bytes of the cut message are to come");
	ok(write(from[0], "ddeee", 5) == 5, "they come, and more");
	lane_recv(&l, 0);
	lane_continue(&l, &p);
	is_int(l.rest, 0, "the cut is over");
	lane_pass(&l, 3);
	lane_continue(&l, &p);
	buf_put_str(lane_insert(&l), "Y");
	lane_send(&l);
	is_str(received(), "eeeY", "what was cut never shows");

	close(from[0]);
	is_int(lane_recv(&l, 0), 0, "end of stream");
	ok(l.eof && !lane_can_recv(&l, 100), "is known from then on");
	lane_free(&l);
	close(from[1]);
	close(to[0]);
	close(to[1]);
}

/* More than sockets and buffers hold, with messages put in between; compared byte by byte. */
static void
bulk(void)
{
	struct lane		 l;
	const unsigned char	*p;
	size_t			 sent = 0, total = 3000000, expect = 0, got = 0, inserted = 0;
	unsigned char		 chunk[7001], reply[9001];
	bool			 same = true, bounded = true;

	open_streams();
	lane_init(&l, &in, &out);
	srand(7);
	while (got < total + inserted || sent < total) {
		size_t	n = (size_t)rand() % sizeof(chunk);
		ssize_t	k;

		if (n > total - sent)
			n = total - sent;
		memset(chunk, 'p', n);
		k = n ? write(from[0], chunk, n) : 0;
		sent += k > 0 ? (size_t)k : 0;
		if (lane_can_recv(&l, 0))
			lane_recv(&l, 0);
		if (lane_ready(&l) > 0) {
			lane_pass(&l, lane_ready(&l));
			lane_continue(&l, &p);
			if (rand() % 20 == 0) {
				buf_put_str(lane_insert(&l), "i");
				inserted++;
			}
		}
		lane_send(&l);
		bounded &= l.cap <= 262144 * 2 && l.out.cap <= 1048576;
		/* a slow reader */
		if (rand() % 3 == 0 && (k = read(to[1], reply, (size_t)rand() % sizeof(reply))) > 0) {
			for (ssize_t i = 0; i < k; i++) {
				same &= reply[i] == 'p' || reply[i] == 'i';
				expect += reply[i] == 'p';
			}
			got += (size_t)k;
		}
	}
	ok(same && expect == total, "three million bytes arrive, and %zu of ours", inserted);
	ok(bounded, "in bounded memory");
	lane_free(&l);
	close_streams();
}

static void
large_message(void)
{
	struct lane	l;
	size_t		n = 900000, got = 0;
	char		*text = malloc(n);

	open_streams();
	lane_init(&l, &in, &out);
	memset(text, 'q', n);
	for (size_t sent = 0; lane_ready(&l) < n;) {
		ssize_t	k = sent < n ? write(from[0], text + sent, n - sent) : 0;

		sent += k > 0 ? (size_t)k : 0;
		if (!lane_can_recv(&l, n))
			break;
		lane_recv(&l, n);
		got++;
	}
	is_int(lane_ready(&l), n, "a message that is wanted in one piece is held in one piece");
	ok(memcmp(l.in + l.walk, text, n) == 0, "and is the one that came");
	free(text);
	lane_free(&l);
	close_streams();
}

static void
broken(void)
{
	struct lane		l;
	const unsigned char	*p;

	open_streams();
	lane_init(&l, &in, &out);
	ok(write(from[0], "abc", 3) == 3, "three bytes come");
	lane_recv(&l, 0);
	lane_pass(&l, 3);
	lane_continue(&l, &p);
	close(to[1]);
	is_int(lane_send(&l), -1, "nobody takes them");
	ok(l.broken && !lane_has_output(&l), "nothing waits to be sent any more");
	lane_free(&l);
	close(from[0]);
	close(from[1]);
	close(to[0]);
}

/* What was written is known, and wiped; what was not need not be touched. */
static void
used(void)
{
	static char		message[20000];
	struct lane		l;
	const unsigned char	*p;

	open_streams();
	lane_init(&l, &in, &out);
	lane_seed(&l, "seed", 4);
	is_int(l.used, 4, "bytes that were there before are counted");
	ok(write(from[0], message, 1000) == 1000 && lane_recv(&l, 0) == 1000 && l.used == 1004, "and those that come");
	lane_pass(&l, lane_ready(&l));
	lane_continue(&l, &p);
	lane_send(&l);
	ok(write(from[0], message, 10) == 10 && lane_recv(&l, 0) == 10 && l.end == 10, "the front is used again");
	is_int(l.used, 1004, "but what lay behind it is not forgotten");
	ok(write(from[0], message, sizeof(message)) == sizeof(message) && lane_recv(&l, 0) > 0 && l.end < l.cap,
	    "a buffer that is full is replaced");
	is_int(l.used, l.end, "by one that has as much");
	lane_free(&l);
	is_int(l.used, 0, "in the end there is nothing");
	close_streams();
}

int
main(void)
{
	order();
	stalled();
	bulk();
	large_message();
	broken();
	used();
	return tap_done();
}
