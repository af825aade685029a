/*
 * Memory that dies rather than fails, and secrets that are wiped.
 * Every x* function returns memory the caller frees with free(3); when there
 * is none the process ends with a log line and exit code 71 (EX_OSERR).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void	*xmalloc(size_t n);
void	*xcalloc(size_t n, size_t size);
void	*xrealloc(void *p, size_t n);
char	*xstrdup(const char *s);		/* NULL gives NULL */
char	*xstrndup(const char *s, size_t n);
char	*xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Wipe and free; NULL is fine. */
void	secret_free(char *s);			/* wipes strlen(s) bytes */
void	secret_free_n(void *p, size_t n);

#endif
