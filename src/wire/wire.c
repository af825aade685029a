/*
 * Framing of outgoing messages. Failure is the buffer's own: a message that did
 * not fit leaves `failed` set, and its bytes are not to be sent.
 */
#include "wire/wire.h"

size_t
wire_begin(struct buf *b, unsigned char type)
{
	size_t	at = b->len;

	buf_put_u8(b, type);
	buf_put_u32(b, 0);
	return at;
}

void
wire_end(struct buf *b, size_t at)
{
	if (b->failed)
		return;
	/* The length counts itself but not the type byte. */
	buf_set_u32(b, at + 1, (uint32_t)(b->len - at - 1));
}
