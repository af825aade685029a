/*
 * Inside conf/: the table of options made from conf_options.def, and values as
 * text. Where a value came from is not known here; see conf_layer.h.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "base/base_error.h"
#include "conf/conf.h"

/* Longest value, in bytes; a line of the file may be as long. */
#define CONF_VALUE_MAX	4095

enum conf_id {
#define CONF_STRING(name, ...)		CONF_ID_##name,
#define CONF_NUMBER(name, ...)		CONF_ID_##name,
#define CONF_DURATION(name, ...)	CONF_ID_##name,
#define CONF_SIZE(name, ...)		CONF_ID_##name,
#define CONF_BOOLEAN(name, ...)		CONF_ID_##name,
#define CONF_CHOICE(name, ...)		CONF_ID_##name,
#include "conf/conf_options.def"
	CONF_IDS
};

enum conf_kind { KIND_STRING, KIND_NUMBER, KIND_DURATION, KIND_SIZE, KIND_BOOLEAN, KIND_CHOICE };

struct conf_option {
	const char		*name;
	const char		*initial;	/* the default, as text */
	enum conf_kind		 kind;
	bool			 secret;	/* the value is never shown */
	size_t			 offset;	/* in struct conf */
	int64_t			 min, max;
	const char *const	*words;		/* of a choice; NULL ends them */
};

extern const struct conf_option	conf_options[CONF_IDS];

/* NULL when there is no such option. */
const struct conf_option	*conf_option_find(const char *name, size_t n);

/* The value of a string option; never NULL after its first conf_value_set. */
char	**conf_value_string(struct conf *c, enum conf_id id);

/*
 * Reads `text` into the option's place, which must hold zeros or an earlier value; an earlier
 * string is freed, and wiped if secret. 0, or -1, nothing changed, and err: what is wrong and
 * what would be accepted, without the option's name and never with a secret's value.
 */
int	conf_value_set(struct conf *c, const struct conf_option *o, const char *text, struct error *err);

/* Appends the value as the file would have it; a secret as "********". */
void	conf_value_show(const struct conf *c, const struct conf_option *o, struct buf *out);

#endif
