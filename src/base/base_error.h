/*
 * Why something failed, in words for a person. Functions that can fail return
 * a negative value (or NULL) and, where the reason is of use, fill one of these.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdio.h>

struct error {
	char	msg[512];
};

/* Fills err (NULL is fine) and returns -1, for `return error_set(err, ...)`. */
static inline int __attribute__((format(printf, 2, 3)))
error_set(struct error *err, const char *fmt, ...)
{
	va_list	ap;

	if (err != NULL) {
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
	}
	return -1;
}

#endif
