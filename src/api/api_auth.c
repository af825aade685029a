/*
 * Who is asking: Basic authentication. A wrong password and an unknown user cost the same and look
 * the same. A verified login is remembered while it is used under a keyed hash, so that
 * a client does not pay for Argon2 with each call; the hash is over the stored
 * PHC string too, so a changed password or a deleted user is forgotten at once. Where many logins of one name from
 * one source have failed, or several times as many of all names, no more are verified for a while but those that are
 * remembered: each costs Argon2. So a script with an old password keeps out nobody but its own user.
 */
#include <arpa/inet.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api_internal.h"
#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_text.h"
#include "base/base_time.h"
#include "crypto/crypto.h"
#include "crypto/crypto_password.h"
#include "store_sql.h"

#define LOGINS_SIZE	1024		/* a power of two; a newer login takes an older one's place */
#define LOGINS_US	60000000
#define CREDENTIALS_MAX	2048		/* decoded */
#define FAILURES_SIZE	4096		/* a power of two; sources that fall together share their failures */
#define FAILURES_NAME	20		/* of one name from one source within FAILURES_US, in this worker */
#define FAILURES_SOURCE	100		/* of all names */
#define FAILURES_US	60000000

struct api_logins {
	unsigned char	key[CRYPTO_KEY_SIZE];
	struct remembered {
		unsigned char	hash[CRYPTO_HASH_SIZE];
		int64_t		until_us;	/* monotonic */
	} slots[LOGINS_SIZE];
	struct failures {
		int64_t		since_us;	/* monotonic */
		unsigned	n;
	} failures[FAILURES_SIZE];
};

/* The user row a login is checked against. */
struct account {
	int64_t	 id;
	char	 phc[CRYPTO_PHC_SIZE];
	bool	 is_admin;
	bool	 default_password;
	bool	 is_disabled;
};

struct api_logins *
api_logins_new(void)
{
	struct api_logins	*l = xcalloc(1, sizeof(*l));

	crypto_random(l->key, sizeof(l->key));
	return l;
}

static void
login_hash(const struct api_logins *l, const struct account *a, const char *password,
    unsigned char hash[CRYPTO_HASH_SIZE])
{
	struct buf	b = { 0 };

	buf_reserve(&b, 8 + sizeof(a->phc) + strlen(password) + 1);
	buf_put_u64(&b, (uint64_t)a->id);
	buf_put_cstr(&b, a->phc);
	buf_put_cstr(&b, password);
	crypto_hmac(l->key, sizeof(l->key), b.data, b.len, hash);
	buf_wipe(&b);
}

/* The failures of a name ("": of all) from a source: an address, or the network that an IPv6 address is in. */
static struct failures *
login_failures(struct api_logins *l, const char *host, const char *name)
{
	unsigned char	hash[CRYPTO_HASH_SIZE], ip[16];
	struct buf	b = { 0 };
	struct failures	*f;

	buf_put_cstr(&b, name);
	if (inet_pton(AF_INET6, host, ip) == 1)
		buf_put(&b, ip, 8);
	else
		buf_put_str(&b, host);
	crypto_hmac(l->key, sizeof(l->key), b.data, b.len, hash);
	buf_free(&b);
	f = &l->failures[(hash[0] | (unsigned)hash[1] << 8) % FAILURES_SIZE];
	if (time_mono_us() - f->since_us > FAILURES_US)
		*f = (struct failures){ .since_us = time_mono_us() };
	return f;
}

enum login { LOGIN_RIGHT, LOGIN_WRONG, LOGIN_UNTRIED };

/* a: NULL for an unknown user, which costs the same. */
static enum login
login_verify(struct api_logins *l, const char *host, const char *name, const struct account *a, const char *password)
{
	static const struct account	 nobody;
	struct failures			*of_name = login_failures(l, host, name), *of_source = login_failures(l, host, "");
	unsigned char			 hash[CRYPTO_HASH_SIZE];
	struct remembered		*slot;

	login_hash(l, a ? a : &nobody, password, hash);
	slot = &l->slots[(hash[0] | (unsigned)hash[1] << 8) % LOGINS_SIZE];
	if (a != NULL && slot->until_us > time_mono_us() && crypto_equal(slot->hash, hash, sizeof(hash))) {
		/* in use: it is not to be kept out by somebody else's failures */
		slot->until_us = time_mono_us() + LOGINS_US;
		return LOGIN_RIGHT;
	}
	if (of_name->n >= FAILURES_NAME || of_source->n >= FAILURES_SOURCE)
		return LOGIN_UNTRIED;
	if (!crypto_password_verify(a ? a->phc : NULL, password)) {
		if (++of_name->n == FAILURES_NAME)
			log_warn("%d logins from %s under one name have failed: no more are tried for a while", FAILURES_NAME, host);
		if (++of_source->n == FAILURES_SOURCE)
			log_warn("%d logins from %s have failed: no more are tried for a while", FAILURES_SOURCE, host);
		return LOGIN_WRONG;
	}
	memcpy(slot->hash, hash, sizeof(hash));
	slot->until_us = time_mono_us() + LOGINS_US;
	return LOGIN_RIGHT;
}

/* "Basic BASE64" into "user\0password"; *password points into it. The block is wiped by the caller. */
static bool
auth_decode(const char *header, char credentials[CREDENTIALS_MAX + 1], char **password)
{
	ssize_t	n;
	char	*colon;

	if (header == NULL || strncasecmp(header, "Basic ", 6) != 0)
		return false;
	header += 6 + strspn(header + 6, " ");
	n = text_base64_decode(header, strlen(header), credentials, CREDENTIALS_MAX);
	if (n <= 0 || memchr(credentials, 0, (size_t)n) != NULL)
		return false;
	credentials[n] = '\0';
	if ((colon = strchr(credentials, ':')) == NULL)
		return false;
	*colon = '\0';
	*password = colon + 1;
	return true;
}

/* 1: found, 0: there is none, -1: storage failed and r->status tells. */
static int
auth_lookup(struct api_request *r, const char *name, struct account *a)
{
	const char	*params[1] = { name };
	PGresult	*res;
	int		 found = 0;

	if (strlen(name) >= sizeof(r->user.name) || !api_utf8_ok(name, strlen(name)))
		return 0;
	res = api_exec(r, SQL_USER_LOGIN, 1, params);
	if (res == NULL)
		return -1;
	if (PQntuples(res) == 1) {
		found = 1;
		a->id = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
		strcpy(r->user.name, name);
		a->is_admin = PQgetvalue(res, 0, 2)[0] == 't';
		a->default_password = PQgetvalue(res, 0, 3)[0] == 't';
		strncpy(a->phc, PQgetvalue(res, 0, 4), sizeof(a->phc) - 1);
		a->is_disabled = PQgetvalue(res, 0, 5)[0] == 't';
	}
	PQclear(res);
	return found;
}

static int
auth_refuse(struct api_request *r, const char *name, const char *reason)
{
	int	status = api_audit_login_failed(r, name, reason);

	if (status != 0)
		return status;
	return api_fail(r, 401, "unauthorized", NULL, "wrong user name or password");
}

static int
auth_check(struct api_request *r, const char *name, const char *password)
{
	struct account	a = { 0 };
	int		found = auth_lookup(r, name, &a), status;

	if (found < 0)
		return r->status;
	switch (login_verify(r->api->logins, r->peer.host, name, found ? &a : NULL, password)) {
	case LOGIN_RIGHT:
		break;
	case LOGIN_WRONG:
		return auth_refuse(r, name, found ? "wrong password" : "unknown user");
	case LOGIN_UNTRIED:
		return api_fail(r, 429, "too_many_attempts", NULL, "too many logins have failed; try again in a minute");
	}
	if (a.is_disabled)
		return auth_refuse(r, name, "disabled user");
	if (a.default_password && !r->peer.loopback) {
		status = api_audit_login_failed(r, name, "default password from elsewhere than loopback");
		return status ? status : api_fail(r, 403, "default_password", NULL,
		    "the default password works from loopback only; change it there first");
	}
	r->user.id = a.id;
	r->user.is_admin = a.is_admin;
	return 0;
}

int
api_auth(struct api_request *r, const char *header)
{
	char	 credentials[CREDENTIALS_MAX + 1], *password;
	int	 status;

	if (auth_decode(header, credentials, &password))
		status = auth_check(r, credentials, password);
	else
		status = api_fail(r, 401, "unauthorized", NULL, "a user name and password are needed (Basic authentication)");
	explicit_bzero(credentials, sizeof(credentials));
	return status;
}
