/*
 * Leases: nothing passes that is not leased, so that many sessions of one
 * grant together stay within its quota.
 */
#include "session/session_limit.h"

enum limit_answer
limit_take(struct limit *l, struct limit_quota *q, uint64_t n)
{
	if (!q->limited)
		return LIMIT_OK;
	if (q->left >= n) {
		q->left -= n;
		q->used += n;
		q->answered = false;
		return LIMIT_OK;
	}
	if (q->asked != 0)
		return LIMIT_WAIT;
	if (q->answered) {
		/* not given; but others may return leases, so the next need asks again */
		q->answered = false;
		return l->failed ? LIMIT_UNKNOWN : LIMIT_EXHAUSTED;
	}
	return LIMIT_ASK;
}

void
limit_return(struct limit_quota *q, uint64_t n)
{
	if (!q->limited)
		return;
	q->left += n;
	q->used -= n;
}

static void
limit_settle(struct limit_quota *q, uint64_t granted)
{
	/* a lease may be smaller than the need: then the need asks again, until nothing comes */
	if (q->asked == 0)
		return;
	/* never believe more than was asked for */
	q->left += granted < q->asked ? granted : q->asked;
	q->asked = 0;
	q->answered = granted == 0;
}

void
limit_answer(struct limit *l, uint64_t queries, uint64_t bytes, bool failed)
{
	l->failed = failed;
	limit_settle(&l->queries, failed ? 0 : queries);
	limit_settle(&l->bytes, failed ? 0 : bytes);
}
