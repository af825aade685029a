/*
 * The reader of the parser's output, with text that no parser wrote; and the order of the lists, which
 * searching them relies on.
 */
#include <stdlib.h>

#include "policy/policy_json.h"
#include "tap.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static int
read_text(const char *text, unsigned depth)
{
	struct json_tree	tree;
	size_t			n = strlen(text);
	char			*copy = malloc(n ? n : 1);
	int			 error;

	memcpy(copy, text, n);
	error = policy_json_read(&tree, copy, n, depth);
	policy_json_free(&tree);
	free(copy);
	return error;
}

static void
test_read(void)
{
	static const char *const	bad[] = {
		"", "{", "[", "\"", "\"a", "\"a\\\"", "\"\\", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}",
		"{a:1}", "{\"\":1}", "{\"a\"1}", "[1,]", "[,1]", "[1 2]", "[1}", "{\"a\":1]", "}", "]", "1,", "1 ", " 1",
		"{}{}", "[]]", "nil?", "{\"a\":{\"b\":[}}", "{1:2}", "\x80",
	};
	static const char *const	good[] = {
		"{}", "[]", "[[],[]]", "1", "-1", "true", "\"\"", "\"\\\\\"", "\"\\\"\"", "{\"a\":1}",
		"{\"a\":{\"b\":[{},{\"c\":\"}]\"}]},\"d\":[]}",
	};

	for (size_t i = 0; i < LENGTH(bad); i++)
		ok(read_text(bad[i], 10) == JSON_BAD, "refused: %s", bad[i]);
	for (size_t i = 0; i < LENGTH(good); i++)
		ok(read_text(good[i], 10) == JSON_OK, "read: %s", good[i]);
	is_int(read_text("{\"a\":{\"b\":{}}}", 3), JSON_OK, "as deep as allowed");
	is_int(read_text("{\"a\":{\"b\":{}}}", 2), JSON_DEEP, "deeper than allowed");
	is_int(read_text("[{\"a\":{}},{\"a\":{}}]", 2), JSON_OK, "depth is given back");
}

static void
test_tree(void)
{
	static const char	text[] = "{\"a\":[{\"b\":\"x\\\"y\"},{},7],\"location\":12,\"c\":{\"location\":3,\"d\":true}}";
	struct json_tree	t;
	uint32_t		a, e, c;

	is_int(policy_json_read(&t, text, strlen(text), 10), JSON_OK, "a tree");
	a = policy_json_field(&t, 0, "a");
	e = policy_json_first(&t, a);
	ok(policy_slice_is(policy_json_value(&t, policy_json_field(&t, e, "b")), "x\\\"y"), "escapes stay");
	e = policy_json_next(&t, e);
	is_int(policy_json_first(&t, e), 0, "an empty object has no child");
	e = policy_json_next(&t, e);
	ok(policy_slice_is(policy_json_value(&t, e), "7"), "a number");
	is_int(policy_json_next(&t, e), 0, "the last element");
	is_int(policy_json_field(&t, a, "b"), 0, "an array has no fields");
	is_int(policy_json_field(&t, 0, "location"), 0, "locations are left out");
	c = policy_json_field(&t, 0, "c");
	ok(policy_slice_is(policy_json_value(&t, policy_json_field(&t, c, "d")), "true"), "what follows one is not");
	is_int(policy_json_next(&t, c), 0, "the last field");
	policy_json_free(&t);
}

/* More nodes than the length of the text makes one expect. */
static void
test_growth(void)
{
	size_t			n = 100000;
	char			*text = malloc(3 * n + 3);
	struct json_tree	t;

	memset(text, '[', 1);
	for (size_t i = 0; i < n; i++)
		memcpy(text + 1 + 3 * i, "{},", 3);
	memcpy(text + 3 * n, "]", 2);
	is_int(policy_json_read(&t, text, strlen(text), 2), JSON_OK, "100,000 empty objects");
	is_int(t.count, n + 1, "are all there");
	policy_json_free(&t);
	for (size_t i = 0; i < 3 * n; i++)
		text[i] = i < 3 * n / 2 ? '[' : ']';
	text[3 * n] = '\0';
	is_int(policy_json_read(&t, text, strlen(text), 2), JSON_OK, "150,000 arrays in one another");
	policy_json_free(&t);
	free(text);
}

static const char *const	functions[] = {
#define FUNCTION(name, verdict)	name,
#include "policy/policy_functions.def"
};
static const char *const	settings[] = {
#define SETTING(name)	name,
#include "policy/policy_settings.def"
};
static const char *const	nodes[] = {
#define NODE(name, check)	#name,
#define INLINE(name, check)
#include "policy/policy_nodes.def"
#undef NODE
#undef INLINE
};
static const char *const	inlines[] = {
#define NODE(name, check)
#define INLINE(name, check)	#name,
#include "policy/policy_nodes.def"
};
static const char *const	kinds[] = {
#define ALLOWED(name, check)	#name,
#define WORDS(name, words)
#include "policy/policy_kinds.def"
};
static const char *const	encodings[] = {
#define ENCODING(name)	name,
#include "policy/policy_denied.def"
};
static const char *const	relations[] = {
#define RELATION(name)	name,
#include "policy/policy_denied.def"
};
static const char *const	schemas[] = {
#define SCHEMA(name)	name,
#include "policy/policy_denied.def"
};

static void
sorted(const char *const *list, size_t n, const char *what)
{
	size_t	i;

	for (i = 1; i < n; i++)
		if (strcmp(list[i - 1], list[i]) >= 0)
			break;
	if (!ok(i == n && n > 1, "sorted: %s", what) && i < n)
		printf("#   %s does not follow %s\n", list[i], list[i - 1]);
}

int
main(void)
{
	test_read();
	test_tree();
	test_growth();
	sorted(functions, LENGTH(functions), "functions");
	sorted(settings, LENGTH(settings), "settings");
	sorted(nodes, LENGTH(nodes), "nodes");
	sorted(inlines, LENGTH(inlines), "inline fields");
	sorted(kinds, LENGTH(kinds), "statement kinds");
	sorted(encodings, LENGTH(encodings), "encodings");
	sorted(relations, LENGTH(relations), "relations");
	sorted(schemas, LENGTH(schemas), "schemas");
	return tap_done();
}
