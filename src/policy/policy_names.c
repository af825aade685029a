/*
 * The lists of names, searched. Unknown names get no benefit of the doubt here; what an unknown name
 * means is decided by who asks.
 */
#include "policy/policy_judge.h"

#include <stdlib.h>
#include <string.h>

#define NAME_SIZE	64		/* NAMEDATALEN: the lexer cuts names to less */

struct entry {
	const char	*name;
	int		 verdict;	/* enum name_verdict, or NAME_UNKNOWN + enum policy_resource */
};

static const struct entry	functions[] = {
#define YES			NAME_YES
#define NO			NAME_NO
#define ADVISORY_LOCK		NAME_UNKNOWN + POLICY_ADVISORY_LOCK
#define EXPORT_SNAPSHOT		NAME_UNKNOWN + POLICY_EXPORT_SNAPSHOT
#define SLEEP			NAME_UNKNOWN + POLICY_SLEEP
#define FUNCTION(name, verdict)	{ name, verdict },
#include "policy/policy_functions.def"
#undef FUNCTION
#undef YES
#undef NO
#undef ADVISORY_LOCK
#undef EXPORT_SNAPSHOT
#undef SLEEP
};

static const struct entry	schemas[] = {
#define SCHEMA(name)		{ name, NAME_NO },
#include "policy/policy_denied.def"
};

static const struct entry	relations[] = {
#define RELATION(name)		{ name, NAME_NO },
#include "policy/policy_denied.def"
};

static int
entry_compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct entry *)entry)->name);
}

/*
 * A server with a single-byte Turkish encoding folds a capital I with dot to "i" in an unquoted name,
 * which libpg_query, being UTF-8, does not. No other letter folds to ASCII.
 */
static bool
name_copy(struct slice name, char out[NAME_SIZE])
{
	size_t	n = 0;

	for (size_t i = 0; i < name.n; i++) {
		if (n == NAME_SIZE - 1)
			return false;
		if (name.p[i] == 0xc4 && i + 1 < name.n && name.p[i + 1] == 0xb0) {
			out[n++] = 'i';
			i++;
		} else
			out[n++] = (char)name.p[i];
	}
	out[n] = '\0';
	return true;
}

bool
policy_name_equal(struct slice a, struct slice b)
{
	char	x[NAME_SIZE], y[NAME_SIZE];

	return name_copy(a, x) && name_copy(b, y) && strcmp(x, y) == 0;
}

bool
policy_name_is(struct slice name, const char *text)
{
	return policy_name_equal(name, (struct slice){ (const unsigned char *)text, strlen(text) });
}

static int
name_find(struct slice name, const struct entry *list, size_t count)
{
	char			 text[NAME_SIZE];
	const struct entry	*e;

	if (!name_copy(name, text))
		return NAME_UNKNOWN;
	e = bsearch(text, list, count, sizeof(*list), entry_compare);
	return e == NULL ? NAME_UNKNOWN : e->verdict;
}

#define FIND(name, list)	name_find((name), (list), sizeof(list) / sizeof((list)[0]))

enum name_verdict
policy_function(struct slice name, unsigned refused)
{
	int	found = FIND(name, functions);

	/* what lies beyond the verdicts is a resource */
	if (found <= NAME_UNKNOWN)
		return (enum name_verdict)found;
	return refused & (unsigned)(found - NAME_UNKNOWN) ? NAME_NO : NAME_YES;
}

bool
policy_function_reserved(struct slice name)
{
	static const char *const	prefixes[] = { "pg_", "lo_", "dblink" };
	char				text[NAME_SIZE];

	if (!name_copy(name, text))
		return false;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

bool
policy_schema_denied(struct slice name)
{
	return FIND(name, schemas) == NAME_NO;
}

bool
policy_relation_denied(struct slice name)
{
	return FIND(name, relations) == NAME_NO;
}
