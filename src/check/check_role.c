/*
 * What the role that read grants log in with could do on its target. Each kind of finding is a row of
 * one table; the catalogue is asked by sql/queries/check_*.sql. A question that is not answered is a finding too.
 */
#include "check/check_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_buf.h"
#include "base/base_error.h"
#include "store/store.h"
#include "store_sql.h"

#define ROLE_NAMES_MAX	50		/* named of a kind; all are counted */
#define ROLE_NAMES_SIZE	2000		/* and bytes of them */
#define ROLE_ALL_SIZE	20000		/* of all kinds */
#define ROLE_SCRIPT_SIZE	8000
#define ROLE_ROWS_MAX	1000000		/* of one question */

static const struct kind {
	const char	*kind;
	bool		 remark;	/* worth knowing, and no way to write */
	const char	*message;
} kinds[] = {
	{ "superuser", false, "it is a superuser, or may become one" },
	{ "role-attribute", false, "it may make or change roles or databases, replicate, or bypass row security" },
	{ "predefined-role", false, "it belongs to roles that reach files, programs, other sessions, or all data" },
	{ "owned", false, "it owns objects: what it owns it may change, drop, and grant" },
	{ "writable-table", false, "it may write to tables" },
	{ "maintain", false, "it may maintain tables" },
	{ "sequence", false, "it may advance or set sequences, which no rollback undoes" },
	{ "large-object", false, "it may write to large objects" },
	{ "create", false, "it may create objects" },
	{ "parameter", false, "it was granted settings" },
	{ "security-definer", false, "it may execute functions that run with the rights of their owner (SECURITY DEFINER)" },
	{ "untrusted-function", false, "it may execute functions that the server cannot confine (C, or an untrusted language)" },
	{ "kill", false, "functions or views that it may use end or cancel other sessions" },
	{ "function", false, "it may execute functions that may have effects" },
	{ "view", false, "views, policies or domains call builtin functions that have effects" },
	{ "builtin", false, "it may execute builtin functions that are given to nobody by default" },
	{ "foreign-table", false, "there are foreign tables: to read one acts outside this database" },
	{ "foreign-server", false, "it may use foreign servers or foreign-data wrappers" },
	{ "user-mapping", false, "it has credentials for foreign servers" },
	{ "extension", false, "extensions are installed that reach files, programs or other servers, or write behind transactions" },
	{ "old-server", false, "the server is older than PostgreSQL 14 and does not report default_transaction_read_only" },
	{ "unknown", false, "not everything could be looked at" },
	{ "credentials", true, "it may read passwords and their verifiers in catalogs, as a superuser or by pg_read_all_data" },
	{ "temporary", true, "it may create temporary tables, which nobody else sees" },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

struct found {
	struct {
		unsigned long	 total;
		size_t		 size;		/* bytes of names */
		cJSON		*names;		/* NULL: nothing was found */
	}		of[KINDS];
	size_t		size;
};

static const struct question {
	const char	*sql;
	int		 since;		/* server version */
} questions[] = {
	{ SQL_CHECK_ROLES, 0 },
	{ SQL_CHECK_OBJECTS, 0 },
	{ SQL_CHECK_FUNCTIONS, 0 },
	{ SQL_CHECK_OUTSIDE, 0 },
	{ SQL_CHECK_PARAMETERS, 150000 },
	{ SQL_CHECK_MAINTAIN, 170000 },
};

static void
role_found(struct found *f, const char *kind, const char *name)
{
	char	text[CHECK_TEXT_SIZE];
	size_t	i = 0, n;

	while (i < KINDS && strcmp(kinds[i].kind, kind) != 0)
		i++;
	if (i == KINDS) {
		role_found(f, "unknown", kind);
		return;
	}
	if (f->of[i].total++ == 0)
		f->of[i].names = cJSON_CreateArray();
	check_text(name, text);
	n = strlen(text);
	if (f->of[i].total > ROLE_NAMES_MAX || f->of[i].size + n > ROLE_NAMES_SIZE || f->size + n > ROLE_ALL_SIZE)
		return;
	f->of[i].size += n;
	f->size += n;
	cJSON_AddItemToArray(f->of[i].names, cJSON_CreateString(text));
}

/* Adds a line to the script while there is room for it; once there was none, for no other either. */
static void
script_line(struct buf *script, const char *line)
{
	size_t	n = strlen(line);

	if (script->len + n > ROLE_SCRIPT_SIZE)
		script->failed = true;
	if (script->failed || n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		buf_put_u8(script, (unsigned char)line[i] < 0x20 || line[i] == 0x7f ? ' ' : (uint8_t)line[i]);
	buf_put_u8(script, '\n');
}

/* One question, row by row: nothing of an answer is held but what is kept of it. */
static void
role_ask(PGconn *conn, const char *sql, struct found *found, struct buf *remedies)
{
	struct error	 err;
	PGresult	*res;
	unsigned long	 rows = 0;

	if (!PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0) || !PQsetSingleRowMode(conn)) {
		role_found(found, "unknown", store_error(conn, NULL, &err));
		return;
	}
	while ((res = PQgetResult(conn)) != NULL) {
		switch (PQresultStatus(res)) {
		case PGRES_SINGLE_TUPLE:
			if (++rows > ROLE_ROWS_MAX || PQnfields(res) != 3) {
				role_found(found, "unknown", "an answer without end");
				PQclear(res);
				return;
			}
			role_found(found, PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
			script_line(remedies, PQgetvalue(res, 0, 2));
			break;
		case PGRES_TUPLES_OK:
			break;
		default:
			role_found(found, "unknown", store_error(conn, res, &err));
		}
		PQclear(res);
	}
}

/* SQL to paste: a role that could do nothing but read, and what everybody else would lose for it. */
static void
role_script(PGconn *conn, const char *name, struct buf *remedies, cJSON *report)
{
	const char	*params[] = { name };
	PGresult	*res = PQexecParams(conn, SQL_CHECK_SCRIPT, 1, NULL, params, NULL, NULL, 0);
	struct buf	 script = { 0 };

	buf_put_str(&script, "-- Run this on the target as its owner or a superuser, with a password of your own; then give DBBat\n"
	    "-- the role as read_username and read_password. Leave out the schemas that are not to be read.\n");
	for (int i = 0; PQresultStatus(res) == PGRES_TUPLES_OK && i < PQntuples(res); i++)
		script_line(&script, PQgetvalue(res, i, 0));
	PQclear(res);
	if (remedies->len > 0) {
		script_line(&script, "-- These take from everybody what a reader should not have; grant it again to who needs it.");
		buf_put(&script, remedies->data, remedies->len);
	}
	if (script.failed || remedies->failed) {
		script.failed = false;
		buf_put_str(&script, "-- There is more than fits here.\n");
	}
	cJSON_AddStringToObject(report, "script", buf_text(&script));
	buf_free(&script);
}

bool
check_role(PGconn *conn, const char *script_role, cJSON *report)
{
	struct found	 found = { 0 };
	struct buf	 remedies = { 0 };
	cJSON		*findings = cJSON_AddArrayToObject(report, "findings");
	cJSON		*remarks = cJSON_AddArrayToObject(report, "remarks");
	int		 version = PQserverVersion(conn);

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (version >= questions[i].since)
			role_ask(conn, questions[i].sql, &found, &remedies);
	if (version < 140000)
		role_found(&found, "old-server", PQparameterStatus(conn, "server_version"));
	for (size_t i = 0; i < KINDS; i++) {
		cJSON	*f;

		if (found.of[i].total == 0)
			continue;
		f = cJSON_CreateObject();
		cJSON_AddStringToObject(f, "kind", kinds[i].kind);
		cJSON_AddStringToObject(f, "message", kinds[i].message);
		cJSON_AddNumberToObject(f, "total", (double)found.of[i].total);
		cJSON_AddItemToObject(f, "names", found.of[i].names);
		cJSON_AddItemToArray(kinds[i].remark ? remarks : findings, f);
	}
	role_script(conn, script_role, &remedies, report);
	buf_free(&remedies);
	return cJSON_GetArraySize(findings) == 0;
}
