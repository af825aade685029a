/*
 * What the configuration says of read grants: which functions may be called, which resources may be taken.
 */
#include <string.h>

#include "policy/policy.h"
#include "tap.h"

static struct policy_verdict
judge(const struct policy *p, const char *text)
{
	struct policy_verdict	v;

	policy_statement(p, (struct slice){ (const unsigned char *)text, strlen(text) }, &v);
	return v;
}

static const struct {
	const char	*functions;
	const char	*text;
	bool		 allowed;
} calls[] = {
	{ NULL, "SELECT f(1), app.g(2), x OPERATOR(app.@@) y FROM t", true },
	{ "allow", "SELECT f(1), app.g(2)", true },
	{ "deny", "SELECT f(1)", false },
	{ "deny", "SELECT app.f(1)", false },
	{ "deny", "SELECT * FROM f(1)", false },
	{ "deny", "SELECT 1 FROM t WHERE x OPERATOR(app.@@) y", false },
	{ "deny", "SELECT 1 FROM t ORDER BY x USING OPERATOR(app.<)", false },
	{ "deny", "SELECT lower(a), pg_catalog.upper(b), count(*), information_schema._pg_truetypid(c, d) FROM t", true },
	{ "deny", "SELECT 1 OPERATOR(pg_catalog.+) 2", true },
	/* a name of the server's in another schema is another function */
	{ "deny", "SELECT app.lower(a) FROM t", false },
	{ "deny", "SELECT * FROM t TABLESAMPLE app.system (10)", false },
	{ "app.f, lib.*, g", "SELECT app.f(1)", true },
	{ "app.f, lib.*, g", "SELECT lib.anything(1)", true },
	{ "app.f, lib.*, g", "SELECT 1 OPERATOR(lib.@@) 2", true },
	{ "app.f, lib.*, g", "SELECT g(1), app.g(2)", true },
	{ "app.f, lib.*, g", "SELECT f(1)", false },
	{ "app.f, lib.*, g", "SELECT app.ff(1)", false },
	{ "app.f, lib.*, g", "SELECT ap.f(1)", false },
	{ "app.f, lib.*, g", "SELECT app.\"*\"(1)", false },
	{ "app.f", "SELECT lower(a)", true },
	/* a list never lets through what is refused */
	{ "public.pg_notify, *", "SELECT public.pg_notify('a', 'b')", false },
};

static const struct {
	const char	*words;
	int		 bits;		/* -1: refused */
} words[] = {
	{ "", 0 }, { "advisory_lock", POLICY_ADVISORY_LOCK }, { " sleep ,listen", POLICY_SLEEP | POLICY_LISTEN },
	{ "advisory_lock,export_snapshot,listen,sleep", 15 }, { "all", -1 }, { "sleep,", -1 }, { "Sleep", -1 },
};

static const struct {
	const char	*text;
	unsigned	 resource;
} taken[] = {
	{ "SELECT pg_advisory_lock(1)", POLICY_ADVISORY_LOCK }, { "SELECT pg_try_advisory_xact_lock_shared(1, 2)", POLICY_ADVISORY_LOCK },
	{ "SELECT pg_sleep(1)", POLICY_SLEEP }, { "SELECT pg_sleep_for('1 s')", POLICY_SLEEP },
	{ "SELECT (x).pg_sleep", POLICY_SLEEP }, { "SELECT pg_export_snapshot()", POLICY_EXPORT_SNAPSHOT },
	{ "LISTEN x", POLICY_LISTEN },
};

/* Subscriptions and user mappings without their credentials, for a superuser and for others. */
static const struct {
	const char	*text;
	bool		 allowed, others;
} credentials[] = {
	{ "SELECT count(*) FROM pg_subscription", true, true },
	{ "SELECT subname AS \"Name\", s.subenabled FROM pg_catalog.pg_subscription s WHERE subdbid = 5 ORDER BY 1", true, true },
	{ "SELECT s.subname, w.pid FROM pg_subscription s JOIN pg_stat_subscription w USING (subname)", true, true },
	{ "COPY (SELECT subname FROM pg_subscription) TO STDOUT", true, true },
	{ "SELECT usename, array_to_string(ARRAY(SELECT quote_ident(option_name) FROM pg_options_to_table(umoptions)), '') "
	    "AS umoptions FROM pg_user_mappings WHERE srvid = '5'", true, true },
	{ "SELECT srvname, CASE WHEN umoptions IS NULL THEN '' ELSE 'x' END FROM pg_user_mappings", true, true },
	{ "SELECT umoptions::text IS NULL FROM pg_user_mappings", false, true },
	{ "SELECT 'subconninfo', a.* FROM t a", true, true },
	{ "SELECT subconninfo FROM t", true, true },
	{ "SELECT subconninfo FROM pg_subscription", false, false },
	{ "SELECT s.subconninfo FROM pg_catalog.pg_subscription s", false, false },
	{ "SELECT * FROM pg_subscription", false, false },
	{ "TABLE pg_subscription", false, false },
	{ "SELECT s.* FROM pg_subscription s", false, false },
	{ "SELECT s FROM pg_subscription s", false, false },
	{ "SELECT pg_subscription FROM pg_subscription", false, false },
	{ "SELECT to_jsonb(s) FROM pg_subscription s", false, false },
	{ "SELECT (s).subconninfo FROM pg_subscription s", false, false },
	{ "SELECT f FROM pg_subscription AS s(a, b, c, d, e, f, g, h, i, j)", false, false },
	{ "SELECT j.f FROM (pg_subscription CROSS JOIN t) AS j(a, b, c, d, e, f)", false, false },
	{ "SELECT 1 FROM pg_subscription NATURAL JOIN (SELECT 'a' AS subconninfo) x", false, false },
	{ "SELECT 1 FROM pg_subscription JOIN (SELECT 'a' AS subconninfo) x USING (subconninfo)", false, false },
	{ "WITH a AS (SELECT * FROM pg_subscription) SELECT subname FROM a", false, false },
	{ "SELECT 1 WHERE EXISTS (SELECT FROM pg_subscription WHERE subconninfo LIKE 'a%')", false, false },
	{ "SELECT 1; PREPARE p AS SELECT subconninfo FROM pg_subscription", false, false },
	{ "EXPLAIN ANALYZE SELECT max(subconninfo) FROM pg_subscription", false, false },
	{ "DECLARE c CURSOR FOR TABLE pg_subscription", false, false },
	{ "COPY pg_subscription TO STDOUT", false, false },
	{ "COPY pg_subscription (subconninfo) TO STDOUT", false, false },
	{ "SELECT umoptions FROM pg_user_mappings", false, true },
	{ "SELECT umoptions, pg_options_to_table(umoptions) FROM pg_user_mappings", false, true },
	{ "SELECT option_value FROM information_schema.user_mapping_options", false, true },
	{ "SELECT umoptions FROM information_schema._pg_user_mappings", false, false },
	{ "SELECT pg_options_to_table(umoptions) FROM information_schema._pg_user_mappings", false, false },
	{ "SELECT subconninfo IS NULL FROM pg_subscription", false, false },
	/* a Turkish server's i */
	{ "SELECT subconn\xc4\xb0nfo FROM pg_subscr\xc4\xb0ption", false, false },
	{ "SELECT pg_subscr\xc4\xb0ption FROM pg_subscription", false, false },
	/* another relation beside it hides nothing */
	{ "SELECT s.subconninfo FROM pg_user_mappings m, pg_subscription s", false, false },
	{ "SELECT m.umoptions FROM pg_subscription s, pg_user_mappings m", false, true },
	{ "SELECT option_value FROM pg_user_mappings, information_schema.user_mapping_options", false, true },
};

static void
test_credentials(void)
{
	static const struct policy	strong = { .access = POLICY_READ, .superuser = true };
	static const struct policy	weak = { .access = POLICY_READ };

	for (size_t i = 0; i < sizeof(credentials) / sizeof(credentials[0]); i++) {
		struct policy_verdict	v = judge(&strong, credentials[i].text);

		ok(v.allowed == credentials[i].allowed && (v.allowed || strcmp(v.rule, "relation") == 0), "a superuser's %s: %s",
		    credentials[i].allowed ? "passes" : "is refused", credentials[i].text);
		ok(judge(&weak, credentials[i].text).allowed == credentials[i].others, "and of others it %s",
		    credentials[i].others ? "passes" : "is refused");
	}
}

int
main(void)
{
	struct policy	p = { .access = POLICY_READ };
	struct error	err;
	unsigned	bits;

	test_credentials();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		p.functions = calls[i].functions;
		ok(judge(&p, calls[i].text).allowed == calls[i].allowed, "%s by \"%s\": %s",
		    calls[i].allowed ? "passes" : "refused", p.functions ? p.functions : "", calls[i].text);
	}
	p.functions = "deny";
	is_str(judge(&p, "SELECT f(1)").rule, "user-function", "the rule says why");
	ok(policy_functions_check("allow", &err) == 0 && policy_functions_check("deny", &err) == 0 &&
	    policy_functions_check("a.b, c.* ,d", &err) == 0, "the configuration's words");
	ok(policy_functions_check("", &err) != 0 && policy_functions_check("a.b.c", &err) != 0 &&
	    policy_functions_check(".b", &err) != 0 && policy_functions_check("a b", &err) != 0 &&
	    policy_functions_check("a,,b", &err) != 0, "what is no name is not taken for one");

	p.functions = NULL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int	rc = policy_resources_read(words[i].words, &bits, &err);

		ok(words[i].bits < 0 ? rc != 0 && err.msg[0] != '\0' : rc == 0 && (int)bits == words[i].bits, "resources \"%s\"",
		    words[i].words);
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		p.refused = 0;
		ok(judge(&p, taken[i].text).allowed, "passes where it is not refused: %s", taken[i].text);
		p.refused = 15 & ~taken[i].resource;
		ok(judge(&p, taken[i].text).allowed, "nor where others are");
		p.refused = taken[i].resource;
		is_str(judge(&p, taken[i].text).rule, "resource", "and does not where it is");
	}
	return tap_done();
}
