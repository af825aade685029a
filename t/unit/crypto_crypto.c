/*
 * Random bytes, HKDF (RFC 5869), HMAC (RFC 4231), SHA-256 and base64 (RFC 4648) by their
 * published examples.
 */
#include "crypto/crypto.h"

#include <stdlib.h>

#include "base/base_text.h"
#include "tap.h"

static const char *
hex(const void *p, size_t n)
{
	static char	out[513];

	text_hex(p, n, out);
	return out;
}

static void
fill(unsigned char *out, unsigned char first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)(first + i);
}

static void
test_hash(void)
{
	unsigned char	out[CRYPTO_HASH_SIZE], key[20];

	crypto_sha256("abc", 3, out);
	is_str(hex(out, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "SHA-256 of abc");
	crypto_sha256(NULL, 0, out);
	is_str(hex(out, 32), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "SHA-256 of nothing");
	memset(key, 0x0b, sizeof(key));
	crypto_hmac(key, sizeof(key), "Hi There", 8, out);
	is_str(hex(out, 32), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	    "HMAC, RFC 4231 case 1");
	crypto_hmac("Jefe", 4, "what do ya want for nothing?", 28, out);
	is_str(hex(out, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	    "HMAC, RFC 4231 case 2");
}

/* RFC 5869 from our HMAC, to have a second opinion on crypto_subkey. */
static void
hkdf(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len, const void *info, size_t info_len,
    unsigned char *okm, size_t n)
{
	unsigned char	prk[32], t[32], input[32 + 128 + 1];
	size_t		t_len = 0;

	crypto_hmac(salt, salt_len, ikm, ikm_len, prk);
	for (unsigned char i = 1; n > 0; i++) {
		size_t	take = n < 32 ? n : 32;

		memcpy(input, t, t_len);
		memcpy(input + t_len, info, info_len);
		input[t_len + info_len] = i;
		crypto_hmac(prk, 32, input, t_len + info_len + 1, t);
		t_len = 32;
		memcpy(okm, t, take);
		okm += take;
		n -= take;
	}
}

static void
test_hkdf(void)
{
	unsigned char	ikm[80], salt[80], info[80], okm[82], key[32], other[32];

	memset(ikm, 0x0b, 22);
	fill(salt, 0, 13);
	fill(info, 0xf0, 10);
	hkdf(ikm, 22, salt, 13, info, 10, okm, 42);
	is_str(hex(okm, 42), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	    "34007208d5b887185865", "HKDF of the test, RFC 5869 case 1");
	hkdf(ikm, 22, "", 0, "", 0, okm, 42);
	is_str(hex(okm, 42), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	    "9d201395faa4b61a96c8", "HKDF of the test, RFC 5869 case 3 (no salt, no info)");

	fill(ikm, 1, 32);
	crypto_subkey(ikm, "dbbat seal 1", key);
	hkdf(ikm, 32, "", 0, "dbbat seal 1", 12, okm, 32);
	ok(crypto_equal(key, okm, 32), "crypto_subkey is that HKDF");
	crypto_subkey(ikm, "", key);
	hkdf(ikm, 32, "", 0, "", 0, okm, 32);
	ok(crypto_equal(key, okm, 32), "with an empty label too");
	crypto_subkey(ikm, "dbbat seal 2", other);
	ok(!crypto_equal(key, other, 32), "another label, another key");
}

static void
test_random(void)
{
	unsigned char	a[1000] = { 0 }, b[1000] = { 0 };
	int		tail = 0;

	crypto_random(a, sizeof(a));
	crypto_random(b, sizeof(b) - 100);
	for (size_t i = sizeof(a) - 100; i < sizeof(a); i++)
		tail += a[i] != 0;
	ok(memcmp(a, b, 32) != 0, "random bytes differ");
	ok(tail > 50, "random bytes are filled to the end");
	ok(b[900] == 0 && b[999] == 0, "and not beyond");
	ok(crypto_equal(a, a, sizeof(a)) && !crypto_equal(a, b, sizeof(a)), "equal and not equal");
	memcpy(b, a, sizeof(a));
	b[999] ^= 1;
	ok(!crypto_equal(a, b, sizeof(a)) && crypto_equal(a, b, 999), "the last bit counts");
	ok(crypto_equal(a, b, 0), "nothing equals nothing");
}

static void
test_base64(void)
{
	static const char *const	pairs[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};
	static const char *const	bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zm 9v", "Zg==Zg==", "Zm9v\n", "Zm-_",
	};
	char	out[32];
	int	right = 0, refused = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t	n = strlen(pairs[i][0]);

		text_base64_encode(pairs[i][0], n, out);
		right += strcmp(out, pairs[i][1]) == 0;
		right += text_base64_decode(out, strlen(out), out, sizeof(out)) == (ssize_t)n &&
		    memcmp(out, pairs[i][0], n) == 0;
	}
	is_int(right, 14, "RFC 4648 both ways");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused += text_base64_decode(bad[i], strlen(bad[i]), out, sizeof(out)) == -1;
	is_int(refused, sizeof(bad) / sizeof(bad[0]), "what is not strict base64 is refused");
	is_int(text_base64_decode("Zm9vYg==", 8, out, 3), -1, "more than there is room for is refused");
	is_int(text_base64_decode("Zm9vYg==", 8, out, 4), 4, "just enough room is enough");
}

int
main(void)
{
	test_hash();
	test_hkdf();
	test_random();
	test_base64();
	return tap_done();
}
