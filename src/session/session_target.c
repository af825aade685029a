/*
 * The target: libpq connects, because it knows every authentication method,
 * sslmode and failover; when the connection is up, its socket and TLS state
 * are taken over and libpq never reads or writes again. What libpq or the
 * target say of addresses, roles and passwords goes to the log, not to the client.
 */
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_time.h"
#include "policy/policy.h"
#include "session/session_pin.h"
#include "session/session_stage.h"
#include "session/session_state.h"
#include "target/target.h"
#include "wire/wire_server.h"

#define TARGET_NAME_MAX	63	/* of an application_name, in bytes: NAMEDATALEN - 1 */

/* What PostgreSQL up to 18 reports at the start of a session. */
static const char *const target_parameters[] = {
	"application_name", "client_encoding", "DateStyle", "default_transaction_read_only",
	"in_hot_standby", "integer_datetimes", "IntervalStyle", "is_superuser", "scram_iterations",
	"search_path", "server_encoding", "server_version", "session_authorization",
	"standard_conforming_strings", "TimeZone",
};

/* Startup parameters that are not run-time settings. */
static bool
target_is_own(const char *name)
{
	static const char *const	own[] = { "user", "database", "application_name", "options", "replication" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return false;
}

/* " -c name=value", escaped as pg_split_opts reads it. */
static void
target_put_option(struct buf *b, const char *name, const char *value)
{
	buf_put_str(b, " -c ");
	for (const char *part = name; part != NULL; part = part == name ? value : NULL) {
		for (const char *c = part; *c != '\0'; c++) {
			if (strchr(" \t\n\v\f\r\\", *c) != NULL)
				buf_put_u8(b, '\\');
			buf_put_u8(b, (uint8_t)*c);
		}
		if (part == name)
			buf_put_u8(b, '=');
	}
}

/*
 * The `options` of the target connection: the client's own, then its other
 * startup parameters, then, under a read grant, what pins the session
 * read-only. A parameter the grant does not allow ends the session.
 */
static int
target_options(struct session *s, struct buf *b)
{
	const struct wire_startup	*st = &s->startup;
	const char			*options = wire_startup_param(st, "options");
	const char			*replication = wire_startup_param(st, "replication");
	struct policy_verdict		 v = { .allowed = true };
	char				 limit[24];

	if (s->grant.access == POLICY_READ && s->policy.statement_timeout_max > 0) {
		/* the client's own comes behind it, and may be lower */
		snprintf(limit, sizeof(limit), "%lld", (long long)s->policy.statement_timeout_max);
		target_put_option(b, "statement_timeout", limit);
		buf_put_str(b, " ");
	}
	if (options != NULL) {
		policy_options(&s->policy, options, &v);
		buf_put_str(b, options);
	}
	if (v.allowed && replication != NULL)
		policy_startup_setting(&s->policy, "replication", replication, &v);
	for (int i = 0; v.allowed && i < st->nparams; i++) {
		if (target_is_own(st->params[i].name))
			continue;
		policy_startup_setting(&s->policy, st->params[i].name, st->params[i].value, &v);
		target_put_option(b, st->params[i].name, st->params[i].value);
	}
	if (!v.allowed) {
		log_info("startup parameters refused by rule %s", v.rule);
		session_fatal(s, v.sqlstate, v.message, v.hint);
		session_end(s, "startup parameters refused");
		return -1;
	}
	if (s->grant.access == POLICY_READ) {
		target_put_option(b, "default_transaction_read_only", "on");
		target_put_option(b, "standard_conforming_strings", "on");
	}
	return 0;
}

/* A notice of the target while it starts the session, a login trigger's say: the client's. */
static void
target_notice(void *arg, const PGresult *res)
{
	struct session		*s = arg;
	struct wire_report	 r = {
		.severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED),
		.sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE),
		.message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY),
		.detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL),
		.hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT),
	};

	if (r.severity != NULL && r.message != NULL)
		wire_put_notice(&s->out, &r);
}

/* How much of a name the target keeps: as much as it has room for, and no part of a character. */
static size_t
target_name_cut(const char *name)
{
	size_t	n = strlen(name);

	if (n <= TARGET_NAME_MAX)
		return n;
	for (n = TARGET_NAME_MAX; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

/*
 * The client's application_name as the target would report it, had it come from
 * the client alone: cut, and with what is not ASCII replaced.
 */
static void
target_put_application(struct session *s)
{
	size_t		 n = target_name_cut(s->application);
	bool		 hex = PQserverVersion(s->target) >= 160000;
	struct buf	 name = { 0 };

	if (s->application[n] != '\0') {
		struct buf	text = { 0 };

		buf_putf(&text, "identifier \"%s\" will be truncated to \"%.*s\"", s->application, (int)n,
		    s->application);
		wire_put_notice(&s->out, &(struct wire_report){ .severity = "NOTICE", .sqlstate = "42622",
		    .message = buf_text(&text) });
		buf_free(&text);
	}
	for (const unsigned char *c = (const unsigned char *)s->application; n > 0; c++, n--) {
		if (*c >= 32 && *c < 127)
			buf_put_u8(&name, *c);
		else if (hex)
			buf_putf(&name, "\\x%02x", *c);
		else
			buf_put_u8(&name, '?');
	}
	wire_put_parameter_status(&s->out, "application_name", buf_text(&name));
	buf_free(&name);
}

static PGconn *
target_start(struct session *s, const char *options, struct target_params *params)
{
	const struct session_grant	*g = &s->grant;
	char				 application[TARGET_NAME_MAX + 1];

	/* the people who look at pg_stat_activity see who it is; longer, and the server would remark on it */
	snprintf(application, sizeof(application), "%s via dbbat%s%s", s->user,
	    *s->application ? ": " : "", s->application);
	target_params(params, &(struct target){
		.host = g->host, .port = g->port, .dbname = g->dbname, .username = g->username, .password = g->password,
		.ssl_mode = g->ssl_mode, .ssl_root_cert = g->ssl_root_cert, .ssl_cert = g->ssl_cert, .ssl_key = g->ssl_key,
		.application = application, .options = options,
	});
	return PQconnectStartParams(params->keywords, params->values, 0);
}

/*
 * Waits for the target, and for what may end the session meanwhile; a keeper that goes is of no interest
 * before the relay. 1: the target has moved, 0: too late, -1: the session ends.
 */
static int
target_wait(struct session *s, short events, int64_t deadline)
{
	struct pollfd	fds[2] = { { .fd = PQsocket(s->target), .events = events }, { .fd = s->keeper_fd, .events = POLLIN } };

	for (;;) {
		int64_t	now = time_mono_us(), until = session_clock(s, now);

		if (s->end.decided)
			return -1;
		if (now >= deadline)
			return 0;
		if (until > deadline)
			until = deadline;
		fds[1].fd = s->keeper_fd;
		if (poll(fds, 2, (int)((until - now) / 1000) + 1) < 0)
			continue;
		if (fds[1].revents != 0)
			session_keeper_read(s);
		if (fds[0].revents != 0)
			return 1;
	}
}

/* Polls the connection to its end. */
static bool
target_connect(struct session *s, int64_t deadline)
{
	PostgresPollingStatusType	st = PGRES_POLLING_WRITING;
	bool				moved;

	if (PQstatus(s->target) == CONNECTION_BAD)
		return false;
	while (st != PGRES_POLLING_OK) {
		if (st == PGRES_POLLING_FAILED)
			return false;
		stage_enter(STAGE_TARGET);
		moved = target_wait(s, st == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline) > 0;
		stage_enter(STAGE_CONNECT);
		if (!moved)
			return false;
		st = PQconnectPoll(s->target);
	}
	return true;
}

/* The SQLSTATE in libpq's verbose "FATAL:  53300: ..." of a refused connection, and the text behind it. */
static const char *
target_sqlstate(const char *message, char sqlstate[6])
{
	const char	*at = strstr(message, "FATAL:  ");

	if (at == NULL || strlen(at += 8) < 7 || at[5] != ':')
		return NULL;
	memcpy(sqlstate, at, 5);
	sqlstate[5] = '\0';
	return at + 7;
}

/*
 * What the client is told. Only what it can mend or wait for itself is passed
 * on: its own startup parameters (classes 22 and 42), a full or starting server.
 */
static void
target_failed(struct session *s, PGconn *conn, bool late)
{
	char		 sqlstate[6] = "", text[256], hint[] = "The operator finds the reason in DBBat's log.";
	const char	*message = PQerrorMessage(conn), *why;
	bool		 client_fault;

	if (late && *message == '\0')
		message = "no answer in time";
	log_error("the target of database \"%s\" could not be reached: %s", s->database, message);
	why = target_sqlstate(message, sqlstate);
	client_fault = why != NULL && s->startup.nparams > 0 &&
	    (strncmp(sqlstate, "22", 2) == 0 || strcmp(sqlstate, "42704") == 0 ||
	    strcmp(sqlstate, "42601") == 0 || strcmp(sqlstate, "55P02") == 0);
	if (client_fault) {
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(why, "\n"), why);
		session_fatal(s, sqlstate, text, "");
	} else if (strcmp(sqlstate, "53300") == 0) {
		snprintf(text, sizeof(text), "the server of database \"%s\" has no connection free", s->database);
		session_fatal(s, sqlstate, text, "Try again in a moment.");
	} else if (strcmp(sqlstate, "57P03") == 0) {
		snprintf(text, sizeof(text), "the server of database \"%s\" is starting up or shutting down",
		    s->database);
		session_fatal(s, sqlstate, text, "Try again in a moment.");
	} else {
		snprintf(text, sizeof(text), "could not connect to the server of database \"%s\"", s->database);
		session_fatal(s, "08001", text, hint);
	}
}

static void
target_forget_credentials(struct session_grant *g)
{
	secret_free(g->password);
	secret_free(g->ssl_key);
	g->password = g->ssl_key = NULL;
	free(g->ssl_root_cert);
	free(g->ssl_cert);
	g->ssl_root_cert = g->ssl_cert = NULL;
	free(g->host);
	free(g->dbname);
	free(g->username);
	free(g->ssl_mode);
	g->host = g->dbname = g->username = g->ssl_mode = NULL;
}

/* The client's view of a session that begins: parameters, key, ready. */
static void
target_welcome(struct session *s)
{
	const struct session_grant	*g = &s->grant;

	for (size_t i = 0; i < sizeof(target_parameters) / sizeof(target_parameters[0]); i++) {
		const char	*value = PQparameterStatus(s->target, target_parameters[i]);

		if (strcmp(target_parameters[i], "application_name") == 0)
			target_put_application(s);
		else if (value != NULL)
			wire_put_parameter_status(&s->out, target_parameters[i], value);
	}
	/* the pid is what pg_backend_pid() and notifications say; the secret is ours */
	wire_put_backend_key(&s->out, (uint32_t)PQbackendPID(s->target), g->cancel_secret, sizeof(g->cancel_secret));
	wire_put_ready(&s->out, 'I');
}

/* What the session's statements are judged by; the role is known when the target is connected. */
static void
target_policy(struct session *s)
{
	const struct conf	*c = s->conf;
	const char		*superuser = s->target == NULL ? NULL : PQparameterStatus(s->target, "is_superuser");

	s->policy = (struct policy){
		.access = s->grant.access,
		.role = s->target == NULL ? NULL : PQuser(s->target),
		.superuser = superuser != NULL && strcmp(superuser, "on") == 0,
		.functions = c->user_functions,
		.work_mem_max = c->read_work_mem,
		.statement_timeout_max = c->read_timeout,
	};
	/* the words were checked when the configuration was read */
	policy_resources_read(c->read_refuse, &s->policy.refused, NULL);
}

void
session_target_rehearse(void)
{
	struct target_params	params;

	target_params(&params, &(struct target){
		/* no port: it ends before it would look for the host */
		.host = "127.0.0.1", .port = 0, .dbname = "", .username = "dbbat", .password = "dbbat", .ssl_mode = "disable",
		.ssl_root_cert = "", .ssl_cert = "", .ssl_key = "", .application = "dbbat", .options = "",
	});
	PQfinish(PQconnectStartParams(params.keywords, params.values, 0));
	target_params_close(&params);
}

int
session_target_start(struct session *s)
{
	struct buf	options = { 0 };
	int		rc;

	target_policy(s);
	rc = target_options(s, &options);
	if (rc == 0)
		s->target = target_start(s, buf_text(&options), &s->target_params);
	buf_free(&options);
	target_forget_credentials(&s->grant);
	return rc;
}

int
session_target(struct session *s)
{
	int64_t	deadline = time_mono_us() + s->conf->connect_timeout * 1000;
	bool	up;

	if (s->target == NULL) {
		session_fatal(s, "53200", "out of memory", "");
		return -1;
	}
	PQsetErrorVerbosity(s->target, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(s->target, target_notice, s);
	up = target_connect(s, deadline);
	target_params_close(&s->target_params);
	if (s->end.decided) {
		session_fatal(s, s->end.sqlstate, s->end.message, s->end.hint);
		return -1;
	}
	if (!up) {
		target_failed(s, s->target, time_mono_us() >= deadline);
		return -1;
	}
	s->cancel = PQgetCancel(s->target);
	if (s->cancel == NULL || PQsetnonblocking(s->target, 1) != 0) {
		session_fatal(s, "53200", "out of memory", "");
		return -1;
	}
	stream_init(&s->server, PQsocket(s->target), PQsslStruct(s->target, "OpenSSL"));
	target_policy(s);
	pin_start(s, PQserverVersion(s->target), PQparameterStatus(s->target, "is_superuser"),
	    PQparameterStatus(s->target, "session_authorization"));
	session_started(s, (uint32_t)PQbackendPID(s->target));
	target_welcome(s);
	if (session_flush(s, time_mono_us() + s->conf->login_timeout * 1000) != 0)
		return -1;
	stage_tell();
	return 0;
}

void
session_target_cancel(struct session *s)
{
	char	problem[256];

	if (!PQcancel(s->cancel, problem, sizeof(problem)))
		log_warn("the target did not take a cancel: %s", problem);
}

void
session_target_close(struct session *s)
{
	PQfreeCancel(s->cancel);
	PQfinish(s->target);
	s->cancel = NULL;
	s->target = NULL;
}
