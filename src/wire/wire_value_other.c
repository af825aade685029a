/*
 * Types that are neither numbers nor times.
 */
#include <arpa/inet.h>

#include <inttypes.h>
#include <stdio.h>

#include "wire/wire_value_types.h"

static const char	hex_digits[] = "0123456789abcdef";

static void
put_hex(struct buf *out, struct slice v)
{
	if (!buf_reserve(out, 2 * v.n))
		return;
	for (size_t i = 0; i < v.n; i++) {
		out->data[out->len++] = (unsigned char)hex_digits[v.p[i] >> 4];
		out->data[out->len++] = (unsigned char)hex_digits[v.p[i] & 15];
	}
}

bool
value_bool(struct buf *out, struct reader *r)
{
	uint8_t	v = reader_u8(r);

	buf_put_u8(out, v ? 't' : 'f');
	return v <= 1;
}

bool
value_bytes(struct buf *out, struct reader *r)
{
	struct slice	v = reader_bytes(r, r->left);

	buf_put(out, v.p, v.n);
	return true;
}

bool
value_char(struct buf *out, struct reader *r)
{
	uint8_t	c = reader_u8(r);

	/* the character NUL is the empty text */
	if (c != 0)
		buf_put_u8(out, c);
	return true;
}

bool
value_version1(struct buf *out, struct reader *r)
{
	return reader_u8(r) == 1 && value_bytes(out, r);
}

bool
value_bytea(struct buf *out, struct reader *r)
{
	buf_put_str(out, "\\x");
	put_hex(out, reader_bytes(r, r->left));
	return true;
}

/* One byte of bytea_output = escape. */
static bool
bytea_escaped(struct reader *r, unsigned char *out)
{
	struct slice	octal;

	*out = reader_u8(r);
	if (*out != '\\')
		return true;
	if (r->left > 0 && r->p[0] == '\\')
		return reader_u8(r) == '\\';
	octal = reader_bytes(r, 3);
	if (octal.n != 3 || octal.p[0] < '0' || octal.p[0] > '3' || octal.p[1] < '0' || octal.p[1] > '7' ||
	    octal.p[2] < '0' || octal.p[2] > '7')
		return false;
	*out = (unsigned char)((octal.p[0] - '0') << 6 | (octal.p[1] - '0') << 3 | (octal.p[2] - '0'));
	return true;
}

bool
value_bytea_text(struct buf *out, struct slice v)
{
	struct reader	r = reader_init(v.p, v.n);
	size_t		start = out->len;
	unsigned char	c;

	if (v.n >= 2 && memcmp(v.p, "\\x", 2) == 0) {
		buf_put(out, v.p, v.n);
		return true;
	}
	buf_put_str(out, "\\x");
	while (r.left > 0) {
		if (!bytea_escaped(&r, &c)) {
			out->len = start;
			return false;
		}
		put_hex(out, (struct slice){ &c, 1 });
	}
	return true;
}

bool
value_uuid(struct buf *out, struct reader *r)
{
	static const unsigned char	groups[] = { 4, 2, 2, 2, 6 };

	for (size_t i = 0; i < sizeof(groups); i++) {
		if (i > 0)
			buf_put_u8(out, '-');
		put_hex(out, reader_bytes(r, groups[i]));
	}
	return true;
}

#define INET_4	2u	/* the server's own numbers for the families */
#define INET_6	3u

bool
value_inet(struct buf *out, struct reader *r)
{
	unsigned	family = reader_u8(r), bits = reader_u8(r), cidr = reader_u8(r), n = reader_u8(r);
	unsigned	size = family == INET_4 ? 4 : 16;
	struct slice	address = reader_bytes(r, n);
	char		text[INET6_ADDRSTRLEN];

	if ((family != INET_4 && family != INET_6) || n != size || address.n != size || bits > 8 * size || cidr > 1 ||
	    inet_ntop(family == INET_4 ? AF_INET : AF_INET6, address.p, text, sizeof(text)) == NULL)
		return false;
	buf_put_str(out, text);
	if (cidr || bits != 8 * size)
		buf_putf(out, "/%u", bits);
	return true;
}

bool
value_macaddr(struct buf *out, struct reader *r)
{
	struct slice	v = reader_bytes(r, r->left);

	for (size_t i = 0; i < v.n && i < 8; i++) {
		if (i > 0)
			buf_put_u8(out, ':');
		put_hex(out, (struct slice){ v.p + i, 1 });
	}
	return v.n == 6 || v.n == 8;
}

bool
value_bit(struct buf *out, struct reader *r)
{
	uint32_t	bits = reader_u32(r);
	struct slice	v = reader_bytes(r, r->left);

	if (bits > INT32_MAX || v.n != (bits + 7) / 8)
		return false;
	for (uint32_t i = 0; i < bits; i++)
		buf_put_u8(out, v.p[i / 8] & (0x80 >> i % 8) ? '1' : '0');
	return true;
}

bool
value_lsn(struct buf *out, struct reader *r)
{
	uint32_t	high = reader_u32(r);

	buf_putf(out, "%" PRIX32 "/%" PRIX32, high, reader_u32(r));
	return true;
}

bool
value_tid(struct buf *out, struct reader *r)
{
	uint32_t	block = reader_u32(r);

	buf_putf(out, "(%" PRIu32 ",%u)", block, reader_u16(r));
	return true;
}
