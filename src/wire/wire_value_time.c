/*
 * Dates and times, over all the years that PostgreSQL has.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "wire/wire_value_types.h"

#define SECOND_US	INT64_C(1000000)
#define DAY_US		INT64_C(86400000000)
#define EPOCH_DAYS	INT64_C(730425)			/* from 0000-03-01 to 2000-01-01 */
#define DATE_MIN	INT64_C(-2451545)		/* 4714-11-24 BC, in days from 2000-01-01 */
#define DATE_MAX	INT64_C(2145031948)		/* the end of the year 5874897 */
#define STAMP_MIN	INT64_C(-211813488000000000)	/* in microseconds */
#define STAMP_MAX	INT64_C(9223371331199999999)	/* the end of the year 294276 */
#define ZONE_MAX	(16 * 3600)			/* s */

/* Floor. */
static int64_t
div_down(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The date of so many days from 2000-01-01. True: it is BC. */
static bool
put_days(struct buf *out, int64_t days)
{
	int64_t	z = days + EPOCH_DAYS, era = div_down(z, 146097), day = z - era * 146097;
	int64_t	yoe = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t	doy = day - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t	month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);

	buf_putf(out, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, year > 0 ? year : 1 - year, month,
	    doy - (153 * mp + 2) / 5 + 1);
	return year <= 0;
}

/* Days from 2000-01-01. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t	y = year - (month <= 2), era = div_down(y, 400), yoe = y - era * 400;
	int64_t	doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - EPOCH_DAYS;
}

/* Seconds and what is not zero behind them. */
static void
put_seconds(struct buf *out, int64_t us)
{
	int64_t	fraction = us % SECOND_US;

	buf_putf(out, "%02" PRId64, us / SECOND_US);
	if (fraction == 0)
		return;
	buf_putf(out, ".%06" PRId64, fraction);
	while (out->len > 0 && out->data[out->len - 1] == '0')
		out->len--;
}

static void
put_clock(struct buf *out, int64_t us)
{
	buf_putf(out, "%02" PRId64 ":%02" PRId64 ":", us / (3600 * SECOND_US), us / (60 * SECOND_US) % 60);
	put_seconds(out, us % (60 * SECOND_US));
}

static bool
put_stamp(struct buf *out, int64_t us, const char *zone)
{
	int64_t	days = div_down(us, DAY_US);
	bool	bc;

	if (us == INT64_MIN || us == INT64_MAX) {
		buf_put_str(out, us < 0 ? "-infinity" : "infinity");
		return true;
	}
	if (us < STAMP_MIN || us > STAMP_MAX)
		return false;
	bc = put_days(out, days);
	buf_put_u8(out, ' ');
	put_clock(out, us - days * DAY_US);
	buf_put_str(out, zone);
	if (bc)
		buf_put_str(out, " BC");
	return true;
}

bool
value_date(struct buf *out, struct reader *r)
{
	int64_t	days = (int32_t)reader_u32(r);

	if (days == INT32_MIN || days == INT32_MAX) {
		buf_put_str(out, days < 0 ? "-infinity" : "infinity");
		return true;
	}
	if (days < DATE_MIN || days > DATE_MAX)
		return false;
	if (put_days(out, days))
		buf_put_str(out, " BC");
	return true;
}

bool
value_time(struct buf *out, struct reader *r)
{
	int64_t	us = (int64_t)reader_u64(r);

	if (us < 0 || us > DAY_US)
		return false;
	put_clock(out, us);
	return true;
}

bool
value_timetz(struct buf *out, struct reader *r)
{
	int32_t	zone, s;

	if (!value_time(out, r))
		return false;
	zone = (int32_t)reader_u32(r);	/* west is positive */
	if (zone <= -ZONE_MAX || zone >= ZONE_MAX)
		return false;
	s = abs(zone);
	buf_putf(out, "%c%02d", zone <= 0 ? '+' : '-', s / 3600);
	if (s % 3600 != 0)
		buf_putf(out, ":%02d", s / 60 % 60);
	if (s % 60 != 0)
		buf_putf(out, ":%02d", s % 60);
	return true;
}

bool
value_timestamp(struct buf *out, struct reader *r)
{
	return put_stamp(out, (int64_t)reader_u64(r), "");
}

bool
value_timestamptz(struct buf *out, struct reader *r)
{
	return put_stamp(out, (int64_t)reader_u64(r), "+00");
}

/* One part of an interval; a part behind a negative one shows its plus. */
static void
put_part(struct buf *out, size_t start, int32_t v, const char *unit, bool *negative)
{
	if (v == 0)
		return;
	buf_putf(out, "%s%s%" PRId32 " %s%s", out->len > start ? " " : "", *negative && v > 0 ? "+" : "", v, unit,
	    v != 1 ? "s" : "");
	*negative = v < 0;
}

bool
value_interval(struct buf *out, struct reader *r)
{
	int64_t		us = (int64_t)reader_u64(r);
	int32_t		days = (int32_t)reader_u32(r), months = (int32_t)reader_u32(r);
	uint64_t	size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
	size_t		start = out->len;
	bool		negative = false;

	if ((us == INT64_MAX && days == INT32_MAX && months == INT32_MAX) ||
	    (us == INT64_MIN && days == INT32_MIN && months == INT32_MIN)) {
		buf_put_str(out, us < 0 ? "-infinity" : "infinity");
		return true;
	}
	put_part(out, start, months / 12, "year", &negative);
	put_part(out, start, months % 12, "mon", &negative);
	put_part(out, start, days, "day", &negative);
	if (us == 0 && out->len > start)
		return true;
	if (out->len > start)
		buf_put_u8(out, ' ');
	if (us < 0 || (negative && us > 0))
		buf_put_u8(out, us < 0 ? '-' : '+');
	if (size > INT64_MAX)
		return false;
	put_clock(out, (int64_t)size);
	return true;
}

/* --- the text of a timestamptz in some zone -------------------------------------------- */

/* From `min` to `max` digits; -1 when they are not there. */
static int64_t
get_digits(struct reader *r, size_t min, size_t max)
{
	int64_t	v = 0;
	size_t	n = 0;

	while (n < max && r->left > 0 && r->p[0] >= '0' && r->p[0] <= '9') {
		v = 10 * v + (r->p[0] - '0');
		reader_u8(r);
		n++;
	}
	return n < min ? -1 : v;
}

static bool
get_mark(struct reader *r, char c)
{
	if (r->left == 0 || r->p[0] != (unsigned char)c)
		return false;
	reader_u8(r);
	return true;
}

/* Two digits up to max behind a mark; -1. */
static int64_t
get_two(struct reader *r, char mark, int64_t max)
{
	int64_t	v = get_mark(r, mark) ? get_digits(r, 2, 2) : -1;

	return v > max ? -1 : v;
}

/* HH[:MM[:SS]] behind a sign, in seconds east; false when it is not one. */
static bool
get_zone(struct reader *r, int64_t *out)
{
	bool	west = r->left > 0 && r->p[0] == '-';
	int64_t	v = get_two(r, west ? '-' : '+', 15), part;

	if (v < 0)
		return false;
	v *= 3600;
	for (int64_t unit = 60; unit > 0 && r->left > 0 && r->p[0] == ':'; unit /= 60) {
		if ((part = get_two(r, ':', 59)) < 0)
			return false;
		v += part * unit;
	}
	*out = west ? -v : v;
	return true;
}

bool
value_timestamptz_text(struct buf *out, struct slice v)
{
	struct reader	r = reader_init(v.p, v.n);
	int64_t		year = get_digits(&r, 4, 6), month = get_two(&r, '-', 12), day = get_two(&r, '-', 31);
	int64_t		hour = get_two(&r, ' ', 24), minute = get_two(&r, ':', 59), second = get_two(&r, ':', 60);
	int64_t		fraction = 0, zone, us;
	size_t		digits;

	if (year < 0 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0)
		return false;
	if (get_mark(&r, '.')) {
		digits = r.left;
		fraction = get_digits(&r, 1, 6);
		digits -= r.left;
		for (; fraction > 0 && digits < 6; digits++)
			fraction *= 10;
	}
	if (fraction < 0 || !get_zone(&r, &zone))
		return false;
	if (r.left == 3 && memcmp(r.p, " BC", 3) == 0) {
		year = 1 - year;
		reader_bytes(&r, 3);
	}
	us = (days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone) * SECOND_US + fraction;
	return reader_done(&r) && put_stamp(out, us, "+00");
}
