/*
 * Columns with credentials that only a superuser can read, of relations that tools need otherwise. A statement
 * that has such a relation in it may name no such column, and use no form that could mean one without its name: a
 * star, a row as a whole, other names for columns, NATURAL JOIN. What else it does is not looked at here.
 *
 * Two forms pass, because psql and pg_dump have them: pg_options_to_table(umoptions), by which they read the options of
 * user mappings, and a test for NULL.
 */
#include "policy/policy_judge.h"

#include <string.h>

static const struct column {
	const char	*relation;
	const char	*column;
} columns[] = {
#define COLUMN(relation, column)	{ relation, column },
#include "policy/policy_denied.def"
};

#define COLUMNS	(sizeof(columns) / sizeof(columns[0]))

static void
refuse_column(const struct column *c, struct policy_verdict *v)
{
	verdict_refuse(v, "relation", NOT_GRANTED, "Name the columns that you need, and not this one.",
	    "reading %s of %s is not allowed: your DBBat grant does not cover credentials", c->column, c->relation);
}

/* The first of the relations among these nodes, or NULL. */
static const struct column *
find_relation(const struct json_tree *t, uint32_t from, uint32_t end)
{
	for (uint32_t i = from; i < end; i++) {
		struct slice	name = policy_json_value(t, i);

		if (!policy_slice_is(policy_json_name(t, i), "relname"))
			continue;
		for (size_t c = 0; c < COLUMNS; c++)
			if (policy_slice_is(name, columns[c].relation))
				return &columns[c];
	}
	return NULL;
}

/* Is this name that of something in FROM? */
static bool
is_row(const struct json_tree *t, uint32_t from, uint32_t end, struct slice name)
{
	for (uint32_t i = from; i < end; i++) {
		struct slice	field = policy_json_name(t, i), value = policy_json_value(t, i);

		if ((policy_slice_is(field, "aliasname") || policy_slice_is(field, "relname")) &&
		    value.n == name.n && memcmp(value.p, name.p, name.n) == 0)
			return true;
	}
	return false;
}

/* `ref` is a ColumnRef. */
static bool
is_whole_row(const struct json_tree *t, uint32_t from, uint32_t end, uint32_t ref)
{
	uint32_t	fields = policy_json_field(t, ref, "fields");
	uint32_t	first = fields == 0 ? 0 : policy_json_first(t, fields);
	struct slice	name = policy_tree_string(t, first);

	return name.n > 0 && policy_json_next(t, first) == 0 && is_row(t, from, end, name);
}

/* `string` is the String of a name: does it stand where psql and pg_dump have it? */
static bool
is_for_tools(const struct json_tree *t, uint32_t string)
{
	uint32_t	at = string;
	uint32_t	names, last = 0;

	/* element, fields, ColumnRef, element or arg, args or NullTest */
	for (int up = 0; up < 5; up++) {
		if (at == 0)
			return false;
		at = t->nodes[at].parent;
	}
	if (policy_slice_is(policy_json_name(t, at), "NullTest"))
		return true;
	at = at == 0 ? 0 : t->nodes[at].parent;
	if (!policy_slice_is(policy_json_name(t, at), "FuncCall"))
		return false;
	names = policy_json_field(t, at, "funcname");
	for (uint32_t i = names == 0 ? 0 : policy_json_first(t, names); i != 0; i = policy_json_next(t, i))
		last = i;
	return policy_slice_is(policy_tree_string(t, last), "pg_options_to_table");
}

static bool
is_column(const struct json_tree *t, uint32_t string, const struct column *c)
{
	return policy_slice_is(policy_json_value(t, policy_json_field(t, string, "sval")), c->column) &&
	    !is_for_tools(t, string);
}

void
policy_columns_judge(const struct json_tree *t, uint32_t from, uint32_t end, struct policy_verdict *v)
{
	const struct column	*c = find_relation(t, from, end);

	for (uint32_t i = from; c != NULL && i < end && v->allowed; i++) {
		struct slice	name = policy_json_name(t, i);
		bool		shown;

		if (policy_slice_is(name, "A_Star") || policy_slice_is(name, "colnames") || policy_slice_is(name, "isNatural"))
			shown = true;
		else if (policy_slice_is(name, "relation"))
			/* COPY of it */
			shown = find_relation(t, i, t->nodes[i].end) != NULL;
		else if (policy_slice_is(name, "ColumnRef"))
			shown = is_whole_row(t, from, end, i);
		else
			shown = policy_slice_is(name, "String") && is_column(t, i, c);
		if (shown)
			refuse_column(c, v);
	}
}
