/*
 * The packets without a type byte that open a connection. Nothing here decides
 * who may do what: the names and values of parameters are the caller's business.
 * A packet is not looked into before it is whole, and a length that cannot be
 * one is refused before anybody waits for its bytes.
 */
#include "wire/wire_startup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TLS_HANDSHAKE	0x16	/* the record type of a ClientHello */

/* Request codes in place of a protocol version: major 1234. */
#define CODE_CANCEL	80877102u
#define CODE_SSL	80877103u
#define CODE_GSS	80877104u

#define LENGTH_MIN	8u	/* the length and the code */
#define CANCEL_SECRET_MIN 4u

/* Names with this prefix are protocol extensions, not settings. */
#define OPTION_PREFIX	"_pq_."

static enum wire_startup_kind __attribute__((format(printf, 2, 3)))
startup_bad(struct wire_startup *out, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(out->problem, sizeof(out->problem), fmt, ap);
	va_end(ap);
	out->sqlstate = "08P01";
	return WIRE_STARTUP_BAD;
}

/* Whether the name is known already, among the parameters or the options. */
static bool
startup_has(const struct wire_startup *s, const char *name)
{
	if (wire_startup_param(s, name) != NULL)
		return true;
	for (int i = 0; i < s->noptions; i++)
		if (strcmp(s->options[i], name) == 0)
			return true;
	return false;
}

/* Name and value pairs up to an empty name, which is the last byte. */
static enum wire_startup_kind
startup_params(struct reader *r, struct wire_startup *out)
{
	for (;;) {
		const char	*name = reader_cstr(r);
		const char	*value;

		if (r->failed || name[0] == '\0')
			break;
		value = reader_cstr(r);
		if (r->failed)
			break;
		if (startup_has(out, name))
			return startup_bad(out, "invalid startup packet: a parameter appears twice");
		if (out->nparams + out->noptions == WIRE_STARTUP_PARAMS)
			return startup_bad(out, "invalid startup packet: more than %d parameters", WIRE_STARTUP_PARAMS);
		if (strncmp(name, OPTION_PREFIX, strlen(OPTION_PREFIX)) == 0)
			out->options[out->noptions++] = name;
		else
			out->params[out->nparams++] = (struct wire_param){ name, value };
	}
	if (!reader_done(r))
		return startup_bad(out, "invalid startup packet layout: expected terminator as last byte");
	return WIRE_STARTUP_PACKET;
}

/* For those who speak something else, or ask for what is never answered: PostgreSQL closes without a word. */
static enum wire_startup_kind
startup_bad_length(struct wire_startup *out, const char *of)
{
	startup_bad(out, "invalid length of %s", of);
	out->sqlstate = "";
	return WIRE_STARTUP_BAD;
}

static enum wire_startup_kind
startup_cancel(struct reader *r, struct wire_startup *out)
{
	out->cancel_pid = reader_u32(r);
	if (r->failed || r->left < CANCEL_SECRET_MIN || r->left > WIRE_CANCEL_SECRET_MAX)
		return startup_bad_length(out, "cancel request");
	out->cancel_secret = reader_bytes(r, r->left);
	return WIRE_STARTUP_CANCEL;
}

/* A request that is nothing but its code. */
static enum wire_startup_kind
startup_request(const struct reader *r, enum wire_startup_kind kind, struct wire_startup *out)
{
	return reader_done(r) ? kind : startup_bad(out, "invalid length of an encryption request");
}

enum wire_startup_kind
wire_startup(const void *p, size_t n, struct wire_startup *out)
{
	struct reader	r = reader_init(p, n);
	uint32_t	length, code;

	memset(out, 0, sizeof(*out));
	if (n > 0 && *(const unsigned char *)p == TLS_HANDSHAKE)
		return WIRE_STARTUP_TLS;
	if (n < sizeof(length)) {
		out->need = sizeof(length);
		return WIRE_STARTUP_MORE;
	}
	length = reader_u32(&r);
	if (length < LENGTH_MIN || length > WIRE_STARTUP_MAX)
		return startup_bad_length(out, "startup packet");
	if (n < length) {
		out->need = length;
		return WIRE_STARTUP_MORE;
	}
	out->size = length;
	r.left = length - sizeof(length);	/* what is behind the packet is not its own */

	code = reader_u32(&r);
	switch (code) {
	case CODE_CANCEL:
		return startup_cancel(&r, out);
	case CODE_SSL:
		return startup_request(&r, WIRE_STARTUP_SSL_REQUEST, out);
	case CODE_GSS:
		return startup_request(&r, WIRE_STARTUP_GSS_REQUEST, out);
	}
	if (code >> 16 != WIRE_PROTOCOL_3_0 >> 16) {
		startup_bad(out, "unsupported frontend protocol %u.%u: server supports 3.0 to 3.0",
		    code >> 16, code & 0xffff);
		out->sqlstate = "0A000";
		return WIRE_STARTUP_BAD;
	}
	out->protocol = code;
	return startup_params(&r, out);
}

const char *
wire_startup_param(const struct wire_startup *s, const char *name)
{
	for (int i = 0; i < s->nparams; i++)
		if (strcmp(s->params[i].name, name) == 0)
			return s->params[i].value;
	return NULL;
}
