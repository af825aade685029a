/* Values of a real PostgreSQL: the binary format gives the text of the server, and the text gives itself. */
#include "wire/wire_value.h"

#include <stdlib.h>

#include "tap.h"

#define BYTES(s)	((struct slice){ (const unsigned char *)(s), sizeof(s) - 1 })

static unsigned	samples, wrong;

static void
sample(uint32_t type, struct slice text, struct slice binary)
{
	for (int i = 0; i < 2; i++) {
		struct buf	out = { 0 };
		enum wire_shape	shape = wire_value(&out, type, i, i ? binary : text);

		samples++;
		if (shape == WIRE_UNREADABLE || out.len != text.n || (text.n > 0 && memcmp(out.data, text.p, text.n) != 0)) {
			printf("# type %u in %s: got \"%s\", want \"%.*s\"\n", type, i ? "binary" : "text", buf_text(&out),
			    (int)text.n, (const char *)text.p);
			wrong++;
		}
		buf_free(&out);
	}
}

#define SAMPLE(type, text, binary)	sample(type, BYTES(text), BYTES(binary));

static void
is_value(uint32_t type, bool binary, struct slice v, enum wire_shape shape, const char *want, const char *name)
{
	struct buf	out = { 0 };

	is_int(wire_value(&out, type, binary, v), shape, name);
	is_str(buf_text(&out), want, name);
	buf_free(&out);
}

#define TEXT(type, s, shape, want, name)	is_value(type, false, BYTES(s), shape, want, name)
#define BINARY(type, s, shape, want, name)	is_value(type, true, BYTES(s), shape, want, name)

/* Text that was written under other settings, and what is no value of its type. */
static void
test_text(void)
{
	TEXT(1184, "2024-06-01 14:00:00.5+02", WIRE_STRING, "2024-06-01 12:00:00.5+00", "a time zone is turned into UTC");
	TEXT(1184, "2024-01-01 00:30:00+05:45", WIRE_STRING, "2023-12-31 18:45:00+00", "over a year's end");
	TEXT(1184, "0001-01-01 00:30:00+01:00:10 BC", WIRE_STRING, "0002-12-31 23:29:50+00 BC", "with seconds, BC");
	TEXT(1184, "2024-06-01 14:00:00.123456-03:30", WIRE_STRING, "2024-06-01 17:30:00.123456+00", "west");
	TEXT(1184, "Sat Jun 01 14:00:00 2024 CEST", WIRE_STRING, "Sat Jun 01 14:00:00 2024 CEST", "another DateStyle stays");
	TEXT(1184, "2024-06-01 14:00:00+02 ", WIRE_STRING, "2024-06-01 14:00:00+02 ", "what is not quite one stays");
	TEXT(1184, "", WIRE_STRING, "", "nothing");
	TEXT(1185, "{\"2024-06-01 14:00:00+02\",NULL}", WIRE_ARRAY, "{\"2024-06-01 12:00:00+00\",NULL}", "in an array, too");
	TEXT(3910, "[\"2024-06-01 14:00:00+02\",)", WIRE_STRING, "[\"2024-06-01 12:00:00+00\",)", "and in a range");
	TEXT(17, "a\\000\\\\b\\377", WIRE_STRING, "\\x61005c62ff", "bytea_output = escape");
	TEXT(17, "\\9", WIRE_STRING, "\\9", "what is neither form");
	TEXT(701, "0.29999999999999999", WIRE_NUMBER, "0.3", "extra_float_digits = 3 of an older server");
	TEXT(701, "1e+20", WIRE_NUMBER, "1e+20", "an exponent");
	TEXT(701, "1.", WIRE_NUMBER, "1", "a point alone");
	TEXT(701, "1e", WIRE_STRING, "1e", "an e alone");
	TEXT(701, "0x10", WIRE_STRING, "0x10", "hex is no number");
	TEXT(701, "1e999", WIRE_STRING, "1e999", "nor is one that is too large");
	TEXT(701, "NaN", WIRE_STRING, "NaN", "NaN is no number");
	TEXT(700, "-Infinity", WIRE_STRING, "-Infinity", "nor is infinity");
	TEXT(23, "-42", WIRE_NUMBER, "-42", "an integer");
	TEXT(23, "01", WIRE_STRING, "01", "what JSON does not call a number");
	TEXT(23, "1,\"x\":2", WIRE_STRING, "1,\"x\":2", "nothing is injected through a number");
	TEXT(23, "1\0002", WIRE_STRING, "1", "a NUL in a number");
	TEXT(20, "5", WIRE_STRING, "5", "a bigint is text");
	TEXT(1700, "1.10", WIRE_STRING, "1.10", "and a numeric");
	TEXT(16, "maybe", WIRE_STRING, "maybe", "what is no boolean");
	TEXT(999999, "ab", WIRE_STRING, "ab", "a type nobody knows");
	TEXT(1007, "{1,2", WIRE_STRING, "{1,2", "an array that does not end stays as it is");
	TEXT(1007, "{1,,2}", WIRE_STRING, "{1,,2}", "nor one with a gap");
	TEXT(1007, "{1}{2}", WIRE_STRING, "{1}{2}", "nor two");
	TEXT(1007, "{{{{{{{1}}}}}}}", WIRE_STRING, "{{{{{{{1}}}}}}}", "nor one that is too deep");
	TEXT(1007, "[0:1]=", WIRE_STRING, "[0:1]=", "nor bounds alone");
	TEXT(3904, "[1", WIRE_STRING, "[1", "half a range");
}

static void
test_hostile(void)
{
	BINARY(23, "\0\0\1", WIRE_UNREADABLE, "", "an integer of three bytes");
	BINARY(23, "\0\0\0\0\1", WIRE_UNREADABLE, "", "and of five");
	BINARY(16, "\2", WIRE_UNREADABLE, "", "a boolean of 2");
	BINARY(701, "\x7f\xf8\0\0\0\0\0\0", WIRE_STRING, "NaN", "NaN");
	BINARY(701, "\x3f\xf8\0\0\0\0\0\0", WIRE_NUMBER, "1.5", "a number");
	BINARY(1700, "\0\1\x7f\xff\0\0\0\0\0\1", WIRE_UNREADABLE, "", "ten bytes for 131072 digits");
	BINARY(1700, "\xff\xff\0\0\0\0\0\0", WIRE_UNREADABLE, "", "digits that are not there");
	BINARY(1700, "\0\1\0\0\0\0\0\0\x27\x10", WIRE_UNREADABLE, "", "a digit of 10000");
	BINARY(1560, "\x7f\xff\xff\xff", WIRE_UNREADABLE, "", "bits that are not there");
	BINARY(869, "\2\x21\0\4\1\2\3\4", WIRE_UNREADABLE, "", "33 bits of an IPv4 address");
	BINARY(869, "\2\x20\0\x10\1\2\3\4", WIRE_UNREADABLE, "", "an address that is too short");
	BINARY(1082, "\x7f\xff\xff\xfe", WIRE_UNREADABLE, "", "a date that no calendar has");
	BINARY(1114, "\x80\0\0\0\0\0\0\1", WIRE_UNREADABLE, "", "nor a time");
	BINARY(1266, "\0\0\0\0\0\0\0\0\x80\0\0\0", WIRE_UNREADABLE, "", "a zone of 24 days");
	BINARY(1186, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", WIRE_UNREADABLE, "", "an interval without a positive");
	BINARY(3802, "\2{}", WIRE_UNREADABLE, "", "jsonb of another version");
	BINARY(1007, "\0\0\0\1\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\1", WIRE_UNREADABLE, "", "elements that are not there");
	BINARY(1007, "\0\0\0\2\0\0\0\0\0\0\0\x17\xff\xff\xff\xff\0\0\0\1\xff\xff\xff\xff\0\0\0\1", WIRE_UNREADABLE, "", "a product that overflows");
	BINARY(1007, "\0\0\0\7\0\0\0\0\0\0\0\x17", WIRE_UNREADABLE, "", "seven dimensions");
	BINARY(1007, "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\1x", WIRE_UNREADABLE, "", "elements of another type");
	BINARY(1007, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\1x", WIRE_UNREADABLE, "", "something behind an array");
	BINARY(3904, "\xff", WIRE_UNREADABLE, "", "a range with flags nobody knows");
	BINARY(3904, "\x02\x7f\xff\xff\xff", WIRE_UNREADABLE, "", "a bound that is not there");
	BINARY(600, "\1\2", WIRE_UNREADABLE, "", "a type that is not decoded");
	BINARY(999999, "ab", WIRE_UNREADABLE, "", "one that nobody knows");
	BINARY(0, "ab", WIRE_UNREADABLE, "", "and none");
}

static void
is_name(uint32_t type, const char *want)
{
	struct buf	b = { 0 };

	wire_put_type_name(&b, type);
	is_str(buf_text(&b), want, want);
	buf_free(&b);
}

/* Every sample cut short, and with each of its bytes changed: read or not, it stays within its bytes. */
static void
mangle(uint32_t type, struct slice v, bool binary)
{
	for (size_t n = 0; n <= v.n; n++) {
		unsigned char	*exact = malloc(v.n + 1);
		struct buf	 out = { 0 };

		memcpy(exact, v.p, v.n);
		if (n < v.n)
			exact[n] ^= 0x81;
		wire_value(&out, type, binary, (struct slice){ exact, v.n });
		buf_free(&out);
		free(exact);
		exact = malloc(n + 1);
		memcpy(exact, v.p, n);
		wire_value(&out, type, binary, (struct slice){ exact, n });
		buf_free(&out);
		free(exact);
	}
}

int
main(void)
{
#include "wire_value_samples.h"
	ok(samples > 300, "there are samples");
	is_int(wrong, 0, "both formats of each give the text of the server");
#undef SAMPLE
#define SAMPLE(type, text, binary)	mangle(type, BYTES(text), false); mangle(type, BYTES(binary), true);
#include "wire_value_samples.h"
	test_text();
	test_hostile();
	is_name(23, "integer");
	is_name(1016, "bigint[]");
	is_name(424242, "424242");
	return tap_done();
}
