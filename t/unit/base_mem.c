/*
 * Allocation: the strings it makes, and that it ends the process with exit code
 * 71 and a line when there is no memory.
 */
#include <sys/wait.h>

#include <stdint.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "tap.h"

const char	*__asan_default_options(void);

/* Let the sanitizer return NULL, as malloc does; it would end the program in its own way. */
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static volatile size_t	huge = SIZE_MAX / 2;

static void	try_malloc(void)	{ free(xmalloc(huge)); }
static void	try_calloc(void)	{ free(xcalloc(huge, 4)); }
static void	try_realloc(void)	{ free(xrealloc(NULL, huge)); }

/* The child's exit code; its stderr must have the log's line. */
static void
dies(void (*fn)(void), const char *name)
{
	int	fds[2], status = 0;
	char	text[8192];
	ssize_t	n;
	pid_t	pid;

	if (pipe(fds) != 0 || (pid = fork()) < 0) {
		ok(false, "%s: pipe or fork", name);
		return;
	}
	if (pid == 0) {
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		fn();
		_exit(0);
	}
	close(fds[1]);
	text[0] = '\0';
	for (size_t len = 0; (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;)
		text[len += (size_t)n] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == EX_OSERR, "%s ends with 71", name);
	/* a sanitizer may have written a warning of its own before */
	ok(strstr(text, "dbbat: error: out of memory (") != NULL, "%s says why", name);
}

int
main(void)
{
	char	*s;
	bool	 zero = true;

	s = xstrdup("text");
	is_str(s, "text", "xstrdup");
	s = xrealloc(s, 100);
	is_str(s, "text", "xrealloc keeps what was there");
	secret_free(s);
	ok(xstrdup(NULL) == NULL, "xstrdup of NULL");
	s = xstrndup("text", 2);
	is_str(s, "te", "xstrndup cuts");
	free(s);
	s = xstrndup("text", 10);
	is_str(s, "text", "and does not pad");
	free(s);
	s = xasprintf("%s-%03d", "a", 7);
	is_str(s, "a-007", "xasprintf");
	free(s);
	s = xcalloc(10, 10);
	for (int i = 0; i < 100; i++)
		zero = zero && s[i] == 0;
	ok(zero, "xcalloc is zeros");
	secret_free_n(s, 100);
	s = xmalloc(0);
	ok(s != NULL, "no bytes are memory, too");
	free(s);
	s = xcalloc(0, 8);
	ok(s != NULL, "also zeroed");
	free(s);
	secret_free(NULL);
	secret_free_n(NULL, 5);

	dies(try_malloc, "xmalloc");
	dies(try_calloc, "xcalloc that would wrap");
	dies(try_realloc, "xrealloc");
	return tap_done();
}
