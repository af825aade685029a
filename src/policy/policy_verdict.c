/*
 * How a verdict is worded, and the judgements that need no text. Nothing here decides about statements.
 */
#include "policy/policy_judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
verdict_refuse(struct policy_verdict *v, const char *rule, const char *sqlstate, const char *hint,
    const char *fmt, ...)
{
	va_list	ap;

	v->allowed = false;
	v->rule = rule;
	snprintf(v->sqlstate, sizeof(v->sqlstate), "%s", sqlstate);
	snprintf(v->hint, sizeof(v->hint), "%s", hint);
	va_start(ap, fmt);
	vsnprintf(v->message, sizeof(v->message), fmt, ap);
	va_end(ap);
	for (char *p = v->message; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

void
verdict_refuse_deep(struct policy_verdict *v)
{
	verdict_refuse(v, "too-deep", NOT_GRANTED, "Write it with less nesting, or split it.",
	    "the statement nests too deeply, or has too many operators, to be checked: your DBBat grant is read-only");
}

void
verdict_refuse_syntax(struct policy_verdict *v, const char *message, int position)
{
	char	where[32] = "";

	if (position > 0)
		snprintf(where, sizeof(where), " at character %d", position);
	verdict_refuse(v, "syntax", NOT_GRANTED,
	    "Under a read-only grant a statement passes only when DBBat understands it. If this is no mistake but "
	    "syntax newer than PostgreSQL 15, write it the older way or ask for a write grant.",
	    "DBBat's grammar (PostgreSQL 15) cannot read the statement%s: %s", where, message);
}

#define LO_OPEN	952u

void
policy_function_call(const struct policy *p, uint32_t oid, struct slice second,
    struct policy_verdict *v)
{
	static const unsigned char	inv_read[] = { 0x00, 0x04, 0x00, 0x00 };
	/* lo_open, lo_close, loread, lo_lseek, lo_tell, lo_lseek64, lo_tell64: OIDs fixed since PostgreSQL 9.3 */
	static const uint32_t	readers[] = { 952, 953, 954, 956, 958, 3170, 3171 };

	policy_allow(p, v);
	if (p->access == POLICY_WRITE)
		return;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (oid == readers[i] && (oid != LO_OPEN || (second.n == sizeof(inv_read) &&
		    memcmp(second.p, inv_read, sizeof(inv_read)) == 0)))
			return;
	verdict_refuse(v, "function-call", NOT_GRANTED, HINT_ADMIN,
	    "function with OID %u may not be called by a FunctionCall message: your DBBat grant is read-only", oid);
}
