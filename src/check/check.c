/*
 * The life of a check: one request, a connection for each credential, one report. It believes nothing a
 * target says further than to write it down, and holds no more of it than it has set itself.
 */
#include "check/check.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "base/base_text.h"
#include "base/base_time.h"
#include "check/check_internal.h"
#include "store/store.h"
#include "target/target.h"

#define CHECK_WAIT_MS	5000		/* for the request, which is there already */
#define CHECK_JSON_MAX	60000		/* bytes: with it a REPORT fits a packet */
#define CHECK_TRIPS	3		/* the quickest counts */

/* Bytes of memory, so that a target that sends without end hurts this process alone. */
#if defined(__SANITIZE_ADDRESS__)
#define CHECK_MEMORY	RLIM_INFINITY	/* its shadow is larger than any limit */
#else
#define CHECK_MEMORY	((rlim_t)1 << 30)
#endif

/* What the target is told; each statement is a transaction of its own, so a read-only one. */
#define CHECK_OPTIONS	"-c default_transaction_read_only=on -c search_path=pg_catalog,pg_temp " \
			"-c statement_timeout=8000 -c lock_timeout=2000 -c client_encoding=UTF8"

const char *
check_text(const char *text, char out[CHECK_TEXT_SIZE])
{
	text_fit(out, CHECK_TEXT_SIZE, text, strnlen(text, 4 * CHECK_TEXT_SIZE), true);
	return out;
}

static void
check_notice(void *arg, const PGresult *res)
{
	(void)arg, (void)res;
}

/* The round trip of a statement, in milliseconds; negative when there was none. */
static double
check_trip(PGconn *conn)
{
	double	best = -1;

	for (int i = 0; i < CHECK_TRIPS; i++) {
		int64_t		 start = time_mono_us();
		PGresult	*res = PQexec(conn, "SELECT 1");
		double		 took = (double)(time_mono_us() - start) / 1000;

		if (PQresultStatus(res) == PGRES_TUPLES_OK && (best < 0 || took < best))
			best = took;
		PQclear(res);
	}
	return best;
}

static void
check_tls(PGconn *conn, cJSON *login)
{
	const char	*protocol = PQsslAttribute(conn, "protocol"), *cipher = PQsslAttribute(conn, "cipher");
	cJSON		*tls;

	if (!PQsslInUse(conn)) {
		cJSON_AddNullToObject(login, "tls");
		return;
	}
	tls = cJSON_AddObjectToObject(login, "tls");
	cJSON_AddStringToObject(tls, "protocol", protocol ? protocol : "");
	cJSON_AddStringToObject(tls, "cipher", cipher ? cipher : "");
}

/* Connects; what there is to say of it goes to the report. NULL: not reachable. */
static PGconn *
check_login(const struct ipc_target *m, const char *username, const char *password, const char *used_for, cJSON *logins)
{
	struct target_params	 params;
	struct error		 err;
	char			 text[CHECK_TEXT_SIZE];
	const char		*version;
	cJSON			*login = cJSON_CreateObject();
	int64_t			 start = time_mono_us();
	PGconn			*conn;

	cJSON_AddItemToArray(logins, login);
	cJSON_AddStringToObject(login, "username", username);
	cJSON_AddStringToObject(login, "used_for", used_for);
	target_params(&params, &(struct target){
		.host = m->host, .port = m->port, .dbname = m->dbname, .username = username, .password = password,
		.ssl_mode = m->ssl_mode, .ssl_root_cert = m->ssl_root_cert, .ssl_cert = m->ssl_cert, .ssl_key = m->ssl_key,
		.application = "dbbat check", .options = CHECK_OPTIONS, .connect_timeout = m->connect_timeout_s,
	});
	conn = PQconnectdbParams(params.keywords, params.values, 0);
	target_params_close(&params);
	if (PQstatus(conn) != CONNECTION_OK) {
		cJSON_AddBoolToObject(login, "reachable", false);
		cJSON_AddStringToObject(login, "error", check_text(store_error(conn, NULL, &err), text));
		PQfinish(conn);
		return NULL;
	}
	PQsetNoticeReceiver(conn, check_notice, NULL);
	version = PQparameterStatus(conn, "server_version");
	cJSON_AddBoolToObject(login, "reachable", true);
	cJSON_AddNullToObject(login, "error");
	cJSON_AddStringToObject(login, "server_version", check_text(version ? version : "", text));
	check_tls(conn, login);
	cJSON_AddNumberToObject(login, "connect_ms", (double)(time_mono_us() - start) / 1000);
	cJSON_AddNumberToObject(login, "round_trip_ms", check_trip(conn));
	return conn;
}

/* Fills the report. *reachable: with every credential; true: the role of read grants can do nothing. */
static bool
check_target(const struct ipc_target *m, cJSON *report, bool *reachable)
{
	bool	 second = *m->read_username != '\0', clean = false;
	cJSON	*logins = cJSON_AddArrayToObject(report, "logins");
	PGconn	*conn;

	conn = check_login(m, m->username, m->password, second ? "write" : "read and write", logins);
	*reachable = conn != NULL;
	if (second) {
		PQfinish(conn);
		conn = check_login(m, m->read_username, m->read_password, "read", logins);
		*reachable &= conn != NULL;
	}
	cJSON_AddStringToObject(report, "role", second ? m->read_username : m->username);
	if (conn != NULL)
		clean = check_role(conn, second ? m->read_username : "dbbat_read", report);
	PQfinish(conn);
	return clean;
}

_Noreturn void
check_main(void)
{
	struct rlimit		 memory = { CHECK_MEMORY, CHECK_MEMORY };
	struct ipc_target	 m;
	struct buf		 packet = { 0 };
	cJSON_Hooks		 hooks = { .malloc_fn = xmalloc, .free_fn = free };
	cJSON			*report;
	bool			 clean, reachable;
	char			*json;

	/* before the credentials are here: nobody of our account looks into this process */
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_AS, &memory);
	if (ipc_recv(STDIN_FILENO, &packet, CHECK_WAIT_MS) != 1 ||
	    ipc_get_target((struct slice){ packet.data, packet.len }, &m) != 0)
		exit(1);
	cJSON_InitHooks(&hooks);
	report = cJSON_CreateObject();
	clean = check_target(&m, report, &reachable);
	json = cJSON_PrintUnformatted(report);
	if (strlen(json) > CHECK_JSON_MAX) {
		/* names that are all quotes */
		free(json);
		cJSON_DeleteItemFromObject(report, "script");
		json = cJSON_PrintUnformatted(report);
	}
	buf_wipe(&packet);
	ipc_put_report(&packet, &(struct ipc_report){ .reachable = reachable, .clean = clean && reachable, .json = json });
	exit(ipc_send(STDIN_FILENO, &packet) == 0 ? 0 : 1);
}
