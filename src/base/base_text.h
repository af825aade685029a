/*
 * Bytes as text: base64, hex and UTF-8. Pure; constant in nothing, so not for
 * comparing secrets.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/* Bytes that base64 of n bytes needs, the NUL included. */
#define TEXT_BASE64_SIZE(n)	(((n) + 2) / 3 * 4 + 1)

/* Standard alphabet, padded, NUL-terminated. Returns the length without the NUL. */
size_t	text_base64_encode(const void *p, size_t n, char *out);

/*
 * Strict: padding required, no white space, unused bits zero. Returns the
 * number of bytes written to out, or -1 when the text is not base64 or more
 * than `size` bytes.
 */
ssize_t	text_base64_decode(const char *s, size_t n, void *out, size_t size);

/* Lower-case hex, NUL-terminated; out has 2n+1 bytes. */
void	text_hex(const void *p, size_t n, char *out);

/* Length of the UTF-8 character at p, of which n > 0 bytes are left; 0: it is none (overlong, surrogate, past U+10FFFF). */
size_t	text_utf8_length(const unsigned char *p, size_t n);

/*
 * n bytes as UTF-8 text in `size` > 0 bytes, NUL-terminated, cut between characters. A byte that is none
 * becomes '?', on one line also a control character of ASCII.
 */
void	text_fit(char *out, size_t size, const char *text, size_t n, bool one_line);

/*
 * Whether a word of lower-case ASCII letters is in n bytes, in whatever case and whatever is around it. rare: the place of that
 * letter of it that texts have least.
 */
bool	text_has_word(const void *p, size_t n, const char *word, size_t rare);

#endif
