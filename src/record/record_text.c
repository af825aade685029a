/*
 * UTF-8, strictly: no overlong forms, no surrogates, nothing past U+10FFFF, and
 * no NUL, which PostgreSQL's text cannot hold. What is not that is shown, byte
 * by byte, and never dropped: the log must not lose what a client sent.
 */
#include "record/record_text.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the character at p, or 0 when there is none. */
static size_t
text_char(const unsigned char *p, size_t n)
{
	unsigned	c = p[0], low = 0x80, high = 0xbf;
	size_t		len;

	if (c < 0x80)
		return c != 0;
	if (c >= 0xc2 && c <= 0xdf)
		len = 2;
	else if (c >= 0xe0 && c <= 0xef)
		len = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	if (c == 0xe0)
		low = 0xa0;		/* else overlong */
	else if (c == 0xed)
		high = 0x9f;		/* else a surrogate */
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;		/* else past U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* True: all eight bytes are ASCII and none is NUL. */
static inline bool
text_plain(const unsigned char *p)
{
	const uint64_t	high = 0x8080808080808080u, one = 0x0101010101010101u;
	uint64_t	v;

	memcpy(&v, p, sizeof(v));
	return ((v | (v - one)) & high) == 0;
}

size_t
record_text_run(const unsigned char *p, size_t n)
{
	size_t	at = 0, len;

	while (at < n) {
		if (n - at >= 8 && text_plain(p + at)) {
			at += 8;
			continue;
		}
		len = text_char(p + at, n - at);
		if (len == 0)
			break;
		at += len;
	}
	return at;
}

void
record_text_put(struct buf *out, struct slice in)
{
	static const char	digits[] = "0123456789abcdef";
	size_t			at = 0, run;

	while (at < in.n && !out->failed) {
		run = record_text_run(in.p + at, in.n - at);
		buf_put(out, in.p + at, run);
		at += run;
		if (at < in.n) {
			unsigned char	c = in.p[at++];
			char		shown[4] = { '\\', 'x', digits[c >> 4], digits[c & 15] };

			buf_put(out, shown, sizeof(shown));
		}
	}
}
