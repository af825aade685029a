/*
 * Inside supervisor/: everything the supervisor knows.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <signal.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "supervisor/supervisor.h"
#include "supervisor/supervisor_handover.h"

struct child {
	pid_t				 pid;		/* 0: an empty entry */
	const struct process_kind	*kind;
	int				 slot;		/* on the scoreboard, or -1 */
	int64_t				 started_us;
	bool				 retired;	/* another does its work: it was told to end, or will be */
};

/* Restart delay of a kind. */
struct backoff {
	int64_t	delay_us;
	int64_t	not_before_us;
};

struct supervisor {
	struct conf			*conf;
	const struct process_kind	*kinds;
	int				 nkinds;
	struct backoff			*backoff;
	const struct origin		*origin;
	struct secrets			*secrets;
	struct runtime			 rt;		/* what children are given, secrets left out */
	int				 lock_fd;	/* state_dir is ours; children do not keep it */
	struct child			*children;
	int				 nchildren;
	sigset_t			 mask;		/* of signals while it waits */
	struct handover			*handover;	/* until it serves: what was there before */
	bool				 reload_again;	/* SIGHUP came during a reload */
	enum { SERVING, DRAINING, ENDING } state;
	int64_t				 end_us;	/* DRAINING, ENDING: when patience ends */
};

/* A new entry for a child; it may move the others. */
struct child	*supervisor_entry(struct supervisor *s);

/* --- supervisor_node.c -------------------------------------------------------------- */

/*
 * Takes state_dir for this supervisor alone. The descriptor that holds it, or -1 and err. *killed: the one before
 * called node_serving and not node_unlock, so processes of it may be there for a while.
 */
int	node_lock(const char *state_dir, bool *killed, struct error *err);
void	node_serving(int fd);
void	node_unlock(int fd);
/* The id of this node, which state_dir keeps; made when there is none for this host. 0, or -1 and err. */
int	node_identify(const char *state_dir, char id[RUNTIME_ID_SIZE], struct error *err);
void	node_random_id(char id[RUNTIME_ID_SIZE]);

/* --- supervisor_reload.c ---------------------------------------------------------- */

extern const struct process_kind	supervisor_check_kind;

/* SIGHUP: has the program at our path look at the configuration. */
void	supervisor_reload(struct supervisor *s);
/* It has looked. Executes that program in our place when all is well; returns when it is not. */
void	supervisor_reload_checked(struct supervisor *s, int status);

/* --- supervisor_handover.c ---------------------------------------------------------- */

/* The memory with everything in it; a descriptor, or -1 with errno. Secrets are not there in a forked process. */
int	handover_give(const struct supervisor *s, bool check);
/* Overwrites it and lets go of it. */
void	handover_wipe(int memory);
/* Executes the program with it; returns, with errno and the descriptors as they were, when that fails. */
void	handover_exec(const struct supervisor *s, int memory);
/* Takes the keeper's socket, the scoreboard and the children over. 0 or -1 and err. */
int	handover_adopt(struct supervisor *s, const struct handover *h, int slots, struct error *err);
/* Listens as configured, where it can without a moment's pause. */
void	handover_adopt_listeners(struct supervisor *s, struct handover *h);

/* --- supervisor_secrets.c ----------------------------------------------------------- */

/* Key, token and DSN, as handover_take reads them. */
void	secrets_put(const struct secrets *s, struct buf *b);
/* All n bytes, from a pipe. 0, or -1: its other end is gone. */
int	supervisor_read(int fd, void *p, size_t n);

#endif
