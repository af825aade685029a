/*
 * The supervisor: opens the listening sockets, forks every other process, reaps them,
 * passes signals on, and makes room for another version of itself. It accepts no
 * connection and never reads a client's byte.
 *
 * It holds the master key and the storage DSN in a page that forks do not
 * inherit, and hands a new process only those secrets its kind may have.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/base_error.h"
#include "conf/conf_runtime.h"

/* What a kind of process is given. Anything it does not need is closed or wiped. */
enum process_needs {
	NEED_KEY	= 1 << 0,	/* the master key */
	NEED_DSN	= 1 << 1,	/* the storage database */
	NEED_TOKEN	= 1 << 2,	/* what proves an API worker to the keeper */
	NEED_KEEPER	= 1 << 3,	/* the keeper's listening socket */
	NEED_PG		= 1 << 4,	/* the proxy's listening sockets, TLS, a slot on the scoreboard */
	NEED_API	= 1 << 5,	/* the API's listening sockets */
	NEED_LOG_DSN	= 1 << 6,	/* log_dsn as it is set */
	NEED_RECORD_DSN	= 1 << 7,	/* the storage database, as records are shipped to it */
};

enum process_restart {
	RESTART_ONCE,		/* runs to its end before anything else starts; failure ends the program */
	RESTART_KEEP,		/* `count` of them, restarted with doubling delay */
	RESTART_SPARE,		/* one serves one client: `count` spares are kept ready */
};

struct process_kind {
	const char		*title;
	void			 (*main)(struct runtime *rt) __attribute__((noreturn));
	unsigned		 needs;
	enum process_restart	 restart;
	int			 count;		/* filled from the configuration */
	int			 retire;	/* the signal that sends it away when another is there for its work */
};

/* How the program was started: what a reload needs to start it again in its own place. */
struct origin {
	char		*program;	/* absolute path */
	char		**argv;
	const char	*file;		/* configuration, absolute; NULL: the default */
	bool		 dsn_env, log_dsn_env, key_env;	/* came from the environment */
};

struct supervisor;
struct handover;

/*
 * Takes the secrets out of conf (they are wiped there), opens the sockets and makes what
 * the processes share, or takes it over from `handover` (NULL: nothing is there; it is freed when it has been used).
 * Must run as the user the daemon will be. `kinds` ends with a NULL title; they and the origin must live on. NULL and
 * err.
 */
struct supervisor	*supervisor_new(struct conf *conf, const struct process_kind *kinds,
			    unsigned char key[32], struct ssl_ctx_st *tls, const struct origin *origin,
			    struct handover *handover, struct error *err);

/* Runs the RESTART_ONCE kinds in turn. The exit code of the first that failed, or 0. */
int	supervisor_prepare(struct supervisor *s);

/* Serves until told to stop; returns the exit code of the program. */
int	supervisor_run(struct supervisor *s);

/* Tells systemd, if it wants to know (supervisor_notify.c). */
void	supervisor_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- becoming the configured user (supervisor_user.c) --------------------------- */

/*
 * Makes state_dir and runtime_dir (mode 0700, owned by that user). 0 or -1 and err.
 */
int	supervisor_directories(const struct conf *conf, struct error *err);
/* As root: acts as conf->user for file access until supervisor_user_back. No-op otherwise. */
int	supervisor_user_try(const struct conf *conf, struct error *err);
void	supervisor_user_back(void);
/* As root: becomes conf->user for good. No-op otherwise. */
int	supervisor_user_become(const struct conf *conf, struct error *err);

/* --- secrets (supervisor_secrets.c) ----------------------------------------------- */

struct secrets;

/*
 * Pages that are not inherited by fork, not dumped, and locked where allowed. Copies, then wipes key, dsn and log_dsn.
 * token: NULL makes one.
 */
struct secrets	*secrets_new(unsigned char key[32], char *dsn, char *log_dsn, const unsigned char *token);
/* Writes what `needs` allows to a pipe and closes it; runs in the parent. */
void	secrets_give(const struct secrets *s, unsigned needs, int fd);
/* Reads it in the child into rt and closes fd. -1: the parent is gone. */
int	secrets_take(struct runtime *rt, unsigned needs, int fd);

#endif
