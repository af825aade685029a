/*
 * What the files that walk over the client's messages share: session_client.c, session_command.c,
 * session_gate.c.
 */
#ifndef SESSION_CLIENT_H
#define SESSION_CLIENT_H

#include "session/session_run.h"

/* The message at walk. */
struct client_message {
	struct wire_header	 h;
	struct slice		 body;		/* what of it is there */
	bool			 partial;
	uint64_t		 size;		/* header included */
};

/* --- session_command.c: each takes the message at walk, or leaves it there and sets the hold. --- */

void	client_query(struct session *s, const struct client_message *m);
void	client_function(struct session *s, const struct client_message *m);
void	client_parse(struct session *s, const struct client_message *m);
void	client_bind(struct session *s, const struct client_message *m);
void	client_describe(struct session *s, const struct client_message *m);
void	client_close(struct session *s, const struct client_message *m);
void	client_execute(struct session *s, const struct client_message *m);

/* --- session_gate.c ------------------------------------------------------------------------- */

/* Replaces a message that cannot be read, and owes its error. */
void	client_malformed(struct session *s, const struct client_message *m, enum pending_kind kind);
/* Forwards one that names what exists, and cannot be read. */
void	client_unreadable(struct session *s, const struct client_message *m, enum pending_kind kind);
/* Replaces a message, owes the refusal, and records it in r unless that is NULL. */
void	client_refuse(struct session *s, const struct client_message *m, enum pending_kind kind,
    const struct policy_verdict *v, struct run *r);
/* Fills *v with the refusal for lack of a record. */
void	client_unrecorded(const struct session *s, struct policy_verdict *v);
/* Whether the text may have a COPY FROM STDIN in it. */
bool	client_may_copy(struct slice text, bool cut);
/* Whether the target reads COPY data now, for all that is known. */
bool	client_in_copy(const struct session *s);
/* True: the message at walk must wait for how a COPY goes; the hold is set. */
bool	client_waits_for_copy(struct session *s);
/* True: ... for what a name stands for. */
bool	client_waits_for_name(struct session *s, const struct map *map, const char *name, const struct named *n);
/* A statement that is about to run: verdict, quota, record, and on. */
void	client_run(struct session *s, const struct client_message *m, enum pending_kind kind, struct slice text,
    bool text_cut, struct named *portal, struct policy_verdict *v);

#endif
