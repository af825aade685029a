/*
 * What a pinned session knows of the target's transaction; session_pin.h tells the story.
 */
#ifndef SESSION_PIN_STATE_H
#define SESSION_PIN_STATE_H

#include <stdbool.h>

struct pin {
	bool		 read;		/* a read grant */
	bool		 on;		/* its transactions are pinned */
	const char	*check;		/* SQL that fails when something was written; by the target's version */
	const char	*superuser;	/* is_superuser and session_authorization as they were at login */
	const char	*role;
	/* as it will be when the target has worked through what was sent, if nothing fails */
	char		 status;	/* of the client's transaction: 'I' none, 'T', 'E' failed */
	bool		 group;		/* messages were sent, and no Sync behind them yet */
	bool		 waiting;	/* a group is complete, its ReadyForQuery is owed */
	bool		 own;		/* a transaction of ours is around the client's messages */
	bool		 used;		/* ... with a statement of this group in it */
	bool		 loose;		/* a statement of this group was run outside, no Sync yet */
	bool		 keep;		/* the transaction holds what its COMMIT would keep */
	bool		 prepared;	/* some statement of the session sets what COMMIT keeps: EXECUTE may run it again */
	/* as it is */
	bool		 stale;		/* a statement of ours may be left over */
	bool		 begun;		/* the target is in a transaction of ours */
};

#endif
