/*
 * Targets: what libpq is told to reach one, the same for whoever connects, a session or the check.
 */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include <stdint.h>

/* All of them text; "" is none. */
struct target {
	const char	*host, *dbname, *username, *password;
	uint32_t	 port;
	const char	*ssl_mode;
	const char	*ssl_root_cert, *ssl_cert, *ssl_key;	/* PEM */
	const char	*application;
	const char	*options;
	uint32_t	 connect_timeout;	/* s, for each address of the host; 0: the caller sees to it */
};

#define TARGET_KEYWORDS	15
#define TARGET_FILES	3
#define TARGET_PATH	40

/*
 * For PQconnectStartParams or PQconnectdbParams with expand_dbname 0: a stored name is a name, never a
 * connection string. Values point into the target and into the struct itself.
 */
struct target_params {
	const char	*keywords[TARGET_KEYWORDS];
	const char	*values[TARGET_KEYWORDS];
	char		 port[12], connect_timeout[12];
	int		 fd[TARGET_FILES];	/* -1: none */
	char		 path[TARGET_FILES][TARGET_PATH];
};

void	target_params(struct target_params *p, const struct target *t);
/* When the connection is up or has failed: it reads its files before that. */
void	target_params_close(struct target_params *p);

#endif
