/*
 * One journal that may have lost its owner.
 */
#ifndef JANITOR_ORPHAN_H
#define JANITOR_ORPHAN_H

#include "janitor/janitor_state.h"

enum janitor_orphan {
	JANITOR_DONE,		/* there is nothing more to do about it */
	JANITOR_LATER,		/* its owner lives */
	JANITOR_UNREADABLE,	/* err says why; it is left as it is */
	JANITOR_FAILED,		/* storage does not take it now; err says why */
	JANITOR_AWAY		/* storage is away; err says why */
};

/*
 * Ships what is in it over j->line, gives statements without an outcome and a connection without an end
 * theirs, settles its leases, and removes it. One that
 * is damaged, or belongs to no connection of this storage, is set aside with an error in the log.
 */
enum janitor_orphan	janitor_orphan_ship(struct janitor *j, const char *path, struct error *err);

#endif
