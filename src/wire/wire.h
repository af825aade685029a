/*
 * PostgreSQL frontend/backend protocol 3: framing and constants
 * (PostgreSQL documentation, chapter "Frontend/Backend Protocol").
 * wire/ is pure: bytes in, values out, no descriptor, no clock, no allocation but in
 * struct buf. Slices and strings point into the bytes given.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "base/base_reader.h"

#define WIRE_PROTOCOL_3_0	0x00030000u
#define WIRE_STARTUP_MAX	10004u	/* the whole packet: PostgreSQL's MAX_STARTUP_PACKET_LENGTH and the length word */
#define WIRE_HEADER		5u	/* type byte and length */

/* Message types from the client. */
enum wire_client_type {
	WIRE_QUERY = 'Q', WIRE_PARSE = 'P', WIRE_BIND = 'B', WIRE_DESCRIBE = 'D', WIRE_EXECUTE = 'E',
	WIRE_CLOSE = 'C', WIRE_FLUSH = 'H', WIRE_SYNC = 'S', WIRE_FUNCTION_CALL = 'F',
	WIRE_COPY_DATA = 'd', WIRE_COPY_DONE = 'c', WIRE_COPY_FAIL = 'f', WIRE_PASSWORD = 'p',
	WIRE_TERMINATE = 'X'
};

/* Message types from the server. */
enum wire_server_type {
	WIRE_AUTHENTICATION = 'R', WIRE_PARAMETER_STATUS = 'S', WIRE_BACKEND_KEY = 'K',
	WIRE_READY = 'Z', WIRE_ROW_DESCRIPTION = 'T', WIRE_DATA_ROW = 'D', WIRE_COMMAND_COMPLETE = 'C',
	WIRE_EMPTY_QUERY = 'I', WIRE_PORTAL_SUSPENDED = 's', WIRE_PARSE_COMPLETE = '1',
	WIRE_BIND_COMPLETE = '2', WIRE_CLOSE_COMPLETE = '3', WIRE_NO_DATA = 'n',
	WIRE_PARAMETER_DESCRIPTION = 't', WIRE_ERROR = 'E', WIRE_NOTICE = 'N', WIRE_NOTIFICATION = 'A',
	WIRE_COPY_IN = 'G', WIRE_COPY_OUT = 'H', WIRE_COPY_BOTH = 'W', WIRE_FUNCTION_RESULT = 'V',
	WIRE_NEGOTIATE_VERSION = 'v', WIRE_COPY_DATA_OUT = 'd', WIRE_COPY_DONE_OUT = 'c'
};

/* The header of a message with a type byte. */
struct wire_header {
	unsigned char	type;
	uint32_t	body;	/* bytes behind the header: the length field less 4 */
};

/*
 * Reads a header at p. 1: *h is filled; 0: fewer than WIRE_HEADER bytes; -1: the length is
 * below 4 or above 1 GiB, the stream cannot be followed any more.
 */
static inline int
wire_header(const unsigned char *p, size_t n, struct wire_header *h)
{
	uint32_t	len;

	if (n < WIRE_HEADER)
		return 0;
	len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	if (len < 4 || len > 0x3fffffff + 4u)
		return -1;
	h->type = p[0];
	h->body = len - 4;
	return 1;
}

/* Starts a message in b; wire_end(b, at) sets its length. Returns `at`. */
size_t	wire_begin(struct buf *b, unsigned char type);
void	wire_end(struct buf *b, size_t at);

#endif
