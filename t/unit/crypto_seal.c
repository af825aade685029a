/*
 * Sealed secrets open only whole, unchanged, for their row and under their key.
 */
#include "crypto/crypto_seal.h"

#include <stdlib.h>

#include "base/base_mem.h"
#include "tap.h"

static unsigned char	key[CRYPTO_KEY_SIZE], other_key[CRYPTO_KEY_SIZE];

/* Opens an exact-size heap copy, so that a sanitizer sees a read past it. */
static bool
opens(const unsigned char *k, const char *identity, const void *p, size_t n)
{
	unsigned char	*copy = xmalloc(n ? n : 1);
	char		*text;
	size_t		 len = 99;

	memcpy(copy, p, n);
	text = crypto_open(k, identity, copy, n, &len);
	free(copy);
	if (text == NULL)
		return len != 0;	/* a refusal reports no length */
	secret_free_n(text, len);
	return true;
}

static void
test_roundtrip(void)
{
	static const char	secret[] = "s3cr\0et";
	struct buf		b = { 0 }, again = { 0 };
	char			*text, *big;
	size_t			n;

	buf_put_str(&b, "before");
	crypto_seal(key, "user:7:scram", secret, sizeof(secret) - 1, &b);
	ok(!b.failed && b.len == 6 + sizeof(secret) - 1 + CRYPTO_SEAL_OVERHEAD, "sealing appends, with its overhead");
	ok(memcmp(b.data, "before", 6) == 0 && b.data[6] == 1, "behind what was there, version first");
	ok(memmem(b.data, b.len, "s3cr", 4) == NULL, "the secret does not show");
	text = crypto_open(key, "user:7:scram", b.data + 6, b.len - 6, &n);
	ok(text && n == sizeof(secret) - 1 && memcmp(text, secret, sizeof(secret)) == 0,
	    "it opens, with a NUL behind it");
	secret_free_n(text, n);
	crypto_seal(key, "user:7:scram", secret, sizeof(secret) - 1, &again);
	ok(memcmp(b.data + 7, again.data + 1, 12) != 0 && memcmp(b.data + 19, again.data + 13, 7) != 0,
	    "sealed twice it is different");
	buf_free(&b);
	buf_free(&again);

	crypto_seal(key, "", "", 0, &b);
	is_int(b.len, CRYPTO_SEAL_OVERHEAD, "nothing is sealed too");
	text = crypto_open(key, "", b.data, b.len, &n);
	ok(text && n == 0 && text[0] == '\0', "and opens");
	secret_free_n(text, n);
	ok(!opens(key, "x", b.data, b.len), "for nobody else");
	buf_free(&b);

	big = xcalloc(1, 100000);
	crypto_seal(key, "id", big, 100000, &b);
	text = crypto_open(key, "id", b.data, b.len, &n);
	ok(text && n == 100000 && memcmp(text, big, n) == 0, "a large one");
	secret_free_n(text, n);
	free(big);
	buf_free(&b);

	again = (struct buf){ .max = 30 };
	crypto_seal(key, "id", "xx", 2, &again);
	ok(again.failed && again.len == 0, "a buffer without room fails and has nothing");
	buf_free(&again);
}

static void
test_hostile(void)
{
	struct buf	b = { 0 };
	int		opened = 0;

	crypto_seal(key, "user:7:scram", "secret", 6, &b);
	ok(opens(key, "user:7:scram", b.data, b.len), "untouched it opens");
	for (size_t i = 0; i < b.len * 8; i++) {
		b.data[i / 8] ^= (unsigned char)(1 << i % 8);
		opened += opens(key, "user:7:scram", b.data, b.len);
		b.data[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	is_int(opened, 0, "with any bit changed it does not");
	for (size_t n = 0; n < b.len; n++)
		opened += opens(key, "user:7:scram", b.data, n);
	is_int(opened, 0, "cut at any length it does not");
	ok(!opens(key, "user:8:scram", b.data, b.len), "nor for another row");
	ok(!opens(key, "user:7:scra", b.data, b.len), "nor for a part of its row");
	ok(!opens(key, "", b.data, b.len), "nor for no row");
	ok(!opens(other_key, "user:7:scram", b.data, b.len), "nor under another key");
	buf_put_u8(&b, 0);
	ok(!opens(key, "user:7:scram", b.data, b.len), "nor with a byte too many");
	buf_free(&b);
}

int
main(void)
{
	crypto_random(key, sizeof(key));
	memcpy(other_key, key, sizeof(key));
	other_key[31] ^= 1;
	test_roundtrip();
	test_hostile();
	return tap_done();
}
