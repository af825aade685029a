/*
 * Writers of the messages DBBat sends to its client in the server's place.
 */
#include "wire/wire_server.h"

static void
put_field(struct buf *b, unsigned char field, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_put_u8(b, field);
	buf_put_cstr(b, value);
}

static void
put_report(struct buf *b, unsigned char type, const struct wire_report *r)
{
	size_t	at = wire_begin(b, type);

	put_field(b, 'S', r->severity);
	put_field(b, 'V', r->severity);
	put_field(b, 'C', r->sqlstate);
	put_field(b, 'M', r->message);
	put_field(b, 'D', r->detail);
	put_field(b, 'H', r->hint);
	buf_put_u8(b, 0);
	wire_end(b, at);
}

void
wire_put_error(struct buf *b, const struct wire_report *r)
{
	put_report(b, WIRE_ERROR, r);
}

void
wire_put_notice(struct buf *b, const struct wire_report *r)
{
	put_report(b, WIRE_NOTICE, r);
}

void
wire_put_auth(struct buf *b, uint32_t code, const void *data, size_t n)
{
	size_t	at = wire_begin(b, WIRE_AUTHENTICATION);

	buf_put_u32(b, code);
	buf_put(b, data, n);
	wire_end(b, at);
}

void
wire_put_auth_sasl(struct buf *b, const char *const *mechanisms, int n)
{
	size_t	at = wire_begin(b, WIRE_AUTHENTICATION);

	buf_put_u32(b, WIRE_AUTH_SASL);
	for (int i = 0; i < n; i++)
		buf_put_cstr(b, mechanisms[i]);
	buf_put_u8(b, 0);
	wire_end(b, at);
}

void
wire_put_parameter_status(struct buf *b, const char *name, const char *value)
{
	size_t	at = wire_begin(b, WIRE_PARAMETER_STATUS);

	buf_put_cstr(b, name);
	buf_put_cstr(b, value);
	wire_end(b, at);
}

void
wire_put_backend_key(struct buf *b, uint32_t pid, const void *secret, size_t n)
{
	size_t	at = wire_begin(b, WIRE_BACKEND_KEY);

	buf_put_u32(b, pid);
	buf_put(b, secret, n);
	wire_end(b, at);
}

void
wire_put_command_complete(struct buf *b, const char *tag)
{
	size_t	at = wire_begin(b, WIRE_COMMAND_COMPLETE);

	buf_put_cstr(b, tag);
	wire_end(b, at);
}

void
wire_put_ready(struct buf *b, char status)
{
	size_t	at = wire_begin(b, WIRE_READY);

	buf_put_u8(b, (uint8_t)status);
	wire_end(b, at);
}

void
wire_put_negotiate(struct buf *b, uint32_t newest, const char *const *options, int n)
{
	size_t	at = wire_begin(b, WIRE_NEGOTIATE_VERSION);

	buf_put_u32(b, newest);
	buf_put_u32(b, (uint32_t)n);
	for (int i = 0; i < n; i++)
		buf_put_cstr(b, options[i]);
	wire_end(b, at);
}
