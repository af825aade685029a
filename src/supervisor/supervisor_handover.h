/*
 * What a supervisor hands to the program that is executed in its place: secrets, sockets, children. It
 * goes through memory without a name, of which only the descriptor's number is in the
 * environment, and which is wiped when it has been read.
 */
#ifndef SUPERVISOR_HANDOVER_H
#define SUPERVISOR_HANDOVER_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/base_buf.h"
#include "base/base_error.h"
#include "net/net_addr.h"

/* What a check ends with when all is well: /bin/true would not do in our place. */
#define HANDOVER_WELCOME	42

struct handed_child {
	pid_t	 pid;
	char	*title;		/* of its kind */
	int	 restart;
	int	 slot;
	int64_t	 started_us;
};

struct handover {
	bool			 check;		/* end with HANDOVER_WELCOME if it could be done, and do nothing */
	unsigned char		 key[32], token[32];
	char			*dsn, *log_dsn;
	bool			 dsn_env, log_dsn_env, key_env;	/* they came from the environment at the start */
	char			*file;		/* configuration; NULL: the default */
	char			*user, *state_dir, *runtime_dir, *pid_file;
	struct buf		 pem;		/* certificate and key in use; empty: none */
	struct net_old		 listeners;
	int			 keeper_fd, board_fd, event_fd, lock_fd, board_size;
	char			*boot_id;
	struct handed_child	*children;
	unsigned		 nchildren;
};

/*
 * What was handed to this process, or NULL: it is a start like any other. Ends the process with a line in the
 * log when it cannot be understood.
 */
struct handover	*handover_take(void);

/*
 * Puts into the environment, before the configuration is read, what was there when the daemon was started and what
 * cannot change while it runs: the account, state_dir, runtime_dir, pid_file. Reading wipes the secrets again.
 */
void	handover_environment(const struct handover *h);

/* Wipes and frees it. */
void	handover_free(struct handover *h);

#endif
