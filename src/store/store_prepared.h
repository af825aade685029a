/*
 * Which statements a connection has prepared: parsing and planning one of ours takes longer than running it. A
 * statement is known by the address of its text, which is never freed.
 */
#ifndef STORE_PREPARED_H
#define STORE_PREPARED_H

#include <stdbool.h>
#include <stddef.h>

#define STORE_PREPARED_MAX	32	/* of one connection; there are fewer in the program's hot paths */
#define STORE_PREPARED_NAME	16

struct store_prepared {
	const char	*sql[STORE_PREPARED_MAX];
	size_t		 n;
};

/*
 * The name to execute sql under. *first: it must be prepared under it before, on the same connection. False: there is
 * no room for more, it is executed by its text.
 */
bool	store_prepared_name(struct store_prepared *p, const char *sql, char name[STORE_PREPARED_NAME], bool *first);
/* Preparing it has failed, or may have. */
void	store_prepared_forget(struct store_prepared *p, const char *sql);
/* A new connection: it has none. */
void	store_prepared_reset(struct store_prepared *p);

#endif
