/*
 * What comes before a session: SSLRequest, GSSENCRequest, CancelRequest, and the startup packet.
 */
#ifndef WIRE_STARTUP_H
#define WIRE_STARTUP_H

#include "wire/wire.h"

enum wire_startup_kind {
	WIRE_STARTUP_MORE,	/* incomplete: read on, up to `need` bytes in all */
	WIRE_STARTUP_BAD,	/* not the protocol; `problem` says why */
	WIRE_STARTUP_TLS,	/* first byte 0x16: direct TLS; nothing consumed */
	WIRE_STARTUP_SSL_REQUEST,
	WIRE_STARTUP_GSS_REQUEST,
	WIRE_STARTUP_CANCEL,
	WIRE_STARTUP_PACKET
};

#define WIRE_STARTUP_PARAMS	64
#define WIRE_CANCEL_SECRET_MAX	256

struct wire_param {
	const char	*name;
	const char	*value;
};

struct wire_startup {
	size_t		 size;		/* bytes of the packet, when it is whole */
	size_t		 need;		/* MORE: bytes wanted in all */
	char		 problem[96];	/* BAD: for the log and the client; none of the client's bytes */
	const char	*sqlstate;	/* BAD: 0A000 for another protocol, 08P01, or "": nothing is said */
	uint32_t	 protocol;	/* PACKET: as asked, 3.x */
	struct wire_param params[WIRE_STARTUP_PARAMS];	/* PACKET: without _pq_.* */
	int		 nparams;
	const char	*options[WIRE_STARTUP_PARAMS];	/* PACKET: names of _pq_.* parameters, all unknown to us */
	int		 noptions;
	uint32_t	 cancel_pid;	/* CANCEL */
	struct slice	 cancel_secret;	/* CANCEL: 4 to 256 bytes */
};

/*
 * Looks at the first bytes of a connection (or those behind an answered
 * request). Lengths are checked as soon as four bytes are there. A parameter
 * that comes twice, more than WIRE_STARTUP_PARAMS and a
 * protocol major other than 3 are BAD (the problem text names which).
 */
enum wire_startup_kind	wire_startup(const void *p, size_t n, struct wire_startup *out);

/* The value of a parameter, or NULL. */
const char	*wire_startup_param(const struct wire_startup *s, const char *name);

#endif
