/*
 * SCRAM messages: the exchange of RFC 7677, every truncation, and what is refused.
 */
#include "tap.h"
#include "wire_bytes.h"

#include "wire/wire_scram.h"

#define NONCE		"rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE	"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SERVER_FIRST	"r=" NONCE SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define WITHOUT_PROOF	"c=biws,r=" NONCE SERVER_NONCE
#define PROOF		"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static void
test_first(void)
{
	struct wire_scram_first	f;

	is_int(wire_scram_first(LIT("n,,n=user,r=" NONCE), &f), 0, "the first message of RFC 7677");
	is_int(f.gs2_flag, 'n', "flag");
	is_int(f.binding_type.n, 0, "no binding type");
	is_bytes(f.gs2_header, LIT("n,,"), "gs2 header");
	is_bytes(f.bare, LIT("n=user,r=" NONCE), "bare");
	is_bytes(f.nonce, LIT(NONCE), "nonce");

	is_int(wire_scram_first(LIT("p=tls-server-end-point,,n=,r=abc"), &f), 0, "with channel binding, as libpq sends it");
	is_int(f.gs2_flag, 'p', "flag");
	is_bytes(f.binding_type, LIT("tls-server-end-point"), "binding type");
	is_bytes(f.gs2_header, LIT("p=tls-server-end-point,,"), "gs2 header");
	is_bytes(f.bare, LIT("n=,r=abc"), "bare");

	is_int(wire_scram_first(LIT("y,,n=,r=abc,x=1,Y=,z=a=b"), &f), 0, "with extensions");
	is_int(f.gs2_flag, 'y', "flag");
	is_bytes(f.nonce, LIT("abc"), "nonce");
	is_bytes(f.bare, LIT("n=,r=abc,x=1,Y=,z=a=b"), "bare holds them");
}

static void
test_first_hostile(void)
{
	static const struct slice	bad[] = {
		LIT(""), LIT("n"), LIT("n,"), LIT("n,,"), LIT("n,,n=user"), LIT("n,,n=user,"), LIT("n,,n=user,r="),
		LIT("n,,r=abc"), LIT("n,,r=abc,n=user"), LIT("n,,user,r=abc"), LIT("n,,n=user,r=abc,"),
		LIT("n,,n=user,r=abc,x"), LIT("n,,n=user,r=abc,1=x"), LIT("n,,n=user,r=abc,=x"), LIT("n,,n=user,r=abc,,x=1"),
		LIT("n,a=admin,n=user,r=abc"), LIT("n,x,n=user,r=abc"), LIT("n,,m=x,n=user,r=abc"), LIT("n,,n=user,r=abc,m=x"),
		LIT("x,,n=user,r=abc"), LIT("N,,n=user,r=abc"), LIT("nn,,n=user,r=abc"), LIT("n=x,,n=user,r=abc"), LIT(",,n=user,r=abc"),
		LIT("p,,n=user,r=abc"), LIT("p=,,n=user,r=abc"), LIT("p=tls unique,,n=user,r=abc"), LIT("p=\377,,n=user,r=abc"),
		LIT("n,,n=user,r=a c"), LIT("n,,n=user,r=a\177"), LIT("n,,n=user,r=a\200"), LIT("n,,n=user,r=a\nb"),
		LIT("n,,n=us\0er,r=abc"), LIT("n,,n=user,r=abc\0"),
	};
	struct wire_scram_first	f;
	struct buf		b = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct slice	exact = bytes_copy(bad[i], bad[i].n);

		ok(wire_scram_first(exact, &f) == -1, "refused: message %zu", i);
		bytes_free(exact);
	}
	for (size_t n = WIRE_SCRAM_NONCE_MAX; n <= WIRE_SCRAM_NONCE_MAX + 1; n++) {
		buf_reset(&b);
		buf_put_str(&b, "n,,n=,r=");
		for (size_t i = 0; i < n; i++)
			buf_put_u8(&b, '~');
		is_int(wire_scram_first(bytes_of(&b), &f), n == WIRE_SCRAM_NONCE_MAX ? 0 : -1, "the longest nonce, and one byte more");
	}
	for (size_t n = WIRE_SCRAM_MESSAGE_MAX; n <= WIRE_SCRAM_MESSAGE_MAX + 1; n++) {
		buf_reset(&b);
		buf_put_str(&b, "n,,n=");
		while (b.len < n - strlen(",r=abc"))
			buf_put_u8(&b, 'u');
		buf_put_str(&b, ",r=abc");
		is_int(wire_scram_first(bytes_of(&b), &f), n == WIRE_SCRAM_MESSAGE_MAX ? 0 : -1, "the longest message, and one byte more");
	}
	buf_free(&b);
}

static void
test_final(void)
{
	static const struct slice	bad[] = {
		LIT(""), LIT("c=biws"), LIT(WITHOUT_PROOF), LIT(WITHOUT_PROOF ","), LIT(WITHOUT_PROOF ",p="),
		LIT("r=abc,p=" PROOF), LIT("c=biws,p=" PROOF), LIT("c=biws,r=,p=" PROOF), LIT("r=abc,c=biws,p=" PROOF),
		LIT("c=biws,r=abc,p=" PROOF ","), LIT("c=biws,r=abc,p=" PROOF ",x=1"), LIT("c=biws,r=abc,p=" PROOF "\0"),
		LIT("c=biws,r=abc,p=" PROOF "="), LIT("c=biws,r=abc,p=" PROOF PROOF), LIT("c=biws,r=abc,p=AAAA"),
		LIT("c=biws,r=abc,p=" "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ"),
		LIT("c=biws,r=abc,p=" "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQA"),
		LIT("c=biws,r=abc,p=" "dHzbZapWIk4jUhN Ute9ytag9zjfMHgsqmmiz7AndVQ="),
		LIT("c=biws,r=abc,m=x,p=" PROOF), LIT("c=biws,r=abc,,p=" PROOF), LIT("c=biws,r=abc,x,p=" PROOF),
		LIT("c=biws,r=a c,p=" PROOF), LIT("m=x,c=biws,r=abc,p=" PROOF), LIT("c=bi\0ws,r=abc,p=" PROOF),
	};
	static const unsigned char	proof[] = {
		0x74, 0x7c, 0xdb, 0x65, 0xaa, 0x56, 0x22, 0x4e, 0x23, 0x52, 0x13, 0x7e, 0x52, 0xd7, 0xbd, 0xca,
		0xd6, 0xa0, 0xf7, 0x38, 0xdf, 0x30, 0x78, 0x2c, 0xaa, 0x69, 0xa2, 0xcf, 0xb0, 0x27, 0x75, 0x54,
	};
	struct slice			golden = LIT(WITHOUT_PROOF ",p=" PROOF);
	struct wire_scram_final		f;
	bool				refused = true;

	is_int(wire_scram_final(golden, &f), 0, "the final message of RFC 7677");
	is_bytes(f.binding, LIT("biws"), "binding");
	is_bytes(f.nonce, LIT(NONCE SERVER_NONCE), "nonce");
	is_bytes(f.without_proof, LIT(WITHOUT_PROOF), "without proof");
	is_bytes((struct slice){ f.proof, sizeof(f.proof) }, (struct slice){ proof, sizeof(proof) }, "proof");
	for (size_t n = 0; n < golden.n; n++) {
		struct slice	part = bytes_copy(golden, n);

		if (wire_scram_final(part, &f) != -1)
			refused = false;
		bytes_free(part);
	}
	ok(refused, "cut at every byte it is malformed");

	is_int(wire_scram_final(LIT("c=biws,r=abc,x=1,y=,p=" PROOF), &f), 0, "with extensions");
	is_bytes(f.without_proof, LIT("c=biws,r=abc,x=1,y="), "which are signed too");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct slice	exact = bytes_copy(bad[i], bad[i].n);

		ok(wire_scram_final(exact, &f) == -1, "refused: message %zu", i);
		bytes_free(exact);
	}
}

/* Whether a final message with this c= passes for this gs2 header. */
static bool
binding_ok(struct slice gs2, struct slice c, struct slice channel_binding)
{
	struct wire_scram_first	first;
	struct wire_scram_final	final;
	struct buf		b = { 0 };
	bool			pass;

	buf_put(&b, gs2.p, gs2.n);
	buf_put_str(&b, "n=,r=abc");
	if (wire_scram_first(bytes_of(&b), &first) != 0)
		return false;
	final.binding = c;
	pass = wire_scram_binding_ok(&first, &final, channel_binding);
	buf_free(&b);
	return pass;
}

static void
test_binding(void)
{
	/* base64 of "p=tls-server-end-point,," and of that with "0123456789" behind */
	struct slice	p = LIT("p=tls-server-end-point,,");
	struct slice	bare = LIT("cD10bHMtc2VydmVyLWVuZC1wb2ludCws");
	struct slice	bound = LIT("cD10bHMtc2VydmVyLWVuZC1wb2ludCwsMDEyMzQ1Njc4OQ==");
	struct slice	none = LIT("");
	struct buf	b = { 0 };

	ok(binding_ok(LIT("n,,"), LIT("biws"), none), "n");
	ok(binding_ok(LIT("y,,"), LIT("eSws"), none), "y");
	ok(binding_ok(LIT("n,,"), LIT("biws"), LIT("0123456789")), "n, whatever the channel");
	ok(binding_ok(p, bound, LIT("0123456789")), "p with its binding");
	ok(!binding_ok(LIT("y,,"), LIT("biws"), none), "y at first, n at last");
	ok(!binding_ok(LIT("n,,"), LIT("eSws"), none), "n at first, y at last");
	ok(!binding_ok(LIT("n,,"), LIT(""), none), "nothing");
	ok(!binding_ok(LIT("n,,"), LIT("biw"), none), "not base64");
	ok(!binding_ok(LIT("n,,"), LIT("biwsAA=="), none), "something behind");
	ok(!binding_ok(p, bound, LIT("0123456780")), "p with another binding");
	ok(!binding_ok(p, bound, LIT("012345678")), "p with a shorter binding");
	ok(!binding_ok(p, bound, LIT("01234567890")), "p with a longer binding");
	ok(!binding_ok(p, bare, LIT("0123456789")), "p without its binding");
	ok(!binding_ok(p, bare, none), "p where there is no channel to bind to");

	for (int i = 0; i < 1600; i++)
		buf_put_u8(&b, 'A');
	ok(!binding_ok(LIT("n,,"), bytes_of(&b), none), "far too long");
	buf_free(&b);
}

static void
test_writers(void)
{
	static const unsigned char	salt[] = {
		0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81,
	};
	static const unsigned char	signature[] = {
		0xea, 0xba, 0xe2, 0x4d, 0x10, 0x62, 0xdb, 0x75, 0xa9, 0x45, 0x1f, 0xf0, 0xb6, 0xea, 0x7e, 0x98,
		0xc8, 0x54, 0x65, 0x49, 0xff, 0x74, 0x1e, 0x67, 0x2d, 0x32, 0x51, 0xb2, 0x39, 0x7d, 0xe4, 0x6e,
	};
	struct buf			b = { 0 };

	wire_put_scram_first(&b, LIT(NONCE), SERVER_NONCE, (struct slice){ salt, sizeof(salt) }, 4096);
	is_bytes(bytes_of(&b), LIT(SERVER_FIRST), "the server's first message of RFC 7677");
	buf_reset(&b);
	wire_put_scram_final(&b, signature);
	is_bytes(bytes_of(&b), LIT("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), "its final message");
	buf_reset(&b);
	wire_put_scram_auth_message(&b, LIT("n=user,r=" NONCE), LIT(SERVER_FIRST), LIT(WITHOUT_PROOF));
	is_bytes(bytes_of(&b), LIT("n=user,r=" NONCE "," SERVER_FIRST "," WITHOUT_PROOF), "the AuthMessage");
	buf_free(&b);

	b.max = 20;
	wire_put_scram_final(&b, signature);
	ok(b.failed && b.len <= 20, "a buffer that is too small fails");
	buf_free(&b);
}

int
main(void)
{
	test_first();
	test_first_hostile();
	test_final();
	test_binding();
	test_writers();
	return tap_done();
}
