/*
 * The quotas of the grant, as far as this session has leased from them. Pure.
 */
#ifndef SESSION_LIMIT_H
#define SESSION_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit_quota {
	bool		limited;
	uint64_t	max;		/* what the grant has, for all its sessions together */
	uint64_t	left;		/* leased and not used */
	uint64_t	used;		/* taken and not returned, since the session began */
	uint64_t	asked;		/* a request for so much is under way; 0: none */
	bool		answered;	/* the last answer was nothing, and has not been looked at */
};

struct limit {
	struct limit_quota	queries, bytes;
	bool			failed;	/* the last answer: nothing leased, storage is away */
};

enum limit_answer {
	LIMIT_OK,		/* taken */
	LIMIT_ASK,		/* ask the keeper, then wait */
	LIMIT_WAIT,		/* asked already */
	LIMIT_EXHAUSTED,	/* the quota is used up */
	LIMIT_UNKNOWN		/* storage is away: cannot be told */
};

/* Takes n from the lease, all or nothing. */
enum limit_answer	limit_take(struct limit *l, struct limit_quota *q, uint64_t n);

/* What was taken was not used after all. */
void	limit_return(struct limit_quota *q, uint64_t n);

/* The keeper's answer to what was asked. */
void	limit_answer(struct limit *l, uint64_t queries, uint64_t bytes, bool failed);

#endif
