/*
 * SCRAM-SHA-256 by the example of RFC 7677, its verifier text, and the mock.
 */
#include "crypto/crypto_scram.h"

#include "base/base_text.h"
#include "tap.h"

#define SALT		"W22ZaJ0SNY7soEsUEjb6gQ=="
#define STORED		"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SERVER		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define VERIFIER	"SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER
#define NONCE		"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

static const char	auth_message[] = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" NONCE ",s=" SALT ",i=4096,c=biws,r=" NONCE;

#define AUTH_LEN	(sizeof(auth_message) - 1)

static void
test_example(void)
{
	struct crypto_scram	v;
	unsigned char		proof[CRYPTO_HASH_SIZE], signature[CRYPTO_HASH_SIZE], before[CRYPTO_HASH_SIZE];
	char			text[TEXT_BASE64_SIZE(CRYPTO_HASH_SIZE)];
	int			accepted = 0;

	is_int(crypto_scram_parse(VERIFIER, &v), 0, "a verifier of PostgreSQL's form");
	ok(v.iterations == 4096 && v.salt_len == 16, "its iterations and salt");

	crypto_scram_proof("pencil", v.salt, v.salt_len, v.iterations, auth_message, AUTH_LEN, proof);
	text_base64_encode(proof, sizeof(proof), text);
	is_str(text, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "the proof of RFC 7677");

	memset(signature, 0, sizeof(signature));
	ok(crypto_scram_verify(&v, auth_message, AUTH_LEN, proof, signature), "the proof is right");
	text_base64_encode(signature, sizeof(signature), text);
	is_str(text, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "and the signature is the RFC's");

	memset(signature, 0x55, sizeof(signature));
	memcpy(before, signature, sizeof(before));
	for (int bit = 0; bit < CRYPTO_HASH_SIZE * 8; bit++) {
		proof[bit / 8] ^= (unsigned char)(1 << bit % 8);
		accepted += crypto_scram_verify(&v, auth_message, AUTH_LEN, proof, signature);
		proof[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	is_int(accepted, 0, "with any bit changed it is wrong");
	ok(!crypto_scram_verify(&v, auth_message, AUTH_LEN - 1, proof, signature), "for another message too");
	crypto_scram_proof("pencil2", v.salt, v.salt_len, v.iterations, auth_message, AUTH_LEN, proof);
	ok(!crypto_scram_verify(&v, auth_message, AUTH_LEN, proof, signature), "of another password too");
	memcpy(proof, v.stored_key, sizeof(proof));
	ok(!crypto_scram_verify(&v, auth_message, AUTH_LEN, proof, signature), "the stored key is no proof");
	ok(memcmp(signature, before, sizeof(before)) == 0, "and no signature is written");
}

static void
test_parse(void)
{
	static const char *const	bad[] = {
		"", "SCRAM-SHA-256", "SCRAM-SHA-256$", "md5" "0123456789abcdef0123456789abcdef",
		"scram-sha-256$4096:" SALT "$" STORED ":" SERVER,
		"SCRAM-SHA-256$:" SALT "$" STORED ":" SERVER,
		"SCRAM-SHA-256$0:" SALT "$" STORED ":" SERVER,
		"SCRAM-SHA-256$-1:" SALT "$" STORED ":" SERVER,
		"SCRAM-SHA-256$+1:" SALT "$" STORED ":" SERVER,
		"SCRAM-SHA-256$ 1:" SALT "$" STORED ":" SERVER,
		"SCRAM-SHA-256$2147483648:" SALT "$" STORED ":" SERVER,
		"SCRAM-SHA-256$18446744073709555712:" SALT "$" STORED ":" SERVER,
		"SCRAM-SHA-256$4096:$" STORED ":" SERVER,
		"SCRAM-SHA-256$4096:" SALT,
		"SCRAM-SHA-256$4096:" SALT "$",
		"SCRAM-SHA-256$4096:" SALT "$" STORED,
		"SCRAM-SHA-256$4096:" SALT "$" STORED ":",
		"SCRAM-SHA-256$4096:" SALT "$:" SERVER,
		"SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER ":",
		"SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER "\n",
		"SCRAM-SHA-256$4096:" SALT "$" SALT ":" SERVER,
		"SCRAM-SHA-256$4096:" SALT "$" STORED ":" SALT,
		"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ$" STORED ":" SERVER,
		"SCRAM-SHA-256$4096:" STORED STORED "$" STORED ":" SERVER,
		/* 66 bytes of salt */
		"SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA$"
		STORED ":" SERVER,
	};
	struct crypto_scram	v, zero;
	int			accepted = 0, left = 0;

	memset(&zero, 0, sizeof(zero));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&v, 0xaa, sizeof(v));
		if (crypto_scram_parse(bad[i], &v) == 0) {
			accepted++;
			printf("# accepted: %s\n", bad[i]);
		}
		left += v.iterations != 0 || v.salt_len != 0 ||
		    memcmp(v.stored_key, zero.stored_key, CRYPTO_HASH_SIZE) != 0;
	}
	is_int(accepted, 0, "what is not a verifier is refused");
	is_int(left, 0, "and nothing of it is left");
	/* 64 bytes of salt */
	is_int(crypto_scram_parse("SCRAM-SHA-256$1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAA==$" STORED ":" SERVER, &v), 0, "the largest salt is read");
	is_int(v.salt_len, CRYPTO_SCRAM_SALT_MAX, "whole");
}

static void
test_mock(void)
{
	static const unsigned char	key[CRYPTO_KEY_SIZE] = "key";
	static const unsigned char	other[CRYPTO_KEY_SIZE] = "other";
	struct crypto_scram		a, b;
	unsigned char			proof[CRYPTO_HASH_SIZE], signature[CRYPTO_HASH_SIZE];

	crypto_scram_mock(key, "nobody", &a);
	crypto_scram_mock(key, "nobody", &b);
	ok(a.iterations == CRYPTO_SCRAM_ITERATIONS && a.salt_len == 16, "a mock looks like a verifier");
	ok(memcmp(a.salt, b.salt, 16) == 0, "its salt is the same each time");
	ok(memcmp(a.stored_key, b.stored_key, 32) != 0 && memcmp(a.server_key, b.server_key, 32) != 0 &&
	    memcmp(a.stored_key, a.server_key, 32) != 0, "its keys are not");
	crypto_scram_mock(key, "nobodx", &b);
	ok(memcmp(a.salt, b.salt, 16) != 0, "another user, another salt");
	crypto_scram_mock(other, "nobody", &b);
	ok(memcmp(a.salt, b.salt, 16) != 0, "another key, another salt");
	crypto_scram_proof("", a.salt, a.salt_len, a.iterations, auth_message, AUTH_LEN, proof);
	ok(!crypto_scram_verify(&a, auth_message, AUTH_LEN, proof, signature), "no proof fits");
}

int
main(void)
{
	test_example();
	test_parse();
	test_mock();
	return tap_done();
}
