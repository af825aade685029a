/*
 * Users. A password is kept twice, as Argon2id for this API and as a sealed SCRAM verifier for the
 * proxy, and never shown. The last admin stays.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "api/api_routes.h"
#include "base/base_log.h"
#include "base/base_mem.h"
#include "crypto/crypto_labels.h"
#include "crypto/crypto_password.h"
#include "store/store.h"
#include "store_sql.h"

/* Both forms of a password; *verifier is bytea text, free(3). 0, or the status. */
static int
users_password(struct api_request *r, int64_t id, const char *password, char phc[CRYPTO_PHC_SIZE], char **verifier)
{
	char		 identity[CRYPTO_IDENTITY_SIZE];
	struct error	 err;
	char		*plain = store_scram_verifier(r->api->store, password, &err);

	if (plain == NULL) {
		log_error("SCRAM verifier: %s", err.msg);
		return api_fail(r, 500, "internal", NULL, "the password could not be hashed");
	}
	crypto_identity(identity, "user", id, "scram");
	*verifier = api_seal(r, identity, plain);
	secret_free(plain);
	if (*verifier == NULL)
		return r->status;
	crypto_password_hash(password, phc);
	return 0;
}

int
api_users_create(struct api_request *r)
{
	char		 id[24], phc[CRYPTO_PHC_SIZE], *verifier = NULL;
	const char	*is_admin = r->body[USER_IS_ADMIN].given ? r->body[USER_IS_ADMIN].text : "false";
	const char	*params[7] = { id, r->body[USER_USERNAME].text, is_admin, phc, NULL, "false",
		r->body[USER_IS_DISABLED].text };
	cJSON		*user;

	if (api_next_id(r, SQL_USER_NEXT_ID, id) != 0 ||
	    users_password(r, atoll(id), r->body[USER_PASSWORD].text, phc, &verifier) != 0)
		return r->status;
	params[4] = verifier;
	user = api_exec_row(r, SQL_USER_INSERT, 7, params);
	free(verifier);
	if (user == NULL || api_audit(r, "user.create", "user", atoll(id), NULL, user, NULL) != 0) {
		cJSON_Delete(user);
		return r->status;
	}
	return api_reply(r, 201, user);
}

int
api_users_list(struct api_request *r)
{
	return api_list(r, SQL_USER_LIST, "users", api_viewer(r));
}

int
api_users_get(struct api_request *r)
{
	cJSON	*user = api_one(r, SQL_USER_LIST, USER_FILTERS, r->id, api_viewer(r));

	if (user == NULL)
		return r->status ? r->status : api_not_found(r);
	return api_reply(r, 200, user);
}

/*
 * Locks the user for a change. The row as it is shown, and its PHC string where phc is not NULL. NULL: r->status
 * tells, 404 included.
 */
static cJSON *
users_lock(struct api_request *r, char phc[CRYPTO_PHC_SIZE])
{
	char		 id[24];
	const char	*params[1] = { id };
	PGresult	*res;
	cJSON		*user = NULL;

	snprintf(id, sizeof(id), "%" PRId64, r->id);
	res = api_exec(r, SQL_USER_LOCK, 1, params);
	if (res != NULL && PQntuples(res) == 0)
		api_not_found(r);
	else if (res != NULL) {
		user = api_json_row(res, 0);
		if (phc != NULL)
			snprintf(phc, CRYPTO_PHC_SIZE, "%s", PQgetvalue(res, 0, PQfnumber(res, "_password_hash")));
	}
	PQclear(res);
	return user;
}

/* 0 when there is an admin beside this one. */
static int
users_refuse_last_admin(struct api_request *r)
{
	PGresult	*res = api_exec(r, SQL_USER_LOCK_ADMINS, 0, NULL);
	bool		 last = res != NULL && PQntuples(res) == 1 && atoll(PQgetvalue(res, 0, 0)) == r->id;

	PQclear(res);
	if (res == NULL)
		return r->status;
	return last ? api_fail(r, 409, "conflict", NULL, "this is the last admin") : 0;
}

static bool
users_true(const cJSON *user, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(user, name));
}

/* What the caller may not do to this user, before anything is read. */
static int
users_may_update(struct api_request *r)
{
	if (r->user.is_admin)
		return 0;
	if (r->id != r->user.id)
		return api_not_found(r);
	if (r->body[USER_USERNAME].given || r->body[USER_IS_ADMIN].given || r->body[USER_IS_DISABLED].given)
		return api_fail(r, 403, "forbidden", NULL, "users may change their own password, and nothing else");
	return 0;
}

/* Everything after the lock: fills *after. 0, or the status. */
static int
users_apply(struct api_request *r, const cJSON *before, const char *old_phc, cJSON **after)
{
	const struct api_value	*password = &r->body[USER_PASSWORD];
	char			 id[24], phc[CRYPTO_PHC_SIZE], *verifier = NULL;
	const char		*params[6] = { id, r->body[USER_USERNAME].text, r->body[USER_IS_ADMIN].text, NULL, NULL,
		r->body[USER_IS_DISABLED].text };

	snprintf(id, sizeof(id), "%" PRId64, r->id);
	if (password->given) {
		if (users_true(before, "default_password") && crypto_password_verify(old_phc, password->text))
			return api_fail(r, 422, "invalid", "password", "password must not be the default one again");
		if (users_password(r, r->id, password->text, phc, &verifier) != 0)
			return r->status;
		params[3] = phc;
		params[4] = verifier;
	}
	*after = api_exec_row(r, SQL_USER_UPDATE, 6, params);
	free(verifier);
	if (*after == NULL)
		return r->status;
	if (api_audit(r, "user.update", "user", r->id, before, *after, password->given ? "new password" : NULL) != 0)
		return r->status;
	return api_notify(r, "user", r->id);
}

int
api_users_update(struct api_request *r)
{
	const struct api_value	*is_admin = &r->body[USER_IS_ADMIN], *disabled = &r->body[USER_IS_DISABLED];
	char			 phc[CRYPTO_PHC_SIZE];
	cJSON			*before, *after = NULL;
	int			 status;

	if ((status = users_may_update(r)) != 0)
		return status;
	/* the admins first, always in this order: two updates cannot deadlock */
	if (((is_admin->given && !is_admin->number) || (disabled->given && disabled->number)) &&
	    (status = users_refuse_last_admin(r)) != 0)
		return status;
	if ((before = users_lock(r, phc)) == NULL)
		return r->status;
	status = users_apply(r, before, phc, &after);
	cJSON_Delete(before);
	if (status != 0) {
		cJSON_Delete(after);
		return status;
	}
	return api_reply(r, 200, after);
}

int
api_users_delete(struct api_request *r)
{
	char		 id[24];
	const char	*params[1] = { id };
	PGresult	*res = NULL;
	cJSON		*before;

	snprintf(id, sizeof(id), "%" PRId64, r->id);
	if (users_refuse_last_admin(r) != 0 || (before = users_lock(r, NULL)) == NULL)
		return r->status;
	if (api_refuse_live(r, id, NULL) == 0 && api_purge_grants(r, id, NULL, before) == 0 &&
	    (res = api_exec(r, SQL_USER_DELETE, 1, params)) != NULL &&
	    api_audit(r, "user.delete", "user", r->id, before, NULL, NULL) == 0 &&
	    api_notify(r, "user", r->id) == 0)
		api_reply(r, 204, NULL);
	PQclear(res);
	cJSON_Delete(before);
	return r->status;
}
