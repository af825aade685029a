/*
 * The verdict on a statement, which is remembered: a text that had to be parsed and was allowed is not
 * judged again. The judgement depends on the text and on what stays the same in a session.
 */
#ifndef SESSION_JUDGE_H
#define SESSION_JUDGE_H

#include "policy/policy.h"

struct judge;

/* *j is made when it is first needed. */
void	judge_statement(struct judge **j, const struct policy *policy, struct slice text, struct policy_verdict *v);
void	judge_free(struct judge *j);	/* wipes: texts hold values; NULL is fine */

#endif
