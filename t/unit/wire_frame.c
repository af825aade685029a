/*
 * Headers read, messages framed.
 */
#include "tap.h"
#include "wire_bytes.h"

#include "wire/wire.h"

static void
test_header(void)
{
	static const struct {
		struct slice	 bytes;
		int		 rc;
		uint32_t	 body;
	} headers[] = {
		{ LIT("S\0\0\0\4"), 1, 0 },
		{ LIT("Q\0\0\0\5x"), 1, 1 },
		{ LIT("d\0\1\0\0"), 1, 65532 },
		{ LIT("d\100\0\0\3"), 1, 0x3fffffff },
		{ LIT("d\100\0\0\4"), -1, 0 },
		{ LIT("Q\0\0\0\3"), -1, 0 },
		{ LIT("Q\0\0\0\0"), -1, 0 },
		{ LIT("Q\177\377\377\377"), -1, 0 },
		{ LIT("Q\200\0\0\0"), -1, 0 },
		{ LIT("Q\377\377\377\377"), -1, 0 },
	};
	struct wire_header	h = { 0 };

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		char	name[40];

		snprintf(name, sizeof(name), "header %zu", i);
		is_int(wire_header(headers[i].bytes.p, headers[i].bytes.n, &h), headers[i].rc, name);
		if (headers[i].rc == 1)
			ok(h.type == headers[i].bytes.p[0] && h.body == headers[i].body, "%s: type and length", name);
	}
	for (size_t n = 0; n < WIRE_HEADER; n++) {
		struct slice	part = bytes_copy(LIT("Q\377\377\377\377"), n);

		is_int(wire_header(part.p, part.n, &h), 0, "too short for a header");
		bytes_free(part);
	}
}

static void
test_frame(void)
{
	struct buf	b = { 0 };
	size_t		at;

	wire_end(&b, wire_begin(&b, 'S'));
	at = wire_begin(&b, 'Q');
	buf_put_cstr(&b, "x");
	wire_end(&b, at);
	is_bytes(bytes_of(&b), LIT("S\0\0\0\4Q\0\0\0\6x\0"), "two messages");
	buf_free(&b);

	/* A message that does not fit fails the buffer and touches nothing beyond it. */
	for (size_t max = 1; max < 7; max++) {
		b.max = max;
		at = wire_begin(&b, 'Q');
		buf_put_cstr(&b, "x");
		wire_end(&b, at);
		ok(b.failed, "at most %zu bytes is too few", max);
		buf_free(&b);
	}
	b.max = 7;
	at = wire_begin(&b, 'Q');
	buf_put_cstr(&b, "x");
	wire_end(&b, at);
	ok(!b.failed, "seven are enough");
	buf_free(&b);
}

int
main(void)
{
	test_header();
	test_frame();
	return tap_done();
}
