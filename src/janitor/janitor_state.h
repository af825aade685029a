/*
 * Inside janitor/: the one janitor of a node, and its duties. A duty returns 0, or -1 and err: then it is tried again
 * soon. Each can be interrupted anywhere and done again, by this node and by others at the same time.
 */
#ifndef JANITOR_STATE_H
#define JANITOR_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf_runtime.h"
#include "store/store.h"

struct janitor {
	const struct runtime	*rt;
	struct store		*store;
	char			*dir;		/* of the journals */
	int			 watch_fd;	/* tells of journals that were closed; -1: none */
	PGconn			*line;		/* what journals are shipped over, one after the other; NULL: none */
	int64_t			 line_us;	/* monotonic: when it was last used */
	bool			 told;		/* of files that cannot be read */
	bool			 known;		/* our node is in storage, with this boot */
	bool			 doubled;	/* somebody else goes by our id */
	int64_t			 seen_us;	/* monotonic: when we last tried to say that we live */
	int64_t			 others_at;	/* monotonic: by then every node that lives has said so */
};

/* One statement; its result, or NULL and err. Connects. */
PGresult	*janitor_query(struct janitor *j, const char *sql, int n, const char *const *params, struct error *err);
bool		 janitor_ends(const char *name, const char *suffix);

/* janitor_journal.c: ships the journals of sessions that have ended. */
int		 journal_round(struct janitor *j, struct error *err);
int		 journal_watch(const struct janitor *j);	/* the watch_fd */
/* It is readable. look_only: nothing is shipped. False: a round is needed. */
bool		 journal_ended(struct janitor *j, bool look_only);

#define NODE_SEEN_US	INT64_C(10000000)	/* how often it says so */

/* janitor_node.c: says that this node lives; closes the connections of sessions that do not. */
int		 node_seen(struct janitor *j, struct error *err);
void		 node_pulse(struct janitor *j);	/* the first, when its time has come in the middle of another duty */
int		 node_close(struct janitor *j, struct error *err);
int		 node_forget(struct janitor *j, struct error *err);

/* janitor_log.c: makes partitions ahead; drops what is older than retention. */
int		 log_ahead(struct janitor *j, struct error *err);
int		 log_expire(struct janitor *j, struct error *err);

#endif
