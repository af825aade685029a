/*
 * The client's messages that are looked into. A message is either read to its last
 * byte or refused: what the target would read differently must not pass as read.
 * Of a message that is too large to hold only the beginning is here; names must be in it.
 */
#include "wire/wire_client.h"

#include <string.h>

#define NULL_LENGTH	0xffffffffu	/* -1 */
#define LENGTH_MAX	0x7fffffffu

int
wire_query(struct slice body, bool partial, struct wire_query *out)
{
	const unsigned char	*nul = body.n ? memchr(body.p, 0, body.n) : NULL;

	memset(out, 0, sizeof(*out));
	out->text = body;
	out->cut = partial;
	if (partial)
		return nul == NULL ? 0 : -1;	/* the NUL is the last byte, and that is not here */
	if (nul == NULL || nul != body.p + body.n - 1)
		return -1;
	out->text.n--;
	return 0;
}

int
wire_parse(struct slice body, bool partial, struct wire_parse *out)
{
	struct reader		r = reader_init(body.p, body.n);
	const unsigned char	*nul;
	unsigned		ntypes;

	memset(out, 0, sizeof(*out));
	out->name = reader_cstr(&r);
	if (r.failed)
		return -1;
	nul = r.left ? memchr(r.p, 0, r.left) : NULL;
	if (nul == NULL) {
		out->text = (struct slice){ r.p, r.left };
		out->cut = true;
		return partial ? 0 : -1;
	}
	out->text = reader_bytes(&r, (size_t)(nul - r.p));
	reader_u8(&r);
	ntypes = reader_u16(&r);
	if (partial) {
		/* Bytes are missing, so the types are what is cut. */
		out->cut = true;
		return r.failed || r.left < ntypes * 4 ? 0 : -1;
	}
	if (r.failed || r.left != ntypes * 4)
		return -1;
	out->ntypes = ntypes;
	out->types = r;
	return 0;
}

/* Takes n format codes; false when one is missing. What they mean is the server's to judge. */
static bool
client_formats(struct reader *r, unsigned n)
{
	reader_bytes(r, n * 2u);
	return !r->failed;
}

/*
 * Takes what Bind and FunctionCall have in common, format codes and values, and leaves *r behind
 * them. Where a partial body ends before they do, `cut` is set and all of *r is taken.
 */
static int
client_values(struct reader *r, bool partial, struct wire_bind *out)
{
	unsigned	nformats = reader_u16(r);

	if (r->failed || r->left < nformats * 2 + 2) {
		out->cut = true;
		r->left = 0;
		return partial ? 0 : -1;
	}
	out->nformats = nformats;
	out->formats = reader_init(r->p, nformats * 2);
	client_formats(r, nformats);
	out->nparams = reader_u16(r);
	out->values = *r;
	for (unsigned i = 0; i < out->nparams; i++) {
		uint32_t	length = reader_u32(r);

		if (!r->failed && length == NULL_LENGTH)
			continue;
		if (!r->failed && length > LENGTH_MAX)
			return -1;
		if (r->failed || length > r->left) {
			out->cut = true;
			r->left = 0;
			return partial ? 0 : -1;
		}
		reader_bytes(r, length);
	}
	return 0;
}

int
wire_bind(struct slice body, bool partial, struct wire_bind *out)
{
	struct reader	r = reader_init(body.p, body.n);

	memset(out, 0, sizeof(*out));
	out->portal = reader_cstr(&r);
	out->statement = reader_cstr(&r);
	if (r.failed || client_values(&r, partial, out) != 0)
		return -1;
	if (partial)
		return 0;
	out->results_known = true;
	out->nresults = reader_u16(&r);
	out->results = r;
	return client_formats(&r, out->nresults) && reader_done(&r) ? 0 : -1;
}

int
wire_bind_next(struct wire_bind *b, struct wire_value *v)
{
	uint32_t	length;

	memset(v, 0, sizeof(*v));
	v->bytes.p = (const unsigned char *)"";
	if (b->at >= b->nparams)
		return 0;
	length = reader_u32(&b->values);
	if (b->values.failed) {
		b->at = b->nparams;
		return 0;
	}
	b->at++;
	/* No format code stands for text, one for all values. */
	if (b->nformats > 0) {
		struct reader	only = b->formats;

		/* too few of them is the server's error: then the rest counts as text here */
		v->binary = reader_u16(b->nformats == 1 ? &only : &b->formats) != 0;
	}
	if (length == NULL_LENGTH) {
		v->null = true;
		return 1;
	}
	v->cut = length > b->values.left;
	v->bytes = reader_bytes(&b->values, v->cut ? b->values.left : length);
	return 1;
}

int
wire_target(struct slice body, struct wire_target *out)
{
	struct reader	r = reader_init(body.p, body.n);

	memset(out, 0, sizeof(*out));
	out->kind = (char)reader_u8(&r);
	out->name = reader_cstr(&r);
	return reader_done(&r) && (out->kind == 'S' || out->kind == 'P') ? 0 : -1;
}

int
wire_execute(struct slice body, struct wire_execute *out)
{
	struct reader	r = reader_init(body.p, body.n);

	memset(out, 0, sizeof(*out));
	out->portal = reader_cstr(&r);
	out->max_rows = reader_u32(&r);
	return reader_done(&r) ? 0 : -1;
}

int
wire_function(struct slice body, bool partial, struct wire_function *out)
{
	struct reader	r = reader_init(body.p, body.n);

	memset(out, 0, sizeof(*out));
	out->oid = reader_u32(&r);
	if (r.failed || client_values(&r, partial, &out->arguments) != 0)
		return -1;
	if (partial)
		return 0;
	return client_formats(&r, 1) && reader_done(&r) ? 0 : -1;
}

int
wire_password(struct slice body, const char **password)
{
	struct reader	r = reader_init(body.p, body.n);

	*password = reader_cstr(&r);
	return reader_done(&r) ? 0 : -1;
}

int
wire_sasl_initial(struct slice body, const char **mechanism, struct slice *data)
{
	struct reader	r = reader_init(body.p, body.n);
	uint32_t	length;

	*mechanism = reader_cstr(&r);
	length = reader_u32(&r);
	*data = (struct slice){ NULL, 0 };
	if (!r.failed && length != NULL_LENGTH)
		*data = reader_bytes(&r, length);
	return reader_done(&r) ? 0 : -1;
}

void
wire_put_query(struct buf *b, const char *sql)
{
	size_t	at = wire_begin(b, WIRE_QUERY);

	buf_put_cstr(b, sql);
	wire_end(b, at);
}

void
wire_put_parse(struct buf *b, const char *name, const char *sql)
{
	size_t	at = wire_begin(b, WIRE_PARSE);

	buf_put_cstr(b, name);
	buf_put_cstr(b, sql);
	buf_put_u16(b, 0);
	wire_end(b, at);
}

void
wire_put_close(struct buf *b, char kind, const char *name)
{
	size_t	at = wire_begin(b, WIRE_CLOSE);

	buf_put_u8(b, (uint8_t)kind);
	buf_put_cstr(b, name);
	wire_end(b, at);
}

void
wire_put_whole(struct buf *b, const char *name, const char *sql)
{
	size_t	at;

	wire_put_parse(b, name, sql);
	at = wire_begin(b, WIRE_BIND);
	buf_put_cstr(b, name);
	buf_put_cstr(b, name);
	/* no formats, no parameters, no formats of results */
	for (int i = 0; i < 3; i++)
		buf_put_u16(b, 0);
	wire_end(b, at);
	at = wire_begin(b, WIRE_EXECUTE);
	buf_put_cstr(b, name);
	buf_put_u32(b, 0);
	wire_end(b, at);
	wire_put_close(b, 'P', name);
	wire_put_close(b, 'S', name);
}

void
wire_put_sync(struct buf *b)
{
	wire_end(b, wire_begin(b, WIRE_SYNC));
}

void
wire_put_copy_fail(struct buf *b, const char *why)
{
	size_t	at = wire_begin(b, WIRE_COPY_FAIL);

	buf_put_cstr(b, why);
	wire_end(b, at);
}

void
wire_put_flush(struct buf *b)
{
	wire_end(b, wire_begin(b, WIRE_FLUSH));
}

void
wire_put_terminate(struct buf *b)
{
	wire_end(b, wire_begin(b, WIRE_TERMINATE));
}
