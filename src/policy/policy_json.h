/*
 * The parse tree as libpg_query writes it, JSON, read into one flat array in document order: a subtree is a
 * run of the array, so the whole tree is walked by a plain loop and nothing here or above it recurses.
 * Node 0 is the root, hence no field; that index stands for "absent". Strings are kept as they are
 * written, escapes included: no name that any rule knows has a character that would be escaped.
 */
#ifndef POLICY_POLICY_JSON_H
#define POLICY_POLICY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base_buf.h"

enum json_type { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_SCALAR };

struct json_node {
	uint32_t	 name;		/* offset into the text */
	uint32_t	 value;		/* offset of a string's or scalar's text */
	uint32_t	 value_len;
	uint32_t	 end;		/* index behind the subtree */
	uint32_t	 parent;
	uint16_t	 name_len;	/* 0: an element of an array */
	uint8_t		 type;		/* enum json_type */
};

#define JSON_LOCAL	192		/* nodes that need no allocation */

struct json_tree {
	const char	*text;		/* the caller's, outlives the tree */
	struct json_node *nodes;
	uint32_t	 count;
	uint32_t	 cap;
	struct json_node local[JSON_LOCAL];
};

enum json_error { JSON_OK = 0, JSON_DEEP = -1, JSON_BAD = -2 };

/* Nesting of objects past depth_max is JSON_DEEP. Free the tree whatever comes back. */
int	policy_json_read(struct json_tree *t, const char *text, size_t len, unsigned depth_max);
void	policy_json_free(struct json_tree *t);

/* The first child and the one behind `child`; 0: there is none. */
uint32_t	policy_json_first(const struct json_tree *t, uint32_t node);
uint32_t	policy_json_next(const struct json_tree *t, uint32_t child);
/* The field of that name of an object; 0: there is none. */
uint32_t	policy_json_field(const struct json_tree *t, uint32_t object, const char *name);

struct slice	policy_json_name(const struct json_tree *t, uint32_t node);
/* Text of a string or scalar; empty for anything else and for node 0. */
struct slice	policy_json_value(const struct json_tree *t, uint32_t node);

bool	policy_slice_is(struct slice s, const char *text);

#endif
