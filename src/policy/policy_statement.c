/*
 * Judges a statement's text: bounds it, parses it, and goes by the kind of each statement in it. It refuses
 * what it cannot read whole, and looks at no word of the text itself.
 */
#include "policy/policy_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pg_query.h>

#include "base/base_mem.h"

typedef void	check_fn(const struct json_tree *, uint32_t, struct policy_verdict *);

/* A level of expression is two objects of the output. */
#define OBJECTS_MAX		(2 * POLICY_DEPTH_MAX)

#define SLICE_OF(text)		(struct slice){ (const unsigned char *)(text), sizeof(text) - 1 }

#define CURSOR_OPT_HOLD		0x20	/* of the server's parsenodes.h, as is the next */
#define ACCESS_SHARE_LOCK	"1"

static void
refuse_write(struct policy_verdict *v, const char *rule, const char *what)
{
	verdict_refuse(v, rule, WOULD_WRITE, HINT_WRITE, "cannot execute %s: your DBBat grant is read-only", what);
}

static struct slice
field_value(const struct json_tree *t, uint32_t node, const char *name)
{
	return policy_json_value(t, policy_json_field(t, node, name));
}

/* --- what each kind of statement may not have --- */

static void
check_copy(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	if (policy_json_field(t, node, "is_from") != 0)
		refuse_write(v, "statement-kind", "COPY FROM");
	else if (policy_json_field(t, node, "is_program") != 0 || policy_json_field(t, node, "filename") != 0)
		verdict_refuse(v, "copy-file", NOT_GRANTED, "Use COPY TO STDOUT, or \\copy in psql.",
		    "COPY to a file or program of the server is not allowed: your DBBat grant is read-only");
}

/* WITH HOLD runs the query once more, at COMMIT. */
static void
check_declare(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	struct slice	options = field_value(t, node, "options");
	long		bits = 0;

	for (size_t i = 0; i < options.n && i < 9; i++)
		bits = bits * 10 + (options.p[i] - '0');
	if (bits & CURSOR_OPT_HOLD)
		verdict_refuse(v, "statement-kind", WOULD_WRITE, "Declare it without HOLD, in a transaction.",
		    "cannot execute DECLARE CURSOR WITH HOLD: your DBBat grant is read-only");
}

static void
check_listen(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	(void)t;
	(void)node;
	if (v->by->refused & POLICY_LISTEN)
		verdict_refuse(v, "resource", NOT_GRANTED, HINT_RESOURCE,
		    "LISTEN is not allowed: your DBBat grant is read-only");
}

static void
check_lock(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	if (!policy_slice_is(field_value(t, node, "mode"), ACCESS_SHARE_LOCK))
		refuse_write(v, "statement-kind", "LOCK TABLE in a mode other than ACCESS SHARE");
}

/* Transaction modes, of BEGIN and of SET TRANSACTION: anything but READ WRITE. */
static void
check_modes(const struct json_tree *t, uint32_t list, struct policy_verdict *v)
{
	for (uint32_t i = list == 0 ? 0 : policy_json_first(t, list); i != 0; i = policy_json_next(t, i)) {
		uint32_t	mode = policy_json_field(t, i, "DefElem");
		bool		is_null;

		if (mode == 0)
			refuse_write(v, "transaction", "this transaction mode");
		else
			policy_setting(field_value(t, mode, "defname"), SETTING_VALUE,
			    policy_tree_const(t, policy_json_field(t, mode, "arg"), &is_null), v);
	}
}

static void
check_transaction(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	static const char *const	kinds[] = { "BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE",
	    "ROLLBACK_TO" };
	static const char		prefix[] = "TRANS_STMT_";
	struct slice			kind = field_value(t, node, "kind");

	if (kind.n > strlen(prefix) && memcmp(kind.p, prefix, strlen(prefix)) == 0)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (policy_slice_is((struct slice){ kind.p + strlen(prefix), kind.n - strlen(prefix) }, kinds[i])) {
				check_modes(t, policy_json_field(t, node, "options"), v);
				return;
			}
	refuse_write(v, "transaction", "two-phase commands");
}

static void
check_set(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	struct slice	kind = field_value(t, node, "kind"), name = field_value(t, node, "name");
	uint32_t	args = policy_json_field(t, node, "args");
	uint32_t	first = args == 0 ? 0 : policy_json_first(t, args);
	struct slice	value = { NULL, 0 };
	bool		is_null;

	bool		kept = policy_json_field(t, node, "is_local") == 0;

	if (policy_slice_is(kind, "VAR_RESET_ALL")) {
		policy_setting_keep((struct slice){ NULL, 0 }, v);
		v->effect.resets = true;
		return;
	}
	if (policy_slice_is(kind, "VAR_SET_MULTI") &&
	    (policy_slice_is(name, "TRANSACTION") || policy_slice_is(name, "SESSION CHARACTERISTICS"))) {
		check_modes(t, args, v);
		/* which modes are in it does not matter: they are few */
		if (policy_slice_is(name, "SESSION CHARACTERISTICS")) {
			policy_setting_keep(SLICE_OF("default_transaction_isolation"), v);
			policy_setting_keep(SLICE_OF("default_transaction_deferrable"), v);
		}
		return;
	}
	if (policy_slice_is(kind, "VAR_SET_MULTI") && policy_slice_is(name, "TRANSACTION SNAPSHOT"))
		return;
	else if (policy_slice_is(kind, "VAR_SET_DEFAULT") || policy_slice_is(kind, "VAR_RESET"))
		policy_setting(name, SETTING_DEFAULT, value, v);
	else if (policy_slice_is(kind, "VAR_SET_VALUE")) {
		/* a list of several is no value where the value matters */
		if (first != 0 && policy_json_next(t, first) == 0)
			value = policy_tree_const(t, first, &is_null);
		policy_setting(name, SETTING_VALUE, value, v);
	} else
		verdict_refuse(v, "setting", NOT_GRANTED, HINT_ADMIN,
		    "this form of SET is not allowed: your DBBat grant is read-only");
	if (kept && v->allowed)
		policy_setting_keep(name, v);
}

/* --- kinds --- */

static const struct allowed {
	const char	*type;
	check_fn	*check;
} kinds_allowed[] = {
#define ALLOWED(type, check)	{ #type, check },
#define WORDS(type, words)
#include "policy/policy_kinds.def"
#undef ALLOWED
#undef WORDS
};

static const struct words {
	const char	*type;
	const char	*words;
} kinds_words[] = {
#define ALLOWED(type, check)
#define WORDS(type, words)	{ #type, words },
#include "policy/policy_kinds.def"
#undef ALLOWED
#undef WORDS
};

/* "CreateFunctionStmt" is CREATE FUNCTION. */
void
policy_tree_refuse_node(struct slice type, struct policy_verdict *v)
{
	char	text[64];
	size_t	n = 0;

	for (size_t i = 0; i < sizeof(kinds_words) / sizeof(kinds_words[0]); i++)
		if (policy_slice_is(type, kinds_words[i].type)) {
			refuse_write(v, "statement-kind", kinds_words[i].words);
			return;
		}
	if (type.n <= 4 || type.n > sizeof(text) / 2 || memcmp(type.p + type.n - 4, "Stmt", 4) != 0) {
		verdict_refuse(v, "node", NOT_GRANTED, HINT_ADMIN,
		    "the statement has a part that is not allowed (%.*s): your DBBat grant is read-only", SLICE(type));
		return;
	}
	for (size_t i = 0; i < type.n - 4; i++) {
		char	c = (char)type.p[i];

		if (i > 0 && c >= 'A' && c <= 'Z')
			text[n++] = ' ';
		text[n++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	text[n] = '\0';
	refuse_write(v, "statement-kind", text);
}

static int
kind_compare(const void *key, const void *kind)
{
	const struct slice	*s = key;
	const char		*type = ((const struct allowed *)kind)->type;
	int			 order = strncmp((const char *)s->p, type, s->n);

	return order != 0 ? order : -(type[s->n] != '\0');
}

/* --- what it does to the transaction --- */

/* What is an error outside a transaction block, by the server's words; the last two pass in a text of several. */
static const struct block {
	const char	*type;
	const char	*transaction;	/* of a TransactionStmt: its kind */
	const char	*words;
} blocks[] = {
	{ "TransactionStmt", "TRANS_STMT_SAVEPOINT", "SAVEPOINT" },
	{ "TransactionStmt", "TRANS_STMT_RELEASE", "RELEASE SAVEPOINT" },
	{ "TransactionStmt", "TRANS_STMT_ROLLBACK_TO", "ROLLBACK TO SAVEPOINT" },
	{ "DeclareCursorStmt", "", "DECLARE CURSOR" },
	{ "LockStmt", "", "LOCK TABLE" },
};

static enum policy_kind
effect_kind(struct slice type, struct slice transaction)
{
	static const char *const	settings[] = { "VariableSetStmt", "ListenStmt", "UnlistenStmt",
	    "DeallocateStmt", "DiscardStmt", "ConstraintsSetStmt" };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (policy_slice_is(type, settings[i]))
			return POLICY_SETTING;
	if (!policy_slice_is(type, "TransactionStmt"))
		return POLICY_PLAIN;
	return policy_slice_is(transaction, "TRANS_STMT_BEGIN") || policy_slice_is(transaction, "TRANS_STMT_START") ?
	    POLICY_BEGIN : policy_slice_is(transaction, "TRANS_STMT_COMMIT") ? POLICY_COMMIT :
	    policy_slice_is(transaction, "TRANS_STMT_ROLLBACK") ? POLICY_ROLLBACK : POLICY_PLAIN;
}

/*
 * Is it nothing but a SELECT of pg_catalog.set_config, without anything that code of the database could hide in? Without
 * its schema the name may find another one: search_path is the user's, and one with other types may fit better.
 */
static bool
effect_only_sets(const struct json_tree *t, uint32_t node)
{
	static const char *const	types[] = { "SelectStmt", "ResTarget", "String", "A_Const", "ParamRef" };

	for (uint32_t i = node; i < t->nodes[node].end; i++) {
		struct slice	name = policy_json_name(t, i);
		size_t		k = 0;

		if (name.n == 0 || name.p[0] < 'A' || name.p[0] > 'Z')
			continue;
		if (policy_slice_is(name, "FuncCall")) {
			uint32_t	names = policy_json_field(t, i, "funcname");
			uint32_t	first = names == 0 ? 0 : policy_json_first(t, names);
			uint32_t	second = first == 0 ? 0 : policy_json_next(t, first);

			if (second != 0 && policy_json_next(t, second) == 0 &&
			    policy_slice_is(policy_tree_string(t, first), "pg_catalog") &&
			    policy_slice_is(policy_tree_string(t, second), "set_config"))
				continue;
		}
		while (k < sizeof(types) / sizeof(types[0]) && !policy_slice_is(name, types[k]))
			k++;
		if (k == sizeof(types) / sizeof(types[0]))
			return false;
	}
	return true;
}

static enum policy_kind
effect_join(enum policy_kind before, enum policy_kind kind)
{
	if (kind == POLICY_BEGIN || before == POLICY_COMMIT || before == POLICY_ROLLBACK || before == POLICY_ENDS ||
	    before == POLICY_MIXED)
		return POLICY_MIXED;
	if (kind == POLICY_COMMIT || kind == POLICY_ROLLBACK)
		return POLICY_ENDS;
	return before == POLICY_BEGIN ? POLICY_BEGIN : before == kind ? kind : POLICY_PLAIN;
}

/* 0 for what is no number of a sane size. */
static size_t
effect_number(struct slice text)
{
	size_t	n = 0;

	if (text.n > 9)
		return 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 0;
		n = n * 10 + (size_t)(text.p[i] - '0');
	}
	return n;
}

/* One statement more. */
static void
effect_add(const struct json_tree *t, uint32_t raw, uint32_t node, struct slice type, bool first,
    struct policy_effect *e)
{
	struct slice		kind = field_value(t, node, "kind");
	enum policy_kind	is = effect_kind(type, kind);

	e->several = !first;
	e->kind = first ? is : effect_join(e->kind, is);
	e->begins |= first && is == POLICY_BEGIN;
	if (e->kind == POLICY_ENDS) {
		e->commits = is == POLICY_COMMIT;
		e->tail = effect_number(field_value(t, raw, "stmt_location"));
		/* that goes on */
		if (e->tail == 0 || policy_json_field(t, node, "chain") != 0)
			e->kind = POLICY_MIXED;
	}
	if (policy_slice_is(type, "UnlistenStmt") && policy_json_field(t, node, "conditionname") == 0)
		e->unlistens = true;
	else
		e->listens |= policy_slice_is(type, "ListenStmt") || policy_slice_is(type, "UnlistenStmt");
	e->sets |= e->listens || e->unlistens;
	e->code |= is == POLICY_PLAIN && !policy_slice_is(type, "TransactionStmt") &&
	    !policy_slice_is(type, "VariableShowStmt") && !effect_only_sets(t, node);
	e->chain |= policy_json_field(t, node, "chain") != 0;
	e->executes |= policy_slice_is(type, "ExecuteStmt");
	if (e->several && !e->savepoint)
		e->block = NULL;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		bool	savepoint = *blocks[i].transaction != '\0';

		if (policy_slice_is(type, blocks[i].type) && (savepoint || first) &&
		    (!savepoint || policy_slice_is(kind, blocks[i].transaction))) {
			e->block = blocks[i].words;
			e->savepoint |= savepoint;
		}
	}
}

/* `raw` is an element of "stmts". */
static void
judge_one(const struct json_tree *t, uint32_t raw, bool first, struct policy_verdict *v)
{
	uint32_t		 stmt = policy_json_field(t, raw, "stmt");
	uint32_t		 node = stmt == 0 ? 0 : policy_json_first(t, stmt);
	struct slice		 type = policy_json_name(t, node);
	const struct allowed	*k;

	k = bsearch(&type, kinds_allowed, sizeof(kinds_allowed) / sizeof(kinds_allowed[0]), sizeof(*k),
	    kind_compare);
	if (node == 0 || k == NULL) {
		policy_tree_refuse_node(type, v);
		return;
	}
	if (k->check != NULL)
		k->check(t, node, v);
	effect_add(t, raw, node, type, first, &v->effect);
	policy_tree_walk(t, node + 1, t->nodes[node].end, v);
	if (v->allowed)
		policy_columns_judge(t, node + 1, t->nodes[node].end, v);
}

static void
judge_json(const char *json, struct policy_verdict *v)
{
	struct json_tree	tree;
	uint32_t		stmts, i;
	int			error = policy_json_read(&tree, json, strlen(json), OBJECTS_MAX);

	if (error == JSON_DEEP)
		verdict_refuse_deep(v);
	else if (error == JSON_BAD || (stmts = policy_json_field(&tree, 0, "stmts")) == 0)
		verdict_refuse(v, "parser", NOT_GRANTED, HINT_ADMIN,
		    "DBBat could not read its parser's output; the statement is refused");
	else
		for (i = policy_json_first(&tree, stmts); i != 0 && v->allowed; i = policy_json_next(&tree, i))
			judge_one(&tree, i, i == policy_json_first(&tree, stmts), v);
	policy_json_free(&tree);
}

static void
judge_text(const char *text, size_t len, struct policy_verdict *v)
{
	/* what bison says when its own stack ends */
	static const char	exhausted[] = "memory exhausted";
	PgQueryParseResult	parse;

	if (!policy_bounds_check(text, len, v))
		return;
	parse = pg_query_parse(text);
	if (parse.error == NULL)
		judge_json(parse.parse_tree, v);
	else if (strncmp(parse.error->message, exhausted, strlen(exhausted)) == 0)
		verdict_refuse_deep(v);
	else
		verdict_refuse_syntax(v, parse.error->message, parse.error->cursorpos);
	pg_query_free_parse_result(parse);
}

/* --- the text --- */

/* Bytes of the UTF-8 character at p, of which n are left; 0: it is none. */
static size_t
utf8_length(const unsigned char *p, size_t n)
{
	size_t	len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* over-long, a surrogate, or past the last code point */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static bool
utf8_valid(struct slice s)
{
	size_t	len;

	for (size_t i = 0; i < s.n; i += len)
		if ((len = utf8_length(s.p + i, s.n - i)) == 0)
			return false;
	return true;
}

bool
policy_passes(const struct policy *p, struct slice text)
{
	return p->access == POLICY_WRITE && policy_write_passes(text);
}

void
policy_statement(const struct policy *p, struct slice text, struct policy_verdict *v)
{
	char	*copy;

	policy_allow(p, v);
	if (text.n == 0)
		return;
	if (p->access == POLICY_WRITE) {
		policy_write_judge(text, v);
		return;
	}
	if (text.n > POLICY_TEXT_MAX)
		verdict_refuse(v, "too-long", NOT_GRANTED, "Split the statement.",
		    "the statement is longer than the %d bytes that are checked: your DBBat grant is read-only",
		    POLICY_TEXT_MAX);
	else if (memchr(text.p, 0, text.n) != NULL)
		verdict_refuse(v, "nul-byte", NOT_GRANTED, "Leave it out; in a value of bytea write '\\x00'.",
		    "the statement has a zero byte in it");
	else if (!utf8_valid(text))
		verdict_refuse(v, "encoding", NOT_GRANTED, "Set client_encoding to UTF8 and send UTF-8.",
		    "the statement is not valid UTF-8: under a read-only DBBat grant it must read the same to DBBat "
		    "and to the server");
	if (!v->allowed)
		return;
	copy = xstrndup((const char *)text.p, text.n);
	judge_text(copy, text.n, v);
	free(copy);
}
