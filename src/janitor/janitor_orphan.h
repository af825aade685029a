/*
 * Journals that may have lost their owner.
 */
#ifndef JANITOR_ORPHAN_H
#define JANITOR_ORPHAN_H

#include "janitor/janitor_state.h"
#include "record/record_journal.h"
#include "record/record_source.h"

enum janitor_orphan {
	JANITOR_DONE,		/* there is nothing more to do about it */
	JANITOR_LATER,		/* its owner lives */
	JANITOR_UNREADABLE,	/* err says why; it is left as it is */
	JANITOR_FAILED,		/* storage does not take it now; err says why */
	JANITOR_AWAY		/* storage is away; err says why */
};

struct orphan {
	char			*path;		/* the caller's */
	enum janitor_orphan	 rc;		/* what has become of it */
	struct error		 err;
	/* while it is shipped: */
	struct record_adopted	 adopted;	/* journal NULL: it is not */
	struct record_source	 source;
};

/*
 * Ships what is in them over j->line, all together, gives statements without an outcome and connections without an end
 * theirs, settles their leases, and removes them. One that is damaged, or belongs to no connection of this storage, is set
 * aside with an error in the log. Where one of them is not taken, others may fail with it: each is tried again alone.
 */
void	janitor_orphans_ship(struct janitor *j, struct orphan *orphans, size_t n);

#endif
