/*
 * Bind parameters to JSON. The client chooses type and bytes, and they need not
 * agree: a value that is not exactly one of its type is shown in hex.
 */
#include "record/record_params.h"

#include "base/base_json.h"
#include "record/record_codec.h"
#include "record/record_text.h"
#include "wire/wire_value.h"

/* The inside of a JSON string; what is no UTF-8 as \xHH, its backslash escaped. */
static void
json_text(struct buf *out, struct slice in)
{
	size_t	at = 0, run;

	while (at < in.n && !out->failed) {
		run = record_text_run(in.p + at, in.n - at);
		json_put_inside(out, (struct slice){ in.p + at, run });
		at += run;
		if (at < in.n)
			buf_putf(out, "\\\\x%02x", in.p[at++]);
	}
}

static void
put_hex(struct buf *out, struct slice in)
{
	static const char	digits[] = "0123456789abcdef";

	if (!buf_reserve(out, 2 * in.n))
		return;
	for (size_t i = 0; i < in.n; i++) {
		out->data[out->len++] = digits[in.p[i] >> 4];
		out->data[out->len++] = digits[in.p[i] & 15];
	}
}

static void
put_param(struct buf *out, const struct record_param *p)
{
	struct buf	text = { 0 };

	if (p->null) {
		buf_put_str(out, "null");
	} else if (p->binary && wire_value(&text, p->type, true, p->bytes) == WIRE_UNREADABLE) {
		buf_put_str(out, "{\"hex\": \"");
		put_hex(out, p->bytes);
		buf_put_str(out, "\"}");
	} else {
		buf_put_u8(out, '"');
		json_text(out, p->binary ? (struct slice){ text.data, text.len } : p->bytes);
		buf_put_u8(out, '"');
	}
	buf_free(&text);
}

void
record_params_json(struct buf *out, struct slice params, bool cut)
{
	struct record_param	p;
	const char		*between = "";

	buf_put_u8(out, '[');
	while (record_param_next(&params, &p)) {
		buf_put_str(out, between);
		put_param(out, &p);
		between = ", ";
	}
	if (cut) {
		buf_put_str(out, between);
		buf_put_str(out, "{\"cut\": true}");
	}
	buf_put_u8(out, ']');
}
