/*
 * Walks a parse tree under a read grant: every node type must be on the list in policy_nodes.def, and some are
 * looked into for the names they carry. Statement kinds are policy_statement.c's. It refuses what it does
 * not know, and never recurses.
 */
#include "policy/policy_judge.h"

#include <stdlib.h>
#include <string.h>

typedef void	check_fn(const struct json_tree *, uint32_t, struct policy_verdict *);

/* A name as a list of up to three parts, of which the last two matter. */
struct name {
	struct slice	schema;		/* empty: not qualified */
	struct slice	last;
};

struct slice
policy_tree_string(const struct json_tree *t, uint32_t element)
{
	uint32_t	node = element == 0 ? 0 : policy_json_field(t, element, "String");

	if (node == 0)
		return (struct slice){ NULL, 0 };
	return policy_json_value(t, policy_json_field(t, node, "sval"));
}

struct slice
policy_tree_const(const struct json_tree *t, uint32_t element, bool *is_null)
{
	static const char *const	kinds[] = { "sval", "ival", "boolval", "fval" };
	uint32_t			node = element == 0 ? 0 : policy_json_field(t, element, "A_Const");

	*is_null = node != 0 && policy_json_field(t, node, "isnull") != 0;
	for (size_t i = 0; node != 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint32_t	inner = policy_json_field(t, node, kinds[i]), value;

		if (inner == 0)
			continue;
		/* zero, false and nothing are left out */
		value = policy_json_field(t, inner, kinds[i]);
		if (value == 0 && i != 0)
			return (struct slice){ (const unsigned char *)"0", 1 };
		return policy_json_value(t, value);
	}
	return (struct slice){ NULL, 0 };
}

static struct name
name_read(const struct json_tree *t, uint32_t list)
{
	struct name	name = { { NULL, 0 }, { NULL, 0 } };

	for (uint32_t i = list == 0 ? 0 : policy_json_first(t, list); i != 0; i = policy_json_next(t, i)) {
		name.schema = name.last;
		name.last = policy_tree_string(t, i);
	}
	return name;
}

static void
refuse_function(struct slice name, struct policy_verdict *v)
{
	if (policy_function(name, 0) == NAME_YES && policy_function(name, v->by->refused) == NAME_NO)
		verdict_refuse(v, "resource", NOT_GRANTED, HINT_RESOURCE,
		    "function %.*s is not allowed: your DBBat grant is read-only", SLICE(name));
	else
		verdict_refuse(v, "function", NOT_GRANTED, HINT_ADMIN,
		    "function %.*s is not allowed: your DBBat grant is read-only", SLICE(name));
}

static bool
is_of_server(struct slice schema)
{
	return policy_slice_is(schema, "pg_catalog") || policy_slice_is(schema, "information_schema");
}

/*
 * A function may be the server's, an extension's or the user's own, and which of them a name finds is known to the
 * server alone. So a name that is denied is denied in every schema, and one that looks like the
 * server's but is on no list may be a newer server's.
 */
static void
judge_function(struct name name, struct policy_verdict *v)
{
	enum name_verdict	verdict = policy_function(name.last, v->by->refused);
	bool			of_server = is_of_server(name.schema);

	if (name.last.n == 0 || verdict == NAME_NO || policy_schema_denied(name.schema) ||
	    (verdict == NAME_UNKNOWN &&
	    (policy_function_reserved(name.last) || policy_slice_is(name.schema, "pg_catalog"))))
		refuse_function(name.last, v);
	else if ((verdict == NAME_UNKNOWN || (name.schema.n > 0 && !of_server)) &&
	    !policy_function_listed(v->by->functions, name.schema, name.last))
		verdict_refuse(v, "user-function", NOT_GRANTED, "Write its schema, too, or ask an administrator to put it on "
		    "the list: user_functions.",
		    "function %.*s is not one of those that may be called: your DBBat grant is read-only", SLICE(name.last));
}

/*
 * pg_dump sets restrict_nonsystem_relation_kind by a name out of pg_settings, so that servers without it
 * do nothing. Whatever the name is, no setting that matters takes this value.
 */
static bool
set_config_pg_dump(const struct json_tree *t, uint32_t setting, struct slice value)
{
	uint32_t	column = policy_json_field(t, setting, "ColumnRef");

	return column != 0 && policy_slice_is(value, "view, foreign-table") &&
	    policy_slice_is(name_read(t, policy_json_field(t, column, "fields")).last, "name");
}

static void
judge_set_config(const struct json_tree *t, uint32_t call, struct policy_verdict *v)
{
	uint32_t	args = policy_json_field(t, call, "args");
	uint32_t	setting = args == 0 ? 0 : policy_json_first(t, args);
	uint32_t	new_value = setting == 0 ? 0 : policy_json_next(t, setting);
	bool		null_name, null_value;
	struct slice	local, name = policy_tree_const(t, setting, &null_name);
	struct slice	value = policy_tree_const(t, new_value, &null_value);

	if (new_value != 0 && set_config_pg_dump(t, setting, value)) {
		policy_setting_keep((struct slice){ (const unsigned char *)"restrict_nonsystem_relation_kind", 32 }, v);
		return;
	}
	if (name.p == NULL || new_value == 0)
		verdict_refuse(v, "setting", NOT_GRANTED, "Write the name of the setting as a constant.",
		    "set_config is allowed only with a constant setting name: your DBBat grant is read-only");
	else
		policy_setting(name, null_value ? SETTING_DEFAULT : SETTING_VALUE, value, v);
	local = policy_tree_const(t, new_value == 0 ? 0 : policy_json_next(t, new_value), &null_value);
	if (v->allowed && !policy_slice_is(local, "true"))
		policy_setting_keep(name, v);
}

static void
check_func_call(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	struct name	name = name_read(t, policy_json_field(t, node, "funcname"));

	if (policy_slice_is(name.last, "set_config") && (name.schema.n == 0 || policy_slice_is(name.schema, "pg_catalog")))
		judge_set_config(t, node, v);
	else
		judge_function(name, v);
}

/* row.function is a call without a call node; a plain column of such a name is refused with it. */
static void
judge_attribute(struct slice name, struct policy_verdict *v)
{
	enum name_verdict	verdict = policy_function(name, v->by->refused);

	/* lo_ is a common prefix of columns, and the server's functions of it are all on the list */
	if (verdict == NAME_NO || (verdict == NAME_UNKNOWN && policy_function_reserved(name) &&
	    (name.n < 3 || memcmp(name.p, "lo_", 3) != 0)))
		refuse_function(name, v);
}

static void
check_column_ref(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	uint32_t	fields = policy_json_field(t, node, "fields");
	struct name	name = name_read(t, fields);
	uint32_t	first = fields == 0 ? 0 : policy_json_first(t, fields);

	/* what is before it names a relation: pg_catalog.pg_class.oid */
	if (first != 0 && policy_json_next(t, first) != 0)
		judge_attribute(name.last, v);
}

static void
check_indirection(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	uint32_t	list = policy_json_field(t, node, "indirection");

	for (uint32_t i = list == 0 ? 0 : policy_json_first(t, list); i != 0; i = policy_json_next(t, i))
		judge_attribute(policy_tree_string(t, i), v);
}

static void
judge_operator(const struct json_tree *t, uint32_t list, struct policy_verdict *v)
{
	struct name	name = name_read(t, list);

	if (policy_schema_denied(name.schema))
		verdict_refuse(v, "function", NOT_GRANTED, HINT_ADMIN,
		    "operators of schema %.*s are not allowed: your DBBat grant is read-only", SLICE(name.schema));
	else if (name.schema.n > 0 && !is_of_server(name.schema) &&
	    !policy_function_listed(v->by->functions, name.schema, (struct slice){ (const unsigned char *)"*", 1 }))
		verdict_refuse(v, "user-function", NOT_GRANTED, "An administrator can put its schema on the list: "
		    "user_functions.", "operators of schema %.*s are not among what may be called: your DBBat grant is "
		    "read-only", SLICE(name.schema));
}

static void
check_operator(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	judge_operator(t, policy_json_field(t, node, "name"), v);
}

static void
check_sub_link(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	judge_operator(t, policy_json_field(t, node, "operName"), v);
}

static void
check_sort_by(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	judge_operator(t, policy_json_field(t, node, "useOp"), v);
}

static void
check_table_sample(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	judge_function(name_read(t, policy_json_field(t, node, "method")), v);
}

static void
check_range_var(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	struct slice	name = policy_json_value(t, policy_json_field(t, node, "relname"));

	if (policy_relation_denied(name))
		verdict_refuse(v, "relation", NOT_GRANTED, HINT_ADMIN,
		    "reading %.*s is not allowed: your DBBat grant does not cover credentials and server configuration",
		    SLICE(name));
}

/* --- the walk --- */

struct kind {
	const char	*name;
	check_fn	*check;
};

static const struct kind	nodes[] = {
#define NODE(name, check)	{ #name, check },
#define INLINE(name, check)
#include "policy/policy_nodes.def"
#undef NODE
#undef INLINE
};

static const struct kind	inlines[] = {
#define NODE(name, check)
#define INLINE(name, check)	{ #name, check },
#include "policy/policy_nodes.def"
#undef NODE
#undef INLINE
};

static int
kind_compare(const void *key, const void *kind)
{
	const struct slice	*s = key;
	const char		*name = ((const struct kind *)kind)->name;
	int			 order = strncmp((const char *)s->p, name, s->n);

	return order != 0 ? order : -(name[s->n] != '\0');
}

#define FIND(s, list)	bsearch(&(s), (list), sizeof(list) / sizeof((list)[0]), sizeof((list)[0]), kind_compare)

/* Node types begin with a capital, fields do not. */
static bool
is_type(struct slice name)
{
	return name.n > 0 && name.p[0] >= 'A' && name.p[0] <= 'Z';
}

static void
judge_type(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	struct slice		 name = policy_json_name(t, node);
	const struct kind	*k = FIND(name, nodes);

	if (k == NULL || t->nodes[node].type != JSON_OBJECT)
		policy_tree_refuse_node(name, v);
	else if (k->check != NULL)
		k->check(t, node, v);
}

/* An object that is an element or a field: {"Type": {…}}, an empty place in a list, or an inline one. */
static void
judge_object(const struct json_tree *t, uint32_t node, struct policy_verdict *v)
{
	uint32_t		 first = policy_json_first(t, node);
	struct slice		 name = policy_json_name(t, node);
	const struct kind	*k;

	if (first != 0 && is_type(policy_json_name(t, first))) {
		if (policy_json_next(t, first) != 0)
			policy_tree_refuse_node(name, v);
		return;
	}
	if (name.n == 0 && first == 0)
		return;
	k = FIND(name, inlines);
	if (k == NULL)
		policy_tree_refuse_node(name, v);
	else if (k->check != NULL)
		k->check(t, node, v);
}

void
policy_tree_walk(const struct json_tree *t, uint32_t from, uint32_t end, struct policy_verdict *v)
{
	for (uint32_t i = from; i < end && v->allowed; i++) {
		if (is_type(policy_json_name(t, i)))
			judge_type(t, i, v);
		else if (t->nodes[i].type == JSON_OBJECT)
			judge_object(t, i, v);
	}
}
