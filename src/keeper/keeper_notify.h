/*
 * What reaches a live session from outside: revocation, expiry, change of user or
 * database, an administrator.
 */
#ifndef KEEPER_NOTIFY_H
#define KEEPER_NOTIFY_H

#include "keeper/keeper_state.h"

struct session;

void	notify_init(struct keeper *k);

/* "grant N", "user N", "database N", "connection N" or "cancel ..." on the channel dbbat. */
void	notify_heard(struct keeper *k, const char *payload);

/* Whether this session may go on is to be asked of storage; it may be unanswered until then. */
void	notify_check(struct session *s);

/* Notifications may have been missed: every session is checked. */
void	notify_check_all(struct keeper *k);

/* Tells the session once to end, for this reason (a word of keeper_check.sql). */
void	notify_terminate(struct session *s, const char *reason);

#endif
