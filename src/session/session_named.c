/*
 * Names of prepared statements and portals.
 */
#include "session/session_named.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"
#include "base/base_text.h"

static size_t	named_total;

static size_t
named_length(const char *name)
{
	return strnlen(name, NAMED_NAME_MAX);
}

struct named *
named_new(char kind, const char *name)
{
	struct named	*n = xcalloc(1, sizeof(*n));

	n->refs = 1;
	n->kind = kind;
	memcpy(n->name, name, named_length(name));
	return n;
}

void
named_weigh(struct named *n)
{
	named_total -= n->weight;
	n->weight = sizeof(*n) + n->text.cap + n->bind.cap + n->formats.cap + n->description.cap +
	    n->ntypes * sizeof(*n->types);
	named_total += n->weight;
}

size_t
named_weight(void)
{
	return named_total;
}

struct named *
named_ref(struct named *n)
{
	if (n != NULL)
		n->refs++;
	return n;
}

void
named_unref(struct named *n)
{
	if (n == NULL || --n->refs > 0)
		return;
	named_total -= n->weight;
	named_unref(n->statement);
	buf_wipe(&n->text);
	buf_wipe(&n->bind);
	buf_free(&n->formats);
	buf_free(&n->description);
	free(n->types);
	free(n);
}

struct named_change
named_set(struct map *map, const char *name, struct named *n)
{
	struct named_change	c = { .map = map, .now = n };

	/* the map's reference to what was there passes to the change */
	if (n != NULL)
		c.before = map_put(map, name, named_length(name), named_ref(n));
	else
		c.before = map_remove(map, name, named_length(name));
	return c;
}

void
named_confirm(struct named_change *c)
{
	named_unref(c->now);
	named_unref(c->before);
	*c = (struct named_change){ .map = NULL };
}

/* NULL: it changes nothing. */
static const char *
named_change_name(const struct named_change *c)
{
	if (c->now != NULL)
		return c->now->name;
	return c->before != NULL ? c->before->name : NULL;
}

bool
named_changes(const struct named_change *c, const char *name)
{
	const char	*mine = named_change_name(c);

	return mine != NULL && strncmp(mine, name, NAMED_NAME_MAX) == 0;
}

void
named_undo(struct named_change *c)
{
	const char	*name = named_change_name(c);

	if (c->map == NULL || name == NULL)
		return;
	if (c->before != NULL)
		named_unref(map_put(c->map, name, strlen(name), c->before));
	else
		named_unref(map_remove(c->map, name, strlen(name)));
	named_unref(c->now);
	*c = (struct named_change){ .map = NULL };
}

void
named_undo_below(struct named_change *c, struct named_change *later)
{
	named_unref(later->before);
	later->before = c->before;
	named_unref(c->now);
	*c = (struct named_change){ .map = NULL };
}

void
named_skip(struct named_skipped *s, struct named_change *c)
{
	if (named_change_name(c) == NULL)
		return;
	if (s->count == s->size) {
		s->size = s->size == 0 ? 16 : 2 * s->size;
		s->changes = xrealloc(s->changes, s->size * sizeof(*s->changes));
	}
	s->changes[s->count++] = *c;
	*c = (struct named_change){ .map = NULL };
}

void
named_skip_end(struct named_skipped *s)
{
	while (s->count > 0)
		named_undo(&s->changes[--s->count]);
	free(s->changes);
	*s = (struct named_skipped){ .changes = NULL };
}

struct slice
named_text(struct named *portal)
{
	struct buf	*text = portal->statement != NULL && portal->text.len == 0 ? &portal->statement->text : &portal->text;

	return (struct slice){ (const unsigned char *)buf_text(text), text->len };
}

struct named *
named_get(const struct map *map, const char *name)
{
	return map_get(map, name, named_length(name));
}

bool
named_in_sql(struct slice text, bool cut)
{
	return cut || text_has_word(text.p, text.n, "declare", 2) || text_has_word(text.p, text.n, "prepare", 3);
}

static void
named_doubt_one(void *value, void *arg)
{
	struct named	*n = value;

	(void)arg;
	/* SQL cannot write the empty name */
	if (n != NULL && *n->name != '\0')
		n->doubtful = true;
}

/*
 * A word as it stands, in quotes, and as the server folds it. What is not ASCII is in no name here, but the server cuts
 * a name that is too long in front of it.
 */
static void
named_doubt_word(struct map *map, const unsigned char *word, size_t max)
{
	char	folded[NAMED_NAME_MAX];
	size_t	n = 0;

	while (n < max && n < NAMED_NAME_MAX && word[n] < 0x80)
		n++;
	named_doubt_one(map_get(map, word, n), NULL);
	for (size_t i = 0; i < n; i++)
		folded[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] | 0x20 : word[i]);
	named_doubt_one(map_get(map, folded, n), NULL);
}

static bool
named_is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

/* Whether there is a name written in another way than by its own bytes. */
static bool
named_has_escape(struct slice text)
{
	for (size_t i = 1; i < text.n; i++)
		if (text.p[i] == '"' && (text.p[i - 1] == '"' || text.p[i - 1] == '&'))
			return true;
	return false;
}

void
named_doubt(struct map *map, struct slice text, bool cut)
{
	const unsigned char	*p = text.p, *end = text.p + text.n, *to;

	if (cut || named_has_escape(text)) {
		map_each(map, named_doubt_one, NULL);
		return;
	}
	while (p < end) {
		to = p + 1;
		if (named_is_letter(*p)) {
			while (to < end && named_is_letter(*to))
				to++;
			named_doubt_word(map, p, (size_t)(to - p));
		} else if (*p == '"' && (to = memchr(p + 1, '"', (size_t)(end - p - 1))) != NULL) {
			/* which of two begins and which ends is not known: words are looked for in between, too */
			named_doubt_word(map, p + 1, (size_t)(to - p - 1));
			to = p + 1;
		} else
			to = p + 1;
		p = to;
	}
}

static void
named_drop(void *value)
{
	named_unref(value);
}

void
named_clear(struct map *map)
{
	map_clear(map, named_drop);
}

void
named_free_all(struct map *map)
{
	named_clear(map);
	map_free(map);
}
