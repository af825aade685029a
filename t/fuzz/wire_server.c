/*
 * The server's messages: a type byte chooses the reader. Errors that are read are
 * written again and come out the same.
 */
#include <stdlib.h>

#include "wire/wire_server.h"

int	LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_error(struct slice body)
{
	struct wire_error	e, again;
	struct buf		b = { 0 };

	if (wire_error(body, &e) != 0)
		return;
	wire_put_error(&b, &(struct wire_report){ e.severity, e.sqlstate, e.message, e.detail, e.hint });
	if (wire_error((struct slice){ b.data + WIRE_HEADER, b.len - WIRE_HEADER }, &again) != 0 ||
	    strcmp(e.severity, again.severity) != 0 || strcmp(e.sqlstate, again.sqlstate) != 0 ||
	    strcmp(e.message, again.message) != 0 || strcmp(e.detail, again.detail) != 0 ||
	    strcmp(e.hint, again.hint) != 0)
		abort();
	buf_free(&b);
}

static void
walk_columns(struct slice body)
{
	struct wire_columns	c;
	struct wire_column	column;
	unsigned		count = 0;
	int			rc;

	if (wire_row_description(body, &c) != 0)
		return;
	while ((rc = wire_column_next(&c, &column)) == 1)
		count++;
	if ((rc == 0 && count != c.n) || count > c.n)
		abort();
}

static void
walk_row(struct slice body)
{
	struct wire_row	r;
	struct slice	value;
	bool		null;
	size_t		size = 2;
	int		rc;

	if (wire_data_row(body, &r) != 0)
		return;
	while ((rc = wire_field_next(&r, &null, &value)) == 1)
		size += 4 + value.n;
	if ((rc == 0 && size != body.n) || size > body.n)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice	body;
	struct reader	types;
	const char	*text, *value;
	int64_t		rows;
	unsigned	count;
	char		status;

	if (n == 0)
		return 0;
	body = (struct slice){ p + 1, n - 1 };
	switch (p[0]) {
	case WIRE_ERROR:
	case WIRE_NOTICE:
		check_error(body);
		break;
	case WIRE_COMMAND_COMPLETE:
		if (wire_command_complete(body, &text, &rows) == 0 && (rows < -1 || strlen(text) + 1 != body.n))
			abort();
		break;
	case WIRE_READY:
		wire_ready(body, &status);
		break;
	case WIRE_PARAMETER_STATUS:
		if (wire_parameter_status(body, &text, &value) == 0 && strlen(text) + strlen(value) + 2 != body.n)
			abort();
		break;
	case WIRE_PARAMETER_DESCRIPTION:
		if (wire_parameter_description(body, &count, &types) == 0) {
			while (count-- > 0)
				reader_u32(&types);
			if (!reader_done(&types))
				abort();
		}
		break;
	case WIRE_ROW_DESCRIPTION:
		walk_columns(body);
		break;
	case WIRE_DATA_ROW:
		walk_row(body);
		break;
	}
	return 0;
}
