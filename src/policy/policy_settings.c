/*
 * Settings: which a read grant may change, in a statement, in set_config or at startup. By allow-list; a few
 * are judged by their value besides. It never says whether a value is a valid one.
 */
#include "policy/policy_judge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base_mem.h"

#define NAME_SIZE	64

static const char *const	settings[] = {
#define SETTING(name)	name,
#include "policy/policy_settings.def"
#undef SETTING
};

static const char *const	encodings[] = {
#define ENCODING(name)	name,
#include "policy/policy_denied.def"
};

static int
text_compare(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

#define FIND(text, list)	\
	(bsearch((text), (list), sizeof(list) / sizeof((list)[0]), sizeof((list)[0]), text_compare) != NULL)

static char
ascii_lower(unsigned char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Is `s` a beginning of `word`, at least `min` bytes, in any case? That is how the server reads booleans. */
static bool
word_begins(struct slice s, const char *word, size_t min)
{
	if (s.n < min || s.n > strlen(word))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (ascii_lower(s.p[i]) != word[i])
			return false;
	return true;
}

static bool
value_true(struct slice s)
{
	return word_begins(s, "true", 1) || word_begins(s, "yes", 1) || word_begins(s, "on", 2) || word_begins(s, "1", 1);
}

static bool
value_false(struct slice s)
{
	return word_begins(s, "false", 1) || word_begins(s, "no", 1) || word_begins(s, "off", 2) ||
	    word_begins(s, "0", 1);
}

/*
 * The server compares encoding names by their letters and digits alone. A name with anything in it
 * but those and the usual separators is no encoding that somebody means.
 */
static bool
encoding_allowed(struct slice s)
{
	char	text[NAME_SIZE];
	size_t	n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char	c = ascii_lower(s.p[i]);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
			if (n == NAME_SIZE - 1)
				return false;
			text[n++] = c;
		} else if (c != '-' && c != '_' && c != ' ')
			return false;
	}
	text[n] = '\0';
	return n > 0 && !FIND(text, encodings);
}

static void
refuse_setting(struct policy_verdict *v, const char *name)
{
	verdict_refuse(v, "setting", NOT_GRANTED, HINT_ADMIN,
	    "setting \"%s\" may not be changed: your DBBat grant is read-only", name);
}

/* --- settings with a limit --- */

struct unit {
	const char	*name;		/* as the server writes it; case matters */
	double		 factor;
};

/* The first is what a number without one means. */
static const struct unit	memory_units[] = {
	{ "kB", 1024 }, { "B", 1 }, { "MB", 1048576 }, { "GB", 1073741824 }, { "TB", 1099511627776 }, { NULL, 0 }
};
static const struct unit	time_units[] = {
	{ "ms", 1 }, { "us", 0.001 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 }
};
static const struct unit	no_units[] = { { "", 1 }, { NULL, 0 } };

/* The server takes nothing for a number that begins like this; it says so better than we do. */
static bool
is_word(struct slice value)
{
	char	first = value.n > 0 ? ascii_lower(value.p[0]) : '0';

	return first >= 'a' && first <= 'z';
}

/* The server reads more than this as a number (octal, for one): what is not read is refused. */
static bool
limit_read(struct slice value, const struct unit *units, double *out)
{
	char	text[NAME_SIZE], *end;

	if (value.p == NULL || value.n >= sizeof(text))
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	*out = strtod(text, &end);
	if (end == text || !(*out >= 0) || (text[0] == '0' && text[1] != '.' && end != text + 1))
		return false;
	end += strspn(end, " \t");
	for (size_t i = 0; units[i].name != NULL; i++)
		if (strcmp(end, units[i].name) == 0 || (i == 0 && *end == '\0')) {
			*out *= units[i].factor;
			return true;
		}
	return false;
}

/* The limit in the largest unit that it is a whole number of. */
static void
refuse_limit(struct policy_verdict *v, const char *name, double max, const struct unit *units)
{
	const struct unit	*best = units;

	for (const struct unit *u = units; u->name != NULL; u++)
		if (u->factor > best->factor && max / u->factor == (double)(int64_t)(max / u->factor))
			best = u;
	verdict_refuse(v, "setting-limit", NOT_GRANTED, "Set a lower one, as a constant.",
	    "%s may be set to %.0f%s at most: your DBBat grant is read-only", name, max / best->factor, best->name);
}

#define HASH_MULTIPLIER_MAX	8	/* of work_mem, and so part of its limit */

static void
setting_limit(const char *name, struct slice value, struct policy_verdict *v)
{
	const struct policy	*p = v->by;
	const struct {
		const char		*name;
		const struct unit	*units;
		double			 max;		/* 0: none */
		bool			 zero;		/* 0 is a value, and no way to say "no limit" */
	} limits[] = {
		{ "work_mem", memory_units, (double)p->work_mem_max, true },
		{ "hash_mem_multiplier", no_units, p->work_mem_max > 0 ? HASH_MULTIPLIER_MAX : 0, true },
		{ "statement_timeout", time_units, (double)p->statement_timeout_max, false },
	};
	double			 number;

	if (value.p != NULL && is_word(value))
		return;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].max <= 0 || strcmp(name, limits[i].name) != 0)
			continue;
		if (!limit_read(value, limits[i].units, &number) || number > limits[i].max ||
		    (number <= 0 && !limits[i].zero))
			refuse_limit(v, name, limits[i].max, limits[i].units);
	}
}

#define SETTINGS	(sizeof(settings) / sizeof(settings[0]))

/* What is kept is a bit for each setting of the list, and one behind them for this. */
static const char	encoding_setting[] = "client_encoding";

_Static_assert(SETTINGS < 128, "kept is two words of bits");

void
policy_setting_keep(struct slice name, struct policy_verdict *v)
{
	for (size_t i = 0; i <= SETTINGS; i++) {
		const char	*text = i < SETTINGS ? settings[i] : encoding_setting;

		/* these are of the transaction alone */
		if (strcmp(text, "transaction_isolation") == 0 || strcmp(text, "transaction_deferrable") == 0)
			continue;
		if (name.n == 0 || (name.n == strlen(text) && strncasecmp((const char *)name.p, text, name.n) == 0))
			v->effect.kept[i / 64] |= (uint64_t)1 << (i % 64);
	}
	v->effect.sets = true;
}

void
policy_kept_put(struct buf *b, const uint64_t kept[2])
{
	const char	*comma = "";

	for (size_t i = 0; i <= SETTINGS; i++)
		if (kept[i / 64] >> (i % 64) & 1) {
			buf_putf(b, "%s%s", comma, i < SETTINGS ? settings[i] : encoding_setting);
			comma = ",";
		}
}

void
policy_setting(struct slice name, enum setting_action action, struct slice value, struct policy_verdict *v)
{
	char	text[NAME_SIZE];

	if (name.n == 0 || name.n >= sizeof(text) || memchr(name.p, 0, name.n) != NULL) {
		refuse_setting(v, name.n == 0 ? "" : "(a long name)");
		return;
	}
	for (size_t i = 0; i < name.n; i++)
		text[i] = ascii_lower(name.p[i]);
	text[name.n] = '\0';

	/* These two are pinned at startup, so their default is the pinned value. */
	if (strcmp(text, "default_transaction_read_only") == 0 || strcmp(text, "standard_conforming_strings") == 0) {
		if (action == SETTING_VALUE && !value_true(value))
			verdict_refuse(v, "setting", NOT_GRANTED, HINT_ADMIN,
			    "setting \"%s\" must stay on: your DBBat grant is read-only", text);
	} else if (strcmp(text, "transaction_read_only") == 0) {
		/* its default is off, and up to PostgreSQL 15 RESET reaches it in mid-transaction */
		if (action != SETTING_VALUE || !value_true(value))
			verdict_refuse(v, "transaction", WOULD_WRITE, HINT_WRITE,
			    "cannot set transaction read-write mode: your DBBat grant is read-only");
	} else if (strcmp(text, "client_encoding") == 0) {
		if (action == SETTING_VALUE && !encoding_allowed(value))
			verdict_refuse(v, "client-encoding", NOT_GRANTED, "Use UTF8.",
			    "client_encoding \"%.*s\" is not allowed: under a read-only DBBat grant statements must read "
			    "the same to DBBat and to the server", SLICE(value));
	} else if (strcmp(text, "role") == 0 || strcmp(text, "session_authorization") == 0) {
		/* pools send it before they use a connection again; DISCARD ALL does it, too */
		if (action != SETTING_DEFAULT)
			refuse_setting(v, text);
	} else if (!FIND(text, settings))
		refuse_setting(v, text);
	else if (action == SETTING_VALUE)
		setting_limit(text, value, v);
}

static struct slice
slice_of(const char *s)
{
	return (struct slice){ (const unsigned char *)s, strlen(s) };
}

void
policy_startup_setting(const struct policy *p, const char *name, const char *value, struct policy_verdict *v)
{
	policy_allow(p, v);
	if (strcasecmp(name, "replication") == 0) {
		if (!value_false(slice_of(value)))
			verdict_refuse(v, "replication", NOT_GRANTED, "Connect without the replication parameter.",
			    "replication connections are not allowed through DBBat");
		return;
	}
	if (p->access == POLICY_READ)
		policy_setting(slice_of(name), SETTING_VALUE, slice_of(value), v);
}

/* The next word as the server splits them: by white space, a backslash takes the next byte as it is. */
static bool
option_next(const char **p, char *word)
{
	static const char	space[] = " \t\n\v\f\r";

	*p += strspn(*p, space);
	if (**p == '\0')
		return false;
	while (**p != '\0' && strchr(space, **p) == NULL) {
		if (**p == '\\' && *++*p == '\0')
			break;
		*word++ = *(*p)++;
	}
	*word = '\0';
	return true;
}

/* "name=value", dashes in the name standing for underscores. */
static void
option_setting(const struct policy *p, char *setting, struct policy_verdict *v)
{
	char	*equals = strchr(setting, '=');

	if (equals == NULL) {
		/* the server refuses it, in its own words */
		if (p->access == POLICY_READ)
			refuse_setting(v, setting);
		return;
	}
	*equals = '\0';
	for (char *c = setting; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
	policy_startup_setting(p, setting, equals + 1, v);
}

void
policy_options(const struct policy *p, const char *options, struct policy_verdict *v)
{
	char		*word = xmalloc(strlen(options) + 1);
	const char	*at = options;

	policy_allow(p, v);
	/* what is white space beyond ASCII depends on the server's locale */
	for (const char *c = options; p->access == POLICY_READ && *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80) {
			verdict_refuse(v, "options", NOT_GRANTED, "Set it with SET after connecting.",
			    "only ASCII is allowed in the startup parameter \"options\": your DBBat grant is read-only");
			goto out;
		}

	while (v->allowed && option_next(&at, word)) {
		if (strcmp(word, "-c") == 0) {
			if (!option_next(&at, word))
				break;
			option_setting(p, word, v);
		} else if (word[0] == '-' && (word[1] == 'c' || (word[1] == '-' && word[2] != '\0')))
			option_setting(p, word + 2, v);
		else if (p->access == POLICY_READ)
			verdict_refuse(v, "options", NOT_GRANTED, HINT_ADMIN,
			    "command-line option \"%s\" is not allowed: your DBBat grant is read-only", word);
	}
out:
	free(word);
}
