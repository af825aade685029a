/*
 * Growable bytes: what is put is what is there, and a put past the cap changes
 * nothing and is remembered.
 */
#include <stdlib.h>

#include "base/base_buf.h"
#include "tap.h"

static bool
holds(const struct buf *b, const void *p, size_t n)
{
	return !b->failed && b->len == n && memcmp(b->data, p, n) == 0;
}

static void
test_puts(void)
{
	struct buf	b = { 0 };

	is_str(buf_text(&b), "", "an empty buffer has a text");
	buf_put_u8(&b, 0xfe);
	buf_put_u16(&b, 0x0102);
	buf_put_u32(&b, 0xdeadbeef);
	buf_put_u64(&b, 0x0123456789abcdef);
	ok(holds(&b, "\xfe\x01\x02\xde\xad\xbe\xef\x01\x23\x45\x67\x89\xab\xcd\xef", 15), "integers are big-endian");
	buf_set_u32(&b, 3, 0x01020304);
	ok(holds(&b, "\xfe\x01\x02\x01\x02\x03\x04\x01\x23\x45\x67\x89\xab\xcd\xef", 15), "buf_set_u32 overwrites");
	buf_reset(&b);
	buf_put_str(&b, "ab");
	buf_put_cstr(&b, "cd");
	buf_put(&b, NULL, 0);
	ok(holds(&b, "abcd\0", 5), "strings without and with their NUL");
	buf_drop(&b, 0);
	buf_drop(&b, 2);
	ok(holds(&b, "cd\0", 3), "buf_drop takes the first bytes");
	buf_drop(&b, 3);
	is_int((long long)b.len, 0, "all of them, too");
	buf_putf(&b, "%s=%d", "n", 42);
	is_str(buf_text(&b), "n=42", "buf_putf");
	is_int((long long)b.len, 4, "does not count its NUL");
	buf_putf(&b, "%s", "");
	is_str(buf_text(&b), "n=42", "buf_putf of nothing");
	buf_free(&b);
	ok(b.data == NULL && b.len == 0 && b.cap == 0, "buf_free leaves an empty buffer");
	buf_put_str(&b, "again");
	is_str(buf_text(&b), "again", "that can be used");
	buf_wipe(&b);
	ok(b.data == NULL, "buf_wipe frees");
	buf_wipe(&b);
	buf_free(&b);
}

static void
test_growth(void)
{
	struct buf	b = { 0 };
	bool		same = true;

	for (int i = 0; i < 100000; i++)
		buf_put_u8(&b, (uint8_t)(i * 7));
	for (int i = 0; i < 100000; i++)
		same = same && b.data[i] == (uint8_t)(i * 7);
	ok(same && b.len == 100000, "bytes survive growing");
	buf_free(&b);

	buf_putf(&b, "%05000d", 7);
	ok(b.len == 5000 && b.data[4999] == '7' && b.data[0] == '0', "a long format");
	buf_free(&b);
}

static void
test_cap(void)
{
	struct buf	b = { .max = 8 };

	buf_put(&b, "12345678", 8);
	ok(holds(&b, "12345678", 8), "up to max");
	buf_put_u8(&b, '9');
	ok(b.failed && b.len == 8, "a put past max fails and adds nothing");
	buf_drop(&b, 8);
	buf_put_u8(&b, 'x');
	ok(b.failed && b.len == 0, "and the failure stays");
	ok(!buf_reserve(&b, 0), "for buf_reserve as well");
	is_str(buf_text(&b), "", "the text of a failed buffer is empty");
	buf_reset(&b);
	buf_put_u32(&b, 1);
	ok(!b.failed && b.len == 4, "until buf_reset");
	buf_put_u64(&b, 1);
	ok(b.failed && b.len <= 8, "an integer that fits in part fails");
	buf_reset(&b);
	buf_putf(&b, "%s", "123456789");
	ok(b.failed && b.len == 0, "a format past max adds nothing");
	buf_reset(&b);
	ok(!buf_reserve(&b, SIZE_MAX), "a size that would wrap is refused");
	buf_reset(&b);
	buf_put_str(&b, "1234");
	ok(!buf_reserve(&b, SIZE_MAX - 3), "also on top of what is there");
	buf_free(&b);

	b.max = 0;
	ok(!buf_reserve(&b, ((size_t)1 << 30) + 1), "without a max it is 1 GiB");
	ok(b.data == NULL, "refused before it is allocated");
	buf_free(&b);
}

int
main(void)
{
	test_puts();
	test_growth();
	test_cap();
	return tap_done();
}
