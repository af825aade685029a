/*
 * Readers of the client's messages that are looked into. Each takes the body
 * (behind the header) and returns 0, or -1 when it is malformed: when its layout is broken, so
 * that the server cannot read it either. Whether counts and codes make sense is the server's to say.
 *
 * `partial`: the body is only the first part of a message too large to hold. Then what
 * is missing is not an error: text is as much as there is and the flag
 * `cut` tells. Names that are not whole are an error all the same.
 */
#ifndef WIRE_CLIENT_H
#define WIRE_CLIENT_H

#include "wire/wire.h"

struct wire_query {
	struct slice	 text;		/* without the NUL */
	bool		 cut;
};
int	wire_query(struct slice body, bool partial, struct wire_query *out);

struct wire_parse {
	const char	*name;		/* "" is the unnamed statement */
	struct slice	 text;
	bool		 cut;		/* text or types are not whole; ntypes is 0 */
	unsigned	 ntypes;
	struct reader	 types;		/* ntypes × reader_u32: OIDs */
};
int	wire_parse(struct slice body, bool partial, struct wire_parse *out);

struct wire_bind {
	const char	*portal;
	const char	*statement;
	unsigned	 nparams;
	bool		 cut;		/* values end early: walk with wire_bind_next until it says so */
	bool		 results_known;	/* the two below are the message's: not of a partial body */
	unsigned	 nresults;
	struct reader	 results;	/* format codes of the result: nresults × reader_u16 */
	unsigned	 nformats;
	struct reader	 formats;	/* private to wire_bind_next */
	struct reader	 values;
	unsigned	 at;
};
int	wire_bind(struct slice body, bool partial, struct wire_bind *out);

struct wire_value {
	bool		 null;
	bool		 binary;
	bool		 cut;		/* fewer bytes than its length says (partial body) */
	struct slice	 bytes;
};
/* The next parameter: 1, or 0 at the end (or where a cut body ends). */
int	wire_bind_next(struct wire_bind *b, struct wire_value *v);

/* Describe and Close: 'S' statement or 'P' portal. */
struct wire_target {
	char		 kind;
	const char	*name;
};
int	wire_target(struct slice body, struct wire_target *out);

struct wire_execute {
	const char	*portal;
	uint32_t	 max_rows;
};
int	wire_execute(struct slice body, struct wire_execute *out);

struct wire_function {
	uint32_t	 oid;
	struct wire_bind arguments;	/* for wire_bind_next */
};
int	wire_function(struct slice body, bool partial, struct wire_function *out);

/* 'p' during login: a cleartext password, or the first or later SASL message. */
int	wire_password(struct slice body, const char **password);
/* data->p is NULL where the client sent no first message with the name (length -1). */
int	wire_sasl_initial(struct slice body, const char **mechanism, struct slice *data);

/* Writers of messages the session itself sends to a target. */
void	wire_put_query(struct buf *b, const char *sql);
void	wire_put_parse(struct buf *b, const char *name, const char *sql);
/* A statement from Parse to Close; statement and portal have this name meanwhile. No Sync. */
void	wire_put_whole(struct buf *b, const char *name, const char *sql);
void	wire_put_close(struct buf *b, char kind, const char *name);
void	wire_put_sync(struct buf *b);
void	wire_put_copy_fail(struct buf *b, const char *why);
void	wire_put_flush(struct buf *b);
void	wire_put_terminate(struct buf *b);

#endif
