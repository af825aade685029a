/*
 * The messages of SCRAM (RFC 5802 section 7), server side. Every attribute is
 * bounded: nonce at most 256 bytes, printable ASCII without comma.
 */
#ifndef WIRE_SCRAM_H
#define WIRE_SCRAM_H

#include "wire/wire.h"

#define WIRE_SCRAM_PROOF	32
#define WIRE_SCRAM_NONCE_MAX	256
#define WIRE_SCRAM_MESSAGE_MAX	1024	/* bytes of a client's message; PostgreSQL's bound */

struct wire_scram_first {
	char		 gs2_flag;	/* 'n', 'y', or 'p' (then binding_type) */
	struct slice	 binding_type;	/* "tls-server-end-point" */
	struct slice	 gs2_header;	/* "n,," with the commas */
	struct slice	 bare;		/* client-first-message-bare */
	struct slice	 nonce;
};
/*
 * An authzid and a mandatory extension (m=) are malformed, other extensions are
 * passed over, here and in the final message. 0 or -1.
 */
int	wire_scram_first(struct slice message, struct wire_scram_first *out);

struct wire_scram_final {
	struct slice	 binding;	/* value of c=, still base64 */
	struct slice	 nonce;		/* client and server nonce */
	struct slice	 without_proof;
	unsigned char	 proof[WIRE_SCRAM_PROOF];
};
int	wire_scram_final(struct slice message, struct wire_scram_final *out);

/*
 * Checks c= of the final message: base64 of the gs2 header, followed by the
 * channel binding data when the flag was 'p'.
 */
bool	wire_scram_binding_ok(const struct wire_scram_first *first, const struct wire_scram_final *final,
	    struct slice channel_binding);

/* "r=<client nonce><server nonce>,s=<base64 salt>,i=<iterations>" */
void	wire_put_scram_first(struct buf *b, struct slice client_nonce, const char *server_nonce,
	    struct slice salt, uint32_t iterations);
/* "v=<base64 signature>" */
void	wire_put_scram_final(struct buf *b, const unsigned char signature[32]);

/* AuthMessage = client-first-bare "," server-first "," client-final-without-proof */
void	wire_put_scram_auth_message(struct buf *b, struct slice client_first_bare,
	    struct slice server_first, struct slice without_proof);

#endif
