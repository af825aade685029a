/*
 * A table of statements; its places are the names.
 */
#include "store/store_prepared.h"

#include <stdio.h>

bool
store_prepared_name(struct store_prepared *p, const char *sql, char name[STORE_PREPARED_NAME], bool *first)
{
	size_t	at = 0;

	while (at < p->n && p->sql[at] != sql)
		at++;
	*first = at == p->n;
	if (at == STORE_PREPARED_MAX)
		return false;
	if (*first)
		p->sql[p->n++] = sql;
	snprintf(name, STORE_PREPARED_NAME, "dbbat_%zu", at);
	return true;
}

/* Its place stays taken: the server may have kept the name. */
void
store_prepared_forget(struct store_prepared *p, const char *sql)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->sql[i] == sql)
			p->sql[i] = NULL;
}

void
store_prepared_reset(struct store_prepared *p)
{
	p->n = 0;
}
