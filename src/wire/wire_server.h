/*
 * Server messages: readers of those that end a statement or change its
 * picture, and writers of those DBBat sends to its client.
 */
#ifndef WIRE_SERVER_H
#define WIRE_SERVER_H

#include "wire/wire.h"

/* --- readers: 0, or -1 when malformed ------------------------------------ */

struct wire_error {			/* ErrorResponse and NoticeResponse; "" when absent */
	const char	*severity;	/* field V, else S: not localised where the server can */
	const char	*sqlstate;
	const char	*message;
	const char	*detail;
	const char	*hint;
	const char	*routine;	/* of the server's source: what SQL cannot forge */
};
int	wire_error(struct slice body, struct wire_error *out);

/*
 * CommandComplete. *rows is the number at the end of the tag ("INSERT 0 5",
 * "SELECT 12", "COPY 7"), or -1 when the tag carries none ("BEGIN").
 */
int	wire_command_complete(struct slice body, const char **tag, int64_t *rows);

int	wire_ready(struct slice body, char *status);	/* 'I', 'T' or 'E' */
int	wire_parameter_status(struct slice body, const char **name, const char **value);

/* ParameterDescription: the count, then n × reader_u32 from types. */
int	wire_parameter_description(struct slice body, unsigned *n, struct reader *types);

/* CopyInResponse and CopyOutResponse: whether the data is in COPY's binary format. */
int	wire_copy_response(struct slice body, bool *binary);

struct wire_column {
	const char	*name;
	uint32_t	 type;		/* OID */
	uint16_t	 format;	/* 0 text, 1 binary */
};
struct wire_columns {
	unsigned	 n;		/* columns */
	struct reader	 left;		/* private */
	unsigned	 at;
};
int	wire_row_description(struct slice body, struct wire_columns *out);
int	wire_column_next(struct wire_columns *c, struct wire_column *out);	/* 1, 0 at the end, -1 malformed */

/* DataRow: like the columns; `null` for a NULL. */
struct wire_row {
	unsigned	 n;
	struct reader	 left;
	unsigned	 at;
};
int	wire_data_row(struct slice body, struct wire_row *out);
int	wire_field_next(struct wire_row *r, bool *null, struct slice *value);	/* 1, 0 at the end, -1 malformed */

/* --- writers ---------------------------------------------------------------- */

struct wire_report {			/* an error or notice of ours; NULL or "" leaves a field out */
	const char	*severity;	/* "ERROR", "FATAL", "WARNING", ... goes to S and V */
	const char	*sqlstate;
	const char	*message;
	const char	*detail;
	const char	*hint;
};
void	wire_put_error(struct buf *b, const struct wire_report *r);
void	wire_put_notice(struct buf *b, const struct wire_report *r);
void	wire_put_auth(struct buf *b, uint32_t code, const void *data, size_t n);	/* AuthenticationXXX */
void	wire_put_auth_sasl(struct buf *b, const char *const *mechanisms, int n);
void	wire_put_parameter_status(struct buf *b, const char *name, const char *value);
void	wire_put_backend_key(struct buf *b, uint32_t pid, const void *secret, size_t n);
void	wire_put_command_complete(struct buf *b, const char *tag);
void	wire_put_ready(struct buf *b, char status);
/* `newest` is a whole version, WIRE_PROTOCOL_3_0: what servers send and libpq reads. */
void	wire_put_negotiate(struct buf *b, uint32_t newest, const char *const *options, int n);

#define WIRE_AUTH_OK			0u
#define WIRE_AUTH_CLEARTEXT		3u
#define WIRE_AUTH_SASL			10u
#define WIRE_AUTH_SASL_CONTINUE		11u
#define WIRE_AUTH_SASL_FINAL		12u

#endif
