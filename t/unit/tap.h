/*
 * TAP for the unit programs: ok(), is_int(), is_str(), and at the end
 * `return tap_done();`.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int	tap_count, tap_failures;

static inline bool __attribute__((format(printf, 4, 5)))
tap_ok(bool pass, const char *file, int line, const char *fmt, ...)
{
	va_list	ap;

	printf("%sok %d - ", pass ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!pass) {
		tap_failures++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return pass;
}

static inline bool
tap_is_int(long long got, long long want, const char *file, int line, const char *name)
{
	if (!tap_ok(got == want, file, line, "%s", name)) {
		printf("#   got %lld, want %lld\n", got, want);
		return false;
	}
	return true;
}

static inline bool
tap_is_str(const char *got, const char *want, const char *file, int line, const char *name)
{
	bool	same = got && want ? strcmp(got, want) == 0 : got == want;

	if (!tap_ok(same, file, line, "%s", name))
		printf("#   got  %s\n#   want %s\n", got ? got : "(null)", want ? want : "(null)");
	return same;
}

static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures != 0;
}

#define ok(pass, ...)			tap_ok((pass), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, name)		tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, (name))
#define is_str(got, want, name)		tap_is_str((got), (want), __FILE__, __LINE__, (name))

#endif
