/*
 * Bytes for the wire tests: golden strings with embedded NULs, and copies of exactly
 * their own size, so that the sanitizer sees a reader that goes one byte too far.
 */
#ifndef WIRE_BYTES_H
#define WIRE_BYTES_H

#include <stdlib.h>

#include "base/base_buf.h"
#include "base/base_mem.h"

/* The bytes of a string literal, without the NUL the compiler adds. */
#define LIT(s)	((struct slice){ (const unsigned char *)(s), sizeof(s) - 1 })

/* A copy of the first n bytes; free .p with bytes_free. */
static inline struct slice
bytes_copy(struct slice s, size_t n)
{
	unsigned char	*p = xmalloc(n ? n : 1);

	memcpy(p, s.p, n);
	return (struct slice){ p, n };
}

static inline void
bytes_free(struct slice s)
{
	free((void *)(uintptr_t)s.p);
}

static inline struct slice
bytes_of(const struct buf *b)
{
	return (struct slice){ b->data, b->len };
}

static inline bool
bytes_same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ok(): the two runs are the same; shows both when they are not. */
static inline void
is_bytes(struct slice got, struct slice want, const char *name)
{
	if (ok(bytes_same(got, want), "%s", name))
		return;
	printf("#   got ");
	for (size_t i = 0; i < got.n; i++)
		printf(" %02x", got.p[i]);
	printf("\n#   want");
	for (size_t i = 0; i < want.n; i++)
		printf(" %02x", want.p[i]);
	printf("\n");
}

#endif
