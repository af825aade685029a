/*
 * A growable run of bytes with a sticky failure: puts never fail visibly; a put
 * that would pass `max` sets `failed` and changes nothing, and the user looks at
 * `failed` once, before the bytes are used. Integers are big-endian, as on the
 * PostgreSQL wire. The buffer owns `data`; free with buf_free, or buf_wipe where
 * it held a secret. Growing does not wipe the old copy, so a buffer for secrets
 * reserves its size first.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	unsigned char	*data;
	size_t		 len;
	size_t		 cap;
	size_t		 max;		/* bytes; 0 means 1 GiB */
	bool		 failed;
};

/* A run of bytes owned by somebody else. */
struct slice {
	const unsigned char	*p;
	size_t			 n;
};

/* buf_reserve for where there is no room yet, or a limit of its own. */
bool	 buf_grow(struct buf *b, size_t extra);

/* Room for as many bytes more; false and failed: past max. Each put asks, and most have room. */
static inline bool
buf_reserve(struct buf *b, size_t extra)
{
	if (b->failed || b->max != 0 || extra > b->cap - b->len)
		return buf_grow(b, extra);
	return true;
}

static inline void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !buf_reserve(b, n))
		return;
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

static inline void
buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

static inline void
buf_put_u16(struct buf *b, uint16_t v)
{
	unsigned char	c[2] = { v >> 8, v & 0xff };

	buf_put(b, c, sizeof(c));
}

static inline void
buf_put_u32(struct buf *b, uint32_t v)
{
	unsigned char	c[4] = { v >> 24, (v >> 16) & 0xff, (v >> 8) & 0xff, v & 0xff };

	buf_put(b, c, sizeof(c));
}

static inline void
buf_put_u64(struct buf *b, uint64_t v)
{
	unsigned char	c[8] = { v >> 56, (v >> 48) & 0xff, (v >> 40) & 0xff, (v >> 32) & 0xff,
	    (v >> 24) & 0xff, (v >> 16) & 0xff, (v >> 8) & 0xff, v & 0xff };

	buf_put(b, c, sizeof(c));
}

void	 buf_put_str(struct buf *b, const char *s);	/* without the NUL */
void	 buf_put_cstr(struct buf *b, const char *s);	/* with the NUL */
void	 buf_putf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void	 buf_set_u32(struct buf *b, size_t at, uint32_t v);	/* overwrite; `at` was returned by len */
void	 buf_drop(struct buf *b, size_t n);		/* the first n bytes */
void	 buf_reset(struct buf *b);			/* empty, not failed, keeps memory */
void	 buf_free(struct buf *b);
void	 buf_wipe(struct buf *b);			/* wipes, then frees */
/* NUL-terminated text of the buffer; valid until the next put. */
const char *buf_text(struct buf *b);

#endif
