/*
 * The server's messages: golden bytes, every truncation, targets that lie; and what DBBat
 * writes in a server's place.
 */
#include "tap.h"
#include "wire_bytes.h"

#include "wire/wire_server.h"

static int
read_error(struct slice body)
{
	struct wire_error	e;

	return wire_error(body, &e);
}

static int
read_complete(struct slice body)
{
	const char	*tag;
	int64_t		 rows;

	return wire_command_complete(body, &tag, &rows);
}

static int
read_ready(struct slice body)
{
	char	status;

	return wire_ready(body, &status);
}

static int
read_status(struct slice body)
{
	const char	*name, *value;

	return wire_parameter_status(body, &name, &value);
}

static int
read_types(struct slice body)
{
	unsigned	n;
	struct reader	types;

	return wire_parameter_description(body, &n, &types);
}

static int
read_columns(struct slice body)
{
	struct wire_columns	c;
	struct wire_column	column;
	int			rc = wire_row_description(body, &c);

	if (rc == 0)
		while ((rc = wire_column_next(&c, &column)) == 1)
			;
	return rc;
}

static int
read_row(struct slice body)
{
	struct wire_row	r;
	bool		null;
	struct slice	value;
	int		rc = wire_data_row(body, &r);

	if (rc == 0)
		while ((rc = wire_field_next(&r, &null, &value)) == 1)
			;
	return rc;
}

#define COLUMN_A	"a\0" "\0\0\100\1" "\0\1" "\0\0\0\27" "\0\4" "\377\377\377\377" "\0\0"
#define COLUMN_B	"b\0" "\0\0\0\0" "\0\0" "\0\0\0\31" "\377\377" "\377\377\377\377" "\0\1"

static const struct {
	const char	*name;
	int		(*read)(struct slice body);
	struct slice	 body;
} messages[] = {
	{ "ErrorResponse", read_error, LIT("SERROR\0VERROR\0C42601\0Msyntax error\0P1\0\0") },
	{ "CommandComplete", read_complete, LIT("INSERT 0 5\0") },
	{ "ReadyForQuery", read_ready, LIT("I") },
	{ "ParameterStatus", read_status, LIT("TimeZone\0UTC\0") },
	{ "ParameterDescription", read_types, LIT("\0\2\0\0\0\27\0\0\0\31") },
	{ "RowDescription", read_columns, LIT("\0\2" COLUMN_A COLUMN_B) },
	{ "DataRow", read_row, LIT("\0\3" "\0\0\0\2hi" "\377\377\377\377" "\0\0\0\0") },
};

static void
test_all(void)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct slice	body = messages[i].body;
		struct buf	longer = { 0 };
		bool		refused = true;

		is_int(messages[i].read(body), 0, messages[i].name);
		for (size_t n = 0; n < body.n; n++) {
			struct slice	part = bytes_copy(body, n);

			if (messages[i].read(part) != -1)
				refused = false;
			bytes_free(part);
		}
		ok(refused, "%s: cut at every byte it is malformed", messages[i].name);
		buf_put(&longer, body.p, body.n);
		buf_put_u8(&longer, 0);
		is_int(messages[i].read(bytes_of(&longer)), -1, "a byte behind the end is malformed");
		buf_free(&longer);
	}
}

static void
test_error(void)
{
	struct wire_error	e;

	is_int(wire_error(LIT("SFEHLER\0VERROR\0C42P01\0Mno table\0Dnone\0Hmake one\0P15\0Fparse.c\0L1\0Rf\0\0"), &e), 0, "an error");
	is_str(e.severity, "ERROR", "severity that is not localised");
	is_str(e.sqlstate, "42P01", "sqlstate");
	is_str(e.message, "no table", "message");
	is_str(e.detail, "none", "detail");
	is_str(e.hint, "make one", "hint");
	is_int(wire_error(LIT("Hh\0Dd\0Mm\0C00000\0VFATAL\0SF\0\0"), &e), 0, "in another order");
	is_str(e.severity, "FATAL", "severity");
	is_str(e.message, "m", "message");
	is_int(wire_error(LIT("Mm\0SERROR\0\0"), &e), 0, "an old server's error without a SQLSTATE");
	is_str(e.severity, "ERROR", "severity");
	is_str(e.sqlstate, "", "no sqlstate");
	is_str(e.detail, "", "no detail");
	is_int(wire_error(LIT("\0"), &e), 0, "an error without fields");
	is_str(e.severity, "", "no severity");
	is_str(e.message, "", "no message");
	is_int(wire_error(LIT("\377x\0\1y\0Mm\0\0"), &e), 0, "unknown fields");
	is_str(e.message, "m", "are passed over");
	is_int(wire_error(LIT("Mm\0\0Dd\0\0"), &e), -1, "fields behind the end");
}

static void
test_complete(void)
{
	static const struct {
		const char	*tag;
		long long	 rows;
	} tags[] = {
		{ "SELECT 12", 12 }, { "SELECT 0", 0 }, { "INSERT 0 5", 5 }, { "INSERT 16385 1", 1 }, { "UPDATE 3", 3 },
		{ "DELETE 4", 4 }, { "MERGE 6", 6 }, { "MOVE 8", 8 }, { "FETCH 9", 9 }, { "COPY 7", 7 },
		{ "BEGIN", -1 }, { "CREATE TABLE", -1 }, { "COPY", -1 }, { "", -1 }, { "7", -1 }, { " ", -1 },
		{ "SELECT ", -1 }, { "SELECT -1", -1 }, { "SELECT 1x", -1 }, { "SELECT x1", -1 }, { "SELECT +1", -1 },
		{ "SELECT 9223372036854775807", INT64_MAX },
		{ "SELECT 9223372036854775808", -1 },
		{ "SELECT 18446744073709551617", -1 },
		{ "SELECT 99999999999999999999999999999999999999999", -1 },
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		const char	*tag;
		int64_t		 rows;

		is_int(wire_command_complete((struct slice){ (const unsigned char *)tags[i].tag, strlen(tags[i].tag) + 1 }, &tag, &rows), 0, tags[i].tag);
		is_str(tag, tags[i].tag, "tag");
		is_int(rows, tags[i].rows, "rows");
	}
}

static void
test_status(void)
{
	char		 status;
	const char	*name, *value;

	ok(wire_ready(LIT("I"), &status) == 0 && status == 'I', "idle");
	ok(wire_ready(LIT("T"), &status) == 0 && status == 'T', "in a transaction");
	ok(wire_ready(LIT("E"), &status) == 0 && status == 'E', "in a failed one");
	is_int(wire_ready(LIT("X"), &status), -1, "another status");
	is_int(wire_ready(LIT("\0"), &status), -1, "a NUL for a status");
	is_int(wire_parameter_status(LIT("TimeZone\0UTC\0"), &name, &value), 0, "ParameterStatus");
	is_str(name, "TimeZone", "name");
	is_str(value, "UTC", "value");
}

static void
test_descriptions(void)
{
	struct wire_columns	c;
	struct wire_column	column;
	struct reader		types;
	unsigned		n;

	is_int(wire_parameter_description(LIT("\0\2\0\0\0\27\0\0\0\31"), &n, &types), 0, "ParameterDescription");
	is_int(n, 2, "its count");
	is_int(reader_u32(&types), 23, "the first");
	is_int(reader_u32(&types), 25, "the second");
	is_int(wire_parameter_description(LIT("\0\0"), &n, &types), 0, "without parameters");
	is_int(n, 0, "none");
	is_int(wire_parameter_description(LIT("\377\377\0\0\0\27"), &n, &types), -1, "more than there are");
	is_int(n, 0, "none");

	is_int(wire_row_description(LIT("\0\2" COLUMN_A COLUMN_B), &c), 0, "RowDescription");
	is_int(c.n, 2, "its count");
	is_int(wire_column_next(&c, &column), 1, "the first");
	is_str(column.name, "a", "name");
	is_int(column.type, 23, "type");
	is_int(column.format, 0, "format");
	is_int(wire_column_next(&c, &column), 1, "the second");
	is_str(column.name, "b", "name");
	is_int(column.type, 25, "type");
	is_int(column.format, 1, "format");
	is_int(wire_column_next(&c, &column), 0, "the end");
	is_int(read_columns(LIT("\0\0")), 0, "no column");
	is_int(read_columns(LIT("\377\377" COLUMN_A)), -1, "more columns than there are");
	is_int(read_columns(LIT("\0\1" "a\0" "\0\0\0\0" "\0\0" "\0\0\0\27" "\0\4" "\377\377\377\377" "\0\2")), -1, "a format 2");
	is_int(wire_row_description(LIT("\0\1" "a"), &c), 0, "a name without an end");
	is_int(wire_column_next(&c, &column), -1, "is malformed");
	is_int(wire_column_next(&c, &column), -1, "and stays so");
}

static void
test_row(void)
{
	static const struct slice	bad[] = {
		LIT("\0\1\377\377\377\376"), LIT("\0\1\200\0\0\0x"), LIT("\0\1\177\377\377\377x"), LIT("\0\1\0\0\0\2x"),
		LIT("\0\1\0\0\0"), LIT("\377\377\0\0\0\1x"), LIT("\0\0x"), LIT("\0\1\0\0\0\1xy"),
	};
	struct wire_row	r;
	bool		null;
	struct slice	value;

	is_int(wire_data_row(LIT("\0\3" "\0\0\0\2hi" "\377\377\377\377" "\0\0\0\0"), &r), 0, "DataRow");
	is_int(r.n, 3, "its count");
	is_int(wire_field_next(&r, &null, &value), 1, "the first");
	ok(!null && bytes_same(value, LIT("hi")), "a value");
	is_int(wire_field_next(&r, &null, &value), 1, "the second");
	ok(null && value.n == 0, "NULL");
	is_int(wire_field_next(&r, &null, &value), 1, "the third");
	ok(!null && value.n == 0, "empty, which is not NULL");
	is_int(wire_field_next(&r, &null, &value), 0, "the end");
	is_int(read_row(LIT("\0\0")), 0, "a row without columns");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct slice	exact = bytes_copy(bad[i], bad[i].n);

		is_int(read_row(exact), -1, "a row that lies");
		bytes_free(exact);
	}
}

static void
is_written(struct buf *b, struct slice want, const char *name)
{
	is_bytes(bytes_of(b), want, name);
	buf_reset(b);
}

static void
test_writers(void)
{
	static const char *const	mechanisms[] = { "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256" };
	static const char *const	options[] = { "_pq_.a", "_pq_.b" };
	struct buf			b = { 0 };
	struct wire_error		e;

	wire_put_error(&b, &(struct wire_report){ "ERROR", "25006", "no", "because", "ask" });
	is_int(wire_error((struct slice){ b.data + WIRE_HEADER, b.len - WIRE_HEADER }, &e), 0, "our error is one");
	is_str(e.severity, "ERROR", "severity");
	is_str(e.sqlstate, "25006", "sqlstate");
	is_str(e.hint, "ask", "hint");
	is_written(&b, LIT("E\0\0\0\54SERROR\0VERROR\0C25006\0Mno\0Dbecause\0Hask\0\0"), "an error");
	wire_put_notice(&b, &(struct wire_report){ .severity = "NOTICE", .sqlstate = "00000", .message = "hi", .detail = "" });
	is_written(&b, LIT("N\0\0\0\40SNOTICE\0VNOTICE\0C00000\0Mhi\0\0"), "a notice without detail and hint");
	wire_put_auth(&b, WIRE_AUTH_OK, NULL, 0);
	is_written(&b, LIT("R\0\0\0\10\0\0\0\0"), "AuthenticationOk");
	wire_put_auth(&b, WIRE_AUTH_CLEARTEXT, NULL, 0);
	is_written(&b, LIT("R\0\0\0\10\0\0\0\3"), "AuthenticationCleartextPassword");
	wire_put_auth(&b, WIRE_AUTH_SASL_CONTINUE, "r=x", 3);
	is_written(&b, LIT("R\0\0\0\13\0\0\0\13r=x"), "AuthenticationSASLContinue");
	wire_put_auth(&b, WIRE_AUTH_SASL_FINAL, "v=x", 3);
	is_written(&b, LIT("R\0\0\0\13\0\0\0\14v=x"), "AuthenticationSASLFinal");
	wire_put_auth_sasl(&b, mechanisms, 2);
	is_written(&b, LIT("R\0\0\0\52\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), "AuthenticationSASL");
	wire_put_parameter_status(&b, "TimeZone", "UTC");
	is_written(&b, LIT("S\0\0\0\21TimeZone\0UTC\0"), "ParameterStatus");
	wire_put_backend_key(&b, 513, "\1\2\3\4", 4);
	is_written(&b, LIT("K\0\0\0\14\0\0\2\1\1\2\3\4"), "BackendKeyData");
	wire_put_ready(&b, 'T');
	is_written(&b, LIT("Z\0\0\0\5T"), "ReadyForQuery");
	wire_put_negotiate(&b, WIRE_PROTOCOL_3_0, options, 2);
	is_written(&b, LIT("v\0\0\0\32\0\3\0\0\0\0\0\2_pq_.a\0_pq_.b\0"), "NegotiateProtocolVersion");
	wire_put_negotiate(&b, WIRE_PROTOCOL_3_0, NULL, 0);
	is_written(&b, LIT("v\0\0\0\14\0\3\0\0\0\0\0\0"), "without options");
	buf_free(&b);
}

int
main(void)
{
	test_all();
	test_error();
	test_complete();
	test_status();
	test_descriptions();
	test_row();
	test_writers();
	return tap_done();
}
