/*
 * HMAC as libpq uses it, through the functions that take the library's place: the result is that of RFC 2104, whatever
 * came before.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/crypto.h"
#include "tap.h"

static HMAC_CTX	*ctx;

/* RFC 2104 */
static void
hmac(const unsigned char *key, size_t key_len, const EVP_MD *md, const void *text, size_t n, unsigned char *out)
{
	size_t		 block = (size_t)EVP_MD_get_block_size(md), size = (size_t)EVP_MD_get_size(md);
	unsigned char	 in[256], short_key[EVP_MAX_MD_SIZE], inner[EVP_MAX_MD_SIZE];

	if (key_len > block) {
		EVP_Digest(key, key_len, short_key, NULL, md, NULL);
		key = short_key;
		key_len = size;
	}
	for (size_t i = 0; i < block; i++)
		in[i] = 0x36 ^ (i < key_len ? key[i] : 0);
	memcpy(in + block, text, n);
	EVP_Digest(in, block + n, inner, NULL, md, NULL);
	for (size_t i = 0; i < block; i++)
		in[i] ^= 0x36 ^ 0x5c;
	memcpy(in + block, inner, size);
	EVP_Digest(in, block + size, out, NULL, md, NULL);
}

static bool
hmac_is(const void *key, size_t key_len, const EVP_MD *md, const char *text)
{
	unsigned char	got[EVP_MAX_MD_SIZE], want[EVP_MAX_MD_SIZE];
	unsigned	got_len;

	hmac(key, key_len, md, text, strlen(text), want);
	return HMAC_Init_ex(ctx, key, (int)key_len, md, NULL) == 1 &&
	    HMAC_Update(ctx, (const unsigned char *)text, strlen(text)) == 1 && HMAC_Final(ctx, got, &got_len) == 1 &&
	    got_len == (unsigned)EVP_MD_get_size(md) && memcmp(got, want, got_len) == 0;
}

/* scram_SaltedPassword of libpq */
static void
salted(const char *password, const unsigned char *salt, size_t salt_len, int rounds, unsigned char out[32])
{
	static const unsigned char	one[4] = { 0, 0, 0, 1 };
	unsigned char			u[32];
	unsigned			n;

	for (int i = 0; i < rounds; i++) {
		HMAC_Init_ex(ctx, password, (int)strlen(password), EVP_sha256(), NULL);
		if (i == 0) {
			HMAC_Update(ctx, salt, salt_len);
			HMAC_Update(ctx, one, sizeof(one));
		} else
			HMAC_Update(ctx, u, sizeof(u));
		HMAC_Final(ctx, u, &n);
		for (size_t k = 0; k < sizeof(u); k++)
			out[k] = i == 0 ? u[k] : out[k] ^ u[k];
	}
}

static void
test_salted(const char *password)
{
	static const unsigned char	salt[20] = "0123456789abcdef\0\0\0\1";
	unsigned char			got[32], want[32], u[32];

	salted(password, salt, 16, 4096, got);
	for (int i = 0; i < 4096; i++) {
		hmac((const unsigned char *)password, strlen(password), EVP_sha256(), i == 0 ? salt : u, i == 0 ? 20 : 32, u);
		for (size_t k = 0; k < sizeof(u); k++)
			want[k] = i == 0 ? u[k] : want[k] ^ u[k];
	}
	ok(memcmp(got, want, sizeof(want)) == 0, "4096 rounds with a key of %zu bytes", strlen(password));
}

static void
test_keys(void)
{
	unsigned char	key[300];

	memset(key, 'k', sizeof(key));
	ok(hmac_is(key, 20, EVP_sha256(), "a"), "a key");
	ok(hmac_is(key, 20, EVP_sha256(), "b"), "the same key, another text");
	key[19]++;
	ok(hmac_is(key, 20, EVP_sha256(), "b"), "another key in the same place");
	ok(hmac_is(key, 19, EVP_sha256(), "b"), "a shorter one");
	ok(hmac_is(key, 0, EVP_sha256(), "b"), "an empty one");
	ok(hmac_is(key, 20, EVP_sha512(), "b"), "the key with another digest");
	ok(hmac_is(key, 20, EVP_sha256(), "b"), "and with the first again");
	ok(hmac_is(key, 300, EVP_sha256(), "b"), "a key that is not kept");
	ok(hmac_is(key, 20, EVP_sha256(), "b"), "one that is, behind it");
	ok(HMAC_Init_ex(ctx, NULL, 0, NULL, NULL) == 1, "no key: the one the context has");
}

/* The next context most often lies where the last one was, and has no key. */
static void
test_free(void)
{
	HMAC_CTX	*other;

	ok(hmac_is("first", 5, EVP_sha256(), "a"), "a context has a key");
	HMAC_CTX_free(ctx);
	ctx = HMAC_CTX_new();
	ok(HMAC_Init_ex(ctx, NULL, 0, NULL, NULL) == 0, "a new one has none");
	ok(hmac_is("first", 5, EVP_sha256(), "a"), "and takes the same");
	other = ctx;
	ctx = HMAC_CTX_new();
	ok(hmac_is("second", 6, EVP_sha256(), "a"), "a second context has its own");
	ok(hmac_is("second", 6, EVP_sha256(), "a") && HMAC_Init_ex(other, "third", 5, EVP_sha256(), NULL) == 1 &&
	    hmac_is("second", 6, EVP_sha256(), "a") && HMAC_CTX_copy(ctx, other) == 1 &&
	    hmac_is("second", 6, EVP_sha256(), "a"), "and gets it again when it was made a copy");
	ok(HMAC_CTX_reset(ctx) == 1 && HMAC_Init_ex(ctx, NULL, 0, NULL, NULL) == 0, "what is reset has none");
	HMAC_CTX_free(other);
	ok(hmac_is("second", 6, EVP_sha256(), "b"), "also when the first is gone");
	HMAC_CTX_free(NULL);
	ok(hmac_is("second", 6, EVP_sha256(), "c"), "and when nothing is freed");
}

int
main(void)
{
	ctx = HMAC_CTX_new();
	test_salted("pencil");
	crypto_warm();
	test_salted("pencil");
	test_salted("a password that is longer than a block of the hash, which has 64 bytes and no more");
	test_keys();
	test_free();
	HMAC_CTX_free(ctx);
	return tap_done();
}
