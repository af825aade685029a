/*
 * Base64 (RFC 4648, section 4), hex and UTF-8.
 */
#include "base/base_text.h"

#include <string.h>
#include <strings.h>

static const char text_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
text_base64_encode(const void *p, size_t n, char *out)
{
	const unsigned char	*in = p;
	char			*o = out;

	while (n > 0) {
		size_t		take = n < 3 ? n : 3;
		unsigned	v = (unsigned)in[0] << 16 | (take > 1 ? in[1] : 0u) << 8 |
				    (take > 2 ? in[2] : 0u);

		*o++ = text_alphabet[v >> 18];
		*o++ = text_alphabet[v >> 12 & 63];
		*o++ = take > 1 ? text_alphabet[v >> 6 & 63] : '=';
		*o++ = take > 2 ? text_alphabet[v & 63] : '=';
		in += take;
		n -= take;
	}
	*o = '\0';
	return (size_t)(o - out);
}

static int
text_base64_value(char c)
{
	const char	*at = c == '\0' ? NULL : strchr(text_alphabet, c);

	return at ? (int)(at - text_alphabet) : -1;
}

ssize_t
text_base64_decode(const char *s, size_t n, void *out, size_t size)
{
	unsigned char	*o = out;
	size_t		 done = 0;

	if (n % 4 != 0)
		return -1;
	for (; n > 0; s += 4, n -= 4) {
		int		pad = n == 4 ? (s[3] == '=') + (s[3] == '=' && s[2] == '=') : 0;
		unsigned	v = 0;

		for (int i = 0; i < 4; i++) {
			int	d = i >= 4 - pad ? 0 : text_base64_value(s[i]);

			if (d < 0)
				return -1;
			v = v << 6 | (unsigned)d;
		}
		if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0))
			return -1;
		for (int i = 0; i < 3 - pad; i++) {
			if (done == size)
				return -1;
			o[done++] = v >> (16 - 8 * i) & 0xff;
		}
	}
	return (ssize_t)done;
}

void
text_hex(const void *p, size_t n, char *out)
{
	static const char	 digits[] = "0123456789abcdef";
	const unsigned char	*in = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

size_t
text_utf8_length(const unsigned char *p, size_t n)
{
	unsigned	low = 0x80, high = 0xbf;
	size_t		len, i;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	switch (p[0]) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	}
	if (p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

void
text_fit(char *out, size_t size, const char *text, size_t n, bool one_line)
{
	const unsigned char	*s = (const unsigned char *)text;
	size_t			 at = 0;

	while (n > 0) {
		size_t	length = text_utf8_length(s, n), step = length ? length : 1;

		if (at + step >= size)
			break;
		if (length == 0 || (one_line && length == 1 && (*s < 0x20 || *s == 0x7f)))
			out[at] = '?';
		else
			memcpy(out + at, s, length);
		at += step;
		s += step;
		n -= step;
	}
	out[at] = '\0';
}

static bool
text_has_word_by(const char *p, size_t n, const char *word, size_t rare, char letter)
{
	const char	*end = p + n, *at = p;
	size_t		 length = strlen(word);

	while (at < end && (at = memchr(at, letter, (size_t)(end - at))) != NULL) {
		if ((size_t)(at - p) >= rare && (size_t)(end - at) >= length - rare && strncasecmp(at - rare, word, length) == 0)
			return true;
		at++;
	}
	return false;
}

bool
text_has_word(const void *p, size_t n, const char *word, size_t rare)
{
	return n > 0 && (text_has_word_by(p, n, word, rare, word[rare]) ||
	    text_has_word_by(p, n, word, rare, (char)(word[rare] - 'a' + 'A')));
}
