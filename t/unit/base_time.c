/*
 * RFC 3339 both ways, and what is no time.
 */
#include <time.h>

#include "base/base_time.h"
#include "tap.h"

static void
parses(const char *text, int64_t want)
{
	int64_t	us = -1;

	ok(time_parse_iso(text, &us) == 0 && us == want, "%s is %lld", text, (long long)want);
}

static void
test_parse(void)
{
	parses("1970-01-01T00:00:00Z", 0);
	parses("1970-01-01t00:00:00z", 0);
	parses("2024-01-01T00:00:00Z", 1704067200000000);
	parses("2024-01-01 00:00:00Z", 1704067200000000);
	parses("2029-12-31T23:59:59Z", 1893455999000000);
	parses("2024-02-29T12:00:00+02:00", 1709200800000000);
	parses("2024-02-29T12:00:00-05:30", 1709227800000000);
	parses("1970-01-01T00:00:00.5Z", 500000);
	parses("1970-01-01T00:00:00.123456Z", 123456);
	parses("1970-01-01T00:00:00.123456999Z", 123456);
	parses("1969-12-31T23:59:59.999999Z", -1);
	parses("1969-12-31T23:59:59Z", -1000000);
	parses("0001-01-01T00:00:00Z", -62135596800000000);
	parses("9999-12-31T23:59:59.999999Z", 253402300799999999);
}

static void
test_refused(void)
{
	static const char *const	bad[] = {
		"", "2024", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00Z", "2024-01-01T00:00:00 Z",
		"2024-01-01T00:00:00Z ", " 2024-01-01T00:00:00Z", "2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00+0200", "2024-01-01T00:00:00+02", "2024-01-01T00:00:00+24:00",
		"2024-01-01T00:00:00+02:60", "2024-01-01T00:00:00GMT", "2024-00-01T00:00:00Z",
		"2024-13-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-32T00:00:00Z", "2023-02-29T00:00:00Z",
		"2024-02-30T00:00:00Z", "2024-04-31T00:00:00Z", "2100-02-29T00:00:00Z", "2024-01-01T24:00:00Z",
		"2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z", "24-01-01T00:00:00Z", "02024-01-01T00:00:00Z",
		"-024-01-01T00:00:00Z", "2024-1-01T00:00:00Z", "2024/01/01T00:00:00Z", "0000-01-01T00:00:00Z",
		"2024-01-01T00:00:00.-5Z", "now", "infinity", "\xd9\xa2\xd9\xa0-01-01T00:00:00Z",
	};
	int64_t	us = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(time_parse_iso(bad[i], &us) == -1 && us == 77, "\"%s\" is refused, and nothing set", bad[i]);
}

static void
formats(int64_t us, const char *want)
{
	char	out[TIME_ISO_SIZE];

	is_str(time_format_iso(us, out), want, want);
}

static void
test_format(void)
{
	char	out[TIME_ISO_SIZE];
	int64_t	back;
	bool	same = true;

	formats(0, "1970-01-01T00:00:00.000000Z");
	formats(-1, "1969-12-31T23:59:59.999999Z");
	formats(-1000000, "1969-12-31T23:59:59.000000Z");
	formats(1704067200123456, "2024-01-01T00:00:00.123456Z");
	formats(INT64_MAX, "294247-01-10T04:00:54.775807Z");
	ok(strlen(time_format_iso(INT64_MIN, out)) < TIME_ISO_SIZE, "the earliest time fits: %s", out);
	for (int64_t us = -62135596800000000; us < 253402300800000000; us += 98765432123457)
		same = same && time_parse_iso(time_format_iso(us, out), &back) == 0 && back == us;
	ok(same, "the years 1 to 9999 there and back");
}

static void
test_clocks(void)
{
	int64_t	a = time_mono_us(), b = time_mono_us(), now = time_now_us();

	ok(b >= a, "the monotonic clock does not go back");
	ok(now / 1000000 - (int64_t)time(NULL) <= 1 && (int64_t)time(NULL) - now / 1000000 <= 1,
	    "the wall clock is in microseconds since 1970");
}

static void
left_until(int64_t ahead_us, const char *what)
{
	int64_t		before = time_mono_us(), until = ahead_us == INT64_MAX ? INT64_MAX : before + ahead_us, after, left;
	struct timespec	ts = time_left(until);

	after = time_mono_us();
	left = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	ok(left <= (until > before ? until - before : 0) && left >= (until > after ? until - after : 0), "what is left until %s", what);
	ok(ts.tv_sec >= 0 && ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000, "in seconds and nanoseconds");
}

static void
test_left(void)
{
	left_until(-1, "a moment ago: nothing");
	left_until(-3600500000, "an hour ago: nothing");
	left_until(3600500000, "in an hour");
	left_until(999999, "in almost a second");
	left_until(INT64_MAX, "the last time there is");
}

int
main(void)
{
	test_parse();
	test_refused();
	test_format();
	test_clocks();
	test_left();
	return tap_done();
}
