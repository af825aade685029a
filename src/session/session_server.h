/*
 * What the files that walk over the target's messages share: session_server.c and session_failure.c.
 */
#ifndef SESSION_SERVER_H
#define SESSION_SERVER_H

#include "session/session_run.h"

/* The message at walk. */
struct server_message {
	struct wire_header	 h;
	struct slice		 body;		/* whole, unless partial */
	bool			 partial;
	uint64_t		 size;
};

/* The reply answers nothing that is owed: the session ends. */
void	server_lost_track(struct session *s, unsigned char type);
/* The entry the next reply belongs to, or NULL. */
struct pending	*server_head(struct session *s);
/* Lets the message through, or takes it out where entry e is ours. */
void	server_pass(struct session *s, const struct pending *e, const struct server_message *m);
/* The head got its reply. */
void	server_complete(struct session *s);
/* Whether the entry runs something. */
bool	server_is_statement(const struct pending *e);
/* The Syncs inside COPY data were ignored: COPY read on behind them. */
void	server_forget_syncs(struct session *s);

/* session_failure.c: an ErrorResponse. */
void	server_error(struct session *s, const struct server_message *m);

#endif
