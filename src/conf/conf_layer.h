/*
 * Inside conf/: a configuration in the making, and the layers that are read into
 * it. Each value's origin is kept, so that an error can name it.
 */
#ifndef CONF_LAYER_H
#define CONF_LAYER_H

#include <stdbool.h>

#include "base/base_error.h"
#include "conf/conf_value.h"

enum conf_layer { LAYER_DEFAULT, LAYER_FILE, LAYER_ENVIRONMENT };

struct conf_origin {
	enum conf_layer	layer;
	int		line;			/* of the file */
	char		variable[40];		/* of the environment */
};

struct conf_draft {
	struct conf		*conf;
	const char		*file;
	struct conf_origin	 origin[CONF_IDS];
};

/* "ORIGIN: option: " and these words into err; -1. */
int	conf_draft_error(const struct conf_draft *d, enum conf_id id, struct error *err,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The origin's way of saying an option's name: "keyfile" in the file, "DBB_KEYFILE" outside. */
const char	*conf_draft_name(const struct conf_draft *d, enum conf_id id);

/* Sets one value and its origin; 0 or -1 and err with the origin. */
int	conf_draft_set(struct conf_draft *d, enum conf_id id, const struct conf_origin *origin,
	    const char *text, struct error *err);

/* Reads d->file. Absent is fine unless it must exist. 0 or -1 and err. */
int	conf_file_read(struct conf_draft *d, bool must_exist, struct error *err);

/* Reads DBB_* and the old PGL_* names. 0 or -1 and err. */
int	conf_env_read(struct conf_draft *d, struct error *err);

/* Wipes every secret option from the environment, old names included, and unsets it. */
void	conf_env_wipe(void);

#endif
