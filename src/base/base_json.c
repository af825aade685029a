/*
 * JSON strings: only what must be escaped is.
 */
#include "base/base_json.h"

void
json_put_inside(struct buf *out, struct slice in)
{
	size_t	from = 0;

	for (size_t at = 0; at < in.n; at++) {
		unsigned char	c = in.p[at];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_put(out, in.p + from, at - from);
		from = at + 1;
		switch (c) {
		case '"':
			buf_put_str(out, "\\\"");
			break;
		case '\\':
			buf_put_str(out, "\\\\");
			break;
		case '\n':
			buf_put_str(out, "\\n");
			break;
		case '\t':
			buf_put_str(out, "\\t");
			break;
		default:
			buf_putf(out, "\\u%04x", c);
		}
	}
	/* an empty text may have no place */
	if (from < in.n)
		buf_put(out, in.p + from, in.n - from);
}
