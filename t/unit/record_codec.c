/*
 * Frames: round trips, cut at every byte, every bit flipped; text and JSON of
 * what clients may send.
 */
#include "tap.h"

#include <stdlib.h>

#include "record/record_codec.h"
#include "record/record_crc.h"
#include "record/record_params.h"
#include "record/record_text.h"

/* Forms as they lie in files: numbers that stay what they are. */
#define STATEMENT	1
#define OUTCOME_1	2
#define RESULT_1	3
#define RESULT_2	6
#define OUTCOME		5

#define BYTES(s)	((struct slice){ (const unsigned char *)(s), sizeof(s) - 1 })

static bool
same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Copies to memory of its very size, so that ASan sees a read past the end. */
static int
get_exact(const unsigned char *p, size_t n, struct record_event *e)
{
	unsigned char	*copy = malloc(n ? n : 1);
	int		 rc;

	memcpy(copy, p, n);
	rc = record_get(copy, n, e);
	free(copy);
	return rc;
}

static void
check_damage(const struct buf *b, const char *name)
{
	struct record_event	e;
	int			cut = 0, flipped = 0;

	for (size_t n = 0; n < b->len; n++)
		cut += get_exact(b->data, n, &e) != 0;
	is_int(cut, 0, name);
	for (size_t bit = 0; bit < b->len * 8; bit++) {
		b->data[bit / 8] ^= 1u << bit % 8;
		flipped += get_exact(b->data, b->len, &e) == 1;
		b->data[bit / 8] ^= 1u << bit % 8;
	}
	is_int(flipped, 0, "  and no flipped bit goes unseen");
}

static void
test_statement(void)
{
	const struct record_param	in[] = {
		{ .type = 25, .bytes = BYTES("text") },
		{ .type = 0, .null = true },
		{ .type = 23, .binary = true, .bytes = BYTES("\0\0\0\7") },
		{ .type = 0xffffffffu, .bytes = BYTES("") },
	};
	struct record_statement		s = {
		.seq = UINT64_MAX, .started_us = -5, .text = BYTES("SELECT '\0\xff'"), .text_cut = true,
		.params = in, .nparams = 4,
	};
	struct buf			b = { 0 };
	struct record_event		e;
	struct record_param		p;
	struct slice			at;

	record_put_statement(&b, &s);
	ok(!b.failed, "a statement is put");
	is_int(record_get(b.data, b.len, &e), 1, "and got");
	is_int(e.kind, RECORD_STATEMENT, "kind");
	is_int(e.size, b.len, "size");
	ok(e.statement.seq == UINT64_MAX && e.statement.started_us == -5, "numbers");
	ok(e.statement.text_cut && !e.statement.params_cut, "flags");
	ok(same(e.statement.text, s.text), "text, NUL and all");
	is_int(e.statement.nparams, 4, "number of parameters");
	at = e.params;
	for (int i = 0; i < 4; i++) {
		is_int(record_param_next(&at, &p), 1, "parameter");
		ok(p.type == in[i].type && p.null == in[i].null && p.binary == in[i].binary &&
		    same(p.bytes, in[i].bytes), "parameter %d is the same", i + 1);
	}
	is_int(record_param_next(&at, &p), 0, "no more parameters");
	check_damage(&b, "a statement cut anywhere is incomplete");
	buf_put_str(&b, "next");
	ok(record_get(b.data, b.len, &e) == 1 && e.size == b.len - 4, "bytes behind a frame are not its own");
	buf_free(&b);
}

static void
test_others(void)
{
	char			long_message[3000];
	struct record_outcome	o = {
		.seq = 7, .started_us = -5, .duration_us = 1234567, .status = RECORD_CANCELLED, .sqlstate = "57014",
		.message = "canceling statement", .tag = "", .rows = -1, .bytes = UINT64_C(1) << 40,
	};
	struct record_chunk	r = {
		.seq = 8, .started_us = 5, .chunk = 6, .result = 2, .kind = RECORD_CHUNK_COPY_IN, .flags = RECORD_CHUNK_LAST,
		.cut = RECORD_CUT_ROWS, .rows = 1, .body = BYTES("\0\1x"),
	};
	struct record_end	end = { .ended_us = 99, .reason = "client closed", .statements = 3, .bytes = 4 };
	struct buf		b = { 0 };
	struct record_event	e;

	record_put_outcome(&b, &o);
	is_int(record_get(b.data, b.len, &e), 1, "an outcome");
	ok(e.kind == RECORD_OUTCOME && e.outcome.seq == 7 && e.outcome.started_us == -5 && e.outcome.duration_us == 1234567 &&
	    e.outcome.status == RECORD_CANCELLED && e.outcome.rows == -1 && e.outcome.bytes == o.bytes, "its numbers");
	is_str(e.outcome.sqlstate, "57014", "its SQLSTATE");
	is_str(e.outcome.message, "canceling statement", "its message");
	is_str(e.outcome.tag, "", "its tag");
	check_damage(&b, "an outcome cut anywhere is incomplete");

	buf_reset(&b);
	memset(long_message, 'x', sizeof(long_message));
	memcpy(long_message + RECORD_MESSAGE_MAX - 4, "ä", 2);	/* where it will be cut */
	long_message[sizeof(long_message) - 1] = '\0';
	o.message = long_message;
	o.tag = NULL;
	o.sqlstate = NULL;
	record_put_outcome(&b, &o);
	is_int(record_get(b.data, b.len, &e), 1, "an outcome with a long message");
	ok(strlen(e.outcome.message) <= RECORD_MESSAGE_MAX, "which is cut");
	is_str(e.outcome.message + strlen(e.outcome.message) - 4, "x…", "and says so, at the end of a character");

	buf_reset(&b);
	o.message = "(left out: the log was full)";
	o.sqlstate = "57014";
	record_put_outcome(&b, &o);
	ok(b.len <= RECORD_OUTCOME_SHORT && strlen(o.message) <= RECORD_MESSAGE_SHORT,
	    "the short form fits the room kept for it: %zu bytes", b.len);

	buf_reset(&b);
	record_put_result(&b, &r);
	ok(record_get(b.data, b.len, &e) == 1 && e.kind == RECORD_RESULT && e.result.seq == 8 && e.result.started_us == 5 && e.result.rows == 1 &&
	    e.result.chunk == 6 && e.result.result == 2 && e.result.kind == RECORD_CHUNK_COPY_IN &&
	    e.result.flags == RECORD_CHUNK_LAST && e.result.cut == RECORD_CUT_ROWS && same(e.result.body, r.body), "a chunk of a result");
	check_damage(&b, "a chunk cut anywhere is incomplete");
	buf_reset(&b);
	r.body.n = 0;
	record_put_result(&b, &r);
	ok(b.len + RECORD_CHUNK_OVERHEAD <= RECORD_RESULT_SHORT, "an empty one, sealed, fits the room kept for it: %zu bytes", b.len);
	buf_reset(&b);
	r.kind = 9;
	record_put_result(&b, &r);
	is_int(record_get(b.data, b.len, &e), -1, "a chunk of no kind is damaged");

	buf_reset(&b);
	record_put_end(&b, &end);
	ok(record_get(b.data, b.len, &e) == 1 && e.kind == RECORD_END && e.end.ended_us == 99 &&
	    e.end.statements == 3 && e.end.bytes == 4 && strcmp(e.end.reason, "client closed") == 0, "an end");
	check_damage(&b, "an end cut anywhere is incomplete");
	buf_reset(&b);
	end.reason = long_message;
	record_put_end(&b, &end);
	ok(b.len <= RECORD_END_SIZE_MAX, "the longest end fits the room kept for it: %zu bytes", b.len);
	buf_free(&b);
}

/* Reads a frame with a right checksum around this body. What *e points to stands until the next call. */
static int
get_body(unsigned char form, struct slice body, struct record_event *e)
{
	static unsigned char	*frame;		/* of its exact size: a byte read past it is seen */
	struct buf		 b = { 0 };
	size_t			 n;

	buf_put_u32(&b, (uint32_t)body.n);
	buf_put_u8(&b, form);
	buf_put(&b, body.p, body.n);
	buf_put_u32(&b, record_crc32c(b.data + 4, b.len - 4));
	n = b.len;
	free(frame);
	frame = malloc(n);
	memcpy(frame, b.data, n);
	buf_free(&b);
	return record_get(frame, n, e);
}

/* Journals of version 1. */
static void
test_old(void)
{
	struct record_event	e;

	is_int(get_body(OUTCOME_1, BYTES("\0\0\0\0\0\0\0\7" "12345678" "\3" "\0" "\0\0\0\0\0\0\0\2" "12345678" "57014\0m\0t\0"), &e), 1,
	    "an outcome as it was");
	ok(e.kind == RECORD_OUTCOME && e.outcome.seq == 7 && e.outcome.started_us == RECORD_TIME_UNKNOWN && e.outcome.rows == 2,
	    "the time of its statement is not known");
	is_int(get_body(RESULT_1, BYTES("\0\0\0\0\0\0\0\7" "\0\0\0\0\0\0\0\1" "\1" "\0\0\0\1x" "\0\0\0\0"), &e), 1, "a result as it was");
	ok(e.kind == RECORD_RESULT && e.result.seq == 7 && e.result.started_us == RECORD_TIME_UNKNOWN && e.result.rows == 1 &&
	    e.result.cut == RECORD_CUT_BYTES && same(e.result.body, BYTES("\0\0\0\1x" "\0\0\0\0")) && e.result.chunk == 0 &&
	    e.result.flags == (RECORD_CHUNK_FIRST | RECORD_CHUNK_LAST), "the same with it, as a first chunk");
	is_int(get_body(RESULT_2, BYTES("\0\0\0\0\0\0\0\7" "\0\0\0\0\0\0\0\5" "\0\0\0\0\0\0\0\1" "\0" "\0\0\0\0" "\0\0\0\1x"), &e), 1, "one with its time");
	ok(e.result.started_us == 5 && e.result.cut == RECORD_CUT_NONE, "has that");
	is_int(get_body(RESULT_2, BYTES("\0\0\0\0\0\0\0\7" "\0\0\0\0\0\0\0\5" "\0\0\0\0\0\0\0\1" "\0" "\0\0\0\0" "\0\0\0\2x"), &e), -1, "one whose rows are not there is damaged");
}

static void
test_hostile(void)
{
	struct record_event	e;
	unsigned char		head[9] = { 0xff, 0xff, 0xff, 0xff, 1 };
	struct record_param	huge = { .bytes = { (const unsigned char *)"", RECORD_BODY_MAX + 1 } };
	struct buf		b = { 0 };

	is_int(record_crc32c("123456789", 9), 0xe3069283u, "CRC-32C has its check value");
	is_int(record_crc32c("", 0), 0, "and none for nothing");
	is_int(record_get(head, sizeof(head), &e), -1, "a length of 4 GiB is damage, not a wait");
	is_int(get_body(0, BYTES(""), &e), -1, "form 0");
	is_int(get_body(8, BYTES(""), &e), -1, "form 8");
	is_int(get_body(STATEMENT, BYTES("12345678" "12345678" "\4" "\0\0\0\0" "\0\0\0\0"), &e), -1, "an unknown flag");
	is_int(get_body(STATEMENT, BYTES("12345678" "12345678" "\0" "\0\0\0\0" "\0\0\0\0"), &e), 1, "the same without");
	is_int(get_body(STATEMENT, BYTES("12345678" "12345678" "\0" "\0\0\0\0" "\0\0\0\0" "x"), &e), -1, "a byte left over");
	is_int(get_body(STATEMENT, BYTES("12345678" "12345678" "\0" "\xff\xff\xff\xff" "\0\0\0\0"), &e), -1,
	    "a text longer than its frame");
	is_int(get_body(STATEMENT, BYTES("12345678" "12345678" "\0" "\0\0\0\0" "\xff\xff\xff\xff"), &e), -1,
	    "4 billion parameters in no bytes");
	is_int(get_body(STATEMENT, BYTES("12345678" "12345678" "\0" "\0\0\0\0" "\0\0\0\1" "1234\0\0\0\0\2x"), &e), -1,
	    "a parameter longer than its frame");
	is_int(get_body(OUTCOME, BYTES("12345678" "12345678" "12345678" "\4" "\0" "12345678" "12345678" "\0\0\0"), &e), -1,
	    "an unknown status");
	is_int(get_body(OUTCOME, BYTES("12345678" "12345678" "12345678" "\3" "\0" "12345678" "12345678" "\0\0\0"), &e), 1,
	    "the same with a known one");
	is_int(get_body(OUTCOME, BYTES("12345678" "12345678" "12345678" "\3" "\0" "12345678" "12345678" "\0\0x"), &e), -1,
	    "a tag without its NUL");

	record_put_statement(&b, &(struct record_statement){ .params = &huge, .nparams = 1, .text = BYTES("") });
	ok(b.failed, "a body that is too long fails to be put");
	buf_free(&b);
}

static void
is_text(struct slice in, const char *want, const char *name)
{
	struct buf	b = { 0 };

	record_text_put(&b, in);
	is_str(buf_text(&b), want, name);
	ok(record_text_run(b.data, b.len) == b.len, "  and is valid");
	buf_free(&b);
}

static void
test_text(void)
{
	is_text(BYTES("SELECT 'ä€😀' -- twelve"), "SELECT 'ä€😀' -- twelve", "UTF-8 stays");
	is_text(BYTES("a\0b"), "a\\x00b", "NUL");
	is_text(BYTES("12345678\0" "12345678"), "12345678\\x0012345678", "NUL behind a word");
	is_text(BYTES("\xe4\xf6\xfc"), "\\xe4\\xf6\\xfc", "LATIN1");
	is_text(BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80", "a lone surrogate");
	is_text(BYTES("\xc0\x80\xe0\x80\xaf\xf0\x80\x80\xaf"), "\\xc0\\x80\\xe0\\x80\\xaf\\xf0\\x80\\x80\\xaf", "overlong forms");
	is_text(BYTES("\xf4\x90\x80\x80\xf5"), "\\xf4\\x90\\x80\\x80\\xf5", "past U+10FFFF");
	is_text(BYTES("cut \xe2\x82"), "cut \\xe2\\x82", "cut inside a character");
	is_text(BYTES("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"), "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "the edges that are valid");
	is_text(BYTES(""), "", "nothing");
}

static void
is_json(const struct record_param *params, unsigned n, bool cut, const char *want)
{
	struct record_statement	s = { .params = params, .nparams = n, .params_cut = cut, .text = BYTES("") };
	struct buf		b = { 0 }, json = { 0 };
	struct record_event	e = { 0 };

	record_put_statement(&b, &s);
	record_get(b.data, b.len, &e);
	record_params_json(&json, e.params, e.statement.params_cut);
	is_str(buf_text(&json), want, want);
	buf_free(&b);
	buf_free(&json);
}

#define JSON1(t, bin, s, want) \
	is_json(&(struct record_param){ .type = (t), .binary = (bin), .bytes = BYTES(s) }, 1, false, (want))

static void
test_params(void)
{
	struct record_param	three[] = {
		{ .type = 25, .bytes = BYTES("a") }, { .type = 23, .null = true }, { .type = 0, .bytes = BYTES("5") },
	};

	is_json(NULL, 0, false, "[]");
	is_json(three, 3, false, "[\"a\", null, \"5\"]");
	is_json(three, 1, true, "[\"a\", {\"cut\": true}]");
	is_json(NULL, 0, true, "[{\"cut\": true}]");
	JSON1(25, false, "say \"hi\"\\ \n\t\r\1\x7f", "[\"say \\\"hi\\\"\\\\ \\n\\t\\u000d\\u0001\x7f\"]");
	JSON1(25, false, "a\0b\xff", "[\"a\\\\x00b\\\\xff\"]");
	JSON1(25, false, "\xed\xa0\x80 \\ud800", "[\"\\\\xed\\\\xa0\\\\x80 \\\\ud800\"]");
	JSON1(16, true, "\1", "[\"t\"]");
	JSON1(16, true, "\2", "[{\"hex\": \"02\"}]");
	JSON1(21, true, "\xff\xfe", "[\"-2\"]");
	JSON1(23, true, "\x80\0\0\0", "[\"-2147483648\"]");
	JSON1(20, true, "\x80\0\0\0\0\0\0\0", "[\"-9223372036854775808\"]");
	JSON1(26, true, "\xff\xff\xff\xff", "[\"4294967295\"]");
	JSON1(23, true, "\0\0\7", "[{\"hex\": \"000007\"}]");
	JSON1(23, true, "\0\0\0\0\7", "[{\"hex\": \"0000000007\"}]");
	JSON1(23, true, "", "[{\"hex\": \"\"}]");
	JSON1(700, true, "\x3d\xcc\xcc\xcd", "[\"0.1\"]");
	JSON1(701, true, "\x3f\xb9\x99\x99\x99\x99\x99\x9a", "[\"0.1\"]");
	JSON1(701, true, "\x7f\xf8\0\0\0\0\0\0", "[\"NaN\"]");
	JSON1(701, true, "\xff\xf0\0\0\0\0\0\0", "[\"-Infinity\"]");
	JSON1(1043, true, "ä\"", "[\"ä\\\"\"]");
	JSON1(3802, true, "\1{\"a\": 1}", "[\"{\\\"a\\\": 1}\"]");
	JSON1(3802, true, "\2{}", "[{\"hex\": \"027b7d\"}]");
	JSON1(17, true, "\0\xff", "[\"\\\\x00ff\"]");
	JSON1(2950, true, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
	    "[\"01234567-89ab-cdef-0123-456789abcdef\"]");
	JSON1(1082, true, "\0\0\x22\x3e", "[\"2024-01-01\"]");
	JSON1(1082, true, "\x7f\xff\xff\xff", "[\"infinity\"]");
	JSON1(1082, true, "\x7f\xff\xff\xfe", "[{\"hex\": \"7ffffffe\"}]");
	JSON1(1114, true, "\0\0\0\0\0\0\0\1", "[\"2000-01-01 00:00:00.000001\"]");
	JSON1(1184, true, "\xff\xff\xff\xff\xff\xff\xff\xff", "[\"1999-12-31 23:59:59.999999+00\"]");
	JSON1(1184, true, "\x80\0\0\0\0\0\0\0", "[\"-infinity\"]");
	JSON1(1184, true, "\x80\0\0\0\0\0\0\1", "[{\"hex\": \"8000000000000001\"}]");
	JSON1(1700, true, "\0\2\0\1\x40\0\0\2\0\1\x09\x29", "[\"-12345.00\"]");
	JSON1(1700, true, "\0\2\0\0\0\0\0\3\0\7\x13\x88", "[\"7.500\"]");
	JSON1(1700, true, "\0\1\xff\xff\0\0\0\5\0\5", "[\"0.00050\"]");
	JSON1(1700, true, "\0\0\0\0\0\0\0\0", "[\"0\"]");
	JSON1(1700, true, "\0\1\0\2\0\0\0\0\0\1", "[\"100000000\"]");
	JSON1(1700, true, "\0\0\0\0\xc0\0\0\0", "[\"NaN\"]");
	JSON1(1700, true, "\0\1\x7f\xff\0\0\0\0\0\1", "[{\"hex\": \"00017fff000000000001\"}]");
	JSON1(1700, true, "\0\1\0\0\0\0\0\0\x27\x10", "[{\"hex\": \"00010000000000002710\"}]");
	JSON1(1700, true, "\xff\xff\0\0\0\0\0\0", "[{\"hex\": \"ffff000000000000\"}]");
	JSON1(600, true, "\1\2", "[{\"hex\": \"0102\"}]");
	JSON1(0, true, "x", "[{\"hex\": \"78\"}]");
}

int
main(void)
{
	test_statement();
	test_others();
	test_old();
	test_hostile();
	test_text();
	test_params();
	return tap_done();
}
