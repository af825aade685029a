/*
 * What a write grant may not do: change the role that DBBat logs in as, or let others become it. All else
 * passes, and so does what cannot be read here: syntax newer than the grammar, what nests too deeply, what is too
 * long, and SQL that the server puts together itself (DO, functions). Replication is refused at startup.
 *
 * A statement that is looked for begins with a key word, and key words can be written in one way but for their case.
 * So a text without them is not parsed: most are not.
 */
#include "policy/policy_judge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <pg_query.h>

#include "base/base_mem.h"

/* --- the key words ------------------------------------------------------------------ */

/* Each statement has one of each kind; GRANT has no object that is a key word. */
enum { WORD_VERB = 1, WORD_OBJECT = 2, WORD_BOTH = WORD_VERB | WORD_OBJECT };

#define KEY_WORD_MIN	4
#define KEY_WORD_MAX	8

/* By length; what is longer than the last is none. */
static const struct {
	const char	*word;
	unsigned	 kind;
} key_words[KEY_WORD_MAX + 1][4] = {
	[4] = { { "drop", WORD_VERB }, { "role", WORD_OBJECT }, { "user", WORD_OBJECT } },
	[5] = { { "alter", WORD_VERB }, { "grant", WORD_BOTH }, { "group", WORD_OBJECT }, { "owned", WORD_OBJECT } },
	[6] = { { "create", WORD_VERB } },
	[8] = { { "reassign", WORD_VERB } },
};

/* Every text of a write grant goes through these, byte by byte. */
static const bool in_word[256] = {
	['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['_'] = true, [0x80 ... 0xff] = true,
};

static unsigned
key_word(const unsigned char *p, size_t n)
{
	size_t	same;

	if (n < KEY_WORD_MIN || n > KEY_WORD_MAX)
		return 0;
	for (size_t i = 0; i < 4 && key_words[n][i].word != NULL; i++) {
		for (same = 0; same < n && (p[same] | 0x20) == key_words[n][i].word[same];)
			same++;
		if (same == n)
			return key_words[n][i].kind;
	}
	return 0;
}

/* A digit may stand before a key word without a space, so it ends what is before. */
static bool
may_matter(struct slice text)
{
	const unsigned char	*p = text.p, *end = text.p + text.n, *word;
	unsigned		 found = 0;

	while (found != WORD_BOTH && p < end) {
		while (p < end && !in_word[*p])
			p++;
		word = p;
		while (p < end && in_word[*p])
			p++;
		found |= key_word(word, (size_t)(p - word));
	}
	return found == WORD_BOTH;
}

/* --- the statements ----------------------------------------------------------------- */

static struct slice
field_value(const struct json_tree *t, uint32_t node, const char *name)
{
	return policy_json_value(t, policy_json_field(t, node, name));
}

/* Is this RoleSpec the stored role? Who the current user is, is not known here: it may be. */
static bool
is_stored(const struct json_tree *t, uint32_t spec, const struct policy *p)
{
	struct slice	type = field_value(t, spec, "roletype");

	if (policy_slice_is(type, "ROLESPEC_CSTRING"))
		return p->role != NULL && policy_slice_is(field_value(t, spec, "rolename"), p->role);
	return spec != 0 && !policy_slice_is(type, "ROLESPEC_PUBLIC");
}

/* Is it in this list of RoleSpecs? */
static bool
has_stored(const struct json_tree *t, uint32_t list, const struct policy *p)
{
	for (uint32_t i = list == 0 ? 0 : policy_json_first(t, list); i != 0; i = policy_json_next(t, i))
		if (is_stored(t, policy_json_field(t, i, "RoleSpec"), p))
			return true;
	return false;
}

static bool
alters_role(const struct json_tree *t, uint32_t node, const struct policy *p)
{
	return is_stored(t, policy_json_field(t, node, "role"), p);
}

static bool
names_roles(const struct json_tree *t, uint32_t node, const struct policy *p)
{
	return has_stored(t, policy_json_field(t, node, "roles"), p);
}

static bool
renames_role(const struct json_tree *t, uint32_t node, const struct policy *p)
{
	return policy_slice_is(field_value(t, node, "renameType"), "OBJECT_ROLE") && p->role != NULL &&
	    policy_slice_is(field_value(t, node, "subname"), p->role);
}

/* GRANT stored TO somebody. */
static bool
grants_role(const struct json_tree *t, uint32_t node, const struct policy *p)
{
	uint32_t	list = policy_json_field(t, node, "granted_roles");

	if (policy_json_field(t, node, "is_grant") == 0 || p->role == NULL)
		return false;
	for (uint32_t i = list == 0 ? 0 : policy_json_first(t, list); i != 0; i = policy_json_next(t, i))
		if (policy_slice_is(field_value(t, policy_json_field(t, i, "AccessPriv"), "priv_name"), p->role))
			return true;
	return false;
}

/* CREATE ROLE x IN ROLE stored. */
static bool
creates_member(const struct json_tree *t, uint32_t node, const struct policy *p)
{
	uint32_t	list = policy_json_field(t, node, "options");

	for (uint32_t i = list == 0 ? 0 : policy_json_first(t, list); i != 0; i = policy_json_next(t, i)) {
		uint32_t	option = policy_json_field(t, i, "DefElem");

		if (policy_slice_is(field_value(t, option, "defname"), "addroleto") &&
		    has_stored(t, policy_json_field(t, policy_json_field(t, policy_json_field(t, option, "arg"), "List"), "items"), p))
			return true;
	}
	return false;
}

static const struct {
	const char	*type;
	const char	*words;
	bool		(*check)(const struct json_tree *, uint32_t, const struct policy *);
} statements[] = {
	{ "AlterRoleStmt", "ALTER ROLE", alters_role },
	{ "CreateRoleStmt", "CREATE ROLE ... IN ROLE", creates_member },
	{ "DropOwnedStmt", "DROP OWNED", names_roles },
	{ "DropRoleStmt", "DROP ROLE", names_roles },
	{ "GrantRoleStmt", "GRANT", grants_role },
	{ "ReassignOwnedStmt", "REASSIGN OWNED", names_roles },
	{ "RenameStmt", "ALTER ROLE ... RENAME", renames_role },
};

static void
judge_tree(const struct json_tree *t, uint32_t stmts, struct policy_verdict *v)
{
	for (uint32_t i = policy_json_first(t, stmts); i != 0 && v->allowed; i = policy_json_next(t, i)) {
		uint32_t	stmt = policy_json_field(t, i, "stmt");
		uint32_t	node = stmt == 0 ? 0 : policy_json_first(t, stmt);

		for (size_t k = 0; node != 0 && k < sizeof(statements) / sizeof(statements[0]); k++)
			if (policy_slice_is(policy_json_name(t, node), statements[k].type) &&
			    statements[k].check(t, node, v->by))
				verdict_refuse(v, "stored-role", NOT_GRANTED,
				    "The role belongs to DBBat's connections. To change another one, write its name.",
				    "%s of the role that DBBat logs in as is not allowed", statements[k].words);
	}
}

/* One text, or one statement of it. False: it cannot be read. */
static bool
judge_part(const char *text, struct policy_verdict *v)
{
	PgQueryParseResult	parse;
	struct json_tree	tree;
	struct policy_verdict	bounds = { .allowed = true };
	bool			read = false;
	uint32_t		stmts;

	if (!policy_bounds_check(text, strlen(text), &bounds))
		return false;
	parse = pg_query_parse(text);
	if (parse.error == NULL) {
		read = policy_json_read(&tree, parse.parse_tree, strlen(parse.parse_tree), UINT32_MAX) == JSON_OK &&
		    (stmts = policy_json_field(&tree, 0, "stmts")) != 0;
		if (read)
			judge_tree(&tree, stmts, v);
		policy_json_free(&tree);
	}
	pg_query_free_parse_result(parse);
	return read;
}

static bool
has_name(struct slice text, const char *name)
{
	size_t	n = name == NULL ? 0 : strlen(name);

	for (size_t i = 0; n > 0 && i + n <= text.n; i++)
		if (strncasecmp((const char *)text.p + i, name, n) == 0)
			return true;
	/* U&"\0061" could be any name */
	for (size_t i = 0; i + 2 < text.n; i++)
		if ((text.p[i] | 0x20) == 'u' && text.p[i + 1] == '&' && text.p[i + 2] == '"')
			return true;
	return false;
}

/* Of a text that cannot be read: it passes, unless it could be one of these in newer syntax. */
static void
judge_unread(struct slice text, struct policy_verdict *v)
{
	if (has_name(text, v->by->role))
		verdict_refuse(v, "stored-role", NOT_GRANTED, "Write it in the syntax of PostgreSQL 15.",
		    "the statement names the role that DBBat logs in as, and DBBat's grammar (PostgreSQL 15) cannot read it");
}

/* A statement that cannot be read does not hide the others. */
static void
judge_parts(const char *text, size_t len, struct policy_verdict *v)
{
	PgQuerySplitResult	split = pg_query_split_with_scanner(text);

	if (split.error != NULL)
		judge_unread((struct slice){ (const unsigned char *)text, len }, v);
	for (int i = 0; split.error == NULL && v->allowed && i < split.n_stmts; i++) {
		size_t		 at = (size_t)split.stmts[i]->stmt_location, n = (size_t)split.stmts[i]->stmt_len;
		struct slice	 bytes = { (const unsigned char *)text + at, n };
		char		*part;

		if (at > len || n > len - at)
			break;
		if (!may_matter(bytes))
			continue;
		part = xstrndup(text + at, n);
		if (!judge_part(part, v))
			judge_unread(bytes, v);
		secret_free(part);
	}
	pg_query_free_split_result(split);
}

bool
policy_write_passes(struct slice text)
{
	return text.n > POLICY_TEXT_MAX || !may_matter(text);
}

void
policy_write_judge(struct slice text, struct policy_verdict *v)
{
	char	*copy;
	size_t	 len;

	if (policy_write_passes(text))
		return;
	/* the server, too, takes a Query to its first zero byte */
	copy = xstrndup((const char *)text.p, text.n);
	len = strlen(copy);
	if (!policy_bounds_lexer(copy, len))
		judge_unread((struct slice){ text.p, len }, v);
	else if (!judge_part(copy, v))
		judge_parts(copy, len, v);
	secret_free(copy);
}
