/*
 * Growable bytes with a cap and a sticky failure.
 */
#include "base/base_buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mem.h"

#define BUF_MAX_DEFAULT	((size_t)1 << 30)

bool
buf_grow(struct buf *b, size_t extra)
{
	size_t	max = b->max ? b->max : BUF_MAX_DEFAULT;
	size_t	cap;

	if (b->failed || b->len > max || extra > max - b->len) {
		b->failed = true;
		return false;
	}
	if (extra <= b->cap - b->len)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap - b->len < extra)
		cap *= 2;
	b->data = xrealloc(b->data, cap);
	b->cap = cap;
	return true;
}

void
buf_put_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_put_cstr(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s) + 1);
}

void
buf_putf(struct buf *b, const char *fmt, ...)
{
	va_list	ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (!buf_reserve(b, (size_t)n + 1))
		return;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_set_u32(struct buf *b, size_t at, uint32_t v)
{
	if (b->failed)
		return;
	assert(at <= b->len && b->len - at >= 4);
	b->data[at] = v >> 24;
	b->data[at + 1] = (v >> 16) & 0xff;
	b->data[at + 2] = (v >> 8) & 0xff;
	b->data[at + 3] = v & 0xff;
}

void
buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

void
buf_wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

const char *
buf_text(struct buf *b)
{
	if (!buf_reserve(b, 1))
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}
