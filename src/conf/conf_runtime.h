/*
 * What a process is given when it starts: the same for every kind, with those
 * secrets left out (empty) that its kind must not have.
 */
#ifndef CONF_RUNTIME_H
#define CONF_RUNTIME_H

#include "conf/conf.h"

#define RUNTIME_TOKEN_SIZE	32
#define RUNTIME_LISTEN_MAX	16
#define RUNTIME_ID_SIZE		33	/* 16 random bytes in hex */

struct ssl_ctx_st;
struct scoreboard;

struct runtime {
	const struct conf	*conf;		/* its dsn, log_dsn, key and keyfile are empty everywhere but in the supervisor */
	unsigned char		 key[32];	/* master key: keeper only */
	char			*dsn;		/* storage: keeper, api and janitor; NULL else */
	char			*log_dsn;	/* as it is set, "" when it is not: migrate only; NULL else */
	char			*record_dsn;	/* storage, for records: keeper and shipper; NULL else */
	char			 node_id[RUNTIME_ID_SIZE];	/* of our state_dir */
	char			 boot_id[RUNTIME_ID_SIZE];	/* of this supervisor, reloads included */
	unsigned char		 token[RUNTIME_TOKEN_SIZE];	/* what an API worker shows the keeper: keeper and api */
	char			*keeper_path;	/* the keeper's socket */
	int			 keeper_fd;	/* its listening socket: keeper only, -1 else */
	int			 pg_fds[RUNTIME_LISTEN_MAX];	/* proxy listeners: sessions */
	int			 npg_fds;
	int			 api_fds[RUNTIME_LISTEN_MAX];	/* API listeners: api */
	int			 napi_fds;
	struct ssl_ctx_st	*tls;		/* sessions; NULL: client_tls = off */
	struct scoreboard	*board;		/* see base/base_scoreboard.h */
	int			 slot;		/* this process's row on it */
};

#endif
