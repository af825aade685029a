/*
 * Base64 and hex: the vectors of RFC 4648, every length there and back, and the texts that a lax
 * decoder lets through.
 */
#include "base/base_text.h"
#include "tap.h"

static void
test_vectors(void)
{
	static const char *const	vectors[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "+/+/" },
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char	*plain = vectors[i][0], *text = vectors[i][1];
		char		 out[32];
		ssize_t		 n;

		is_int((long long)text_base64_encode(plain, strlen(plain), out), (long long)strlen(text), "length");
		is_str(out, text, "encode");
		n = text_base64_decode(text, strlen(text), out, sizeof(out));
		ok(n == (ssize_t)strlen(plain) && memcmp(out, plain, strlen(plain)) == 0, "decode %s", text);
	}
}

static void
test_lengths(void)
{
	unsigned char	in[100], back[100];
	char		text[TEXT_BASE64_SIZE(100)], hex[201];
	bool		same = true, sized = true, capped = true;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(in); n++) {
		size_t	len = text_base64_encode(in, n, text);

		sized = sized && len + 1 == TEXT_BASE64_SIZE(n) && text[len] == '\0';
		same = same && text_base64_decode(text, len, back, n) == (ssize_t)n && memcmp(in, back, n) == 0;
		capped = capped && (n == 0 || text_base64_decode(text, len, back, n - 1) == -1);
	}
	ok(same, "0 to 100 bytes there and back, into exactly their size");
	ok(sized, "TEXT_BASE64_SIZE is exact");
	ok(capped, "one byte less of room is refused");

	text_hex("\x00\x0f\xa5\xff", 4, hex);
	is_str(hex, "000fa5ff", "hex");
	text_hex("", 0, hex);
	is_str(hex, "", "hex of nothing");
}

static void
test_refused(void)
{
	static const struct {
		const char	*text;
		size_t		 n;
		const char	*name;
	} bad[] = {
		{ "Z", 1, "one character" },
		{ "Zg", 2, "no padding" },
		{ "Zg=", 3, "half the padding" },
		{ "====", 4, "only padding" },
		{ "Z===", 4, "three of padding" },
		{ "Zg=v", 4, "padding within" },
		{ "=g==", 4, "padding first" },
		{ "Zg==Zg==", 8, "padding before the end" },
		{ "Zm8=Zm9v", 8, "one of padding before the end" },
		{ "Zh==", 4, "unused bits of one byte" },
		{ "Zm9=", 4, "unused bits of two bytes" },
		{ "Zm9v\n", 5, "a newline at the end" },
		{ "Zm\n9", 4, "a newline within" },
		{ " Zm9", 4, "a blank" },
		{ "Zm9\0", 4, "a NUL" },
		{ "Zm-_", 4, "the alphabet of URLs" },
		{ "Zm9\xff", 4, "a byte beyond ASCII" },
	};
	char	out[32];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(text_base64_decode(bad[i].text, bad[i].n, out, sizeof(out)), -1, bad[i].name);
}

static void
fits(const char *text, size_t n, size_t size, bool one_line, const char *want, const char *name)
{
	char	out[32];

	memset(out, 'x', sizeof(out));
	text_fit(out, size, text, n, one_line);
	is_str(out, want, name);
	is_int(out[size], 'x', "and nothing behind it is touched");
}

static void
test_fit(void)
{
	fits("", 0, 1, false, "", "nothing fits one byte");
	fits("abc", 3, 1, false, "", "which holds nothing else");
	fits("abc", 3, 4, false, "abc", "a text that fits");
	fits("abcd", 4, 4, false, "abc", "one that does not");
	fits("ab\xc3\xa4", 4, 4, false, "ab", "a character is not cut");
	fits("ab\xc3\xa4", 4, 5, false, "ab\xc3\xa4", "one that fits is kept");
	fits("ab\xc3\xa4", 3, 5, false, "ab?", "one that ends too early is none");
	fits("\xff\xc0\x80\xed\xa0\x80" "a", 7, 31, false, "??????a", "a byte that is none is a question mark");
	fits("a\n\x7f\t\xc2\x85", 6, 31, true, "a???\xc2\x85", "on one line a control character is, too");
	fits("a\n\x7f\t", 4, 31, false, "a\n\x7f\t", "else it stays");
}

int
main(void)
{
	test_vectors();
	test_lengths();
	test_refused();
	test_fit();
	return tap_done();
}
