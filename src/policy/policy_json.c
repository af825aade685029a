/*
 * Reads libpg_query's JSON into a flat array (policy_json.h). It accepts what that library writes, which
 * has no white space and no key without a value, and refuses everything else: the text comes
 * from our own process, but it is made of the client's bytes.
 */
#include "policy/policy_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

#define NONE		UINT32_MAX
#define NODE_BYTES	10		/* of text that make a node in a long list: less than on average */

struct input {
	const char	*p;
	const char	*end;
	const char	*start;
};

static void
nodes_init(struct json_tree *t, size_t len)
{
	t->count = 0;
	t->cap = JSON_LOCAL;
	t->nodes = t->local;
	if (len / NODE_BYTES > t->cap) {
		t->cap = (uint32_t)(len / NODE_BYTES);
		t->nodes = xmalloc(t->cap * sizeof(*t->nodes));
	}
}

static struct json_node *
node_add(struct json_tree *t)
{
	if (t->count == t->cap) {
		struct json_node	*more;

		t->cap *= 2;
		more = xrealloc(t->nodes == t->local ? NULL : t->nodes, t->cap * sizeof(*more));
		if (t->nodes == t->local)
			memcpy(more, t->local, sizeof(t->local));
		t->nodes = more;
	}
	return &t->nodes[t->count++];
}

/* Reads a string, the cursor at its first quote; -1 when it does not end. */
static int
string_read(struct input *in, uint32_t *at, uint32_t *len)
{
	const char	*p = in->p + 1, *quote;

	*at = (uint32_t)(p - in->start);
	for (;;) {
		const char	*b;

		quote = memchr(p, '"', (size_t)(in->end - p));
		if (quote == NULL)
			return -1;
		for (b = quote; b > p && b[-1] == '\\'; b--)
			;
		if ((quote - b) % 2 == 0)
			break;
		p = quote + 1;
	}
	*len = (uint32_t)(quote - in->start) - *at;
	in->p = quote + 1;
	return 0;
}

static bool
scalar_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.';
}

int
policy_json_read(struct json_tree *t, const char *text, size_t len, unsigned depth_max)
{
	struct input	in = { .p = text, .end = text + len, .start = text };
	uint32_t	open = NONE, at, n;
	unsigned	depth = 0;

	t->text = text;
	if (len >= UINT32_MAX) {
		nodes_init(t, 0);
		return JSON_BAD;
	}
	nodes_init(t, len);

	for (;;) {
		struct json_node	*node;
		bool			 entered = false;
		uint32_t		 index = t->count;

		/* one value, behind its name where it has one */
		node = node_add(t);
		*node = (struct json_node){ .parent = open, .end = index + 1 };
		if (open != NONE && t->nodes[open].type == JSON_OBJECT) {
			if (in.p == in.end || *in.p != '"' || string_read(&in, &at, &n) < 0)
				return JSON_BAD;
			if (n == 0 || n > UINT16_MAX || in.p == in.end || *in.p++ != ':')
				return JSON_BAD;
			node->name = at;
			node->name_len = (uint16_t)n;
		}
		if (in.p == in.end)
			return JSON_BAD;
		switch (*in.p) {
		case '{':
			if (++depth > depth_max)
				return JSON_DEEP;
			node->type = JSON_OBJECT;
			open = index;
			entered = true;
			in.p++;
			break;
		case '[':
			node->type = JSON_ARRAY;
			open = index;
			entered = true;
			in.p++;
			break;
		case '"':
			node->type = JSON_STRING;
			if (string_read(&in, &node->value, &node->value_len) < 0)
				return JSON_BAD;
			break;
		default:
			node->type = JSON_SCALAR;
			node->value = (uint32_t)(in.p - in.start);
			while (in.p < in.end && scalar_byte(*in.p))
				in.p++;
			node->value_len = (uint32_t)(in.p - in.start) - node->value;
			if (node->value_len == 0)
				return JSON_BAD;
			/* every node has one, and no rule asks */
			if (policy_slice_is(policy_json_name(t, index), "location"))
				t->count--;
			break;
		}

		/* what closes behind it */
		for (;;) {
			bool	object;

			if (open == NONE)
				return in.p == in.end ? JSON_OK : JSON_BAD;
			if (in.p == in.end)
				return JSON_BAD;
			object = t->nodes[open].type == JSON_OBJECT;
			if (*in.p == (object ? '}' : ']')) {
				t->nodes[open].end = t->count;
				open = t->nodes[open].parent;
				depth -= object;
				entered = false;
				in.p++;
				continue;
			}
			break;
		}
		if (!entered && *in.p++ != ',')
			return JSON_BAD;
	}
}

void
policy_json_free(struct json_tree *t)
{
	if (t->nodes != t->local)
		free(t->nodes);
	t->nodes = t->local;
	t->count = 0;
}

uint32_t
policy_json_first(const struct json_tree *t, uint32_t node)
{
	return t->nodes[node].end > node + 1 ? node + 1 : 0;
}

uint32_t
policy_json_next(const struct json_tree *t, uint32_t child)
{
	uint32_t	next = t->nodes[child].end;

	return next < t->nodes[t->nodes[child].parent].end ? next : 0;
}

uint32_t
policy_json_field(const struct json_tree *t, uint32_t object, const char *name)
{
	size_t		n = strlen(name);
	uint32_t	i;

	if (t->nodes[object].type != JSON_OBJECT)
		return 0;
	for (i = policy_json_first(t, object); i != 0; i = policy_json_next(t, i))
		if (t->nodes[i].name_len == n && memcmp(t->text + t->nodes[i].name, name, n) == 0)
			return i;
	return 0;
}

struct slice
policy_json_name(const struct json_tree *t, uint32_t node)
{
	const struct json_node	*n = &t->nodes[node];

	return (struct slice){ (const unsigned char *)t->text + n->name, n->name_len };
}

struct slice
policy_json_value(const struct json_tree *t, uint32_t node)
{
	const struct json_node	*n = &t->nodes[node];

	if (node == 0 || (n->type != JSON_STRING && n->type != JSON_SCALAR))
		return (struct slice){ (const unsigned char *)"", 0 };
	return (struct slice){ (const unsigned char *)t->text + n->value, n->value_len };
}

bool
policy_slice_is(struct slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}
