/*
 * The layer of the environment: DBB_OPTION for every option, and the PGL_* names of
 * the time when this program was PgLens. Secrets do not stay there: /proc/PID/environ and
 * every child would go on showing them.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "conf/conf_layer.h"

static const struct {
	const char	*name;
	enum conf_id	 id;
} env_old[] = {
	{ "PGL_DSN", CONF_ID_dsn },
	{ "PGL_KEY", CONF_ID_key },
	{ "PGL_KEYFILE", CONF_ID_keyfile },
	{ "PGL_LISTEN_ADDR", CONF_ID_listen_pg },
	{ "PGL_API_ADDR", CONF_ID_listen_api },
};

#define NOLD	(sizeof(env_old) / sizeof(env_old[0]))

/* The variable of an option. */
static void
env_name(enum conf_id id, char *name, size_t size)
{
	snprintf(name, size, "DBB_%s", conf_options[id].name);
	for (char *p = name; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
}

/* An empty variable is as good as none: wrappers like to pass what they do not have. */
static const char *
env_get(const char *name)
{
	const char	*value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static int
env_set(struct conf_draft *d, enum conf_id id, const char *name, const char *value, struct error *err)
{
	struct conf_origin	origin = { .layer = LAYER_ENVIRONMENT };

	snprintf(origin.variable, sizeof(origin.variable), "%s", name);
	return conf_draft_set(d, id, &origin, value, err);
}

/* Says so when a DBB_* variable is no option. Others may use that prefix, so it is no error. */
static void
env_warn_unknown(void)
{
	char	name[40];

	for (char **e = environ; *e != NULL; e++) {
		size_t	n = strcspn(*e, "=");
		int	i = 0;

		if (strncmp(*e, "DBB_", 4) != 0)
			continue;
		for (; i < CONF_IDS; i++) {
			env_name((enum conf_id)i, name, sizeof(name));
			if (strlen(name) == n && memcmp(name, *e, n) == 0)
				break;
		}
		if (i == CONF_IDS)
			log_warn("%.*s: there is no such option; ignored", n > 80 ? 80 : (int)n, *e);
	}
}

int
conf_env_read(struct conf_draft *d, struct error *err)
{
	const char	*value;
	char		 name[40];

	for (size_t i = 0; i < NOLD; i++) {
		if ((value = env_get(env_old[i].name)) == NULL)
			continue;
		env_name(env_old[i].id, name, sizeof(name));
		if (env_get(name) != NULL)
			log_warn("%s is ignored: %s is set, which is its name now", env_old[i].name, name);
		else {
			log_warn("%s is deprecated: its name is %s now", env_old[i].name, name);
			if (env_set(d, env_old[i].id, env_old[i].name, value, err) != 0)
				return -1;
		}
	}
	for (int i = 0; i < CONF_IDS; i++) {
		env_name((enum conf_id)i, name, sizeof(name));
		if ((value = env_get(name)) != NULL && env_set(d, (enum conf_id)i, name, value, err) != 0)
			return -1;
	}
	env_warn_unknown();
	return 0;
}

/* Every copy: nothing keeps a name from being in the environment twice. */
static void
env_wipe(const char *name)
{
	size_t	n = strlen(name);

	for (char **e = environ; *e != NULL; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			explicit_bzero(*e + n + 1, strlen(*e + n + 1));
	unsetenv(name);
}

void
conf_env_wipe(void)
{
	char	name[40];

	if (environ == NULL)
		return;
	for (int i = 0; i < CONF_IDS; i++)
		if (conf_options[i].secret) {
			env_name((enum conf_id)i, name, sizeof(name));
			env_wipe(name);
		}
	for (size_t i = 0; i < NOLD; i++)
		if (conf_options[env_old[i].id].secret)
			env_wipe(env_old[i].name);
}
