/*
 * The client's messages: golden bytes, every truncation, lengths and counts that lie.
 */
#include "tap.h"
#include "wire_bytes.h"

#include "wire/wire_client.h"

/* One reader behind one signature, for the tests that go through them all. */
static int
read_query(struct slice body, bool partial)
{
	struct wire_query	q;

	return wire_query(body, partial, &q);
}

static int
read_parse(struct slice body, bool partial)
{
	struct wire_parse	p;

	return wire_parse(body, partial, &p);
}

static int
read_bind(struct slice body, bool partial)
{
	struct wire_bind	b;
	struct wire_value	v;
	int			rc = wire_bind(body, partial, &b);

	while (rc == 0 && wire_bind_next(&b, &v) == 1)
		if (v.cut && !partial)
			return 1;
	return rc;
}

static int
read_target(struct slice body, bool partial)
{
	struct wire_target	t;

	(void)partial;
	return wire_target(body, &t);
}

static int
read_execute(struct slice body, bool partial)
{
	struct wire_execute	e;

	(void)partial;
	return wire_execute(body, &e);
}

static int
read_function(struct slice body, bool partial)
{
	struct wire_function	f;

	return wire_function(body, partial, &f);
}

static int
read_password(struct slice body, bool partial)
{
	const char	*password;

	(void)partial;
	return wire_password(body, &password);
}

static int
read_sasl(struct slice body, bool partial)
{
	const char	*mechanism;
	struct slice	 data;

	(void)partial;
	return wire_sasl_initial(body, &mechanism, &data);
}

static const struct {
	const char	*name;
	int		(*read)(struct slice body, bool partial);
	struct slice	 body;
	int		 names;		/* bytes that a partial body must have; -1: is never partial */
} messages[] = {
	{ "Query", read_query, LIT("SELECT 1\0"), 0 },
	{ "Parse", read_parse, LIT("s1\0SELECT $1\0" "\0\2" "\0\0\0\27" "\0\0\0\31"), 3 },
	{ "Bind", read_bind, LIT("\0s1\0" "\0\2\0\0\0\1" "\0\2" "\0\0\0\3abc" "\377\377\377\377" "\0\1\0\1"), 4 },
	{ "Describe", read_target, LIT("Ss1\0"), -1 },
	{ "Close", read_target, LIT("P\0"), -1 },
	{ "Execute", read_execute, LIT("p1\0\0\0\0\144"), -1 },
	{ "FunctionCall", read_function, LIT("\0\0\3\273" "\0\1\0\1" "\0\2" "\0\0\0\4\0\0\1\0" "\377\377\377\377" "\0\1"), 4 },
	{ "PasswordMessage", read_password, LIT("secret\0"), -1 },
	{ "SASLInitialResponse", read_sasl, LIT("SCRAM-SHA-256\0\0\0\0\3n,,"), -1 },
};

static void
test_all(void)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct slice	body = messages[i].body;
		struct buf	longer = { 0 };
		bool		refused = true, taken = true;

		is_int(messages[i].read(body, false), 0, messages[i].name);
		for (size_t n = 0; n < body.n; n++) {
			struct slice	part = bytes_copy(body, n);
			int		rc;

			if (messages[i].read(part, false) != -1)
				refused = false;
			rc = messages[i].read(part, true);
			if (rc != ((int)n < messages[i].names ? -1 : 0))
				taken = false;
			bytes_free(part);
		}
		ok(refused, "%s: cut at every byte it is malformed", messages[i].name);
		if (messages[i].names >= 0)
			ok(taken, "%s: partial it is taken from behind its names on", messages[i].name);
		buf_put(&longer, body.p, body.n);
		buf_put_u8(&longer, 0);
		is_int(messages[i].read(bytes_of(&longer), false), -1, "a byte behind the end is malformed");
		buf_free(&longer);
	}
}

static void
test_query(void)
{
	struct wire_query	q;

	wire_query(LIT("SELECT 1\0"), false, &q);
	is_bytes(q.text, LIT("SELECT 1"), "the text without its NUL");
	ok(!q.cut, "is whole");
	is_int(wire_query(LIT("\0"), false, &q), 0, "an empty query");
	is_int(q.text.n, 0, "has no text");
	is_int(wire_query(LIT("SELECT 1\0DROP TABLE x\0"), false, &q), -1, "text behind a NUL is malformed");
	is_int(wire_query(LIT("SELECT 1\0DROP"), true, &q), -1, "in a partial body too");
	is_int(wire_query(LIT("SELECT "), true, &q), 0, "a partial query");
	is_bytes(q.text, LIT("SELECT "), "is as much as there is");
	ok(q.cut, "and says so");
}

static void
test_parse(void)
{
	struct wire_parse	p;

	is_int(wire_parse(LIT("s1\0SELECT $1\0" "\0\2" "\0\0\0\27" "\0\0\0\31"), false, &p), 0, "Parse");
	is_str(p.name, "s1", "name");
	is_bytes(p.text, LIT("SELECT $1"), "text");
	is_int(p.ntypes, 2, "types");
	is_int(reader_u32(&p.types), 23, "the first");
	is_int(reader_u32(&p.types), 25, "the second");
	ok(reader_done(&p.types), "and no more");

	is_int(wire_parse(LIT("\0\0\0\0"), false, &p), 0, "the smallest Parse");
	is_str(p.name, "", "is unnamed");
	is_int(p.text.n + p.ntypes, 0, "and empty");

	is_int(wire_parse(LIT("\0SELECT 1\0" "\377\377" "\0\0\0\27"), false, &p), -1, "more types than there are");
	is_int(wire_parse(LIT("\0SELECT 1\0" "\0\0" "\0\0\0\27"), false, &p), -1, "fewer types than there are");

	is_int(wire_parse(LIT("s\0SELE"), true, &p), 0, "cut in the text");
	is_bytes(p.text, LIT("SELE"), "the text there is");
	ok(p.cut && p.ntypes == 0, "cut, without types");
	is_int(wire_parse(LIT("s\0"), true, &p), 0, "cut behind the name");
	ok(p.cut && p.text.n == 0, "has no text");
	is_int(wire_parse(LIT("s\0SELECT 1\0" "\0\2\0\0\0\27\0"), true, &p), 0, "cut in the types");
	is_bytes(p.text, LIT("SELECT 1"), "the text");
	ok(p.cut && p.ntypes == 0, "cut, without types");
	is_int(wire_parse(LIT("s\0SELECT 1\0" "\0\1\0\0\0\27"), true, &p), -1, "whole where it should be cut");
}

static void
test_bind(void)
{
	struct wire_bind	b;
	struct wire_value	v;
	struct slice		body = LIT("port\0s1\0" "\0\3\0\0\0\1\0\0" "\0\3"
				    "\0\0\0\3abc" "\0\0\0\2\1\2" "\377\377\377\377" "\0\0");

	is_int(wire_bind(body, false, &b), 0, "Bind");
	is_str(b.portal, "port", "portal");
	is_str(b.statement, "s1", "statement");
	is_int(b.nparams, 3, "parameters");
	ok(!b.cut, "whole");
	is_int(wire_bind_next(&b, &v), 1, "the first");
	ok(!v.null && !v.binary && !v.cut && bytes_same(v.bytes, LIT("abc")), "is text");
	is_int(wire_bind_next(&b, &v), 1, "the second");
	ok(!v.null && v.binary && bytes_same(v.bytes, LIT("\1\2")), "is binary");
	is_int(wire_bind_next(&b, &v), 1, "the third");
	ok(v.null && !v.binary && v.bytes.n == 0, "is NULL");
	is_int(wire_bind_next(&b, &v), 0, "the end");
	is_int(wire_bind_next(&b, &v), 0, "still the end");

	is_int(wire_bind(LIT("\0\0" "\0\1\0\1" "\0\2" "\0\0\0\1x" "\0\0\0\0" "\0\0"), false, &b), 0, "one format for all");
	ok(wire_bind_next(&b, &v) == 1 && v.binary && v.bytes.n == 1, "for the first");
	ok(wire_bind_next(&b, &v) == 1 && v.binary && v.bytes.n == 0 && !v.null, "for the second, which is empty, not NULL");
	is_int(wire_bind(LIT("\0\0" "\0\0" "\0\1" "\0\0\0\1x" "\0\0"), false, &b), 0, "no format");
	ok(wire_bind_next(&b, &v) == 1 && !v.binary, "is text");
	is_int(wire_bind(LIT("\0\0" "\0\1\0\1" "\0\0" "\0\0"), false, &b), 0, "one format and no parameter");
	is_int(wire_bind(LIT("\0\0\0\0\0\0\0\0"), false, &b), 0, "the smallest Bind");
	is_int(wire_bind_next(&b, &v), 0, "has no value");
}

static void
test_bind_hostile(void)
{
	static const struct {
		const char	*name;
		struct slice	 body;
	} bodies[] = {
		{ "a length of -2", LIT("\0\0" "\0\0" "\0\1" "\377\377\377\376" "\0\0") },
		{ "the lowest length", LIT("\0\0" "\0\0" "\0\1" "\200\0\0\0" "\0\0") },
		{ "the highest length", LIT("\0\0" "\0\0" "\0\1" "\177\377\377\377" "\0\0") },
		{ "a length that takes the result formats", LIT("\0\0" "\0\0" "\0\1" "\0\0\0\2" "\0\0") },
		{ "more formats than there are bytes", LIT("\0\0" "\377\377\0\0" "\0\0") },
		{ "more parameters than there are", LIT("\0\0" "\0\0" "\377\377" "\0\0\0\0" "\0\0") },
		{ "more result formats than there are", LIT("\0\0" "\0\0" "\0\0" "\0\2\0\0") },
	};
	struct wire_bind	b;
	struct wire_value	v;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct slice	exact = bytes_copy(bodies[i].body, bodies[i].body.n);

		is_int(wire_bind(exact, false, &b), -1, bodies[i].name);
		bytes_free(exact);
	}
	is_int(wire_bind(LIT("\0\0" "\0\0" "\0\2" "\377\377\377\376" "\0"), true, &b), -1, "a length of -2 in a partial body");

	/* readable, if senseless: the server has words of its own for these */
	is_int(wire_bind(LIT("\0\0" "\0\1\0\2" "\0\1" "\0\0\0\0" "\0\0"), false, &b), 0, "a parameter format 2");
	ok(wire_bind_next(&b, &v) == 1 && v.binary, "counts as binary");
	is_int(wire_bind(LIT("\0\0" "\0\0" "\0\0" "\0\1\0\2"), false, &b), 0, "a result format 2");
	is_int(wire_bind(LIT("\0\0" "\0\2\0\0\0\0" "\0\0" "\0\0"), false, &b), 0, "two formats for no parameter");
	is_int(wire_bind(LIT("\0\0" "\0\2\0\1\0\1" "\0\3" "\377\377\377\377\377\377\377\377\377\377\377\377" "\0\0"), false, &b), 0,
	    "two formats for three parameters");
	ok(wire_bind_next(&b, &v) == 1 && v.binary && wire_bind_next(&b, &v) == 1 && v.binary, "two of them binary");
	ok(wire_bind_next(&b, &v) == 1 && !v.binary, "the third counts as text");

	is_int(wire_bind(LIT("\0\0" "\0\0" "\0\3" "\0\0\0\1a" "\0\0\0\11bcd"), true, &b), 0, "cut in a value");
	ok(b.cut, "says so");
	ok(wire_bind_next(&b, &v) == 1 && !v.cut && bytes_same(v.bytes, LIT("a")), "the whole value before");
	ok(wire_bind_next(&b, &v) == 1 && v.cut && bytes_same(v.bytes, LIT("bcd")), "the part of the next");
	is_int(wire_bind_next(&b, &v), 0, "and no more");
	is_int(wire_bind(LIT("\0\0" "\0\0" "\0\2" "\0\0\0\1a" "\0\0"), true, &b), 0, "cut in a length");
	ok(b.cut && wire_bind_next(&b, &v) == 1 && wire_bind_next(&b, &v) == 0, "the value before it, no more");
	is_int(wire_bind(LIT("\0\0" "\0\3\0\0"), true, &b), 0, "cut in the formats");
	ok(b.cut && b.nparams == 0 && wire_bind_next(&b, &v) == 0, "no value");
	is_int(wire_bind(LIT("\0\0" "\0\0" "\0\1" "\0\0\0\1a" "\0"), true, &b), 0, "cut in the result formats");
	ok(!b.cut && wire_bind_next(&b, &v) == 1 && !v.cut, "leaves the values whole");
}

static void
test_rest(void)
{
	struct wire_target	t;
	struct wire_execute	e;
	struct wire_function	f;
	const char		*text;
	struct slice		data;

	is_int(wire_target(LIT("Ss1\0"), &t), 0, "a statement");
	is_int(t.kind, 'S', "its kind");
	is_str(t.name, "s1", "its name");
	is_int(wire_target(LIT("P\0"), &t), 0, "the unnamed portal");
	is_str(t.name, "", "its name");
	is_int(wire_target(LIT("Xs1\0"), &t), -1, "neither");
	is_int(wire_target(LIT("\0s1\0"), &t), -1, "a NUL for a kind");
	is_int(wire_target(LIT("Ss1\0s2\0"), &t), -1, "two names");

	is_int(wire_execute(LIT("p1\0\0\0\0\144"), &e), 0, "Execute");
	is_str(e.portal, "p1", "its portal");
	is_int(e.max_rows, 100, "its rows");
	is_int(wire_execute(LIT("\0\377\377\377\377"), &e), 0, "all rows, said in an odd way");
	is_int(e.max_rows, 0xffffffffLL, "come as they are");

	is_int(wire_function(LIT("\0\0\3\273" "\0\0" "\0\0" "\0\0"), false, &f), 0, "FunctionCall");
	is_int(f.oid, 955, "its function");
	is_int(wire_function(LIT("\0\0\3\273" "\0\0" "\0\0" "\0\2"), false, &f), 0, "a result format 2");
	is_int(wire_function(LIT("\0\0\3\273" "\0\2\0\0\0\0" "\0\1\0\0\0\0" "\0\0"), false, &f), 0, "formats that do not fit");
	is_int(wire_function(LIT("\0\0\3\273" "\0\0" "\0\1\377\377\377\375" "\0\0"), false, &f), -1, "a length of -3");
	is_int(wire_function(LIT("\0\0\3\273" "\0\0" "\0\1\0\0\1\0abc"), true, &f), 0, "a partial one");
	is_int(f.oid, 955, "its function");

	is_int(wire_password(LIT("secret\0"), &text), 0, "a password");
	is_str(text, "secret", "as it is");
	is_int(wire_password(LIT("\0"), &text), 0, "an empty one is for the caller");
	is_int(wire_password(LIT("sec\0ret\0"), &text), -1, "a NUL within");

	is_int(wire_sasl_initial(LIT("SCRAM-SHA-256\0\0\0\0\3n,,"), &text, &data), 0, "SASLInitialResponse");
	is_str(text, "SCRAM-SHA-256", "its mechanism");
	is_bytes(data, LIT("n,,"), "its data");
	is_int(wire_sasl_initial(LIT("X\0\377\377\377\377"), &text, &data), 0, "without data");
	ok(data.p == NULL && data.n == 0, "is told from empty data");
	is_int(wire_sasl_initial(LIT("X\0\0\0\0\0"), &text, &data), 0, "empty data");
	ok(data.p != NULL && data.n == 0, "is told from none");
	is_int(wire_sasl_initial(LIT("X\0\0\0\0\2n,,"), &text, &data), -1, "a length that is too small");
	is_int(wire_sasl_initial(LIT("X\0\0\0\0\4n,,"), &text, &data), -1, "a length that is too large");
	is_int(wire_sasl_initial(LIT("X\0\377\377\377\376n,,"), &text, &data), -1, "a length of -2");
	is_int(wire_sasl_initial(LIT("X\0\377\377\377\377n,,"), &text, &data), -1, "no data, yet some");
}

/* What the writers write, and that the readers take it. */
static void
test_writers(void)
{
	struct buf		b = { 0 };
	struct wire_query	q;
	struct wire_parse	p;
	struct wire_header	h = { 0 };

	wire_put_query(&b, "SELECT 1");
	wire_put_parse(&b, "s", "x");
	wire_put_copy_fail(&b, "no");
	wire_put_terminate(&b);
	is_bytes(bytes_of(&b), LIT("Q\0\0\0\15SELECT 1\0" "P\0\0\0\12s\0x\0\0\0" "f\0\0\0\7no\0" "X\0\0\0\4"), "the writers' bytes");
	is_int(wire_header(b.data, b.len, &h), 1, "a header");
	is_int(wire_query((struct slice){ b.data + WIRE_HEADER, h.body }, false, &q), 0, "a query read back");
	is_bytes(q.text, LIT("SELECT 1"), "is the same");
	is_int(wire_parse((struct slice){ b.data + 14 + WIRE_HEADER, 6 }, false, &p), 0, "a Parse read back");
	is_bytes(p.text, LIT("x"), "is the same");
	buf_free(&b);
}

int
main(void)
{
	test_all();
	test_query();
	test_parse();
	test_bind();
	test_bind_hostile();
	test_rest();
	test_writers();
	return tap_done();
}
