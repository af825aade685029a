/*
 * Keeps a text from harming the parser; it decides nothing else.
 *
 * Stack: libpg_query writes its JSON by recursion without looking how deep. Nesting to the right ("((((",
 * "NOT NOT") is bounded by the grammar itself, whose own stack ends at 10,000 entries with an error. Nesting to
 * the left ("1+1+1", joins, unions, casts) has no bound, but each level needs an operator or a keyword of its
 * own. So those are counted, by libpg_query's own lexer, and only where the text is long enough for it to
 * matter. Measured on amd64, 64,000 levels of any such kind fit 8 MB of stack; the limit leaves more than half.
 *
 * Time: PostgreSQL's lexer reads a run of operator characters to its end for every token it takes from it, so
 * its time grows with the square of the run's length: 100 kB of plus signs take 8 seconds.
 */
#include "policy/policy_judge.h"

#include <string.h>

#include <pg_query.h>

#include "base/base_mem.h"
#include "base/base_reader.h"

#define LEVELS_MAX	25000
#define RUNS_MAX	50000000	/* sum of the squares: about 0.2 seconds */

/* Numbers of pg_query.proto, enum Token, for libpg_query 15. */
enum {
	TOKEN_FIRST_NAMED = 258, TOKEN_OP = 265, TOKEN_PARAM = 267,
	TOKEN_SQL_COMMENT = 275, TOKEN_C_COMMENT = 276,
	TOKEN_AND = 291, TOKEN_AS = 294, TOKEN_FALSE = 416, TOKEN_NULL = 533, TOKEN_OR = 548, TOKEN_TRUE = 680
};

/* Chains of AND and OR are flat in the tree; names, constants, brackets and separators make no level. */
static bool
token_makes_level(uint64_t token)
{
	if (token < TOKEN_FIRST_NAMED)
		return token == 0 || token > 127 || strchr("()[],;.", (int)token) == NULL;
	if (token <= TOKEN_PARAM)
		return token == TOKEN_OP;
	switch (token) {
	case TOKEN_SQL_COMMENT:
	case TOKEN_C_COMMENT:
	case TOKEN_AND:
	case TOKEN_OR:
	case TOKEN_AS:
	case TOKEN_NULL:
	case TOKEN_TRUE:
	case TOKEN_FALSE:
		return false;
	default:
		return true;
	}
}

static uint64_t
varint_read(struct reader *r)
{
	uint64_t	value = 0;
	unsigned	shift;

	for (shift = 0; shift < 64; shift += 7) {
		uint8_t	b = reader_u8(r);

		value |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return value;
	}
	r->failed = true;
	return 0;
}

/* One field of a message that has only integers and, in field 2, messages of integers. */
static unsigned
field_read(struct reader *r, uint64_t *value, struct slice *bytes)
{
	uint64_t	key = varint_read(r);

	*bytes = (struct slice){ NULL, 0 };
	*value = 0;
	switch (key & 7) {
	case 0:
		*value = varint_read(r);
		break;
	case 2:
		*bytes = reader_bytes(r, varint_read(r));
		break;
	default:
		r->failed = true;
	}
	return (unsigned)(key >> 3);
}

/* Levels the tokens of a ScanResult could make; SIZE_MAX: it cannot be read. */
static size_t
levels_count(const PgQueryProtobuf *scan)
{
	struct reader	r = reader_init(scan->data, scan->len);
	struct slice	bytes;
	uint64_t	value;
	size_t		levels = 0;

	while (!r.failed && r.left > 0) {
		struct reader	token;
		uint64_t	number = 0;

		if (field_read(&r, &value, &bytes) != 2 || bytes.p == NULL)
			continue;
		token = reader_init(bytes.p, bytes.n);
		while (!token.failed && token.left > 0)
			if (field_read(&token, &value, &bytes) == 4)
				number = value;
		if (token.failed)
			return SIZE_MAX;
		levels += token_makes_level(number);
	}
	return r.failed ? SIZE_MAX : levels;
}

/* What the runs of operator characters cost, wherever they are: in a comment and a string too. */
static uint64_t
runs_cost(const char *text, size_t len)
{
	static const bool	operators[256] = {
		['~'] = true, ['!'] = true, ['@'] = true, ['#'] = true, ['^'] = true, ['&'] = true, ['|'] = true,
		['`'] = true, ['?'] = true, ['+'] = true, ['-'] = true, ['*'] = true, ['/'] = true, ['%'] = true,
		['<'] = true, ['>'] = true, ['='] = true,
	};
	uint64_t	cost = 0, run = 0;

	for (size_t i = 0; i < len; i++) {
		if (operators[(unsigned char)text[i]]) {
			run++;
			continue;
		}
		cost += run * run;
		run = 0;
	}
	return cost + run * run;
}

bool
policy_bounds_lexer(const char *text, size_t len)
{
	return runs_cost(text, len) <= RUNS_MAX;
}

bool
policy_bounds_check(const char *text, size_t len, struct policy_verdict *v)
{
	PgQueryScanResult	scan;

	if (!policy_bounds_lexer(text, len)) {
		verdict_refuse(v, "operator-run", NOT_GRANTED, "Shorten the rows of dashes, stars or the like.",
		    "the statement has too many operator characters in a row to be checked: your DBBat grant is read-only");
		return false;
	}
	/* a level takes a byte at the very least */
	if (len <= LEVELS_MAX)
		return true;
	scan = pg_query_scan(text);
	if (scan.error != NULL)
		verdict_refuse_syntax(v, scan.error->message, scan.error->cursorpos);
	else if (levels_count(&scan.pbuf) > LEVELS_MAX)
		verdict_refuse_deep(v);
	pg_query_free_scan_result(scan);
	return v->allowed;
}

/* The lexer's time grows with the square of some texts. */
#define COUNT_SPLIT_MAX	8192

/* Statements by our lexer; 0: it cannot read the text, but a server of another version may. */
static unsigned
count_split(struct slice text)
{
	char			*copy = xstrndup((const char *)text.p, text.n);
	PgQuerySplitResult	 split = pg_query_split_with_scanner(copy);
	unsigned		 n = split.error == NULL && split.n_stmts > 0 ? (unsigned)split.n_stmts : 0;

	pg_query_free_split_result(split);
	secret_free(copy);
	return n;
}

unsigned
policy_count(struct slice text, bool agreed)
{
	unsigned	separators = 0, n;
	bool		plain = true, zero = false;

	while (text.n > 0 && strchr(" \t\r\n;", text.p[text.n - 1]) != NULL)
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		separators += text.p[i] == ';';
		/* in other encodings bytes of one character look like others; and what a backslash does is a setting */
		plain &= text.p[i] < 0x80 && text.p[i] != '\\';
		zero |= text.p[i] == '\0';
	}
	if (separators == 0)
		return 1;
	n = (plain || agreed) && !zero && text.n <= COUNT_SPLIT_MAX ? count_split(text) : 0;
	return n > 0 ? n : separators + 1;
}
