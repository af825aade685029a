/*
 * What a grant lets through. Pure: no I/O, no clock; the statement and the settings go in,
 * a verdict comes out. libpg_query (PostgreSQL's own grammar) is used here only.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base_buf.h"

enum policy_access { POLICY_READ = 0, POLICY_WRITE = 1 };

/* Longest statement that is judged under read, in bytes. */
#define POLICY_TEXT_MAX		(1024 * 1024)
/* Deepest nesting that is parsed. */
#define POLICY_DEPTH_MAX	1000

/* What a text does to the transaction it runs in, as far as a session must know. */
enum policy_kind {
	POLICY_PLAIN,
	POLICY_BEGIN,			/* with several statements: the first is, the others are no transaction control */
	POLICY_COMMIT,
	POLICY_ROLLBACK,
	POLICY_SETTING,			/* SET, LISTEN, DISCARD and the like: reads nothing, runs no function of a user's */
	POLICY_ENDS,			/* several: the last is COMMIT or ROLLBACK, only the first of the others may be BEGIN */
	POLICY_MIXED			/* several statements, transaction control among them in another way */
};

struct policy_effect {
	enum policy_kind kind;
	bool	 several;
	bool	 begins;		/* the first is BEGIN */
	bool	 commits;		/* POLICY_ENDS: by COMMIT */
	size_t	 tail;			/* POLICY_ENDS: where the last begins, behind a semicolon */
	bool	 chain;			/* AND CHAIN */
	bool	 sets;			/* it leaves something that COMMIT keeps: a setting, a LISTEN */
	bool	 executes;		/* EXECUTE: what that does was in a PREPARE */
	bool	 savepoint;		/* a command about one is in it */
	const char *block;		/* the command in it that is an error outside a transaction block; NULL: none */
};

struct policy_verdict {
	bool	 allowed;
	char	 sqlstate[6];		/* of a refusal: 25006 (it would write) or 42501 (not for this grant) */
	const char *rule;		/* short constant name of the rule, for the log: "statement-kind" */
	char	 message[256];		/* a sentence for the client: what is refused, and that it is the grant */
	char	 hint[256];		/* what to do; may be "" */
	struct policy_effect effect;	/* of a text that is allowed under read */
};

/*
 * Judges the text of a Query or Parse message. `text` need not be terminated.
 * Under POLICY_WRITE everything passes but what README rules of read-only name for
 * write: replication commands cannot reach here (the connection is no walsender); so all passes.
 * Under POLICY_READ: too long, NUL inside, not parsable, or outside the rules is refused. With several
 * statements in a text the first refusal counts for all.
 */
void	policy_statement(enum policy_access access, struct slice text, struct policy_verdict *v);

/*
 * How many statements the text of a Query message has, for the quota: never fewer than the server
 * executes, at least 1. A short text is split by PostgreSQL's own lexer; in a long one, where that
 * could take long, each ';' counts.
 */
unsigned	policy_count(struct slice text);

/*
 * A FunctionCall message: under read only the large-object readers of pg_dump pass, and
 * lo_open(oid, mode) with the mode INV_READ alone. `second` is the second argument where it came
 * in binary, else empty.
 */
void	policy_function_call(enum policy_access access, uint32_t oid, struct slice second,
	    struct policy_verdict *v);

/*
 * A run-time parameter in the startup packet. `options` itself is split by the caller
 * with policy_options. Under read only allowed settings pass; `replication` is refused always (not
 * for its "false" values).
 */
void	policy_startup_setting(enum policy_access access, const char *name, const char *value,
	    struct policy_verdict *v);

/*
 * Splits the startup packet's `options` the way the server does (pg_split_opts, then -c name=value and
 * --name=value) and calls each for every setting. Under read any other switch is refused; under write
 * it passes. The whole text is otherwise sent on unchanged.
 */
void	policy_options(enum policy_access access, const char *options, struct policy_verdict *v);

#endif
