/*
 * The operator log on stderr: levels, prefix, one line an event whatever bytes
 * come in.
 */
#include <sys/wait.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "tap.h"

/* What fn writes to stderr, and its exit status, in a process of its own. */
static char *
stderr_of(void (*fn)(void), int *status)
{
	char	*text = xcalloc(1, 65536);
	size_t	 len = 0;
	int	 fds[2];
	ssize_t	 n;
	pid_t	 pid;

	if (pipe(fds) != 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0) {
		dup2(fds[1], 2);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, 65535 - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	waitpid(pid, status, 0);
	return text;
}

static void
early(void)
{
	log_info("before %d", 1);
	log_debug("not shown");
}

static void
warnings(void)
{
	log_open(false, LOG_LEVEL_WARN);
	log_prefix("session %d: ", 42);
	log_error("one");
	log_warn("two");
	log_info("three");
}

static void
hostile(void)
{
	log_prefix("u\x1b[31m: ");
	log_info("a\nfake: line\tb\x07\x7f%s", "%n");
}

static void
longest(void)
{
	char	*text = xmalloc(10001);

	memset(text, 'x', 10000);
	text[10000] = '\0';
	log_open(false, LOG_LEVEL_INFO);
	log_prefix("%s", text);
	log_info("%s", text);
	log_info("next");
	free(text);
}

static void
fatal(void)
{
	log_fatal(78, "bad thing");
}

int
main(void)
{
	int	 status;
	char	*text = stderr_of(early, &status), *nl;

	is_str(text, "dbbat: info: before 1\n", "before log_open: no time, info and above");
	free(text);

	text = stderr_of(warnings, &status);
	ok(strstr(text, "error: session 42: one\n") != NULL, "an error, with the prefix");
	ok(strstr(text, "warning: session 42: two\n") != NULL, "a warning");
	ok(strstr(text, "three") == NULL, "info is below the level");
	ok(strlen(text) > 24 && text[4] == '-' && text[10] == 'T' && text[23] == 'Z', "lines begin with a time");
	free(text);

	text = stderr_of(hostile, &status);
	is_str(text, "dbbat: info: u?[31m: a fake: line b??%n\n", "control characters make no lines and no colours");
	free(text);

	text = stderr_of(longest, &status);
	nl = strchr(text, '\n');
	ok(nl != NULL && nl - text < 2560, "a long line is cut");
	ok(nl != NULL && strchr(nl + 1, '\n') == text + strlen(text) - 1, "and ends before the next");
	free(text);

	text = stderr_of(fatal, &status);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 78, "log_fatal exits with its code");
	is_str(text, "dbbat: error: bad thing\n", "and says why");
	free(text);
	return tap_done();
}
