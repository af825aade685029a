/*
 * Clocks, and RFC 3339 times as text.
 */
#include "base/base_time.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int64_t
time_of(clockid_t clock)
{
	struct timespec	ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
time_now_us(void)
{
	return time_of(CLOCK_REALTIME);
}

int64_t
time_cpu_us(void)
{
	return time_of(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t
time_mono_us(void)
{
	return time_of(CLOCK_BOOTTIME);
}

struct timespec
time_left(int64_t until)
{
	int64_t	left = until - time_mono_us();

	if (left < 0)
		left = 0;
	return (struct timespec){ left / 1000000, left % 1000000 * 1000 };
}

char *
time_format_iso(int64_t us, char *out)
{
	time_t		sec = us / 1000000;
	long		frac = us % 1000000;
	struct tm	tm;
	size_t		n;

	if (frac < 0) {
		frac += 1000000;
		sec--;
	}
	gmtime_r(&sec, &tm);
	/* not %Y, which does not pad */
	n = (size_t)snprintf(out, TIME_ISO_SIZE, "%04d", tm.tm_year + 1900);
	n += strftime(out + n, TIME_ISO_SIZE - n, "-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, TIME_ISO_SIZE - n, ".%06ldZ", frac);
	return out;
}

/* Reads exactly n digits; moves *s. Returns -1 when there are fewer. */
static int
time_digits(const char **s, int n)
{
	int	v = 0;

	while (n-- > 0) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (*(*s)++ - '0');
	}
	return v;
}

static bool
time_char(const char **s, const char *set)
{
	if (**s == '\0' || strchr(set, **s) == NULL)
		return false;
	(*s)++;
	return true;
}

/* Zone designator to seconds east of UTC. */
static int
time_zone(const char **s, int *east)
{
	int	sign, h, m;

	if (time_char(s, "Zz")) {
		*east = 0;
		return 0;
	}
	sign = **s == '-' ? -1 : 1;
	if (!time_char(s, "+-"))
		return -1;
	h = time_digits(s, 2);
	if (h < 0 || h > 23 || !time_char(s, ":"))
		return -1;
	m = time_digits(s, 2);
	if (m < 0 || m > 59)
		return -1;
	*east = sign * (h * 3600 + m * 60);
	return 0;
}

int
time_parse_iso(const char *s, int64_t *us)
{
	struct tm	tm = { 0 }, check;
	int		east, scale = 100000;
	int64_t		frac = 0;
	time_t		sec;

	tm.tm_year = time_digits(&s, 4) - 1900;
	if (tm.tm_year < -1899 || !time_char(&s, "-"))
		return -1;
	tm.tm_mon = time_digits(&s, 2) - 1;
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || !time_char(&s, "-"))
		return -1;
	tm.tm_mday = time_digits(&s, 2);
	if (tm.tm_mday < 1 || !time_char(&s, "Tt "))
		return -1;
	tm.tm_hour = time_digits(&s, 2);
	if (tm.tm_hour < 0 || tm.tm_hour > 23 || !time_char(&s, ":"))
		return -1;
	tm.tm_min = time_digits(&s, 2);
	if (tm.tm_min < 0 || tm.tm_min > 59 || !time_char(&s, ":"))
		return -1;
	tm.tm_sec = time_digits(&s, 2);
	if (tm.tm_sec < 0 || tm.tm_sec > 59)
		return -1;
	if (time_char(&s, ".")) {
		if (*s < '0' || *s > '9')
			return -1;
		for (; *s >= '0' && *s <= '9'; s++, scale /= 10)
			frac += (int64_t)(*s - '0') * scale;
	}
	if (time_zone(&s, &east) != 0 || *s != '\0')
		return -1;
	check = tm;
	sec = timegm(&check);
	/* timegm makes March of February 30: that is no date */
	if (check.tm_mday != tm.tm_mday || check.tm_mon != tm.tm_mon)
		return -1;
	*us = ((int64_t)sec - east) * 1000000 + frac;
	return 0;
}
