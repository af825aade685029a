/*
 * The relay loop: two lanes, the keeper, the shipper of the record, and the
 * clock. Whatever is to be said to the client at the end is said at a message
 * boundary.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sched.h>
#include <linux/sched/types.h>

#include "base/base_log.h"
#include "base/base_scoreboard.h"
#include "base/base_time.h"
#include "session/session_run.h"

/* When the client is gone: how long, and through how much, to read on for outcomes. */
#define RELAY_DRAIN_US		10000000
#define RELAY_DRAIN_BYTES	262144
#define RELAY_LAST_WORDS_US	2000000		/* for the client to take what it is owed at the end */
/*
 * How long the side whose turn it is is waited for alone, and how often all is looked at while bytes keep coming:
 * what else happens, but for the keeper's word, is noticed that late at most (twice, when it falls badly).
 */
#define RELAY_ALONE_US		10000

/* Sessions with something to do, for each processor: from where on they are a crowd, and where they are none any more. */
#define RELAY_CROWD		2
#define RELAY_NO_CROWD		1
#define RELAY_CROWD_SLICE_NS	UINT64_C(100000000)	/* the longest there is */

enum relay_fd { RELAY_CLIENT, RELAY_TARGET, RELAY_KEEPER, RELAY_RECORD, RELAY_CANCEL, RELAY_FDS };

void
session_end(struct session *s, const char *reason)
{
	if (s->end.decided)
		return;
	s->end.decided = true;
	snprintf(s->end.reason, sizeof(s->end.reason), "%s", reason);
}

void
session_end_fatal(struct session *s, const char *reason, const char *sqlstate, const char *message,
    const char *hint)
{
	if (s->end.decided)
		return;
	session_end(s, reason);
	s->end.tell = true;
	snprintf(s->end.sqlstate, sizeof(s->end.sqlstate), "%s", sqlstate);
	snprintf(s->end.message, sizeof(s->end.message), "%s", message);
	snprintf(s->end.hint, sizeof(s->end.hint), "%s", hint);
}

int64_t
session_clock(struct session *s, int64_t now)
{
	static int64_t	drain_until = INT64_MAX;

	if (session_draining && drain_until == INT64_MAX)
		drain_until = now + s->conf->shutdown_timeout * 1000;
	if (session_stopping || now >= drain_until)
		session_end_fatal(s, "shutdown", "57P01",
		    "terminating connection: DBBat is shutting down", "Connect again later.");
	if (now >= s->grant.expires_us)
		session_end_fatal(s, "grant expired", "57P01",
		    "terminating connection: your grant on this database has expired",
		    "Ask an administrator for a new grant.");
	return s->grant.expires_us < drain_until ? s->grant.expires_us : drain_until;
}

/*
 * The client's side has ended: the target is told once all is sent, and what is
 * owed comes to its end. With the client gone altogether there is a limit to that.
 */
static void
relay_client_gone(struct session *s, int64_t now)
{
	if (s->down.broken && s->drain_until == INT64_MAX)
		s->drain_until = now + RELAY_DRAIN_US;
	if (s->half_closed || lane_has_output(&s->up))
		return;
	s->half_closed = true;
	stream_shutdown(&s->server);
}

/* Whether anything more is wanted from the client. */
static bool
relay_reads_client(const struct session *s, size_t want)
{
	return s->hold == HOLD_NONE && !s->terminated && s->fault == NULL && lane_can_recv(&s->up, want);
}

static bool
relay_reads_target(const struct session *s, size_t want)
{
	return !s->down_held && lane_can_recv(&s->down, want);
}

static short
relay_client_events(const struct session *s, size_t want)
{
	short	events = 0;

	if (relay_reads_client(s, want))
		events |= s->client.recv_wants;
	if (lane_has_output(&s->down))
		events |= s->client.send_wants;
	return events;
}

/* Whether what the client sent may go to the target: only when its record is safe. */
static bool
relay_safe(struct session *s)
{
	struct error	err;
	int		rc = record_safe(s->record, &err);

	if (rc < 0) {
		log_error("a statement cannot be recorded safely: %s", err.msg);
		session_end_fatal(s, "no record", "57P03",
		    "terminating connection: DBBat cannot record the statement, so it is not run",
		    "The operator finds the reason in DBBat's log. Connect again later.");
	}
	return rc > 0;
}

static short
relay_target_events(const struct session *s, size_t want, bool safe)
{
	short	events = 0;

	if (relay_reads_target(s, want))
		events |= s->server.recv_wants;
	if (safe && lane_has_output(&s->up))
		events |= s->server.send_wants;
	return events;
}

/* Receives where something has come, or waits inside the TLS library. Whether there was anything. */
static bool
relay_receive(struct session *s, const struct pollfd *fds, size_t want_up, size_t want_down)
{
	bool	came = false;

	if ((fds[RELAY_CLIENT].revents || stream_pending(&s->client)) && relay_reads_client(s, want_up))
		came |= lane_recv(&s->up, want_up) > 0;
	if ((fds[RELAY_TARGET].revents || stream_pending(&s->server)) && relay_reads_target(s, want_down))
		came |= lane_recv(&s->down, want_down) > 0;
	return came;
}

/*
 * The lane whose sender must speak next, since the other side has nothing to say before it has; NULL where both
 * may, or something else is waited for. It need not be right: what is not looked at is looked at soon.
 */
static struct lane *
relay_turn(struct session *s, size_t want_up, size_t want_down)
{
	if (s->hold != HOLD_NONE || s->cancel_fd >= 0 || lane_has_output(&s->up) || lane_has_output(&s->down))
		return NULL;
	if (s->pending.count == 0 || (s->copy_in && !s->copy_ended)) {
		stream_bulk_end(&s->server);
		return s->client.patient && !s->client.bulk && relay_reads_client(s, want_up) ? &s->up : NULL;
	}
	/* a message of the client's is not whole, or COPY may be about to begin */
	if (lane_ready(&s->up) > 0 || s->up.rest > 0 || s->copies > 0)
		return NULL;
	stream_bulk_end(&s->client);
	return s->server.patient && !s->server.bulk && relay_reads_target(s, want_down) ? &s->down : NULL;
}

static int
relay_poll(struct pollfd *fds, int64_t until, const sigset_t *mask)
{
	struct timespec	ts = time_left(until);

	return ppoll(fds, RELAY_FDS, until == INT64_MAX ? NULL : &ts, mask);
}

/* Whether there may be bytes that poll tells of only when there are more. */
static bool
relay_bulk(const struct session *s, size_t want_up, size_t want_down)
{
	return (s->client.bulk && relay_reads_client(s, want_up)) || (s->server.bulk && relay_reads_target(s, want_down));
}

/* Nothing can wait for a poll: there are bytes that poll does not see. */
static bool
relay_hurry(const struct session *s, size_t want_up, size_t want_down)
{
	return (stream_pending(&s->client) && relay_reads_client(s, want_up)) ||
	    (stream_pending(&s->server) && relay_reads_target(s, want_down));
}

/* Sends the rest of what was begun, and the FATAL behind it. */
static void
relay_last_words(struct session *s)
{
	int64_t	deadline = time_mono_us() + RELAY_LAST_WORDS_US;

	/* a message that is half sent must be whole before ours */
	while (s->down.rest > 0 && !s->down.broken && !s->down.eof) {
		bool	reads;

		s->now_us = time_mono_us();
		session_server_walk(s);
		if (lane_send(&s->down) != 0 || s->down.rest == 0)
			break;
		/* no more of it is held for a client that does not read than at other times */
		reads = lane_can_recv(&s->down, 0);
		if (!reads && session_wait(s->fd, s->client.send_wants, deadline) == 0)
			break;
		if (reads && !stream_pending(&s->server) && session_wait(s->server.fd, s->server.recv_wants, deadline) == 0)
			break;
		if (reads)
			lane_recv(&s->down, 0);
	}
	if (s->end.tell && s->down.rest == 0 && !s->target_fatal)
		wire_put_error(lane_insert(&s->down), &(struct wire_report){ .severity = "FATAL",
		    .sqlstate = s->end.sqlstate, .message = s->end.message, .hint = s->end.hint });
	while (lane_has_output(&s->down)) {
		if (lane_send(&s->down) != 0)
			break;
		if (lane_has_output(&s->down) &&
		    session_wait(s->fd, s->client.send_wants, deadline) == 0)
			break;
	}
}

/* What is still owed never comes. */
static void
relay_abandon(struct session *s)
{
	s->now_us = time_mono_us();
	run_release(s, "", "");
	run_unexecuted(s);
	while (s->pending.count > 0) {
		struct pending	*e = pending_at(&s->pending, 0);

		run_fail(e->run, RECORD_CANCELLED, s->end.tell ? s->end.sqlstate : "", s->end.reason);
		run_finish(s, e->run);
		pending_settle(&s->pending);
	}
}

/* The lanes have come to rest: is there anything left to do? */
static void
relay_ends(struct session *s, int64_t now)
{
	bool	delivered = !lane_has_output(&s->down);

	bool	answered = s->pending.count == 0 || s->down.eof;

	if (s->fault != NULL && answered && *s->fault == '\0')
		session_end(s, "protocol violation");
	else if (s->fault != NULL && answered)
		session_end_fatal(s, "protocol violation", "08P01", s->fault, "");
	else if (s->target_fatal && delivered)
		session_end(s, "ended by the target");
	else if (s->down.eof && !s->down_held && delivered)
		session_end(s, s->terminated || s->up.eof ? "client closed" : "connection to the target lost");
	else if (s->down.broken || s->terminated || s->fault != NULL || (s->up.eof && s->hold == HOLD_NONE))
		relay_client_gone(s, now);
	if (now >= s->drain_until || s->down.discarded > RELAY_DRAIN_BYTES)
		session_end(s, "client closed");
}

/* The library reads a file to know. */
static unsigned	relay_processors = 1;

void
session_relay_warm(void)
{
	long	n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n > 0)
		relay_processors = (unsigned)n;
}

/*
 * Yielding: who wakes us goes on, and of those that wait we come last, as one that wants a long slice (Linux 6.12 and
 * later; before, the slice is ignored). The priority is left as it is.
 */
static bool
relay_schedule(bool yields)
{
	struct sched_attr	attr = {
		.size = sizeof(attr),
		.sched_policy = yields ? SCHED_BATCH : SCHED_NORMAL,
		.sched_nice = getpriority(PRIO_PROCESS, 0),
		.sched_runtime = yields ? RELAY_CROWD_SLICE_NS : 0,
	};

	return syscall(SYS_sched_setattr, 0, &attr, 0) == 0;
}

/*
 * In a crowd, a session that is woken does not take the processor from who woke it: what would be four switches for
 * each statement becomes a round in which each process works off what has come. With few it would only be late.
 */
static void
relay_crowd(struct session *s, int64_t now)
{
	static bool	yields;
	unsigned	crowd = scoreboard_crowd(s->rt->board, now);
	bool		yield;

	yield = crowd > (yields ? RELAY_NO_CROWD : RELAY_CROWD) * relay_processors;
	if (yield != yields && relay_schedule(yield))
		yields = yield;
}

void
session_relay(struct session *s)
{
	struct pollfd	fds[RELAY_FDS];
	sigset_t	blocked, mask;
	int64_t		look = 0;		/* when to look at everything */
	bool		came = false;		/* bytes, the last time */

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	/* bytes that came behind the startup packet are the session's first */
	lane_init(&s->up, &s->client, &s->server);
	lane_init(&s->down, &s->server, &s->client);
	lane_seed(&s->up, s->in.data, s->in.len);
	buf_reset(&s->in);
	s->drain_until = INT64_MAX;
	stream_patience(&s->client, RELAY_ALONE_US);
	stream_patience(&s->server, RELAY_ALONE_US);

	while (!s->end.decided) {
		struct lane *turn;
		int64_t	until, ship, keeper;
		uint64_t replies = s->replies;
		size_t	want_up, want_down;
		bool	safe, bulk;
		int	ready;

		s->now_us = time_mono_us();
		/* first: a cancel that was meant for what is over must not hit what came meanwhile */
		if (session_rang)
			session_keeper_read(s);
		want_up = session_client_walk(s);
		safe = relay_safe(s);
		if (safe)
			lane_send(&s->up);
		want_down = session_server_walk(s);
		lane_send(&s->down);
		/* what the client's message waited for may be here */
		if (s->replies != replies && (s->hold == HOLD_PENDING || s->hold == HOLD_COPY || s->hold == HOLD_TURN || s->hold == HOLD_NAME))
			continue;
		until = session_clock(s, s->now_us);
		relay_ends(s, s->now_us);
		if (s->end.decided)
			break;
		if (came && s->now_us < look && (turn = relay_turn(s, want_up, want_down)) != NULL) {
			came = lane_recv_wait(turn, turn == &s->up ? want_up : want_down) > 0;
			continue;
		}
		if (s->drain_until < until)
			until = s->drain_until;
		keeper = session_keeper_clock(s, s->now_us);
		if (keeper < until)
			until = keeper;

		fds[RELAY_CLIENT] = (struct pollfd){ .fd = s->fd, .events = relay_client_events(s, want_up) };
		fds[RELAY_TARGET] = (struct pollfd){ .fd = s->server.fd,
		    .events = relay_target_events(s, want_down, safe) };
		fds[RELAY_KEEPER] = (struct pollfd){ .fd = s->keeper_fd, .events = POLLIN };
		fds[RELAY_CANCEL] = (struct pollfd){ .fd = s->cancel_fd, .events = POLLIN };
		ship = record_poll(s->record, &fds[RELAY_RECORD]);
		/* POLLHUP comes unasked: a side with nothing to do must not make the loop spin */
		if (fds[RELAY_CLIENT].events == 0)
			fds[RELAY_CLIENT].fd = -1;
		if (fds[RELAY_TARGET].events == 0)
			fds[RELAY_TARGET].fd = -1;
		if (ship < until)
			until = ship;
		bulk = relay_bulk(s, want_up, want_down);
		if (bulk && s->now_us + STREAM_BULK_US < until)
			until = s->now_us + STREAM_BULK_US;
		if (relay_hurry(s, want_up, want_down)) {
			bulk = false;
			until = 0;
		}
		ready = relay_poll(fds, until, &mask);
		if (ready < 0) {
			if (errno != EINTR)
				log_fatal(71, "poll: %m");
			continue;
		}
		if (ready == 0 && bulk) {
			stream_bulk_end(&s->client);
			stream_bulk_end(&s->server);
		}
		came = relay_receive(s, fds, want_up, want_down);
		s->now_us = time_mono_us();
		look = s->now_us + RELAY_ALONE_US;
		relay_crowd(s, s->now_us);
		if (fds[RELAY_KEEPER].revents)
			session_keeper_read(s);
		if (fds[RELAY_CANCEL].revents)
			session_cancel_done(s);
		if (fds[RELAY_RECORD].revents || (ship != INT64_MAX && s->now_us >= ship))
			record_ship(s->record, fds[RELAY_RECORD].revents);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	/* libpq says goodbye to the target, and does not expect to wait for it */
	stream_impatience(&s->server);
	stream_bulk_end(&s->client);
	stream_bulk_end(&s->server);
	if (s->end.tell && s->pending.count > 0 && !s->target_fatal)
		session_cancel_send(s);
	relay_last_words(s);
	relay_abandon(s);
}
