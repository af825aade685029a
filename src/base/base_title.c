/*
 * Process title in the memory of argv and the environment, which the kernel
 * lays out in one run.
 */
#include "base/base_title.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base_mem.h"

static struct {
	char	*start;
	size_t	 size;
} title;

char **
title_init(int argc, char **argv)
{
	char	**args = xcalloc((size_t)argc + 1, sizeof(*args));
	char	**env, *end;
	size_t	  n = 0;

	if (argc < 1)
		return args;
	end = argv[0];
	for (int i = 0; i < argc; i++) {
		if (argv[i] == end)
			end = argv[i] + strlen(argv[i]) + 1;
		args[i] = xstrdup(argv[i]);
	}
	while (environ[n] != NULL)
		n++;
	env = xcalloc(n + 1, sizeof(*env));
	for (size_t i = 0; i < n; i++) {
		env[i] = xstrdup(environ[i]);
		if (environ[i] == end) {
			end = environ[i] + strlen(environ[i]) + 1;
			explicit_bzero(environ[i], strlen(environ[i]));
		}
	}
	environ = env;
	title.start = argv[0];
	title.size = (size_t)(end - argv[0]);
	return args;
}

void
title_set(const char *fmt, ...)
{
	char	text[256];
	va_list	ap;
	int	n;

	if (title.size < 2)
		return;
	n = snprintf(text, sizeof(text), "dbbat: ");
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	memset(title.start, 0, title.size);
	memcpy(title.start, text, strnlen(text, title.size - 1));
}
