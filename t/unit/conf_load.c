/*
 * conf_load, conf_master_key and conf_dump with real files and a real environment: the
 * layers, where values come from, what is refused and in which words.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "conf/conf.h"
#include "tap.h"

#define KEY	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="	/* bytes 0 to 31 */
#define KEY2	"Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="
#define BASE	"dsn = host=/tmp dbname=dbbat\nkey = " KEY "\n"

static char		dir[] = "/tmp/dbbat-conf-XXXXXX";
static char		file[64];
static struct conf	c;
static struct error	err;

static void
write_file(const char *path, const void *text, size_t n, mode_t mode)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fchmod(fd, mode) != 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static int
load_bytes(const void *text, size_t n, mode_t mode)
{
	write_file(file, text, n, mode);
	err.msg[0] = '\0';
	return conf_load(&c, file, &err);
}

static int
load(const char *text)
{
	return load_bytes(text, strlen(text), 0600);
}

/* BASE and this text are refused with "FILE:" and these words. */
static void
refuse(const char *text, const char *words)
{
	char	*whole = xasprintf(BASE "%s", text), *want = xasprintf("%s:%s", file, words);
	int	 rc = load(whole);

	is_int(rc, -1, "refused");
	is_str(err.msg, want, words);
	if (rc == 0)
		conf_free(&c);
	free(whole);
	free(want);
}

static void
clean_environment(void)
{
	clearenv();
	setenv("HOME", "/home/nobody", 1);
}

/* What conf_load and the log say on stderr. */
static char *
stderr_of(int (*fn)(const void *), const void *arg, int *rc)
{
	char	 path[64];
	char	*text = xcalloc(1, 8192);
	int	 old = dup(2), fd;
	ssize_t	 n;

	snprintf(path, sizeof(path), "%s/stderr", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(fd, 2);
	*rc = fn(arg);
	dup2(old, 2);
	close(old);
	n = pread(fd, text, 8191, 0);
	close(fd);
	if (n < 0)
		text[0] = '\0';
	return text;
}

static int
load_void(const void *text)
{
	return load(text);
}

static int
load_public(const void *text)
{
	return load_bytes(text, strlen(text), 0644);
}

static void
test_defaults(void)
{
	clean_environment();
	if (!ok(load(BASE) == 0, "dsn and key are enough")) {
		printf("# %s\n", err.msg);
		return;
	}
	is_str(c.dsn, "host=/tmp dbname=dbbat", "a value has spaces and '='");
	is_str(c.listen_pg, ":5432", "listen_pg");
	is_str(c.listen_api, ":8080", "listen_api");
	is_int(c.login_timeout, 60000, "a duration is in milliseconds");
	is_int(c.journal_max, 64 << 20, "a size is in bytes");
	is_int(c.max_sessions, 1000, "a number");
	is_int(c.capture, false, "a boolean");
	is_int(c.client_tls, CONF_TLS_PREFER, "client_tls is of its enum");
	is_int(c.auth_method, CONF_AUTH_SCRAM, "auth_method is of its enum");
	is_int(c.log_level, 2, "log_level is info");
	conf_free(&c);
	ok(c.dsn == NULL && c.key == NULL && c.max_sessions == 0, "conf_free leaves nothing");
}

static void
test_syntax(void)
{
	clean_environment();
	is_int(load("# a comment\n\n   \t\n" BASE
	    "max_sessions=7\r\n"
	    "  min_spare \t=  3   # a comment\n"
	    "listen_pg = '127.0.0.1:1, [::1]:2'# a comment\n"
	    "user = it#s\n"
	    "listen_api = 'it''s # ''quoted'''\n"
	    "tls_cert =\n"
	    "tls_key = ''   \n"
	    "pid_file = /a b/c"), 0, "a file with everything");
	is_int(c.max_sessions, 7, "no blanks, CR at the end");
	is_int(c.min_spare, 3, "blanks and a comment");
	is_str(c.listen_pg, "127.0.0.1:1, [::1]:2", "quotes, and a comment at once behind them");
	is_str(c.user, "it#s", "'#' inside a word is no comment");
	is_str(c.listen_api, "it's # 'quoted'", "'' is a quote, '#' in quotes is no comment");
	is_str(c.pid_file, "/a b/c", "the last line needs no newline");
	conf_free(&c);

	refuse("frobnicate = 1", "3: frobnicate: there is no such option; dbbat.conf(5) has them all");
	refuse("Max_Sessions = 1", "3: Max_Sessions: there is no such option; dbbat.conf(5) has them all");
	refuse("\n\n= 1", "5: the line does not begin with an option; a line is: option = value");
	refuse("postgres://u:secret@h/d",
	    "3: the line does not begin with an option; a line is: option = value");
	refuse("max_sessions 5", "3: max_sessions: there is no '=' after it; a line is: option = value");
	refuse("max_sessions", "3: max_sessions: there is no '=' after it; a line is: option = value");
	refuse("max_sessions # = 5", "3: max_sessions: there is no '=' after it; a line is: option = value");
	refuse("user = a\nuser = a", "4: user: it was given before, on line 3");
	refuse("user = 'a", "3: user: the closing quote is missing");
	refuse("user = 'a''", "3: user: the closing quote is missing");
	refuse("user = '", "3: user: the closing quote is missing");
	refuse("user = 'a' b",
	    "3: user: there is text after the closing quote (inside quotes, '' is a quote)");
	refuse("user = a\x01", "3: byte 9 of the line is a control character (0x01); the file must be plain text");
	refuse("user = a\rb", "3: byte 9 of the line is a control character (0x0d); the file must be plain text");
	refuse("max_sessions =", "3: max_sessions: there is no value");
	refuse("max_sessions = # 5", "3: max_sessions: there is no value");
	refuse("dsn = x", "3: dsn: it was given before, on line 1");
}

static void
test_hostile(void)
{
	static const char	 nul[] = BASE "user = a\0b\n";
	char			*big = xmalloc(300 * 1024);
	char			 want[256];
	struct conf		 none;

	clean_environment();
	is_int(load_bytes(nul, sizeof(nul) - 1, 0600), -1, "a NUL is refused");
	snprintf(want, sizeof(want), "%s:3: byte 9 of the line is a NUL (0x00); the file must be plain text", file);
	is_str(err.msg, want, "the NUL's place");

	memset(big, 'x', 300 * 1024);
	memcpy(big, "user = ", 7);
	is_int(load_bytes(big, 4096, 0600), -1, "a line too long is refused");
	snprintf(want, sizeof(want), "%s:1: the line is too long (accepted: 4095 bytes)", file);
	is_str(err.msg, want, "a line too long");
	is_int(load_bytes(big, 4095, 0600), -1, "the longest line is read");
	ok(strncmp(err.msg, "dsn: ", 5) == 0, "and the next error is another");
	memset(big, '\n', 300 * 1024);
	is_int(load_bytes(big, 300 * 1024, 0600), -1, "a file too large is refused");
	snprintf(want, sizeof(want), "%s: larger than 262144 bytes; that is no configuration", file);
	is_str(err.msg, want, "a file too large");
	is_int(load_bytes("", 0, 0600), -1, "an empty file is read, and dsn missed");
	ok(strncmp(err.msg, "dsn: ", 5) == 0, "dsn is missed");
	is_int(load_bytes("\0", 1, 0600), -1, "a file of one NUL");
	is_int(load_bytes("'", 1, 0600), -1, "a file of one quote");

	memset(big, 'u', 5000);
	big[5000] = '\0';
	setenv("DBB_USER", big, 1);
	is_int(load(BASE), -1, "a variable too long is refused");
	is_str(err.msg, "DBB_USER: the value is too long (accepted: 4095 bytes)", "a variable too long");
	big[4095] = '\0';
	setenv("DBB_USER", big, 1);
	is_int(load(BASE), 0, "a variable of the longest length");
	is_int((long long)strlen(c.user), 4095, "is whole");
	conf_free(&c);
	setenv("DBB_USER", "a\nb", 1);
	is_int(load(BASE), -1, "a newline in a variable is refused");
	is_str(err.msg, "DBB_USER: the value has a control character (byte 0x0a)", "a newline in a variable");
	unsetenv("DBB_USER");
	free(big);

	is_int(conf_load(&none, dir, &err), -1, "a directory is refused");
	snprintf(want, sizeof(want), "%s: cannot be read: Is a directory", dir);
	is_str(err.msg, want, "a directory");
	is_int(conf_load(&none, "/nonexistent/dbbat.conf", &err), -1, "a named file must be there");
	is_str(err.msg, "/nonexistent/dbbat.conf: cannot be opened: No such file or directory", "no such file");
}

static void
test_environment(void)
{
	char	*dsn, *text;
	int	 rc;

	clean_environment();
	setenv("DBB_DSN", "host=elsewhere password=hush", 1);
	setenv("DBB_KEY", KEY2, 1);
	setenv("DBB_MAX_SESSIONS", "11", 1);
	setenv("DBB_MIN_SPARE", "", 1);
	dsn = getenv("DBB_DSN");
	is_int(conf_load(&c, "/dev/null", &err), 0, "the environment alone is enough");
	is_str(c.dsn, "host=elsewhere password=hush", "DBB_DSN");
	is_str(c.key, KEY2, "DBB_KEY");
	is_int(c.max_sessions, 11, "DBB_MAX_SESSIONS");
	is_int(c.min_spare, 4, "an empty variable is as good as none");
	ok(getenv("DBB_DSN") == NULL && getenv("DBB_KEY") == NULL, "secrets are unset");
	is_int((unsigned char)dsn[0] | (unsigned char)dsn[5] | (unsigned char)dsn[27], 0, "and wiped in place");
	ok(getenv("DBB_MAX_SESSIONS") != NULL, "the rest stays");
	conf_free(&c);

	is_int(load(BASE "max_sessions = 5\nmin_spare = 2\n"), 0, "file and environment");
	is_int(c.max_sessions, 11, "the environment wins");
	is_int(c.min_spare, 2, "where it speaks");
	conf_free(&c);

	setenv("DBB_MAX_SESSIONS", "many", 1);
	setenv("DBB_KEY", KEY, 1);
	is_int(load(BASE), -1, "a bad variable is refused");
	is_str(err.msg, "DBB_MAX_SESSIONS: \"many\" is not a whole number (accepted: 1 to 100000)",
	    "the variable is named");
	ok(getenv("DBB_KEY") == NULL, "secrets are wiped when loading fails, too");

	clean_environment();
	setenv("DBB_FROB", "secret-value", 1);
	text = stderr_of(load_void, BASE, &rc);
	is_int(rc, 0, "an unknown DBB_ variable is no error");
	is_str(text, "dbbat: warning: DBB_FROB: there is no such option; ignored\n", "but a warning");
	conf_free(&c);
	free(text);
}

static void
test_old_names(void)
{
	char	*text;
	int	 rc;

	clean_environment();
	setenv("PGL_DSN", "host=old", 1);
	setenv("PGL_KEY", KEY2, 1);
	setenv("PGL_LISTEN_ADDR", ":5001", 1);
	setenv("PGL_API_ADDR", ":8081", 1);
	setenv("DBB_LISTEN_API", ":8082", 1);
	text = stderr_of(load_void, "", &rc);
	is_int(rc, 0, "the names of PgLens work");
	is_str(c.dsn, "host=old", "PGL_DSN");
	is_str(c.key, KEY2, "PGL_KEY");
	is_str(c.listen_pg, ":5001", "PGL_LISTEN_ADDR");
	is_str(c.listen_api, ":8082", "DBB_LISTEN_API wins over PGL_API_ADDR");
	is_str(text,
	    "dbbat: warning: PGL_DSN is deprecated: its name is DBB_DSN now\n"
	    "dbbat: warning: PGL_KEY is deprecated: its name is DBB_KEY now\n"
	    "dbbat: warning: PGL_LISTEN_ADDR is deprecated: its name is DBB_LISTEN_PG now\n"
	    "dbbat: warning: PGL_API_ADDR is ignored: DBB_LISTEN_API is set, which is its name now\n",
	    "with a warning each");
	ok(getenv("PGL_DSN") == NULL && getenv("PGL_KEY") == NULL, "old names of secrets are wiped, too");
	conf_free(&c);
	free(text);

	clean_environment();
	setenv("PGL_DSN", "host=old", 1);
	setenv("DBB_DSN", "host=new", 1);
	setenv("PGL_KEYFILE", "/some/keyfile", 1);
	text = stderr_of(load_void, "", &rc);
	is_int(rc, 0, "old and new together");
	is_str(c.dsn, "host=new", "DBB_DSN wins");
	is_str(c.keyfile, "/some/keyfile", "PGL_KEYFILE");
	ok(getenv("PGL_DSN") == NULL, "the one that lost is wiped as well");
	conf_free(&c);
	free(text);
}

static void
test_key_choice(void)
{
	char	want[256];
	int	rc;

	clean_environment();
	is_int(load("dsn = x\n"), -1, "no key is refused");
	ok(strncmp(err.msg, "key: there is no master key", 27) == 0, "no key: %s", err.msg);
	refuse("keyfile = /k", "3: keyfile: key is given too; exactly one of the two must be");

	setenv("DBB_KEYFILE", "/k", 1);
	is_int(load(BASE), 0, "keyfile of the environment against key of the file");
	is_str(c.key, "", "the later layer wins");
	is_str(c.keyfile, "/k", "and is kept");
	conf_free(&c);

	setenv("DBB_KEY", KEY2, 1);
	is_int(load(BASE), -1, "both in the environment are refused");
	is_str(err.msg, "DBB_KEYFILE: DBB_KEY is given too; exactly one of the two must be",
	    "both in the environment");
	setenv("PGL_KEY", KEY2, 1);
	free(stderr_of(load_void, BASE, &rc));
	is_int(rc, -1, "an old and a new name in the environment are refused");
	is_str(err.msg, "DBB_KEYFILE: PGL_KEY is given too; exactly one of the two must be", "the old name is named");

	clean_environment();
	setenv("DBB_KEY", KEY2, 1);
	is_int(load("dsn = x\nkeyfile = /k\n"), 0, "key of the environment against keyfile of the file");
	is_str(c.key, KEY2, "the later layer wins");
	is_str(c.keyfile, "", "and the other is dropped");
	conf_free(&c);

	is_int(load("dsn = x\nkey = c2hvcnQ=\n"), -1, "a short key is refused");
	snprintf(want, sizeof(want),
	    "%s:2: key: not a key of 32 bytes in base64 (44 characters); `dbbat keygen` makes one", file);
	is_str(err.msg, want, "a short key, without showing it");
	setenv("DBB_KEY", KEY KEY2, 1);
	is_int(load("dsn = x\n"), -1, "a long key is refused");
	is_str(err.msg, "DBB_KEY: not a key of 32 bytes in base64 (44 characters); `dbbat keygen` makes one",
	    "a long key");
}

static void
test_exposed(void)
{
	char	*text, want[256];
	int	 rc;

	clean_environment();
	is_int(load_public(BASE), -1, "a key in a file that all can read is refused");
	snprintf(want, sizeof(want), "%s:2: key: everybody can read this file, and so the key: chmod o-r it, "
	    "or use keyfile", file);
	is_str(err.msg, want, "a key in a file that all can read");
	is_int(load_bytes(BASE, strlen(BASE), 0640), 0, "the group may read it");
	conf_free(&c);

	setenv("DBB_KEY", KEY, 1);
	text = stderr_of(load_public, "dsn = host=x password = hush\n", &rc);
	is_int(rc, 0, "a password in the dsn is let through");
	snprintf(want, sizeof(want), "dbbat: warning: %s:1: dsn: there seems to be a password in it, "
	    "and everybody can read this file: chmod o-r it\n", file);
	is_str(text, want, "with a warning");
	conf_free(&c);
	free(text);
	setenv("DBB_KEY", KEY, 1);
	text = stderr_of(load_public, "dsn = postgres://u:p@h:5432/d\n", &rc);
	is_str(text, want, "a URI with a password, too");
	conf_free(&c);
	free(text);
	setenv("DBB_KEY", KEY, 1);
	text = stderr_of(load_public, "dsn = postgres://u@h:5432/d?x=:@\n", &rc);
	is_str(text, "", "a URI without one is fine");
	conf_free(&c);
	free(text);
}

static void
test_paths(void)
{
	bool	root = geteuid() == 0;
	char	cwd[512], want[1024];

	clean_environment();
	setenv("XDG_STATE_HOME", "/xdg/state", 1);
	setenv("XDG_RUNTIME_DIR", "/xdg/run", 1);
	is_int(load(BASE), 0, "paths from nothing");
	is_str(c.state_dir, root ? "/var/lib/dbbat" : "/xdg/state/dbbat", "state_dir");
	is_str(c.runtime_dir, root ? "/run/dbbat" : "/xdg/run/dbbat", "runtime_dir");
	is_str(c.pid_file, root ? "/run/dbbat/dbbat.pid" : "/xdg/run/dbbat/dbbat.pid", "pid_file");
	is_str(c.tls_cert, root ? "/var/lib/dbbat/server.crt" : "/xdg/state/dbbat/server.crt", "tls_cert");
	is_str(c.tls_key, root ? "/var/lib/dbbat/server.key" : "/xdg/state/dbbat/server.key", "tls_key");
	conf_free(&c);

	if (!root) {
		clean_environment();
		setenv("XDG_STATE_HOME", "not/absolute", 1);
		is_int(load(BASE), 0, "without XDG folders");
		is_str(c.state_dir, "/home/nobody/.local/state/dbbat", "state_dir under HOME");
		is_str(c.runtime_dir, "/home/nobody/.local/state/dbbat/run", "runtime_dir in state_dir");
		conf_free(&c);
	}

	is_int(load(BASE "state_dir = /s\nruntime_dir = /r\n"), 0, "paths from the file");
	is_str(c.pid_file, "/r/dbbat.pid", "pid_file follows runtime_dir");
	is_str(c.tls_cert, "/s/server.crt", "tls_cert follows state_dir");
	conf_free(&c);

	is_int(load("dsn = x\nkeyfile = k\nstate_dir = s\ntls_cert = a\ntls_key = b\n"), 0, "relative paths");
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		cwd[0] = '\0';
	snprintf(want, sizeof(want), "%s/s", cwd);
	is_str(c.state_dir, want, "state_dir became absolute");
	snprintf(want, sizeof(want), "%s/k", cwd);
	is_str(c.keyfile, want, "keyfile became absolute");
	snprintf(want, sizeof(want), "%s/b", cwd);
	is_str(c.tls_key, want, "tls_key became absolute");
	conf_free(&c);

	refuse("tls_cert = /c", "3: tls_cert: tls_key is not given; both must be, or neither");
	refuse("tls_key = /k", "3: tls_key: tls_cert is not given; both must be, or neither");
}

/* conf_master_key with this text and mode in the key file. */
static int
master_key(const char *text, mode_t mode, unsigned char key[32])
{
	char	path[64];
	int	rc;

	snprintf(path, sizeof(path), "%s/keyfile", dir);
	unlink(path);
	write_file(path, text, strlen(text), mode);
	clean_environment();
	setenv("DBB_KEYFILE", path, 1);
	if (load("dsn = x\n") != 0)
		return -2;
	rc = conf_master_key(&c, key, &err);
	conf_free(&c);
	return rc;
}

static void
test_master_key(void)
{
	unsigned char	key[32], want[32];
	char		path[64], *long_text = xcalloc(1, 5000);

	for (int i = 0; i < 32; i++)
		want[i] = (unsigned char)i;
	clean_environment();
	is_int(load(BASE), 0, "a key in the file");
	is_int(conf_master_key(&c, key, &err), 0, "is decoded");
	ok(memcmp(key, want, 32) == 0, "to its bytes");
	is_str(c.key, "", "and wiped");
	conf_free(&c);

	memset(key, 0xff, sizeof(key));
	is_int(master_key(KEY "\n", 0600, key), 0, "a key file with a newline");
	ok(memcmp(key, want, 32) == 0, "has the key");
	is_int(master_key(KEY, 0400, key), 0, "a key file without, read-only");
	is_int(master_key(KEY "\r\n\n", 0600, key), 0, "white space at the end is ignored");
	is_int(master_key(KEY "\n" KEY "\n", 0600, key), -1, "two keys are refused");
	is_int(master_key(" " KEY, 0600, key), -1, "white space before is refused");
	is_int(master_key("", 0600, key), -1, "an empty file is refused");
	is_int(master_key("\n", 0600, key), -1, "an empty line is refused");
	memset(long_text, 'A', 4999);
	is_int(master_key(long_text, 0600, key), -1, "a large file is refused");
	free(long_text);

	is_int(master_key("AAAA\n", 0600, key), -1, "a short key is refused");
	snprintf(path, sizeof(path), "%s/keyfile", dir);
	ok(strstr(err.msg, path) != NULL && strstr(err.msg, "not a key of 32 bytes") != NULL, "%s", err.msg);
	is_int(master_key(KEY, 0640, key), -1, "a key file that the group can read is refused");
	ok(strstr(err.msg, "(mode 0640): chmod 600 it") != NULL, "%s", err.msg);
	is_int(master_key(KEY, 0604, key), -1, "a key file that others can read is refused");
	is_int(master_key(KEY, 0602, key), -1, "a key file that others can write is refused");

	setenv("DBB_KEYFILE", dir, 1);
	is_int(load("dsn = x\n"), 0, "keyfile is a directory");
	is_int(conf_master_key(&c, key, &err), -1, "which is refused");
	ok(strstr(err.msg, "is not a regular file") != NULL, "%s", err.msg);
	conf_free(&c);
	unlink(path);
	if (mkfifo(path, 0600) != 0)
		perror(path);
	setenv("DBB_KEYFILE", path, 1);
	is_int(load("dsn = x\n"), 0, "keyfile is a FIFO");
	is_int(conf_master_key(&c, key, &err), -1, "which is refused, without waiting for a writer");
	conf_free(&c);
	unlink(path);
	is_int(load("dsn = x\n"), 0, "keyfile is absent");
	is_int(conf_master_key(&c, key, &err), -1, "which is refused");
	ok(strstr(err.msg, "No such file or directory") != NULL, "%s", err.msg);
	conf_free(&c);
}

/* conf_dump's text, read back from its pipe. */
static char *
dump(void)
{
	char	 path[64];
	char	*text = xcalloc(1, 8192);
	int	 old = dup(1), fd;

	snprintf(path, sizeof(path), "%s/dump", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	fflush(stdout);
	dup2(fd, 1);
	conf_dump(&c);
	fflush(stdout);
	dup2(old, 1);
	close(old);
	if (pread(fd, text, 8191, 0) < 0)
		text[0] = '\0';
	close(fd);
	return text;
}

static void
test_dump(void)
{
	char	*text, *again;
	size_t	 n;

	clean_environment();
	is_int(load("dsn = host=x password=hush\nlog_dsn = password=hush\nkey = " KEY "\nlogin_timeout = 120\nship_interval = 1500ms\n"
	    "journal_max = 1024kB\ncapture = yes\nlisten_pg = '#1''s'\nshutdown_timeout = 0\nuser = \n"), 0, "load");
	text = dump();
	ok(strstr(text, "hush") == NULL && strstr(text, KEY) == NULL, "no secret is shown");
	ok(strncmp(text, "dsn = ********\nlog_dsn = ********\nkey = ********\nkeyfile = ''\n", 61) == 0, "but that there is one");
	ok(strstr(text, "\nlogin_timeout = 2min\n") != NULL, "the largest unit that fits");
	ok(strstr(text, "\nship_interval = 1500ms\n") != NULL, "no fraction");
	ok(strstr(text, "\njournal_max = 1MB\n") != NULL, "a size");
	ok(strstr(text, "\nshutdown_timeout = 0\n") != NULL, "zero has no unit");
	ok(strstr(text, "\ncapture = on\n") != NULL, "a boolean");
	ok(strstr(text, "\nlisten_pg = '#1''s'\n") != NULL, "quotes where they are needed");
	ok(strstr(text, "\nclient_tls = prefer\n") != NULL, "a choice");
	conf_free(&c);

	n = strlen("dsn = ********\nlog_dsn = ********\nkey = ********\n");
	again = xasprintf("log_dsn = x\n" BASE "%s", text + n);
	is_int(load(again), 0, "the dump is a configuration");
	free(again);
	again = dump();
	is_str(again, text, "that gives the same dump");
	conf_free(&c);
	free(text);
	free(again);
}

int
main(void)
{
	char	path[64];

	if (mkdtemp(dir) == NULL) {
		perror(dir);
		return 1;
	}
	snprintf(file, sizeof(file), "%s/dbbat.conf", dir);
	test_defaults();
	test_syntax();
	test_hostile();
	test_environment();
	test_old_names();
	test_key_choice();
	test_exposed();
	test_paths();
	test_master_key();
	test_dump();
	unlink(file);
	snprintf(path, sizeof(path), "%s/stderr", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/dump", dir);
	unlink(path);
	rmdir(dir);
	return tap_done();
}
