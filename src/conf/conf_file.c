/*
 * Reads dbbat.conf: lines, names, quotes, comments. Refuses a file that is not
 * plain text in every byte, and one that shows the master key to everybody.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "conf/conf_layer.h"

/* A configuration that is larger is none. */
#define FILE_MAX	((size_t)256 * 1024)

#define FILE_NAME_MAX	40
#define FILE_NAME_CHARS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static const char *
file_skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Takes a value out of 'quotes', in place: *value becomes its text. */
static int
file_unquote(char **value, const char **why)
{
	char	*in = *value + 1, *out = *value;

	for (;; in++) {
		if (*in == '\0') {
			*why = "the closing quote is missing";
			return -1;
		}
		if (*in == '\'' && *++in != '\'')
			break;
		*out++ = *in;
	}
	*out = '\0';
	in += strspn(in, " \t");
	if (*in == '\0' || *in == '#')
		return 0;
	*why = "there is text after the closing quote (inside quotes, '' is a quote)";
	return -1;
}

/* Ends a value without quotes before its comment and the blanks around. */
static void
file_trim(char *value)
{
	char	*end = value;

	for (char *p = value; *p != '\0'; p++) {
		if (*p == '#' && (p == value || p[-1] == ' ' || p[-1] == '\t'))
			break;
		if (*p != ' ' && *p != '\t')
			end = p + 1;
	}
	*end = '\0';
}

/* One line, NUL-terminated, ours to write into. */
static int
file_line(struct conf_draft *d, int number, char *line, mode_t mode, struct error *err)
{
	struct conf_origin		 origin = { .layer = LAYER_FILE, .line = number };
	const char			*name = file_skip_blanks(line), *at, *why;
	size_t				 n = strcspn(name, " \t=#");
	const struct conf_option	*o;
	enum conf_id			 id;
	char				*value;

	if (*name == '\0' || *name == '#')
		return 0;
	/* shown only when it looks like a name: it might be the rest of a connection string */
	if (n == 0 || n > FILE_NAME_MAX || strspn(name, FILE_NAME_CHARS) < n)
		return error_set(err, "%s:%d: the line does not begin with an option; a line is: option = value",
		    d->file, number);
	o = conf_option_find(name, n);
	if (o == NULL)
		return error_set(err, "%s:%d: %.*s: there is no such option; dbbat.conf(5) has them all",
		    d->file, number, (int)n, name);
	id = (enum conf_id)(o - conf_options);
	at = file_skip_blanks(name + n);
	if (*at != '=')
		return error_set(err, "%s:%d: %s: there is no '=' after it; a line is: option = value",
		    d->file, number, o->name);
	if (d->origin[id].layer == LAYER_FILE)
		return error_set(err, "%s:%d: %s: it was given before, on line %d",
		    d->file, number, o->name, d->origin[id].line);
	value = line + (file_skip_blanks(at + 1) - line);
	if (*value != '\'')
		file_trim(value);
	else if (file_unquote(&value, &why) != 0)
		return error_set(err, "%s:%d: %s: %s", d->file, number, o->name, why);
	if (id == CONF_ID_key && *value != '\0' && mode & S_IROTH)
		return error_set(err, "%s:%d: %s: everybody can read this file, and so the key: chmod o-r it, "
		    "or use keyfile", d->file, number, o->name);
	return conf_draft_set(d, id, &origin, value, err);
}

/* Cuts the text into lines. text[n] may be written. */
static int
file_parse(struct conf_draft *d, char *text, size_t n, mode_t mode, struct error *err)
{
	for (int number = 1; n > 0; number++) {
		char	*nl = memchr(text, '\n', n);
		size_t	 len = nl ? (size_t)(nl - text) : n;
		size_t	 whole = nl ? len + 1 : len;

		if (len > CONF_VALUE_MAX)
			return error_set(err, "%s:%d: the line is too long (accepted: %d bytes)",
			    d->file, number, CONF_VALUE_MAX);
		if (len > 0 && text[len - 1] == '\r')
			len--;
		for (size_t i = 0; i < len; i++)
			if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
				return error_set(err, "%s:%d: byte %zu of the line is %s (0x%02x); "
				    "the file must be plain text", d->file, number, i + 1,
				    text[i] ? "a control character" : "a NUL", (unsigned)text[i]);
		text[len] = '\0';
		if (file_line(d, number, text, mode, err) != 0)
			return -1;
		text += whole;
		n -= whole;
	}
	return 0;
}

/* Whether this connection string seems to have a password in it. */
static bool
file_dsn_password(const char *dsn)
{
	const char	*userinfo = strstr(dsn, "://"), *colon;

	for (const char *p = dsn; (p = strstr(p, "password")) != NULL; p++)
		if (*file_skip_blanks(p + strlen("password")) == '=')
			return true;
	if (userinfo == NULL)
		return false;
	userinfo += 3;
	colon = userinfo + strcspn(userinfo, ":@/?");
	return *colon == ':' && colon[strcspn(colon, "@/?")] == '@';
}

static void
file_warn_password(const struct conf_draft *d, enum conf_id id, const char *dsn)
{
	if (d->origin[id].layer == LAYER_FILE && file_dsn_password(dsn))
		log_warn("%s:%d: %s: there seems to be a password in it, and everybody can read this file: "
		    "chmod o-r it", d->file, d->origin[id].line, conf_options[id].name);
}

int
conf_file_read(struct conf_draft *d, bool must_exist, struct error *err)
{
	int		 fd = open(d->file, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc = -1;
	char		*text = NULL;
	size_t		 n = 0;
	ssize_t		 got = 1;
	struct stat	 st;

	if (fd < 0 && errno == ENOENT && !must_exist)
		return 0;
	if (fd < 0)
		return error_set(err, "%s: cannot be opened: %s%s", d->file, strerror(errno),
		    errno == EACCES ? "; the account DBBat is started as must be able to read it" : "");
	/* read(2), not stdio: its buffer would keep the secrets */
	text = xmalloc(FILE_MAX + 1);
	while (n <= FILE_MAX && got > 0) {
		got = read(fd, text + n, FILE_MAX + 1 - n);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			n += (size_t)got;
	}
	if (got < 0 || fstat(fd, &st) != 0)
		error_set(err, "%s: cannot be read: %s", d->file, strerror(errno));
	else if (n > FILE_MAX)
		error_set(err, "%s: larger than %zu bytes; that is no configuration", d->file, FILE_MAX);
	else
		rc = file_parse(d, text, n, st.st_mode, err);
	if (rc == 0 && st.st_mode & S_IROTH) {
		file_warn_password(d, CONF_ID_dsn, d->conf->dsn);
		file_warn_password(d, CONF_ID_log_dsn, d->conf->log_dsn);
	}
	secret_free_n(text, FILE_MAX + 1);
	close(fd);
	return rc;
}
