/*
 * The configuration's words on read grants: which of the database's own functions may be called, and which
 * resources may not be taken. It says what the words mean; who refuses is elsewhere.
 */
#include "policy/policy_judge.h"

#include <string.h>

static const struct {
	const char	*word;
	enum policy_resource resource;
} resources[] = {
	{ "advisory_lock", POLICY_ADVISORY_LOCK },
	{ "export_snapshot", POLICY_EXPORT_SNAPSHOT },
	{ "listen", POLICY_LISTEN },
	{ "sleep", POLICY_SLEEP },
};

/* The next word of a list by commas, without white space around it; false: no more. */
static bool
word_next(const char **p, struct slice *word)
{
	const char	*end;

	if (*p == NULL)
		return false;
	*p += strspn(*p, " \t");
	end = *p + strcspn(*p, ",");
	word->p = (const unsigned char *)*p;
	word->n = (size_t)(end - *p);
	while (word->n > 0 && strchr(" \t", word->p[word->n - 1]) != NULL)
		word->n--;
	*p = *end == ',' ? end + 1 : NULL;
	return true;
}

int
policy_resources_read(const char *text, unsigned *bits, struct error *err)
{
	struct slice	word;

	*bits = 0;
	if (*text == '\0')
		return 0;
	while (word_next(&text, &word)) {
		size_t	i;

		for (i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
			if (policy_slice_is(word, resources[i].word)) {
				*bits |= resources[i].resource;
				break;
			}
		if (i == sizeof(resources) / sizeof(resources[0]))
			return error_set(err, "\"%.*s\" is none of advisory_lock, export_snapshot, listen, sleep", SLICE(word));
	}
	return 0;
}

int
policy_functions_check(const char *text, struct error *err)
{
	struct slice	word;

	while (word_next(&text, &word)) {
		const unsigned char	*dot = memchr(word.p, '.', word.n);
		const unsigned char	*name = dot == NULL ? word.p : dot + 1;
		size_t			 n = word.n - (size_t)(name - word.p);

		if (n == 0 || dot == word.p || memchr(name, '.', n) != NULL ||
		    memchr(word.p, ' ', word.n) != NULL || memchr(word.p, '"', word.n) != NULL)
			return error_set(err, "\"%.*s\" is no function: want allow, deny, or names as schema.name, schema.* or name",
			    SLICE(word));
	}
	return 0;
}

static bool
slice_equal(struct slice a, struct slice b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

bool
policy_function_listed(const char *functions, struct slice schema, struct slice name)
{
	struct slice	word;

	if (functions == NULL || strcmp(functions, "allow") == 0)
		return true;
	if (strcmp(functions, "deny") == 0)
		return false;
	while (word_next(&functions, &word)) {
		const unsigned char	*dot = memchr(word.p, '.', word.n);
		struct slice		 in = { word.p, dot == NULL ? 0 : (size_t)(dot - word.p) };
		struct slice		 last = dot == NULL ? word : (struct slice){ dot + 1, word.n - in.n - 1 };

		/* a name alone is of any schema; one in a schema is not meant by a call that leaves that to search_path */
		if ((dot == NULL || (schema.n > 0 && slice_equal(in, schema))) &&
		    ((dot != NULL && policy_slice_is(last, "*")) || slice_equal(last, name)))
			return true;
	}
	return false;
}
