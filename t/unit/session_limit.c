/*
 * Leases: nothing passes that is not leased, nothing is asked twice, and a
 * quota that is used up says so.
 */
#include "session/session_limit.h"
#include "tap.h"

int
main(void)
{
	struct limit	l = { .queries = { .limited = false } };

	is_int(limit_take(&l, &l.queries, 1000000), LIMIT_OK, "no quota, no limit");

	l.queries.limited = l.bytes.limited = true;
	is_int(limit_take(&l, &l.queries, 1), LIMIT_ASK, "nothing leased: ask");
	l.queries.asked = 50;
	is_int(limit_take(&l, &l.queries, 1), LIMIT_WAIT, "asked: wait");
	limit_answer(&l, 2, 0, false);
	is_int(l.bytes.asked, 0, "the other quota was not asked");
	is_int(limit_take(&l, &l.bytes, 1), LIMIT_ASK, "and its answer of 0 means nothing");
	is_int(limit_take(&l, &l.queries, 1), LIMIT_OK, "first of two");
	is_int(limit_take(&l, &l.queries, 1), LIMIT_OK, "second of two");
	is_int(limit_take(&l, &l.queries, 1), LIMIT_ASK, "third: ask again");
	limit_return(&l.queries, 1);
	is_int(limit_take(&l, &l.queries, 1), LIMIT_OK, "what was not used can be taken again");
	l.queries.asked = 50;
	limit_answer(&l, 0, 0, false);
	is_int(limit_take(&l, &l.queries, 1), LIMIT_EXHAUSTED, "nothing came: used up");
	is_int(limit_take(&l, &l.queries, 1), LIMIT_ASK, "the next one asks anew: others return leases");

	l.queries.asked = 50;
	limit_answer(&l, 1000, 0, false);
	is_int(l.queries.left, 50, "never more than was asked for");

	/* a need larger than one lease is collected from several */
	l.bytes.asked = 1000;
	limit_answer(&l, 0, 400, false);
	is_int(limit_take(&l, &l.bytes, 1000), LIMIT_ASK, "400 of 1000: ask for more");
	l.bytes.asked = 1000;
	limit_answer(&l, 0, 0, false);
	is_int(limit_take(&l, &l.bytes, 1000), LIMIT_EXHAUSTED, "no more: used up");
	is_int(l.bytes.left, 400, "what was leased and not enough is still there to be returned");

	l.bytes.asked = 1000;
	limit_answer(&l, 0, 0, true);
	is_int(limit_take(&l, &l.bytes, 1000), LIMIT_UNKNOWN, "storage away: cannot be told");
	return tap_done();
}
