/*
 * Numbers. A float is written with the fewest digits that read back as the same number, in
 * PostgreSQL's layout; so is the text of one, which may have come with more or fewer.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/wire_value_types.h"

#define NUMERIC_EXPAND	16	/* bytes out for one in, beyond ... */
#define NUMERIC_SHORT	4096	/* ... as many as these */

bool
value_int2(struct buf *out, struct reader *r)
{
	buf_putf(out, "%d", (int16_t)reader_u16(r));
	return true;
}

bool
value_int4(struct buf *out, struct reader *r)
{
	buf_putf(out, "%" PRId32, (int32_t)reader_u32(r));
	return true;
}

bool
value_int8(struct buf *out, struct reader *r)
{
	buf_putf(out, "%" PRId64, (int64_t)reader_u64(r));
	return true;
}

bool
value_uint4(struct buf *out, struct reader *r)
{
	buf_putf(out, "%" PRIu32, reader_u32(r));
	return true;
}

bool
value_uint8(struct buf *out, struct reader *r)
{
	buf_putf(out, "%" PRIu64, reader_u64(r));
	return true;
}

/* As lc_monetary = C writes it; the format has the cents only. */
bool
value_money(struct buf *out, struct reader *r)
{
	int64_t		v = (int64_t)reader_u64(r);
	uint64_t	cents = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char		whole[24];
	size_t		n = (size_t)snprintf(whole, sizeof(whole), "%" PRIu64, cents / 100);

	buf_put_str(out, v < 0 ? "-$" : "$");
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			buf_put_u8(out, ',');
		buf_put_u8(out, (uint8_t)whole[i]);
	}
	buf_putf(out, ".%02u", (unsigned)(cents % 100));
	return true;
}

bool
value_is_integer(struct slice v)
{
	size_t	at = v.n > 0 && v.p[0] == '-';

	/* more than ten digits are no number of these types */
	if (v.n == at || v.n - at > 10 || (v.p[at] == '0' && v.n - at > 1))
		return false;
	for (; at < v.n; at++)
		if (v.p[at] < '0' || v.p[at] > '9')
			return false;
	return true;
}

/* --- floats ------------------------------------------------------------------------- */

static bool
float_is(const char *text, double v, bool single)
{
	return single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v;
}

/*
 * Whether the number that "%e" wrote lies in the middle between two floats: which of them it reads back as is a
 * matter of rounding then, so the server does not write it. Its odd part has one bit more than they have.
 */
static bool
float_is_middle(const char *text, bool single)
{
	unsigned __int128	v = 0;
	int			exponent = atoi(strchr(text, 'e') + 1);

	for (const char *s = text; *s != 'e'; s++)
		if (*s != '.')
			v = 10 * v + (unsigned)(*s - '0');
	exponent -= (int)(strchr(text, 'e') - text) - (text[1] == '.') - 1;
	/* beyond that power of five there is no odd part so small */
	if (exponent < 0 || exponent > (single ? 10 : 23))
		return false;
	while (exponent-- > 0)
		v *= 5;
	while (v > 0 && (v & 1) == 0)
		v >>= 1;
	return v >> (single ? 24 : 53) == 1;
}

/* The next larger number of so many digits: above a power of two the floats are further apart than below it. */
static void
float_next(char *text)
{
	char	*s = strchr(text, 'e');

	while (s-- > text && (*s == '9' || *s == '.'))
		if (*s == '9')
			*s = '0';
	if (s >= text)
		++*s;
}

/* The digits of a finite number other than zero, without point and trailing zeros; its decimal exponent. */
static int
float_digits(double v, bool single, char digits[24])
{
	/* so many digits survive the way to a number and back; of the smallest ones, fewer do */
	bool	small = single ? v < 1.17549435e-38 : v < 2.2250738585072014e-308;
	int	p = small ? 1 : single ? 6 : 15, most = single ? 9 : 17, n = 0;
	char	text[40];

	do {
		snprintf(text, sizeof(text), "%.*e", p - 1, v);
		if (!float_is(text, v, single))
			float_next(text);
	} while ((!float_is(text, v, single) || float_is_middle(text, single)) && ++p <= most);
	for (const char *s = text; *s != 'e'; s++)
		if (*s != '.')
			digits[n++] = *s;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	return atoi(strchr(text, 'e') + 1);
}

static void
put_float(struct buf *out, double v, bool single)
{
	char	digits[24];
	int	exponent, n;

	if (isnan(v)) {
		buf_put_str(out, "NaN");
		return;
	}
	if (signbit(v))
		buf_put_u8(out, '-');
	if (isinf(v) || v == 0) {
		buf_put_str(out, v == 0 ? "0" : "Infinity");
		return;
	}
	exponent = float_digits(fabs(v), single, digits);
	n = (int)strlen(digits);
	if (exponent < -4 || exponent >= (single ? 6 : 15)) {
		buf_put_u8(out, (uint8_t)digits[0]);
		if (n > 1)
			buf_putf(out, ".%s", digits + 1);
		buf_putf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) {
		buf_putf(out, "0.%.*s%s", -exponent - 1, "000", digits);
	} else if (exponent + 1 >= n) {
		buf_putf(out, "%s%.*s", digits, exponent + 1 - n, "00000000000000");
	} else
		buf_putf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
}

bool
value_float4(struct buf *out, struct reader *r)
{
	uint32_t	bits = reader_u32(r);
	float		v;

	memcpy(&v, &bits, sizeof(v));
	put_float(out, (double)v, true);
	return true;
}

bool
value_float8(struct buf *out, struct reader *r)
{
	uint64_t	bits = reader_u64(r);
	double		v;

	memcpy(&v, &bits, sizeof(v));
	put_float(out, v, false);
	return true;
}

bool
value_float_text(struct buf *out, bool single, struct slice v)
{
	static const char *const	words[] = { "NaN", "Infinity", "-Infinity" };
	char				text[40], *end;
	double				d;

	if (v.n == 0 || v.n >= sizeof(text))
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(text, words[i]) == 0) {
			buf_put_str(out, text);
			return true;
		}
	if (strspn(text, "0123456789+-.e") != v.n)
		return false;
	d = single ? (double)strtof(text, &end) : strtod(text, &end);
	if (*end != '\0' || !isfinite(d))
		return false;
	put_float(out, d, single);
	return true;
}

/* --- numeric -------------------------------------------------------------------------- */

#define NUMERIC_NEGATIVE	0x4000u
#define NUMERIC_NAN		0xc000u
#define NUMERIC_INFINITY	0xd000u
#define NUMERIC_MINUS_INFINITY	0xf000u

/* The base-10000 digit of weight w: zero outside what was sent. */
static unsigned
numeric_digit(const unsigned char *digits, int n, int weight, int w)
{
	int	i = weight - w;

	return i >= 0 && i < n ? (unsigned)(digits[2 * i] << 8 | digits[2 * i + 1]) : 0;
}

bool
value_numeric(struct buf *out, struct reader *r)
{
	size_t		size = r->left;
	int		n = reader_u16(r), weight = (int16_t)reader_u16(r);
	unsigned	sign = reader_u16(r), scale = reader_u16(r);
	struct slice	digits;
	bool		leading = true;

	if (sign == NUMERIC_NAN || sign == NUMERIC_INFINITY || sign == NUMERIC_MINUS_INFINITY) {
		buf_put_str(out, sign == NUMERIC_NAN ? "NaN" : sign == NUMERIC_INFINITY ? "Infinity" : "-Infinity");
		return n == 0;
	}
	digits = reader_bytes(r, 2 * (size_t)n);
	if (r->failed || (sign != 0 && sign != NUMERIC_NEGATIVE) ||
	    (weight > 0 ? 4 * (size_t)weight : 0) + scale > NUMERIC_SHORT + NUMERIC_EXPAND * size)
		return false;
	for (int i = 0; i < n; i++)
		if (numeric_digit(digits.p, n, 0, -i) > 9999)
			return false;
	if (sign != 0)
		buf_put_u8(out, '-');
	for (int w = weight; w > 0; w--) {
		unsigned	d = numeric_digit(digits.p, n, weight, w);

		if (leading && d == 0)
			continue;
		buf_putf(out, leading ? "%u" : "%04u", d);
		leading = false;
	}
	buf_putf(out, leading ? "%u" : "%04u", numeric_digit(digits.p, n, weight, 0));
	if (scale > 0)
		buf_put_u8(out, '.');
	for (int w = -1; scale > 0; w--) {
		char		four[12];
		unsigned	take = scale < 4 ? scale : 4;

		snprintf(four, sizeof(four), "%04u", numeric_digit(digits.p, n, weight, w));
		buf_put(out, four, take);
		scale -= take;
	}
	return true;
}
