/*
 * Brings the storage database up to this program: applies what is missing of
 * sql/migrations and makes the first user. Never goes back, and never touches a
 * schema that a newer program has written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "crypto/crypto_labels.h"
#include "crypto/crypto_password.h"
#include "crypto/crypto_seal.h"
#include "store/store.h"
#include "store_sql.h"

#define STORE_SERVER_MIN	140000
#define STORE_ADMIN		"admin"		/* name and password of the first user */

static const struct store_migration {
	int		 version;
	const char	*name;
	const char	*sql;
} migrations[] = {
#define M(number, title, text)	{ number, title, text },
	SQL_MIGRATIONS(M)
#undef M
};
#define NMIGRATIONS	((int)(sizeof(migrations) / sizeof(migrations[0])))

/* Clears res. 0 when it is what was wanted; else -1 and err, which starts with `doing`. */
static int
migrate_expect(struct store *s, PGresult *res, ExecStatusType want, const char *doing, struct error *err)
{
	struct error	why;
	bool		ok = PQresultStatus(res) == want;

	if (!ok)
		error_set(err, "%s: %s", doing, store_error(store_conn(s), res, &why));
	PQclear(res);
	return ok ? 0 : -1;
}

/* The only value of a query into value. 0, or -1 and err. */
static int
migrate_value(struct store *s, const char *sql, char value[32], const char *doing, struct error *err)
{
	PGresult	*res = store_exec(s, sql, 0, NULL);

	value[0] = '\0';
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1)
		snprintf(value, 32, "%s", PQgetvalue(res, 0, 0));
	return migrate_expect(s, res, PGRES_TUPLES_OK, doing, err);
}

static int
migrate_apply(struct store *s, const struct store_migration *m, struct error *err)
{
	char		 number[16], doing[128];
	const char	*params[2] = { number, m->name };

	snprintf(number, sizeof(number), "%d", m->version);
	snprintf(doing, sizeof(doing), "migration %s", m->name);
	if (store_begin(s) != 0)
		return error_set(err, "%s: cannot start a transaction", doing);
	if (migrate_expect(s, store_script(s, m->sql), PGRES_COMMAND_OK, doing, err) != 0 ||
	    migrate_expect(s, store_exec(s, SQL_MIGRATE_INSERT, 2, params), PGRES_COMMAND_OK, doing, err) != 0) {
		store_rollback(s);
		return -1;
	}
	if (store_commit(s) != 0)
		return error_set(err, "%s: it could not be committed", doing);
	log_info("storage: applied migration %s", m->name);
	return 0;
}

static int
migrate_schema(struct store *s, struct error *err)
{
	char	value[32];
	int	i, have, applied = 0;

	if (migrate_value(s, SQL_MIGRATE_PRESENT, value, "looking for the schema", err) != 0)
		return -1;
	if (value[0] != 't' &&
	    migrate_expect(s, store_script(s, SQL_MIGRATE_PREPARE), PGRES_COMMAND_OK, "creating the schema dbbat", err) != 0)
		return -1;
	if (migrate_value(s, SQL_MIGRATE_VERSION, value, "reading the schema's version", err) != 0)
		return -1;
	have = atoi(value);
	if (have > migrations[NMIGRATIONS - 1].version)
		return error_set(err, "the storage database has schema version %d, newer than this program's %d",
		    have, migrations[NMIGRATIONS - 1].version);
	for (i = 0; i < NMIGRATIONS; i++) {
		if (migrations[i].version <= have)
			continue;
		if (migrate_apply(s, &migrations[i], err) != 0)
			return -1;
		applied++;
	}
	return applied;
}

/* What log_dsn logs in as is a member of this role. To be without it is no failure: not everybody may create roles. */
static int
migrate_log_role(struct store *s, struct error *err)
{
	char	value[32];

	if (migrate_expect(s, store_script(s, SQL_MIGRATE_LOG_ROLE), PGRES_COMMAND_OK, "the role dbbat_log", err) != 0 ||
	    migrate_value(s, SQL_MIGRATE_LOG_ROLE_THERE, value, "looking for the role dbbat_log", err) != 0)
		return -1;
	if (value[0] != 't')
		log_info("storage: there is no role dbbat_log, and we may not create it; before log_dsn is used, an "
		    "administrator must run: CREATE ROLE dbbat_log NOLOGIN");
	return 0;
}

/* A log_dsn that does not work would be noticed when journals are full. */
static int
migrate_log_dsn(const char *log_dsn, struct error *err)
{
	struct store	*s;
	struct error	 why;
	PGresult	*res;
	int		 rc = -1;

	if (*log_dsn == '\0')
		return 0;
	s = store_new(log_dsn, "migrate", 0);
	if (store_ready(s, &why) != 0) {
		error_set(err, "log_dsn: %s", why.msg);
		goto out;
	}
	res = store_exec(s, SQL_MIGRATE_LOG_CHECK, 0, NULL);
	if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1)
		error_set(err, "log_dsn: %s", store_error(store_conn(s), res, &why));
	else if (*PQgetvalue(res, 0, 0) != '\0')
		error_set(err, "log_dsn: role \"%s\" %s", PQuser(store_conn(s)), PQgetvalue(res, 0, 0));
	else
		rc = 0;
	if (rc == 0 && *PQgetvalue(res, 0, 1) != '\0')
		log_warn("log_dsn: role \"%s\" %s, so it protects nothing", PQuser(store_conn(s)), PQgetvalue(res, 0, 1));
	PQclear(res);
out:
	store_close(s);
	return rc;
}

static int
migrate_insert_admin(struct store *s, const unsigned char key[32], const char *id, struct error *err)
{
	char		 identity[CRYPTO_IDENTITY_SIZE], phc[CRYPTO_PHC_SIZE];
	unsigned char	 seal_key[CRYPTO_KEY_SIZE];
	struct buf	 sealed = { 0 };
	char		*verifier = store_scram_verifier(s, STORE_ADMIN, err), *hex;
	const char	*user[7] = { id, STORE_ADMIN, "true", phc, NULL, "true", NULL };
	const char	*event[9] = { NULL, "dbbat", "local", "user.create", "user", id, NULL,
	    "{\"username\": \"" STORE_ADMIN "\", \"is_admin\": true, \"default_password\": true}",
	    "the first user of a new installation" };
	int		 rc;

	if (verifier == NULL)
		return -1;
	crypto_password_hash(STORE_ADMIN, phc);
	crypto_subkey(key, CRYPTO_LABEL_SEAL, seal_key);
	crypto_identity(identity, "user", atoll(id), "scram");
	crypto_seal(seal_key, identity, verifier, strlen(verifier), &sealed);
	explicit_bzero(seal_key, sizeof(seal_key));
	secret_free(verifier);
	user[4] = hex = store_bytea(sealed.data, sealed.len);
	rc = migrate_expect(s, store_exec(s, SQL_USER_INSERT, 7, user), PGRES_TUPLES_OK, "creating the user admin", err);
	if (rc == 0)
		rc = migrate_expect(s, store_exec(s, SQL_AUDIT_INSERT, 9, event), PGRES_COMMAND_OK,
		    "creating the user admin", err);
	free(hex);
	buf_free(&sealed);
	return rc;
}

static int
migrate_admin(struct store *s, const unsigned char key[32], struct error *err)
{
	char	value[32];

	if (migrate_value(s, SQL_USER_ANY, value, "looking for users", err) != 0)
		return -1;
	if (value[0] == 't')
		return 0;
	if (store_begin(s) != 0)
		return error_set(err, "creating the user admin: cannot start a transaction");
	if (migrate_value(s, SQL_USER_NEXT_ID, value, "creating the user admin", err) != 0 ||
	    migrate_insert_admin(s, key, value, err) != 0) {
		store_rollback(s);
		return -1;
	}
	if (store_commit(s) != 0)
		return error_set(err, "creating the user admin: it could not be committed");
	log_info("storage: created the user admin with password admin, for loopback only until it is changed");
	return 0;
}

int
store_migrate(const char *dsn, const char *log_dsn, const unsigned char master_key[32], struct error *err)
{
	struct store	*s = store_new(dsn, "migrate", 0);
	int		 version, applied = -1;

	if (store_ready(s, err) != 0)
		goto out;
	version = PQserverVersion(store_conn(s));
	if (version < STORE_SERVER_MIN) {
		error_set(err, "the storage database is PostgreSQL %d.%d; 14 or newer is needed",
		    version / 10000, version % 10000);
		goto out;
	}
	/* the lock goes with the connection */
	if (migrate_expect(s, store_exec(s, SQL_MIGRATE_LOCK, 0, NULL), PGRES_TUPLES_OK, "taking the migration lock", err) != 0)
		goto out;
	applied = migrate_schema(s, err);
	if (applied >= 0 && (migrate_log_role(s, err) != 0 || migrate_admin(s, master_key, err) != 0 ||
	    migrate_log_dsn(log_dsn, err) != 0))
		applied = -1;
out:
	store_close(s);
	return applied;
}
