/*
 * The table of options, and their values from and to text. Refuses what is not
 * wholly of the option's kind and range: nothing is rounded, clamped or guessed.
 */
#include "conf/conf_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

#define OPTION(n, d, k)	.name = #n, .initial = d, .kind = k, .offset = offsetof(struct conf, n)

const struct conf_option	conf_options[CONF_IDS] = {
#define CONF_STRING(n, d, s)		{ OPTION(n, d, KIND_STRING), .secret = s },
#define CONF_NUMBER(n, d, lo, hi)	{ OPTION(n, d, KIND_NUMBER), .min = lo, .max = hi },
#define CONF_DURATION(n, d, lo, hi)	{ OPTION(n, d, KIND_DURATION), .min = lo, .max = hi },
#define CONF_SIZE(n, d, lo, hi)		{ OPTION(n, d, KIND_SIZE), .min = lo, .max = hi },
#define CONF_BOOLEAN(n, d)		{ OPTION(n, d, KIND_BOOLEAN) },
#define CONF_CHOICE(n, d, ...)		{ OPTION(n, d, KIND_CHOICE), \
					    .words = (const char *const []){ __VA_ARGS__, NULL } },
#include "conf/conf_options.def"
};

/* Largest first, so that a value is shown in the largest unit that divides it. */
struct unit {
	const char	*name;
	int64_t		 factor;
};

static const struct unit	value_durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 }, { "ms", 1 }, { NULL, 0 }
};

static const struct unit	value_sizes[] = {
	{ "GB", 1 << 30 }, { "MB", 1 << 20 }, { "kB", 1 << 10 }, { "B", 1 }, { NULL, 0 }
};

static const struct unit	value_numbers[] = { { "", 1 }, { NULL, 0 } };

/* What counts, per kind. */
static const struct {
	const struct unit	*units;
	int64_t			 plain;		/* factor of a number without a unit */
	const char		*is_not;
	const char		*how;
} value_counts[] = {
	[KIND_NUMBER]	= { value_numbers, 1, "a whole number", "" },
	[KIND_DURATION]	= { value_durations, 1000, "a duration",
	    ", in ms, s, min, h or d; a plain number is seconds" },
	[KIND_SIZE]	= { value_sizes, 1, "a size", ", in B, kB, MB or GB; a plain number is bytes" },
};

static const struct {
	const char	*word;
	bool		 value;
} value_booleans[] = {
	{ "on", true }, { "true", true }, { "yes", true }, { "1", true },
	{ "off", false }, { "false", false }, { "no", false }, { "0", false },
};

#define NBOOLEANS	(sizeof(value_booleans) / sizeof(value_booleans[0]))

const struct conf_option *
conf_option_find(const char *name, size_t n)
{
	for (int i = 0; i < CONF_IDS; i++)
		if (strlen(conf_options[i].name) == n && memcmp(conf_options[i].name, name, n) == 0)
			return &conf_options[i];
	return NULL;
}

static void *
value_place(struct conf *c, const struct conf_option *o)
{
	return (char *)c + o->offset;
}

static const void *
value_place_const(const struct conf *c, const struct conf_option *o)
{
	return (const char *)c + o->offset;
}

char **
conf_value_string(struct conf *c, enum conf_id id)
{
	return value_place(c, &conf_options[id]);
}

/* A count in the largest unit that divides it. */
static void
value_show_count(struct buf *out, enum conf_kind kind, int64_t v)
{
	const struct unit	*u = value_counts[kind].units;

	while (u->factor > 1 && (v == 0 || v % u->factor != 0))
		u++;
	buf_putf(out, "%lld%s", (long long)(v / u->factor), v ? u->name : "");
}

/* Digits and a unit. 0; -1: not that; 1: below zero or beyond int64_t. */
static int
value_scan(const char *s, enum conf_kind kind, int64_t *v)
{
	const struct unit	*u = value_counts[kind].units;
	int64_t			 factor = value_counts[kind].plain;
	bool			 beyond = *s == '-';

	s += beyond;
	if (*s < '0' || *s > '9')
		return -1;
	*v = 0;
	for (; *s >= '0' && *s <= '9'; s++)
		beyond |= __builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, *s - '0', v);
	if (*s != '\0') {
		while (u->name != NULL && strcmp(u->name, s) != 0)
			u++;
		if (u->name == NULL)
			return -1;
		factor = u->factor;
	}
	beyond |= __builtin_mul_overflow(*v, factor, v);
	return beyond;
}

static int
value_set_count(int64_t *place, const struct conf_option *o, const char *text, struct error *err)
{
	struct buf	range = { 0 };
	int64_t		v = 0;
	int		rc = value_scan(text, o->kind, &v);

	if (rc == 0 && v >= o->min && v <= o->max) {
		*place = v;
		return 0;
	}
	value_show_count(&range, o->kind, o->min);
	buf_put_str(&range, " to ");
	value_show_count(&range, o->kind, o->max);
	error_set(err, "\"%.80s\" is %s%s (accepted: %s%s)", text, rc < 0 ? "not " : "out of range",
	    rc < 0 ? value_counts[o->kind].is_not : "", buf_text(&range), value_counts[o->kind].how);
	buf_free(&range);
	return -1;
}

static int
value_set_boolean(bool *place, const char *text, struct error *err)
{
	for (size_t i = 0; i < NBOOLEANS; i++)
		if (strcmp(value_booleans[i].word, text) == 0) {
			*place = value_booleans[i].value;
			return 0;
		}
	return error_set(err, "\"%.80s\" is neither on nor off (accepted: on, true, yes, 1, off, false, no, 0)",
	    text);
}

static int
value_set_choice(int *place, const struct conf_option *o, const char *text, struct error *err)
{
	struct buf	words = { 0 };

	for (int i = 0; o->words[i] != NULL; i++) {
		if (strcmp(o->words[i], text) == 0) {
			*place = i;
			buf_free(&words);
			return 0;
		}
		buf_putf(&words, "%s%s", i ? ", " : "", o->words[i]);
	}
	error_set(err, "\"%.80s\" is not one of the choices (accepted: %s)", text, buf_text(&words));
	buf_free(&words);
	return -1;
}

static void
value_set_string(char **place, const struct conf_option *o, const char *text)
{
	if (o->secret)
		secret_free(*place);
	else
		free(*place);
	*place = xstrdup(text);
}

int
conf_value_set(struct conf *c, const struct conf_option *o, const char *text, struct error *err)
{
	if (strlen(text) > CONF_VALUE_MAX)
		return error_set(err, "the value is too long (accepted: %d bytes)", CONF_VALUE_MAX);
	for (const char *p = text; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return error_set(err, "the value has a control character (byte 0x%02x)", *p);
	if (*text == '\0' && o->kind != KIND_STRING)
		return error_set(err, "there is no value");
	switch (o->kind) {
	case KIND_NUMBER:
	case KIND_DURATION:
	case KIND_SIZE:
		return value_set_count(value_place(c, o), o, text, err);
	case KIND_BOOLEAN:
		return value_set_boolean(value_place(c, o), text, err);
	case KIND_CHOICE:
		return value_set_choice(value_place(c, o), o, text, err);
	case KIND_STRING:
		value_set_string(value_place(c, o), o, text);
	}
	return 0;
}

/* Without quotes where the reader of the file would give the same back. */
static void
value_show_string(struct buf *out, const char *s)
{
	size_t	n = strlen(s);

	if (n > 0 && strpbrk(s, "'#") == NULL && strchr(" \t", s[0]) == NULL && strchr(" \t", s[n - 1]) == NULL) {
		buf_put_str(out, s);
		return;
	}
	buf_put_u8(out, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			buf_put_u8(out, '\'');
		buf_put_u8(out, (unsigned char)*s);
	}
	buf_put_u8(out, '\'');
}

void
conf_value_show(const struct conf *c, const struct conf_option *o, struct buf *out)
{
	const void	*place = value_place_const(c, o);

	switch (o->kind) {
	case KIND_NUMBER:
	case KIND_DURATION:
	case KIND_SIZE:
		value_show_count(out, o->kind, *(const int64_t *)place);
		break;
	case KIND_BOOLEAN:
		buf_put_str(out, *(const bool *)place ? "on" : "off");
		break;
	case KIND_CHOICE:
		buf_put_str(out, o->words[*(const int *)place]);
		break;
	case KIND_STRING: {
		const char	*s = *(char *const *)place;

		value_show_string(out, o->secret && s != NULL && *s ? "********" : s ? s : "");
	}
	}
}
