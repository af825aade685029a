/*
 * The cursor over hostile bytes: it never leaves them, and the first get that
 * does not fit spoils all that follow. Messages are on the heap at their exact
 * size, so that a sanitizer sees one byte too much.
 */
#include <stdlib.h>

#include "base/base_mem.h"
#include "base/base_reader.h"
#include "tap.h"

static unsigned char	*heap;

/* A reader over a copy of these bytes. */
static struct reader
reader_over(const void *p, size_t n)
{
	free(heap);
	heap = xmalloc(n);
	if (n > 0)
		memcpy(heap, p, n);
	return reader_init(heap, n);
}

static bool
spoiled(const struct reader *r)
{
	return r->failed && r->left == 0 && !reader_done(r);
}

static void
test_gets(void)
{
	struct reader	r = reader_over("\xfe\x81\x02\xde\xad\xbe\xef\x81\x23\x45\x67\x89\xab\xcd\xef" "abc\0\0xyz", 23);
	struct slice	s;

	is_int(reader_u8(&r), 0xfe, "u8");
	is_int(reader_u16(&r), 0x8102, "u16 is big-endian");
	is_int(reader_u32(&r), 0xdeadbeef, "u32");
	ok(reader_u64(&r) == 0x8123456789abcdef, "u64");
	is_str(reader_cstr(&r), "abc", "a string");
	is_str(reader_cstr(&r), "", "an empty string");
	ok(!reader_done(&r), "not done while bytes are left");
	s = reader_bytes(&r, 3);
	ok(s.n == 3 && memcmp(s.p, "xyz", 3) == 0, "bytes");
	ok(reader_done(&r), "done when all is read");
	s = reader_bytes(&r, 0);
	ok(s.n == 0 && reader_done(&r), "no bytes of nothing is no failure");
}

static void
test_short(void)
{
	static const char	bytes[] = "\1\2\3\4\5\6\7";
	struct reader		r;
	struct slice		s;

	r = reader_over("", 0);
	ok(reader_done(&r), "nothing is done at once");
	ok(reader_u8(&r) == 0 && spoiled(&r), "u8 of nothing");
	r = reader_over(bytes, 1);
	ok(reader_u16(&r) == 0 && spoiled(&r), "u16 of 1 byte");
	r = reader_over(bytes, 3);
	ok(reader_u32(&r) == 0 && spoiled(&r), "u32 of 3 bytes");
	r = reader_over(bytes, 3);
	ok(reader_u64(&r) == 0 && spoiled(&r), "u64 of 3 bytes");
	r = reader_over(bytes, 7);
	(void)reader_u64(&r);
	ok(spoiled(&r), "u64 of 7 bytes");
	r = reader_over("abc", 3);
	is_str(reader_cstr(&r), "", "a string without a NUL is empty");
	ok(spoiled(&r), "and a failure");
	r = reader_over("", 0);
	is_str(reader_cstr(&r), "", "a string of nothing");
	ok(spoiled(&r), "is a failure");
	r = reader_init(NULL, 0);
	is_str(reader_cstr(&r), "", "a string of no memory");
	ok(spoiled(&r), "is a failure, too");
	r = reader_over(bytes, 7);
	s = reader_bytes(&r, 8);
	ok(s.n == 0 && s.p != NULL && spoiled(&r), "8 of 7 bytes");
	r = reader_over(bytes, 7);
	s = reader_bytes(&r, SIZE_MAX);
	ok(s.n == 0 && spoiled(&r), "a length that would wrap");
}

static void
test_sticky(void)
{
	struct reader	r = reader_over("\1\2abc\0", 6);

	(void)reader_bytes(&r, 100);
	ok(reader_u8(&r) == 0 && reader_u16(&r) == 0 && reader_u32(&r) == 0 && reader_u64(&r) == 0,
	    "after a failure integers are zero");
	is_str(reader_cstr(&r), "", "strings are empty");
	is_int((long long)reader_bytes(&r, 1).n, 0, "slices are empty");
	is_int((long long)reader_bytes(&r, 0).n, 0, "even those that would fit");
	ok(spoiled(&r), "and it stays so");
}

int
main(void)
{
	test_gets();
	test_short();
	test_sticky();
	free(heap);
	return tap_done();
}
