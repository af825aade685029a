/*
 * Puts the layers of the configuration together: defaults, file, environment. Checks what one value
 * alone does not show, and fills in the paths that depend on who runs the program. Touches
 * nothing outside: no directory is made, no address looked at.
 */
#include "conf/conf.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_text.h"
#include "conf/conf_layer.h"

#define KEY_SIZE	32
#define KEY_IS_NOT	"not a key of 32 bytes in base64 (44 characters); `dbbat keygen` makes one"

const char *
conf_draft_name(const struct conf_draft *d, enum conf_id id)
{
	return d->origin[id].layer == LAYER_ENVIRONMENT ? d->origin[id].variable : conf_options[id].name;
}

int
conf_draft_error(const struct conf_draft *d, enum conf_id id, struct error *err, const char *fmt, ...)
{
	struct error	what;
	va_list		ap;

	va_start(ap, fmt);
	vsnprintf(what.msg, sizeof(what.msg), fmt, ap);
	va_end(ap);
	if (d->origin[id].layer == LAYER_FILE)
		return error_set(err, "%s:%d: %s: %s", d->file, d->origin[id].line,
		    conf_options[id].name, what.msg);
	return error_set(err, "%s: %s", conf_draft_name(d, id), what.msg);
}

int
conf_draft_set(struct conf_draft *d, enum conf_id id, const struct conf_origin *origin,
    const char *text, struct error *err)
{
	struct error	what;

	d->origin[id] = *origin;
	if (conf_value_set(d->conf, &conf_options[id], text, &what) != 0)
		return conf_draft_error(d, id, err, "%s", what.msg);
	return 0;
}

static void
conf_defaults(struct conf_draft *d)
{
	static const struct conf_origin	origin = { .layer = LAYER_DEFAULT };
	struct error			err;

	for (int i = 0; i < CONF_IDS; i++)
		if (conf_draft_set(d, (enum conf_id)i, &origin, conf_options[i].initial, &err) != 0)
			log_fatal(EX_SOFTWARE, "the built-in default of %s", err.msg);
}

/* Decodes and leaves nothing behind in key when it is none. */
static int
key_decode(const char *text, size_t n, unsigned char key[KEY_SIZE])
{
	if (text_base64_decode(text, n, key, KEY_SIZE) == KEY_SIZE)
		return 0;
	explicit_bzero(key, KEY_SIZE);
	return -1;
}

/* Exactly one of key and keyfile; of two layers the later one's. */
static int
conf_check_key(struct conf_draft *d, struct error *err)
{
	const struct conf_origin	*of_key = &d->origin[CONF_ID_key], *of_file = &d->origin[CONF_ID_keyfile];
	struct conf			*c = d->conf;
	unsigned char			 key[KEY_SIZE];

	if (*c->key != '\0' && *c->keyfile != '\0') {
		if (of_key->layer == of_file->layer)
			return conf_draft_error(d, CONF_ID_keyfile, err,
			    "%s is given too; exactly one of the two must be", conf_draft_name(d, CONF_ID_key));
		/* neither refuses the empty text */
		conf_value_set(c, &conf_options[of_key->layer > of_file->layer ? CONF_ID_keyfile : CONF_ID_key],
		    "", NULL);
	}
	if (*c->key == '\0' && *c->keyfile == '\0')
		return error_set(err, "key: there is no master key: set key or keyfile in %s, or DBB_KEY or "
		    "DBB_KEYFILE in the environment; `dbbat keygen` makes one", d->file);
	if (*c->key != '\0') {
		if (key_decode(c->key, strlen(c->key), key) != 0)
			return conf_draft_error(d, CONF_ID_key, err, "%s", KEY_IS_NOT);
		explicit_bzero(key, sizeof(key));
	}
	return 0;
}

static int
conf_check(struct conf_draft *d, struct error *err)
{
	struct conf	*c = d->conf;

	if (*c->dsn == '\0')
		return error_set(err, "dsn: there is no storage database: set dsn in %s, or DBB_DSN in the "
		    "environment", d->file);
	if (conf_check_key(d, err) != 0)
		return -1;
	if (*c->tls_cert != '\0' && *c->tls_key == '\0')
		return conf_draft_error(d, CONF_ID_tls_cert, err, "tls_key is not given; both must be, or neither");
	if (*c->tls_cert == '\0' && *c->tls_key != '\0')
		return conf_draft_error(d, CONF_ID_tls_key, err, "tls_cert is not given; both must be, or neither");
	return 0;
}

/* An absolute path of the environment, as the XDG rules want it, or NULL. */
static const char *
path_from_env(const char *name)
{
	const char	*value = getenv(name);

	return value != NULL && *value == '/' ? value : NULL;
}

static char *
path_state_dir(void)
{
	const char	*dir;
	struct passwd	*pw;

	if (geteuid() == 0)
		return xstrdup("/var/lib/dbbat");
	if ((dir = path_from_env("XDG_STATE_HOME")) != NULL)
		return xasprintf("%s/dbbat", dir);
	dir = path_from_env("HOME");
	if (dir == NULL && (pw = getpwuid(geteuid())) != NULL)
		dir = pw->pw_dir;
	return dir != NULL && *dir == '/' ? xasprintf("%s/.local/state/dbbat", dir) : NULL;
}

static char *
path_runtime_dir(const char *state_dir)
{
	const char	*dir;

	if (geteuid() == 0)
		return xstrdup("/run/dbbat");
	if ((dir = path_from_env("XDG_RUNTIME_DIR")) != NULL)
		return xasprintf("%s/dbbat", dir);
	return xasprintf("%s/run", state_dir);
}

/* The option's value becomes `path`, which is freed. */
static void
path_set(char **value, char *path)
{
	free(*value);
	*value = path;
}

/* "" becomes what the option stands for then, a relative path an absolute one. */
static int
conf_paths(struct conf_draft *d, struct error *err)
{
	static const enum conf_id	ids[] = { CONF_ID_keyfile, CONF_ID_state_dir, CONF_ID_runtime_dir,
					    CONF_ID_pid_file, CONF_ID_tls_cert, CONF_ID_tls_key };
	struct conf			*c = d->conf;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char	**value = conf_value_string(c, ids[i]), *cwd;

		if (**value == '\0' || **value == '/')
			continue;
		if ((cwd = getcwd(NULL, 0)) == NULL)
			return conf_draft_error(d, ids[i], err, "it is a relative path, and the current "
			    "directory is unknown: %s", strerror(errno));
		path_set(value, xasprintf("%s/%s", cwd, *value));
		free(cwd);
	}
	if (*c->state_dir == '\0') {
		char	*dir = path_state_dir();

		if (dir == NULL)
			return error_set(err, "state_dir: this account has no home directory: set state_dir "
			    "in %s, or DBB_STATE_DIR in the environment", d->file);
		path_set(&c->state_dir, dir);
	}
	if (*c->runtime_dir == '\0')
		path_set(&c->runtime_dir, path_runtime_dir(c->state_dir));
	if (*c->pid_file == '\0')
		path_set(&c->pid_file, xasprintf("%s/dbbat.pid", c->runtime_dir));
	if (*c->tls_cert == '\0') {
		path_set(&c->tls_cert, xasprintf("%s/server.crt", c->state_dir));
		path_set(&c->tls_key, xasprintf("%s/server.key", c->state_dir));
	}
	return 0;
}

int
conf_load(struct conf *c, const char *file, struct error *err)
{
	struct conf_draft	d = { .conf = c, .file = file ? file : DBBAT_SYSCONFDIR "/dbbat.conf" };
	int			rc = -1;

	memset(c, 0, sizeof(*c));
	conf_defaults(&d);
	if (conf_file_read(&d, file != NULL, err) == 0 && conf_env_read(&d, err) == 0 &&
	    conf_check(&d, err) == 0 && conf_paths(&d, err) == 0)
		rc = 0;
	conf_env_wipe();
	if (rc != 0)
		conf_free(c);
	return rc;
}

void
conf_free(struct conf *c)
{
	for (int i = 0; i < CONF_IDS; i++) {
		char	*s;

		if (conf_options[i].kind != KIND_STRING)
			continue;
		s = *conf_value_string(c, (enum conf_id)i);
		if (conf_options[i].secret)
			secret_free(s);
		else
			free(s);
	}
	memset(c, 0, sizeof(*c));
}

/* The base64 line of a key file. fd is open; what it is has not been looked at. */
static int
keyfile_read(const char *path, int fd, unsigned char key[KEY_SIZE], struct error *err)
{
	char		text[128];
	struct stat	st;
	ssize_t		n;
	int		rc;

	if (fstat(fd, &st) != 0)
		return error_set(err, "keyfile: %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, "keyfile: %s is not a regular file", path);
	if (st.st_mode & 077)
		return error_set(err, "keyfile: %s is open to others than its owner (mode %04o): chmod 600 it",
		    path, (unsigned)st.st_mode & 07777);
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return error_set(err, "keyfile: %s: %s", path, strerror(errno));
	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL && text[n - 1] != '\0')
		n--;
	rc = key_decode(text, (size_t)n, key);
	explicit_bzero(text, sizeof(text));
	return rc == 0 ? 0 : error_set(err, "keyfile: what %s holds is %s", path, KEY_IS_NOT);
}

int
conf_master_key(struct conf *c, unsigned char key[KEY_SIZE], struct error *err)
{
	int	fd, rc;

	if (*c->key != '\0') {
		rc = key_decode(c->key, strlen(c->key), key);
		explicit_bzero(c->key, strlen(c->key));
		return rc == 0 ? 0 : error_set(err, "key: %s", KEY_IS_NOT);
	}
	/* O_NONBLOCK: a FIFO must not hold us up; it is refused afterwards */
	fd = open(c->keyfile, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_set(err, "keyfile: %s cannot be opened: %s", c->keyfile, strerror(errno));
	rc = keyfile_read(c->keyfile, fd, key, err);
	close(fd);
	return rc;
}

void
conf_dump(const struct conf *c)
{
	struct buf	text = { 0 };

	for (int i = 0; i < CONF_IDS; i++) {
		buf_put_str(&text, conf_options[i].name);
		buf_put_str(&text, " = ");
		conf_value_show(c, &conf_options[i], &text);
		buf_put_u8(&text, '\n');
	}
	fputs(buf_text(&text), stdout);
	buf_free(&text);
}
