/*
 * What was judged once is not judged again, and only that: by the whole text, and no refusal is kept.
 */
#include "session/session_judge.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static struct judge	*judge;

static struct policy_verdict
statement(const struct policy *p, const char *text)
{
	struct policy_verdict	v;

	judge_statement(&judge, p, (struct slice){ (const unsigned char *)text, strlen(text) }, &v);
	return v;
}

int
main(void)
{
	struct policy	reading = { .access = POLICY_READ }, strict = { .access = POLICY_READ, .refused = POLICY_SLEEP };
	char		text[64];
	bool		all = true;

	ok(statement(&reading, "SELECT pg_sleep(0)").allowed, "a statement passes");
	/* sessions have one policy: that another one's verdict comes back shows that nothing was judged */
	ok(statement(&strict, "SELECT pg_sleep(0)").allowed, "and is not judged again");
	ok(!statement(&strict, "SELECT pg_sleep(0) ").allowed, "but by its whole text");
	ok(statement(&reading, "SELECT pg_sleep(0) ").allowed, "and what was refused is judged again");
	ok(statement(&reading, "SET work_mem = '1MB'").effect.kind == POLICY_SETTING &&
	    statement(&reading, "SET work_mem = '1MB'").effect.sets, "what it does is remembered");
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), i % 2 ? "SELECT %d" : "DELETE FROM t%d", i);
		all &= statement(&reading, text).allowed == (i % 2 == 1);
		all &= statement(&reading, text).allowed == (i % 2 == 1);
	}
	ok(all, "texts that take each other's place do not take each other's verdict");
	judge_free(judge);
	return tap_done();
}
