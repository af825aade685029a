/*
 * The record of a session: typed events in, rows of the storage database out.
 * Nobody above this line knows SQL or how events are kept.
 *
 *   record_open          after login; the session row exists already (the keeper made it)
 *   record_statement     BEFORE the statement's first byte goes to the target; when it
 *                        fails, the statement must be refused
 *   record_safe          between the two, too: nothing goes to the target until it says yes
 *   record_outcome       when its reply is complete, or it is cut off or skipped
 *   record_result        a chunk of a captured result, between the two
 *   record_close         end of session; leaves what is left to the janitor, or ships it up to a deadline
 *
 * Events are encoded (record_codec.h) into a journal (record_journal.h), which outlives the
 * process. From there the shipper of the node takes them to storage, in batches with those of all sessions; or, where a
 * statement has to be in storage before it runs, the session itself does, over a libpq connection of its own. Both do it
 * idempotently by (connection_id, seq): a batch that was sent and not answered is sent again.
 * What a session leaves behind at its end is shipped by the janitor.
 * Nothing here blocks but record_close, and record_safe for a disk.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "base/base_error.h"
#include "record/record_chunk.h"

enum record_status { RECORD_OK, RECORD_ERROR, RECORD_REFUSED, RECORD_CANCELLED };

/* A parameter as it came in Bind. type 0: not declared. */
struct record_param {
	uint32_t	type;
	bool		null;
	bool		binary;
	struct slice	bytes;
};

struct record_statement {
	uint64_t		 seq;		/* 1, 2, … within the session */
	int64_t			 started_us;	/* wall clock */
	struct slice		 text;		/* cut to log_text_max by the caller */
	bool			 text_cut;
	const struct record_param *params;
	unsigned		 nparams;
	bool			 params_cut;	/* values are missing or shortened */
};

/* A time that a journal of an earlier version did not have. */
#define RECORD_TIME_UNKNOWN	INT64_MIN

struct record_outcome {
	uint64_t		 seq;
	int64_t			 started_us;	/* the statement's: the log is partitioned by it */
	int64_t			 duration_us;
	enum record_status	 status;
	const char		*sqlstate;	/* "" when ok */
	const char		*message;
	const char		*tag;		/* command tags, joined by "; " for several statements */
	int64_t			 rows;		/* -1: the tag carries none */
	uint64_t		 bytes;
};

struct record_end {
	int64_t			 ended_us;
	const char		*reason;	/* "client closed", "grant revoked", … */
	uint64_t		 statements;
	uint64_t		 bytes;
};

struct record;
struct scoreboard;

/* What a record has to survive before its statement runs; the words of the option audit_sync. */
enum record_sync {
	RECORD_SYNC_JOURNAL,	/* the death of any process */
	RECORD_SYNC_FSYNC,	/* loss of power */
	RECORD_SYNC_STORAGE	/* loss of this machine: it is in storage. The session ships for itself */
};

struct record_options {
	const char	*dsn;			/* storage; copied. Where the session ships for itself */
	const char	*dir;			/* of the journals; made when absent */
	uint64_t	 connection_id;
	uint64_t	 user_id, database_id, grant_id;
	int64_t		 started_us;		/* of the connection, as storage has it */
	bool		 limited;		/* the grant has a quota: record_used will be called */
	int64_t		 ship_interval_us;
	size_t		 journal_max;		/* bytes of unshipped events */
	enum record_sync sync;
	bool		 capture;		/* record_result will be called */
	const unsigned char *capture_key;	/* CRYPTO_KEY_SIZE bytes, copied; NULL: chunks are not sealed */
	const unsigned char *capture_salt;	/* CRYPTO_SALT_SIZE bytes, copied */
	struct scoreboard *board;		/* where the node's shipper and others see what there is to ship; NULL: */
	int		 slot;			/* there is none, and the session ships all for itself, also at its end */
};

/* NULL and err when there is no journal: then the session must not go on. */
struct record	*record_open(const struct record_options *o, struct error *err);

/* 0, or -1 with err when it cannot be kept; then record_refusal is the SQLSTATE to refuse it with. */
int	record_statement(struct record *r, const struct record_statement *s, struct error *err);
/* 53100: the disk is full. 57P03: storage is away, or too slow. 54000: the statement is too long. */
const char	*record_refusal(const struct record *r);

/*
 * Whether every statement recorded is as safe as record_options.sync asks for: 1; 0: not
 * yet, ask again after record_ship; -1 and err: it will not be, the session must end.
 */
int	record_safe(struct record *r, struct error *err);

/*
 * This always fits: the journal keeps room for the ends of what it let start; where there
 * is no more than that, an outcome loses message and tag.
 */
void	record_outcome(struct record *r, const struct record_outcome *o);
/*
 * Seals and keeps a chunk. False: there was no room. Then its result has ended there, marked as cut, and no more
 * chunks of the statement may follow.
 */
bool	record_result(struct record *r, const struct record_chunk *c);
/* For a process that was forked from the session's: the key is none of its business. */
void	record_forget_key(struct record *r);

/*
 * For the session's poll loop: fills *pfd (fd -1 when there is nothing to wait
 * for) and returns the monotonic time in us at which record_ship must be called at the
 * latest, or INT64_MAX.
 */
int64_t	record_poll(struct record *r, struct pollfd *pfd);
/* Call when *pfd is ready or that time has come; revents as poll left them. */
void	record_ship(struct record *r, short revents);

/* What the session has used of its grant's quotas, before it uses it: kept with the journal. */
void	record_used(struct record *r, uint64_t queries, uint64_t bytes);

/*
 * Adds the end of the session. What is left goes to the janitor, but where a connection of the session's own is open, or there is
 * no janitor, it is shipped for at most timeout_us, less when storage is away. Frees r. Returns the number of events
 * that have to wait for storage. `keep` leaves the journal to the janitor in any case.
 */
uint64_t	record_close(struct record *r, const struct record_end *end, int64_t timeout_us, bool keep);

#endif
