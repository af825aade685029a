/*
 * A statement on its way: from its record before it is forwarded to its
 * outcome when the reply is complete.
 */
#ifndef SESSION_RUN_H
#define SESSION_RUN_H

#include "session/session_capture.h"
#include "session/session_state.h"
#include "wire/wire_client.h"
#include "wire/wire_server.h"

struct run {
	uint64_t	 seq;
	int64_t		 started_us;	/* monotonic */
	int64_t		 executed_us;	/* wall clock: as in its record */
	uint64_t	 bytes;
	int64_t		 rows;		/* of the tags; -1: none carried a number */
	uint64_t	 rows_seen;
	struct buf	 tags;
	enum record_status status;
	char		 sqlstate[6];
	char		*message;
	unsigned	 charged;	/* what it took from the quota of statements */
	unsigned	 ended;		/* statements of it that have */
	bool		 captures;	/* its results are kept */
	struct capture	 capture;
	struct named	*portal;	/* bound: reference to the portal it is of */
	/* held or bound */
	struct run	*next;
	int64_t		 duration_us;	/* -1: it has not ended */
};

/* What a refused statement's client is told in place of the target's error. */
struct refusal {
	char	sqlstate[6];
	char	message[256];
	char	hint[256];
};

struct refusal	*refusal_new(const char *sqlstate, const char *message, const char *hint);

/*
 * Records the start of a statement. NULL, with err, when it cannot be recorded:
 * then it must not be forwarded. bind may be NULL.
 */
struct run	*run_start(struct session *s, struct slice text, bool text_cut,
		    const struct named *portal, struct error *err);

/* Its outcome is known: records it and frees the run. */
void	run_finish(struct session *s, struct run *r);
/*
 * A Bind is a statement on its way: the target plans, and runs functions for that. Its record is that of the portal's first
 * Execute, if one comes before the Sync behind the Bind is answered; else it has an end of its own.
 */
void	run_bound(struct session *s, struct run *r, struct named *portal);	/* BindComplete */
struct run	*run_of_bind(struct session *s, struct named *portal);	/* for an Execute; NULL: it needs one of its own */
void	run_unexecuted(struct session *s);	/* ReadyForQuery, or the end: no Execute has come */

/* It has ended, but its outcome is for the pin to say; until then only a little of it is kept. */
void	run_hold(struct session *s, struct run *r);
/* Records and frees all that are held; those that went well as failed, if there is a message. */
void	run_release(struct session *s, const char *sqlstate, const char *message);

/* Notes that it failed, unless that is known already. */
void	run_fail(struct run *r, enum record_status status, const char *sqlstate, const char *message);
/* The same by an error of the target: cancelled, or failed. */
void	run_fail_by(struct run *r, const struct wire_error *e);

#endif
