/*
 * A small table of texts that passed, one place for each value of a hash. What falls on a place that is taken
 * takes it. Texts are compared whole: a hash alone decides nothing. Refusals are not kept.
 */
#include "session/session_judge.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

#define JUDGE_PLACES	256		/* a power of two */
#define JUDGE_TEXT_MAX	8192		/* parsing a longer one is not what it costs */

struct judge_place {
	struct buf		 text;
	bool			 taken;
	struct policy_effect	 effect;
};

struct judge {
	struct judge_place	 places[JUDGE_PLACES];
};

/* FNV-1a of eight bytes at a time. Who makes texts collide slows down himself. */
static uint64_t
judge_hash(struct slice text)
{
	uint64_t	h = 0xcbf29ce484222325u ^ text.n, v = 0;

	for (; text.n >= sizeof(v); text.p += sizeof(v), text.n -= sizeof(v)) {
		memcpy(&v, text.p, sizeof(v));
		h = (h ^ v) * 0x100000001b3u;
		h ^= h >> 32;
	}
	v = 0;
	memcpy(&v, text.p, text.n);
	h = (h ^ v) * 0x100000001b3u;
	return h ^ h >> 32;
}

void
judge_statement(struct judge **j, const struct policy *policy, struct slice text, struct policy_verdict *v)
{
	struct judge_place	*p;

	if (policy_passes(policy, text)) {
		policy_allow(policy, v);
		return;
	}
	if (text.n == 0 || text.n > JUDGE_TEXT_MAX) {
		policy_statement(policy, text, v);
		return;
	}
	if (*j == NULL)
		*j = xcalloc(1, sizeof(**j));
	p = &(*j)->places[judge_hash(text) & (JUDGE_PLACES - 1)];
	if (p->taken && p->text.len == text.n && memcmp(p->text.data, text.p, text.n) == 0) {
		policy_allow(policy, v);
		v->effect = p->effect;
		return;
	}
	policy_statement(policy, text, v);
	if (!v->allowed)
		return;
	buf_reset(&p->text);
	buf_put(&p->text, text.p, text.n);
	p->taken = true;
	p->effect = v->effect;
}

void
judge_free(struct judge *j)
{
	for (size_t i = 0; j != NULL && i < JUDGE_PLACES; i++)
		buf_wipe(&j->places[i].text);
	free(j);
}
