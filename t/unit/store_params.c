/* What storage connections ask for, and what their errors do not tell. */
#include "store/store.h"

#include <stdlib.h>

#include "tap.h"

static const char *
value(const struct store_params *p, const char *keyword)
{
	int	i;

	for (i = 0; p->keywords[i] != NULL; i++)
		if (strcmp(p->keywords[i], keyword) == 0)
			return p->values[i];
	return NULL;
}

static int
place(const struct store_params *p, const char *keyword)
{
	int	i;

	for (i = 0; p->keywords[i] != NULL && strcmp(p->keywords[i], keyword) != 0; i++)
		;
	return i;
}

static void
params(void)
{
	struct store_params	p;
	char			dsn[1024];

	store_params(&p, "host=db.example", "api");
	is_str(value(&p, "application_name"), "dbbat api", "the connection says whose it is");
	is_str(value(&p, "dbname"), "host=db.example", "the DSN is passed as it is");
	is_str(value(&p, "client_encoding"), "UTF8", "UTF-8 whatever the DSN says");
	ok(strstr(value(&p, "options"), "-c TimeZone=UTC") != NULL, "times come in UTC");
	ok(strstr(value(&p, "options"), "-c DateStyle=ISO") != NULL, "times come as ISO");
	ok(place(&p, "connect_timeout") < place(&p, "dbname"), "the DSN may choose connect_timeout");
	ok(place(&p, "options") > place(&p, "dbname"), "the DSN may not replace our options");
	ok(p.values[place(&p, "no such keyword")] == NULL, "values end where keywords end");

	store_params(&p, "postgresql://u@h/db?options=-c%20geqo%3Doff%20-c%20TimeZone%3DAsia/Tokyo", "x");
	ok(strncmp(value(&p, "options"), "-c synchronous_commit=on -c geqo=off -c TimeZone=Asia/Tokyo -c ", 63) == 0,
	    "options of the DSN come first, ours win; but what a commit waits for the DSN may choose");

	snprintf(dsn, sizeof(dsn), "options='%0800d'", 0);
	store_params(&p, dsn, "x");
	ok(strstr(value(&p, "options"), "TimeZone=UTC") != NULL, "ours are whole where both do not fit");

	store_params(&p, "this is = no ' DSN", "x");
	ok(strstr(value(&p, "options"), "TimeZone=UTC") != NULL, "a DSN that does not parse is left to the connection");
}

static void
errors(void)
{
	struct error	 err;
	PGconn		*conn = PQconnectdb("host=/nonexistent/hunter2 password=hunter2 user=u connect_timeout=1");

	store_error(conn, NULL, &err);
	ok(strstr(err.msg, "nonexistent") != NULL, "libpq's text is told");
	ok(strstr(err.msg, "hunter2") == NULL, "the password is hidden wherever it stands");
	ok(strchr(err.msg, '\n') == NULL, "on one line");
	PQfinish(conn);

	conn = PQconnectdb("host=/nonexistent/** password=* user=u");
	ok(strstr(store_error(conn, NULL, &err), "nonexistent") != NULL, "a password of asterisks does no harm");
	PQfinish(conn);
	ok(store_error(NULL, NULL, &err)[0] != '\0', "there are words without a connection, too");
}

static void
away(void)
{
	struct store	*s = store_new("host=/nonexistent password=hunter2", "test", 1000);
	struct error	 err;
	PGresult	*res;

	ok(store_ready(s, &err) == -1, "storage that is not there is not ready");
	ok(strstr(err.msg, "hunter2") == NULL, "and its error has no password");
	res = store_exec(s, "SELECT 1", 0, NULL);
	is_int(PQresultStatus(res), PGRES_FATAL_ERROR, "a statement without a connection fails");
	PQclear(res);
	res = store_script(s, "SELECT 1; SELECT 2");
	is_int(PQresultStatus(res), PGRES_FATAL_ERROR, "so does a script");
	PQclear(res);
	ok(store_begin(s) == -1 && store_commit(s) == -1, "and a transaction");
	store_rollback(s);
	ok(store_scram_verifier(s, "x", &err) == NULL, "and a verifier");
	store_close(s);
	store_close(NULL);
}

static void
bytea(void)
{
	char	*text = store_bytea("\x00\xff" "a", 3);

	is_str(text, "\\x00ff61", "bytes as the text of a bytea");
	free(text);
	text = store_bytea("", 0);
	is_str(text, "\\x", "no bytes");
	free(text);
}

int
main(void)
{
	params();
	errors();
	away();
	bytea();
	return tap_done();
}
