/*
 * The rounds of the shipper: now and then it looks at the scoreboard for sessions that have recorded something, has a
 * view of the journal of each, and lets record_ship do the rest. One connection is enough where storage is not short of
 * processors; where records come later than they should, the sessions are divided among more of them.
 */
#include "shipper/shipper.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "base/base_stop.h"
#include "base/base_time.h"
#include "record/record_journal.h"
#include "record/record_ship.h"

#define SHIPPER_BUSY_US		INT64_C(50000)	/* between two rounds while there is something to ship, */
#define SHIPPER_IDLE_US		INT64_C(250000)	/* and else; at most half of ship_interval */
#define SHIPPER_FORGET_US	INT64_C(10000000)	/* a session that records nothing */
#define SHIPPER_LANES		8		/* connections at most */
#define SHIPPER_LATE_US		INT64_C(200000)	/* behind ship_interval: another is opened */
#define SHIPPER_PACE_US		INT64_C(300000)	/* behind ship_interval: sessions are slowed down, */
#define SHIPPER_PACE_PART	250		/* a statement by this part of what it is later, */
#define SHIPPER_PACE_MAX_US	INT64_C(20000)	/* or so much */
#define SHIPPER_CALM_US		INT64_C(10000000)	/* nothing was late: one is enough */

/* A session that has recorded something: its slot's. */
struct line {
	struct record_source	 source;	/* journal NULL: there is none */
	struct record_shipper	*lane;		/* that ships it */
	uint64_t		 connection_id, files;
	int64_t			 opened_us;
	int64_t			 last_us;	/* when there was something */
	bool			 told;		/* that it cannot be opened */
	bool			 doubted;	/* what came next could not be read, at */
	uint64_t		 doubted_at;
	bool			 broken;	/* nor could it when it was opened again: no more of it is read */
};

struct shipper {
	const struct runtime	*rt;
	char			*dir;		/* of the journals */
	struct record_shipper	*lanes[SHIPPER_LANES];
	unsigned		 open;		/* of these are in use */
	int64_t			 opened_us, late_us;	/* when the last was opened, and something was late */
	struct line		*lines;		/* one for each slot */
	int64_t			 round_us;	/* of the last round */
	bool			 busy;		/* there was something in it */
};

static void
line_drop(struct line *l)
{
	if (l->source.journal == NULL)
		return;
	record_shipper_remove(l->lane, &l->source);
	record_journal_close(l->source.journal, RECORD_JOURNAL_LEAVE);
	l->source = (struct record_source){ .journal = NULL };
}

/* A view of the session's journal from that position on. False: there is none. */
static bool
line_view(const struct shipper *s, struct line *l, const struct shipment *m, uint64_t at, struct record_adopted *out)
{
	struct error		err;
	uint64_t		files = m->files;
	enum record_adopt	rc = record_journal_view(s->dir, l->connection_id, l->opened_us, at, out, &err);

	if (rc == RECORD_ADOPTED)
		l->files = files;
	/* else it is over, and its slot not free yet */
	else if (rc != RECORD_ADOPT_BUSY && !l->told)
		log_error("the journal of connection %" PRIu64 " cannot be read, and is shipped at its end if not before: %s",
		    l->connection_id, err.msg);
	l->told = rc != RECORD_ADOPTED;
	return rc == RECORD_ADOPTED;
}

static void
line_open(struct shipper *s, struct line *l, struct record_shipper *lane, struct shipment *m, int64_t now)
{
	uint64_t		stored = shipment_stored(m), acked = shipment_acked(m);
	int64_t			since = m->since_us;
	struct record_adopted	a;

	if (m->bytes <= acked || !line_view(s, l, m, acked, &a))
		return;
	l->source = (struct record_source){
		.journal = a.journal, .interval_us = s->rt->conf->ship_interval * 1000, .shipment = m, .stored = stored,
	};
	l->lane = lane;
	l->last_us = now;
	record_shipper_add(lane, &l->source);
	if (a.events > 0)
		record_source_added(&l->source, a.events, since);
}

/* It has grown, and is another file. How many records have come with it. */
static uint64_t
line_follow(struct shipper *s, struct line *l, struct shipment *m)
{
	struct record_adopted	a;

	if (!line_view(s, l, m, record_journal_start(l->source.journal), &a))
		return 0;
	record_journal_close(l->source.journal, RECORD_JOURNAL_LEAVE);
	l->source.journal = a.journal;
	l->source.damaged = a.events < l->source.pending;
	return l->source.damaged ? 0 : a.events - l->source.pending;
}

/* Another lane; what is under way goes on in the old one first. */
static void
line_move(struct line *l, struct record_shipper *lane)
{
	if (l->lane == lane || l->source.sent_events > 0)
		return;
	record_shipper_remove(l->lane, &l->source);
	l->lane = lane;
	record_shipper_add(lane, &l->source);
}

/*
 * What was to be read next was not what a session appends. Where another shipper had brought it to storage the session was free to
 * write over it: it goes on from there. Where it is the same as before it is damaged.
 */
static void
line_doubt(struct line *l, const struct shipment *m)
{
	uint64_t	acked = shipment_acked(m);

	line_drop(l);
	l->broken = l->doubted && l->doubted_at == acked;
	l->doubted = true;
	l->doubted_at = acked;
	if (l->broken)
		log_error("the journal of connection %" PRIu64 " is damaged: no more of it is shipped before its end", l->connection_id);
}

/* What has been appended since. False: that cannot be. */
static bool
line_read(struct shipper *s, struct line *l, struct shipment *m, int64_t at_us)
{
	uint64_t	more = 0, events;

	if (!l->source.damaged && l->files != m->files)
		more = line_follow(s, l, m);
	if (l->source.damaged || record_journal_look(l->source.journal, &events) != 0)
		return false;
	if (more + events > 0)
		record_source_added(&l->source, more + events, at_us);
	return true;
}

/* Takes note of what a session has recorded since the last round. */
static void
line_look(struct shipper *s, struct line *l, struct record_shipper *lane, struct shipment *m, int64_t now)
{
	uint64_t	id = m->connection_id;
	int64_t		since = m->since_us, opened = m->opened_us;

	if (l->connection_id != id || (id != 0 && l->opened_us != opened)) {
		line_drop(l);
		*l = (struct line){ .connection_id = id, .opened_us = opened };
	}
	if (id == 0 || l->broken)
		return;
	/* another shipper, which goes, was faster */
	if (l->source.journal != NULL && l->source.sent_events == 0 &&
	    shipment_acked(m) > record_journal_start(l->source.journal))
		line_drop(l);
	if (l->source.journal == NULL)
		line_open(s, l, lane, m, now);
	if (l->source.journal == NULL)
		return;
	if (!line_read(s, l, m, since > s->round_us ? since : s->round_us)) {
		line_doubt(l, m);
		return;
	}
	line_move(l, lane);
	if (l->source.pending > 0)
		l->last_us = now;
	else if (now - l->last_us > SHIPPER_FORGET_US)
		line_drop(l);
}

/* Wall clock in us; 0: storage is there. */
static int64_t
shipper_away(const struct shipper *s)
{
	int64_t	away = 0;

	for (unsigned i = 0; i < SHIPPER_LANES && away == 0; i++)
		away = record_shipper_away_since(s->lanes[i]);
	return away;
}

/*
 * Where storage, or the processors it shares with us, cannot keep up, sessions that record much are slowed down until it
 * can: the log stays close to what happens, and no journal fills up. While storage is away they are not.
 */
static int64_t
shipper_pace(const struct shipper *s, int64_t age_us)
{
	int64_t	pace = (age_us - s->rt->conf->ship_interval * 1000 - SHIPPER_PACE_US) / SHIPPER_PACE_PART;

	if (pace <= 0 || shipper_away(s) != 0)
		return 0;
	return pace < SHIPPER_PACE_MAX_US ? pace : SHIPPER_PACE_MAX_US;
}

/* How many lanes there should be, when the oldest record that waits was added at `oldest`. */
static void
shipper_lanes(struct shipper *s, int64_t oldest, int64_t now)
{
	bool	late = now - oldest > s->rt->conf->ship_interval * 1000 + SHIPPER_LATE_US;

	if (late)
		s->late_us = now;
	/* one that was opened has its time to show what it does */
	if (late && now - s->opened_us > SHIPPER_LATE_US && s->open < SHIPPER_LANES && shipper_away(s) == 0) {
		s->open++;
		s->opened_us = now;
	} else if (now - s->late_us > SHIPPER_CALM_US) {
		s->open = 1;
	}
}

static void
shipper_round(struct shipper *s)
{
	struct scoreboard	*b = s->rt->board;
	int64_t			 now = time_mono_us(), oldest = now;

	s->busy = false;
	for (int i = 0; i < b->size; i++) {
		struct line	*l = &s->lines[i];

		line_look(s, l, s->lanes[(unsigned)i % s->open], &b->shared->shipments[i], now);
		if (l->source.pending == 0)
			continue;
		s->busy = true;
		if (record_source_oldest(&l->source) < oldest)
			oldest = record_source_oldest(&l->source);
	}
	scoreboard_set_pace(b, shipper_pace(s, now - oldest), now);
	shipper_lanes(s, oldest, now);
	s->round_us = now;
}

static int64_t
shipper_next(const struct shipper *s)
{
	int64_t	every = s->busy ? SHIPPER_BUSY_US : SHIPPER_IDLE_US, half = s->rt->conf->ship_interval * 1000 / 2;

	return s->round_us + (every < half ? every : half);
}

/* Waits for storage, the next round, or a signal; then lets all lanes go on. */
static void
shipper_turn(struct shipper *s, const sigset_t *mask)
{
	struct pollfd	fds[SHIPPER_LANES];
	int64_t		at = shipper_next(s);
	struct timespec	ts;

	for (unsigned i = 0; i < SHIPPER_LANES; i++) {
		int64_t	due = record_shipper_poll(s->lanes[i], &fds[i]);

		at = due < at ? due : at;
	}
	ts = time_left(at);
	ppoll(fds, SHIPPER_LANES, &ts, mask);
	if (time_mono_us() >= shipper_next(s))
		shipper_round(s);
	for (unsigned i = 0; i < SHIPPER_LANES; i++)
		record_shipper_step(s->lanes[i], fds[i].revents);
	s->rt->board->shared->away_since_us = shipper_away(s);
}

_Noreturn void
shipper_main(struct runtime *rt)
{
	struct shipper		s = { .rt = rt, .open = 1 };
	sigset_t		mask;

	log_prefix("shipper: ");
	stop_catch(&mask);
	s.dir = xasprintf("%s/journal", rt->conf->state_dir);
	for (unsigned i = 0; i < SHIPPER_LANES; i++)
		s.lanes[i] = record_shipper_new(rt->record_dsn, "shipper");
	s.lines = xcalloc((size_t)rt->board->size, sizeof(*s.lines));
	while (!stop_asked())
		shipper_turn(&s, &mask);
	/* what is under way is sent again by the janitor, or by the next of us */
	_exit(0);
}
