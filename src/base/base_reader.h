/*
 * A cursor over bytes from outside. Every get compares what remains with what
 * is wanted, never pointer sums; the first get that does not fit sets `failed`, moves to the
 * end and returns zero values, and so do all later ones. A reader of a message
 * ends with reader_done: nothing failed and nothing is left. Slices and strings
 * point into the bytes read.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/base_buf.h"

struct reader {
	const unsigned char	*p;
	size_t			 left;
	bool			 failed;
};

static inline struct reader
reader_init(const void *p, size_t n)
{
	return (struct reader){ .p = p, .left = n };
}

static inline bool
reader_done(const struct reader *r)
{
	return !r->failed && r->left == 0;
}

/* The next n bytes, or an empty slice and failed. */
static inline struct slice
reader_bytes(struct reader *r, size_t n)
{
	struct slice	s = { r->p, n };

	if (r->failed || n > r->left) {
		r->failed = true;
		r->left = 0;
		return (struct slice){ (const unsigned char *)"", 0 };
	}
	r->p += n;
	r->left -= n;
	return s;
}

static inline uint8_t
reader_u8(struct reader *r)
{
	struct slice	s = reader_bytes(r, 1);

	return s.n ? s.p[0] : 0;
}

static inline uint16_t
reader_u16(struct reader *r)
{
	struct slice	s = reader_bytes(r, 2);

	return s.n ? (uint16_t)(s.p[0] << 8 | s.p[1]) : 0;
}

static inline uint32_t
reader_u32(struct reader *r)
{
	struct slice	s = reader_bytes(r, 4);

	return s.n ? (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 | s.p[3] : 0;
}

static inline uint64_t
reader_u64(struct reader *r)
{
	uint64_t	hi = reader_u32(r);

	return hi << 32 | reader_u32(r);
}

/* A NUL-terminated string within what is left; "" and failed without a NUL. */
static inline const char *
reader_cstr(struct reader *r)
{
	const unsigned char	*nul = r->left ? memchr(r->p, 0, r->left) : NULL;

	if (nul == NULL) {
		r->failed = true;
		r->left = 0;
		return "";
	}
	return (const char *)reader_bytes(r, (size_t)(nul - r->p) + 1).p;
}

#endif
