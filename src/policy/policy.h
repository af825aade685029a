/*
 * What a grant lets through. Pure: no I/O, no clock; the statement and the settings go in,
 * a verdict comes out. libpg_query (PostgreSQL's own grammar) is used here only.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base_buf.h"
#include "base/base_error.h"

enum policy_access { POLICY_READ = 0, POLICY_WRITE = 1 };

/* What takes something of the server's without changing it; bits. */
enum policy_resource {
	POLICY_ADVISORY_LOCK = 1,
	POLICY_EXPORT_SNAPSHOT = 2,
	POLICY_LISTEN = 4,
	POLICY_SLEEP = 8
};

/* What a session is judged by. The strings outlive it. */
struct policy {
	enum policy_access access;
	const char	*role;		/* write: the stored role, which may not be changed; NULL: not known yet */
	/* read */
	bool		 superuser;	/* the stored role is one */
	const char	*functions;	/* as policy_functions_check accepts it; NULL: allow */
	unsigned	 refused;	/* enum policy_resource */
	int64_t		 work_mem_max;	/* bytes; 0: no limit */
	int64_t		 statement_timeout_max;	/* ms; 0: no limit */
};

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
	bool	 listens;		/* ... a LISTEN or UNLISTEN of a channel */
	bool	 unlistens;		/* ... UNLISTEN of all */
	bool	 resets;		/* ... RESET ALL */
	uint64_t kept[2];		/* ... these settings; see policy_kept_put */
	bool	 code;			/* it may run code of the database: anything but settings and transaction control */
	bool	 executes;		/* EXECUTE: what that does was in a PREPARE */
	bool	 savepoint;		/* a command about one is in it */
	const char *block;		/* the command in it that is an error outside a transaction block; NULL: none */
};

struct policy_verdict {
	bool	 allowed;
	char	 sqlstate[6];		/* of a refusal: 25006 (it would write) or 42501 (not for this grant) */
	const char *rule;		/* short constant name of the rule, for the log: "statement-kind" */
	const struct policy *by;	/* while it is judged */
	char	 message[256];		/* a sentence for the client: what is refused, and that it is the grant */
	char	 hint[256];		/* what to do; may be "" */
	struct policy_effect effect;	/* of a text that is allowed under read */
};

/* Allowed, as each judgement begins. Sets what a verdict is read by: its texts are long, and few are ever refused. */
static inline void
policy_allow(const struct policy *by, struct policy_verdict *v)
{
	v->allowed = true;
	v->by = by;
	v->sqlstate[0] = '\0';
	v->rule = "";
	v->message[0] = '\0';
	v->hint[0] = '\0';
	v->effect = (struct policy_effect){ .kind = POLICY_PLAIN };
}

/*
 * Judges the text of a Query or Parse message. `text` need not be terminated.
 * Under POLICY_WRITE everything passes but what would change the stored role or let others become it, as far as
 * it can be seen (policy_write.c).
 * Under POLICY_READ: too long, NUL inside, not parsable, or outside the rules is refused. With several
 * statements in a text the first refusal counts for all.
 */
void	policy_statement(const struct policy *p, struct slice text, struct policy_verdict *v);
/* Whether it passes at a glance, with no effect: under write most texts do, and need not be parsed. */
bool	policy_passes(const struct policy *p, struct slice text);

/* Appends the names of settings, by commas. */
void	policy_kept_put(struct buf *b, const uint64_t kept[2]);

/*
 * How many statements the text of a Query message has, for the quota: never fewer than the server
 * executes, at least 1. A short text is split by PostgreSQL's own lexer; in a long one, where that
 * could take long, and in one that the server might read in another way, each ';' counts.
 * agreed: the server takes it for UTF-8 with standard strings.
 */
unsigned	policy_count(struct slice text, bool agreed);

/*
 * A FunctionCall message: under read only the large-object readers of pg_dump pass, and
 * lo_open(oid, mode) with the mode INV_READ alone. `second` is the second argument where it came
 * in binary, else empty.
 */
void	policy_function_call(const struct policy *p, uint32_t oid, struct slice second,
	    struct policy_verdict *v);

/*
 * A run-time parameter in the startup packet. `options` itself is split by the caller
 * with policy_options. Under read only allowed settings pass; `replication` is refused always (not
 * for its "false" values).
 */
void	policy_startup_setting(const struct policy *p, const char *name, const char *value,
	    struct policy_verdict *v);

/*
 * Splits the startup packet's `options` the way the server does (pg_split_opts, then -c name=value and
 * --name=value) and calls each for every setting. Under read any other switch is refused; under write
 * it passes. The whole text is otherwise sent on unchanged.
 */
void	policy_options(const struct policy *p, const char *options, struct policy_verdict *v);

/* --- the configuration's words --- */

/*
 * "allow", "deny", or the functions of the database's own that may be called, by commas: schema.name,
 * schema.*, or name, which is one of any schema. 0, or -1 and err.
 */
int	policy_functions_check(const char *text, struct error *err);
/* Words by commas: advisory_lock, export_snapshot, listen, sleep. 0 and *bits, or -1 and err. */
int	policy_resources_read(const char *text, unsigned *bits, struct error *err);

#endif
