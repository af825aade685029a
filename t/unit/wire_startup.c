/*
 * The packets before a session, byte by byte, and what is not one of them.
 */
#include "tap.h"
#include "wire_bytes.h"

#include "wire/wire_startup.h"

/* A packet around `rest`: length, code, rest. */
static void
put_packet(struct buf *b, uint32_t code, struct slice rest)
{
	buf_reset(b);
	buf_put_u32(b, (uint32_t)(8 + rest.n));
	buf_put_u32(b, code);
	buf_put(b, rest.p, rest.n);
}

static void
is_bad(struct slice packet, const char *problem, const char *name)
{
	struct wire_startup	s;
	struct slice		exact = bytes_copy(packet, packet.n);

	is_int(wire_startup(exact.p, exact.n, &s), WIRE_STARTUP_BAD, name);
	is_str(s.problem, problem, name);
	is_str(s.sqlstate, strncmp(problem, "unsupported", 11) == 0 ? "0A000" :
	    strcmp(problem, "invalid length of startup packet") == 0 ||
	    strcmp(problem, "invalid length of cancel request") == 0 ? "" : "08P01", name);
	bytes_free(exact);
}

/* Every shorter run of the packet is MORE, and asks for no more than the whole. */
static void
is_fragment_safe(struct slice packet, const char *name)
{
	struct wire_startup	s;
	bool			more = true;

	for (size_t n = 0; n < packet.n; n++) {
		struct slice	part = bytes_copy(packet, n);

		if (wire_startup(part.p, n, &s) != WIRE_STARTUP_MORE || s.need != (n < 4 ? 4 : packet.n))
			more = false;
		bytes_free(part);
	}
	ok(more, "%s: cut at every byte it asks for the rest", name);
}

static void
test_requests(void)
{
	struct wire_startup	s;
	struct slice		ssl = LIT("\0\0\0\10\4\322\26\57");
	struct slice		gss = LIT("\0\0\0\10\4\322\26\60");

	is_int(wire_startup(ssl.p, ssl.n, &s), WIRE_STARTUP_SSL_REQUEST, "SSLRequest");
	is_int(s.size, 8, "its size");
	is_fragment_safe(ssl, "SSLRequest");
	is_int(wire_startup(gss.p, gss.n, &s), WIRE_STARTUP_GSS_REQUEST, "GSSENCRequest");
	is_fragment_safe(gss, "GSSENCRequest");

	/* The caller has to see what came behind: size says where the request ends. */
	is_int(wire_startup("\0\0\0\10\4\322\26\57stuffed", 15, &s), WIRE_STARTUP_SSL_REQUEST, "SSLRequest with bytes behind");
	is_int(s.size, 8, "ends where it ends");
	is_bad(LIT("\0\0\0\11\4\322\26\57x"), "invalid length of an encryption request", "SSLRequest that is too long");

	is_int(wire_startup("\x16", 1, &s), WIRE_STARTUP_TLS, "the first byte of a ClientHello");
	is_int(wire_startup("\x16\3\1\2\0\1", 6, &s), WIRE_STARTUP_TLS, "more of it");
	is_int(s.size, 0, "nothing of it is consumed");
	is_int(wire_startup(NULL, 0, &s), WIRE_STARTUP_MORE, "nothing at all");
}

static void
test_cancel(void)
{
	struct wire_startup	s;
	struct buf		b = { 0 };
	unsigned char		secret[300];
	struct slice		golden = LIT("\0\0\0\20\4\322\26\56\0\0\2\1\xde\xad\xbe\xef");

	is_int(wire_startup(golden.p, golden.n, &s), WIRE_STARTUP_CANCEL, "CancelRequest");
	is_int(s.cancel_pid, 513, "its process");
	is_bytes(s.cancel_secret, LIT("\xde\xad\xbe\xef"), "its secret");
	is_fragment_safe(golden, "CancelRequest");

	memset(secret, 7, sizeof(secret));
	for (size_t n = 0; n <= 258; n++) {
		bool	good = n >= 4 && n <= 256;

		buf_reset(&b);
		buf_put_u32(&b, (uint32_t)(12 + n));
		buf_put_u32(&b, 80877102);
		buf_put_u32(&b, 1);
		buf_put(&b, secret, n);
		if ((wire_startup(b.data, b.len, &s) == WIRE_STARTUP_CANCEL && s.cancel_secret.n == n) != good)
			ok(false, "a secret of %zu bytes", n);
	}
	ok(true, "secrets of 4 to 256 bytes pass, others do not");
	is_bad(LIT("\0\0\0\12\4\322\26\56\0\0"), "invalid length of cancel request", "half a process id");
	buf_free(&b);
}

static void
test_packet(void)
{
	struct wire_startup	s;
	struct slice		golden = LIT("\0\0\0\53\0\3\0\0" "user\0john\0" "database\0my_database\0" "x\0\0" "\0");

	is_int(wire_startup(golden.p, golden.n, &s), WIRE_STARTUP_PACKET, "a startup packet");
	is_int(s.size, 43, "its size");
	is_int(s.protocol, WIRE_PROTOCOL_3_0, "its protocol");
	is_int(s.nparams, 3, "its parameters");
	is_int(s.noptions, 0, "no options");
	is_str(wire_startup_param(&s, "user"), "john", "user");
	is_str(wire_startup_param(&s, "database"), "my_database", "database");
	is_str(wire_startup_param(&s, "x"), "", "an empty value");
	ok(wire_startup_param(&s, "use") == NULL, "no prefix match");
	is_fragment_safe(golden, "startup packet");

	is_int(wire_startup("\0\0\0\20\0\3\0\0a\0b\0\0\0\0\0", 16, &s), WIRE_STARTUP_BAD, "bytes behind the terminator");
	is_int(wire_startup("\0\0\0\15\0\3\0\0a\0b\0\0Qmore", 18, &s), WIRE_STARTUP_PACKET, "bytes behind the packet are not its own");
	is_int(s.size, 13, "and are left");
}

static void
test_versions(void)
{
	static const struct {
		uint32_t	 code;
		const char	*problem;	/* NULL: a packet */
	} versions[] = {
		{ 0x00030000, NULL },
		{ 0x00030002, NULL },
		{ 0x0003270f, NULL },
		{ 0x0003ffff, NULL },
		{ 0x00020000, "unsupported frontend protocol 2.0: server supports 3.0 to 3.0" },
		{ 0x00010000, "unsupported frontend protocol 1.0: server supports 3.0 to 3.0" },
		{ 0x00040000, "unsupported frontend protocol 4.0: server supports 3.0 to 3.0" },
		{ 0x00000000, "unsupported frontend protocol 0.0: server supports 3.0 to 3.0" },
		{ 80877105, "unsupported frontend protocol 1234.5681: server supports 3.0 to 3.0" },
		{ 0xffffffff, "unsupported frontend protocol 65535.65535: server supports 3.0 to 3.0" },
	};
	struct wire_startup	s;
	struct buf		b = { 0 };

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		char	name[40];

		snprintf(name, sizeof(name), "protocol %08x", versions[i].code);
		put_packet(&b, versions[i].code, LIT("user\0john\0\0"));
		if (versions[i].problem != NULL) {
			is_bad(bytes_of(&b), versions[i].problem, name);
			continue;
		}
		is_int(wire_startup(b.data, b.len, &s), WIRE_STARTUP_PACKET, name);
		is_int(s.protocol, versions[i].code, name);
	}

	put_packet(&b, 0x00030000, LIT("_pq_.one\0on\0user\0john\0_pq_.\0\0\0"));
	is_int(wire_startup(b.data, b.len, &s), WIRE_STARTUP_PACKET, "protocol options");
	is_int(s.noptions, 2, "are set apart");
	is_str(s.options[0], "_pq_.one", "with their names");
	is_str(s.options[1], "_pq_.", "even an odd one");
	is_int(s.nparams, 1, "and are not parameters");
	ok(wire_startup_param(&s, "_pq_.one") == NULL, "nor found as one");
	buf_free(&b);
}

static void
test_hostile(void)
{
	static const unsigned lengths[] = { 0, 1, 4, 7, WIRE_STARTUP_MAX + 1, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff };
	static const struct {
		struct slice	 rest;
		const char	*problem;
	} layouts[] = {
		{ LIT(""), "invalid startup packet layout: expected terminator as last byte" },
		{ LIT("\0\0"), "invalid startup packet layout: expected terminator as last byte" },
		{ LIT("user"), "invalid startup packet layout: expected terminator as last byte" },
		{ LIT("user\0"), "invalid startup packet layout: expected terminator as last byte" },
		{ LIT("user\0john"), "invalid startup packet layout: expected terminator as last byte" },
		{ LIT("user\0john\0"), "invalid startup packet layout: expected terminator as last byte" },
		{ LIT("user\0john\0\0\0"), "invalid startup packet layout: expected terminator as last byte" },
		{ LIT("user\0john\0\0user\0admin\0\0"), "invalid startup packet layout: expected terminator as last byte" },
		{ LIT("user\0john\0user\0admin\0\0"), "invalid startup packet: a parameter appears twice" },
		{ LIT("user\0john\0user\0john\0\0"), "invalid startup packet: a parameter appears twice" },
		{ LIT("user\0j\0_pq_.x\0\0_pq_.x\0\0\0"), "invalid startup packet: a parameter appears twice" },
	};
	struct wire_startup	s;
	struct buf		b = { 0 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		buf_reset(&b);
		buf_put_u32(&b, lengths[i]);
		is_bad(bytes_of(&b), "invalid length of startup packet", "a length that cannot be one, with its fourth byte");
	}
	is_int(wire_startup("\0\0\x27\x14", 4, &s), WIRE_STARTUP_MORE, "the longest length");
	is_int(s.need, WIRE_STARTUP_MAX, "is waited for");

	put_packet(&b, 0x00030000, LIT("\0"));
	is_int(wire_startup(b.data, b.len, &s), WIRE_STARTUP_PACKET, "an empty list of parameters");
	is_int(s.nparams, 0, "is the caller's business");

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		put_packet(&b, 0x00030000, layouts[i].rest);
		is_bad(bytes_of(&b), layouts[i].problem, "a wrong layout");
	}

	for (int n = WIRE_STARTUP_PARAMS; n <= WIRE_STARTUP_PARAMS + 1; n++) {
		struct buf	rest = { 0 };

		for (int i = 0; i < n; i++)
			buf_putf(&rest, "%sp%d%cv%c", i % 2 ? "_pq_." : "", i, 0, 0);
		buf_put_u8(&rest, 0);
		put_packet(&b, 0x00030000, bytes_of(&rest));
		if (n == WIRE_STARTUP_PARAMS)
			is_int(wire_startup(b.data, b.len, &s), WIRE_STARTUP_PACKET, "as many parameters as there may be");
		else
			is_bad(bytes_of(&b), "invalid startup packet: more than 64 parameters", "one too many");
		buf_free(&rest);
	}
	buf_free(&b);
}

int
main(void)
{
	test_requests();
	test_cancel();
	test_packet();
	test_versions();
	test_hostile();
	return tap_done();
}
