/*
 * What a pinned session knows of the target's transaction; session_pin.h tells the story.
 */
#ifndef SESSION_PIN_STATE_H
#define SESSION_PIN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"

struct pin {
	bool		 read;		/* a read grant */
	bool		 on;		/* its transactions are pinned */
	const char	*check;		/* SQL that fails when something was written; by the target's version */
	const char	*unlock;	/* SQL that gives up what locks code of the database has taken; NULL: they are allowed */
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
	bool		 code;		/* ... and may have run code of the database, whose COMMIT would do more */
	bool		 locks;		/* code may have taken locks that outlive the transaction */
	bool		 unchecked;	/* ... and it ended, or may have, without the check, which gives them up */
	uint64_t	 kept[2];	/* the settings among what it keeps */
	bool		 resets;	/* all settings were reset before */
	struct buf	 listens;	/* the LISTENs among it: texts, each with a zero byte behind it */
	bool		 prepared;	/* some statement of the session sets what COMMIT keeps: EXECUTE may run it again */
	uint64_t	 prepared_kept[2];
	/* as it is */
	bool		 stale;		/* a statement of ours may be left over */
	bool		 begun;		/* the target is in a transaction of ours */
	bool		 saving;	/* settings are being read */
	struct buf	 restore;	/* what sets again what was to be kept: texts as above */
};

#endif
