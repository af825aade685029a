/*
 * Under a read grant no statement runs but in a transaction that is read-only and that is checked, before
 * it ends, to have written nothing. Messages of our own do that, between the client's and
 * in the same packet:
 *
 *	outside a block		BEGIN READ ONLY, the client's messages up to Sync (or a Query), the check, ROLLBACK
 *	a client's BEGIN	... SET TRANSACTION READ ONLY
 *	a client's COMMIT	the check, then ROLLBACK, and the client is told COMMIT
 *
 * A COMMIT does more than keep what was written: it runs cursors WITH HOLD, sends notifications, and commits on
 * foreign servers. So one takes place only where nothing but settings ran. Settings that are to
 * outlive a transaction with more in it are read before the ROLLBACK, and set again behind it.
 *
 * No Sync stands between them, so when one fails the target skips the rest: nothing ends a transaction
 * that was not checked. How a group (up to Sync) ends decides what goes around the next, so that waits for the
 * ReadyForQuery. What a name stands for is not believed, code in the database may have changed it: transaction
 * control and settings are executed by their text.
 *
 * Where the keeper has said that the target's role cannot write (read_pinning = auto), none of this is done but
 * to see that the server reads strings as we do, and to watch its ParameterStatus.
 */
#ifndef SESSION_PIN_H
#define SESSION_PIN_H

#include "session/session_run.h"

/* The target is connected. `superuser` and `role`: what it reports of the session, or NULL; they outlive it. */
void	pin_start(struct session *s, int version, const char *superuser, const char *role);

/* True: the message at walk must wait for its turn; the hold is set. */
bool	pin_waits(struct session *s, unsigned char type);

/* May a statement with this effect run where it is? Fills *v with the refusal if not. */
void	pin_judge(struct session *s, const struct policy_effect *e, struct policy_verdict *v);

/* A Query or FunctionCall is about to pass. True: `other` is to be sent in its place; *retag: its tag, if another. */
bool	pin_query(struct session *s, const struct policy_effect *e, struct slice text, struct buf *other,
	    const char **retag);
/* It was sent, or what stands in for it, and its entry is the last; e is NULL where nothing of the client's runs. */
void	pin_query_end(struct session *s, const struct policy_effect *e);

/*
 * A Parse, Bind or Describe is about to pass. `text` of a Parse, else empty. `code`: it may run code of the database,
 * as the check of a domain does when a constant or a parameter is read.
 */
void	pin_prepare(struct session *s, struct slice text, bool code);
#define PIN_HIDDEN	"ROLLBACK TO dbbat_pin"		/* there is no such savepoint */
/*
 * Whether the Parse of such a statement is forwarded as one of PIN_HIDDEN: that replies as it would, and is what SQL's
 * EXECUTE, also in code of the database, finds under the name. pin_execute sends the statement itself.
 */
bool	pin_hides(const struct session *s, const struct policy_effect *e);
/*
 * An Execute of `portal` is about to pass. True: its statement was sent in its place, by `text`, with the entry of r;
 * the message is to be taken out.
 */
bool	pin_execute(struct session *s, const struct policy_effect *e, const char *portal, const char *text, struct run *r);
/* A Sync is about to pass. */
void	pin_sync(struct session *s);

/* --- replies --- */

/* The client's statement of this entry has ended: is it for the check to say how? */
bool	pin_holds(const struct session *s, const struct pending *e);
/* The one row of an OWN_SAVE. */
void	pin_saved(struct session *s, struct slice row);
/* An Execute of ours is complete. */
void	pin_executed(struct session *s, const struct pending *e);
/* The target reported an error. */
void	pin_error(struct session *s);
/* Whether its failure is the client's to hear: not pinned, the only statement of ours asks what the client's would have. */
bool	pin_tells(const struct session *s, const char *sqlstate);
/* A statement of ours failed. The session ends, unless that was to be expected. */
void	pin_failed(struct session *s, const struct pending *e, const char *sqlstate);
/* ReadyForQuery. True: it is not the client's, a transaction of ours must be ended first. */
bool	pin_ready(struct session *s, char status);
/* ParameterStatus. */
void	pin_parameter(struct session *s, const char *name, const char *value);

/* Wipes what is left over at the end. */
void	pin_free(struct session *s);

#endif
