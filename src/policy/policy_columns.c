/*
 * Columns with credentials, of relations that tools need otherwise; most of them only a superuser can read. A statement
 * that has such a relation in it may name no such column, and use no form that could mean one without its name: a
 * star, a row as a whole, other names for columns, NATURAL JOIN. What else it does is not looked at here.
 *
 * Two forms pass, because psql and pg_dump have them: pg_options_to_table(umoptions), by which they read the options of
 * user mappings, and a test for NULL.
 */
#include "policy/policy_judge.h"

static const struct column {
	const char	*relation;
	const char	*column;
	bool		 superuser;	/* nobody else sees what is another one's */
	bool		 tools;		/* psql and pg_dump have the column in the two forms above */
} columns[] = {
#define SUPERUSER	true
#define ANYBODY		false
#define TOOLS		true
#define NOT_TOOLS	false
#define COLUMN(relation, column, who, tools)	{ relation, column, who, tools },
#include "policy/policy_denied.def"
#undef SUPERUSER
#undef ANYBODY
#undef TOOLS
#undef NOT_TOOLS
};

#define COLUMNS	(sizeof(columns) / sizeof(columns[0]))

static void
refuse_column(const struct column *c, struct policy_verdict *v)
{
	verdict_refuse(v, "relation", NOT_GRANTED,
	    "Name the columns that you need, and not this one; pg_dump has --no-subscriptions.",
	    "reading %s of %s is not allowed: your DBBat grant does not cover credentials", c->column, c->relation);
}

/* Which of the columns' relations are among these nodes, of those that matter to this role; bits. */
static unsigned
find_relations(const struct json_tree *t, uint32_t from, uint32_t end, bool superuser)
{
	unsigned	found = 0;

	for (uint32_t i = from; i < end; i++) {
		struct slice	name = policy_json_value(t, i);

		if (!policy_slice_is(policy_json_name(t, i), "relname"))
			continue;
		for (size_t c = 0; c < COLUMNS; c++)
			if ((superuser || !columns[c].superuser) && policy_name_is(name, columns[c].relation))
				found |= 1u << c;
	}
	return found;
}

/* Is this name that of something in FROM? */
static bool
is_row(const struct json_tree *t, uint32_t from, uint32_t end, struct slice name)
{
	for (uint32_t i = from; i < end; i++) {
		struct slice	field = policy_json_name(t, i), value = policy_json_value(t, i);

		if ((policy_slice_is(field, "aliasname") || policy_slice_is(field, "relname")) &&
		    policy_name_equal(value, name))
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

/* Is it the name of one of these columns? */
static bool
is_column(const struct json_tree *t, uint32_t string, unsigned found, size_t *which)
{
	struct slice	name = policy_json_value(t, policy_json_field(t, string, "sval"));

	for (size_t c = 0; c < COLUMNS; c++)
		if ((found >> c & 1) && policy_name_is(name, columns[c].column)) {
			*which = c;
			return !columns[c].tools || !is_for_tools(t, string);
		}
	return false;
}

void
policy_columns_judge(const struct json_tree *t, uint32_t from, uint32_t end, struct policy_verdict *v)
{
	unsigned	found = find_relations(t, from, end, v->by->superuser);

	for (uint32_t i = from; found != 0 && i < end && v->allowed; i++) {
		struct slice	name = policy_json_name(t, i);
		size_t		which = 0;
		bool		shown;

		while (!(found >> which & 1))
			which++;
		if (policy_slice_is(name, "A_Star") || policy_slice_is(name, "colnames") || policy_slice_is(name, "isNatural"))
			shown = true;
		else if (policy_slice_is(name, "relation"))
			/* COPY of it */
			shown = find_relations(t, i, t->nodes[i].end, v->by->superuser) != 0;
		else if (policy_slice_is(name, "ColumnRef"))
			shown = is_whole_row(t, from, end, i);
		else
			shown = policy_slice_is(name, "String") && is_column(t, i, found, &which);
		if (shown)
			refuse_column(&columns[which], v);
	}
}
