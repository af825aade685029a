/*
 * Sessions that record, whose journals another process would ship: a scoreboard, a directory, and no storage.
 */
#ifndef RECORD_RIG_H
#define RECORD_RIG_H

#include <stdlib.h>

#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "record/record.h"

static char			 rig_dir[] = "/tmp/dbbat-record-XXXXXX";
static struct scoreboard	*rig_board;

static inline struct record *
rig_session(uint64_t id, int slot, size_t max)
{
	struct error	 err;
	struct record	*r = record_open(&(struct record_options){
		.dsn = "", .dir = rig_dir, .connection_id = id, .user_id = 2, .database_id = 3, .grant_id = 4, .journal_max = max,
		.board = rig_board, .slot = slot,
	}, &err);

	if (r == NULL) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return r;
}

static inline void
rig_finish(struct record *r, uint64_t seq)
{
	record_outcome(r, &(struct record_outcome){ .seq = seq, .started_us = 1, .sqlstate = "", .message = "", .tag = "" });
}

static inline uint64_t
rig_end(struct record *r)
{
	return record_close(r, &(struct record_end){ .reason = "" }, 0, false);
}

static inline void
rig_start(int slots)
{
	if (mkdtemp(rig_dir) == NULL) {
		printf("Bail out! no directory for journals\n");
		exit(1);
	}
	rig_board = scoreboard_new(slots, slots);
}

static inline void
rig_stop(void)
{
	char	*rm = xasprintf("rm -rf %s", rig_dir);

	if (system(rm) != 0)
		printf("# %s: is left\n", rig_dir);
	free(rm);
	free(rig_board);
}

#endif
