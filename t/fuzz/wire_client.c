/*
 * The client's messages: a type byte chooses the reader. What is taken whole is
 * also taken when its end is missing, with a beginning of the same values.
 */
#include <stdlib.h>

#include "wire/wire_client.h"

int	LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The partial body has the values of the whole one, up to where it ends. */
static void
check_bind(struct slice body, struct slice part)
{
	struct wire_bind	whole, cut;
	struct wire_value	a, b;
	unsigned		count = 0;

	if (wire_bind(body, false, &whole) != 0)
		return;
	if (whole.cut)
		abort();
	if (wire_bind(part, true, &cut) == 0) {
		struct wire_bind	again = whole;

		while (wire_bind_next(&cut, &b) == 1)
			if (wire_bind_next(&again, &a) != 1 || a.null != b.null || a.binary != b.binary ||
			    b.bytes.n > a.bytes.n || memcmp(a.bytes.p, b.bytes.p, b.bytes.n) != 0 ||
			    (!b.cut && b.bytes.n != a.bytes.n))
				abort();
	}
	while (wire_bind_next(&whole, &a) == 1) {
		if (a.cut)
			abort();
		count++;
	}
	if (count != whole.nparams)
		abort();
}

/* A partial body of anything: only that it stays within it. */
static void
walk_partial(struct slice part)
{
	struct wire_query	q;
	struct wire_parse	parse;
	struct wire_function	f;
	struct wire_bind	b;
	struct wire_value	v;
	size_t			sum = 0;

	wire_query(part, true, &q);
	wire_parse(part, true, &parse);
	wire_function(part, true, &f);
	if (wire_bind(part, true, &b) == 0)
		while (wire_bind_next(&b, &v) == 1)
			sum += v.bytes.n;
	if (sum > part.n)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct wire_query	q;
	struct wire_parse	parse;
	struct wire_target	target;
	struct wire_execute	execute;
	struct wire_function	function;
	struct slice		body, part, data;
	const char		*text;

	if (n < 2)
		return 0;
	body = (struct slice){ p + 2, n - 2 };
	part = (struct slice){ body.p, body.n ? p[1] % body.n : 0 };
	switch (p[0]) {
	case WIRE_QUERY:
		if (wire_query(body, false, &q) == 0 && strlen((const char *)q.text.p) != q.text.n)
			abort();
		break;
	case WIRE_PARSE:
		if (wire_parse(body, false, &parse) == 0) {
			if (strlen((const char *)parse.text.p) != parse.text.n || parse.cut)
				abort();
			while (parse.ntypes-- > 0)
				reader_u32(&parse.types);
			if (!reader_done(&parse.types))
				abort();
		}
		break;
	case WIRE_BIND:
		check_bind(body, part);
		break;
	case WIRE_DESCRIBE:
	case WIRE_CLOSE:
		wire_target(body, &target);
		break;
	case WIRE_EXECUTE:
		wire_execute(body, &execute);
		break;
	case WIRE_FUNCTION_CALL:
		wire_function(body, false, &function);
		break;
	case WIRE_PASSWORD:
		if (wire_password(body, &text) == 0 && strlen(text) + 1 != body.n)
			abort();
		wire_sasl_initial(body, &text, &data);
		break;
	}
	walk_partial(part);
	return 0;
}
