/*
 * Allocation that ends the process when memory is gone: no caller has a
 * sensible way on without it, and a half-done session must not go on.
 */
#include "base/base_mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/base_log.h"

#define MEM_SMALL	1024

static void *
mem_check(void *p, size_t n)
{
	if (p == NULL && n != 0)
		log_fatal(EX_OSERR, "out of memory (%zu bytes wanted)", n);
	return p;
}

void *
xmalloc(size_t n)
{
	return mem_check(malloc(n ? n : 1), n);
}

/* Small blocks come from malloc, which keeps those that were freed at hand; glibc's calloc does not. */
void *
xcalloc(size_t n, size_t size)
{
	size_t	total;

	if (__builtin_mul_overflow(n, size, &total) || total > MEM_SMALL)
		return mem_check(calloc(n, size), n);
	return memset(xmalloc(total), 0, total);
}

void *
xrealloc(void *p, size_t n)
{
	return mem_check(realloc(p, n ? n : 1), n);
}

char *
xstrdup(const char *s)
{
	return s ? mem_check(strdup(s), strlen(s) + 1) : NULL;
}

char *
xstrndup(const char *s, size_t n)
{
	return mem_check(strndup(s, n), n + 1);
}

char *
xasprintf(const char *fmt, ...)
{
	va_list	 ap;
	char	*s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = mem_check(NULL, 1);
	va_end(ap);
	return s;
}

void
secret_free(char *s)
{
	if (s != NULL)
		secret_free_n(s, strlen(s));
}

void
secret_free_n(void *p, size_t n)
{
	if (p == NULL)
		return;
	explicit_bzero(p, n);
	free(p);
}
