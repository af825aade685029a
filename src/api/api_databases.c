/*
 * Target databases. The password goes to the keeper to be sealed and never comes back; users who are not
 * admins learn that a database exists, not where it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_routes.h"
#include "crypto/crypto_labels.h"
#include "store_sql.h"

/* Secrets of a database, each sealed for an identity of its own. */
static const struct {
	int		 field;
	const char	*name;
} secrets[] = {
	{ DATABASE_PASSWORD, "password" },
	{ DATABASE_READ_PASSWORD, "read_password" },
	{ DATABASE_SSL_KEY, "ssl_key" },
};

#define SECRETS	(sizeof(secrets) / sizeof(secrets[0]))

/*
 * $2 to $15 of insert and update alike: the body in its order, secrets sealed. sealed[] is the caller's to free, filled or not.
 * 0, or the status.
 */
static int
databases_params(struct api_request *r, int64_t id, char *sealed[SECRETS], const char **params)
{
	char	identity[CRYPTO_IDENTITY_SIZE];

	for (int i = 0; i < DATABASE_FIELDS; i++)
		params[1 + i] = r->body[i].text;
	for (size_t i = 0; i < SECRETS; i++) {
		const char	*secret = r->body[secrets[i].field].text;

		if (secret == NULL)
			continue;
		crypto_identity(identity, "database", id, secrets[i].name);
		if ((sealed[i] = api_seal(r, identity, secret)) == NULL)
			return r->status;
		params[1 + secrets[i].field] = sealed[i];
	}
	return 0;
}

static void
databases_free(char *sealed[SECRETS])
{
	for (size_t i = 0; i < SECRETS; i++)
		free(sealed[i]);
}

/* What the audit event says of secrets, which it does not show. */
static const char *
databases_detail(const struct api_request *r)
{
	if (r->body[DATABASE_PASSWORD].given)
		return "new password";
	if (r->body[DATABASE_READ_PASSWORD].given)
		return "new read_password";
	return r->body[DATABASE_SSL_KEY].given ? "new ssl_key" : NULL;
}

int
api_databases_create(struct api_request *r)
{
	const char	*params[1 + DATABASE_FIELDS];
	char		 id[24], *sealed[SECRETS] = { NULL };
	cJSON		*database = NULL;

	if (api_next_id(r, SQL_DATABASE_NEXT_ID, id) != 0)
		return r->status;
	params[0] = id;
	if (databases_params(r, atoll(id), sealed, params) == 0)
		database = api_exec_row(r, SQL_DATABASE_INSERT, 1 + DATABASE_FIELDS, params);
	databases_free(sealed);
	if (database == NULL || api_audit(r, "database.create", "database", atoll(id), NULL, database, NULL) != 0) {
		cJSON_Delete(database);
		return r->status;
	}
	return api_reply(r, 201, database);
}

static const char *
databases_sql(const struct api_request *r)
{
	return r->user.is_admin ? SQL_DATABASE_LIST : SQL_DATABASE_LIST_OWN;
}

int
api_databases_list(struct api_request *r)
{
	return api_list(r, databases_sql(r), "databases", api_viewer(r));
}

int
api_databases_get(struct api_request *r)
{
	cJSON	*database = api_one(r, databases_sql(r), DATABASE_FILTERS, r->id, api_viewer(r));
	cJSON	*check;

	if (database == NULL)
		return r->status ? r->status : api_not_found(r);
	if (r->user.is_admin) {
		check = api_checks_summary(r, r->id);
		cJSON_AddItemToObject(database, "check", check ? check : cJSON_CreateNull());
	}
	if (r->status != 0) {
		cJSON_Delete(database);
		return r->status;
	}
	return api_reply(r, 200, database);
}

/* Locks the database for a change and gives it as shown. NULL: r->status tells, 404 included. */
static cJSON *
databases_lock(struct api_request *r, const char *id)
{
	cJSON	*database = api_exec_row(r, SQL_DATABASE_LOCK, 1, &id);

	if (database == NULL && r->status == 0)
		api_not_found(r);
	return database;
}

int
api_databases_update(struct api_request *r)
{
	const char	*params[2 + DATABASE_FIELDS];
	char		 id[24], *sealed[SECRETS] = { NULL };
	cJSON		*before, *after = NULL;

	snprintf(id, sizeof(id), "%" PRId64, r->id);
	if ((before = databases_lock(r, id)) == NULL)
		return r->status;
	params[0] = id;
	if (databases_params(r, r->id, sealed, params) == 0) {
		params[1 + DATABASE_FIELDS] = r->body[DATABASE_CAPTURE].given ? "true" : "false";
		after = api_exec_row(r, SQL_DATABASE_UPDATE, 2 + DATABASE_FIELDS, params);
	}
	databases_free(sealed);
	if (after != NULL && api_audit(r, "database.update", "database", r->id, before, after,
	    databases_detail(r)) == 0 && api_notify(r, "database", r->id) == 0)
		api_reply(r, 200, after);
	else
		cJSON_Delete(after);
	cJSON_Delete(before);
	return r->status;
}

int
api_databases_delete(struct api_request *r)
{
	char		 id[24];
	const char	*params[1] = { id };
	PGresult	*res = NULL;
	cJSON		*before;

	snprintf(id, sizeof(id), "%" PRId64, r->id);
	if ((before = databases_lock(r, id)) == NULL)
		return r->status;
	if (api_refuse_live(r, NULL, id) == 0 && api_purge_grants(r, NULL, id, before) == 0 &&
	    (res = api_exec(r, SQL_DATABASE_DELETE, 1, params)) != NULL &&
	    api_audit(r, "database.delete", "database", r->id, before, NULL, NULL) == 0 &&
	    api_notify(r, "database", r->id) == 0)
		api_reply(r, 204, NULL);
	PQclear(res);
	cJSON_Delete(before);
	return r->status;
}
