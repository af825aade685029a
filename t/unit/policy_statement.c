/*
 * Statements under a read grant: what passes, what is refused and by which rule, and hostile texts that
 * must do neither harm nor wrong.
 */
#include <pthread.h>
#include <stdlib.h>

#include "policy/policy.h"
#include "tap.h"

static const struct policy	reading = { .access = POLICY_READ, .refused = POLICY_ADVISORY_LOCK };
static const struct policy	writing = { .access = POLICY_WRITE };

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static struct policy_verdict
judge_n(const char *text, size_t n)
{
	struct policy_verdict	v;
	unsigned char		*copy = malloc(n + 1);

	/* not terminated, and where the sanitizer sees a byte too many */
	copy = realloc(copy, n ? n : 1);
	memcpy(copy, text, n);
	policy_statement(&reading, (struct slice){ copy, n }, &v);
	free(copy);
	return v;
}

static struct policy_verdict
judge(const char *text)
{
	return judge_n(text, strlen(text));
}

static const char *const	allowed[] = {
	"", " ", ";", ";;; ;", "-- nothing", "/* a /* nested */ comment */",
	"SELECT 1", "select 1;", "VALUES (1,'a'),(2,'b')", "TABLE t", "SELECT 1; SELECT 2",
	"SELECT DISTINCT a, count(*) FILTER (WHERE x) OVER (PARTITION BY y ORDER BY z) FROM t GROUP BY ROLLUP (a), ()",
	"SELECT * FROM ROWS FROM (generate_series(1,2), json_to_record('{}') AS (a int, b text)) WITH ORDINALITY AS x",
	"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r WHERE n<3) SEARCH DEPTH FIRST BY n SET o "
	    "CYCLE n SET m USING p SELECT * FROM r",
	"SELECT a[1:2], (f(x)).*, (x).b.c, $1.y, ARRAY[1]::int[], ROW(1,2), NULL, b'1', 0.5, interval '1' day",
	"SELECT extract(year from x), trim(both from y), position('a' in b), x AT TIME ZONE 'UTC', nullif(a,b)",
	"SELECT * FROM xmltable('/a' PASSING x COLUMNS a int PATH 'b' DEFAULT 3)",
	"SELECT xmlelement(name a, 1), xmlserialize(content x AS text), current_user, GROUPING(a) FROM t GROUP BY a",
	"SELECT 1 OPERATOR(pg_catalog.+) 2, a OPERATOR(myschema.@@) b FROM t",
	"SELECT * FROM t TABLESAMPLE bernoulli (10) REPEATABLE (1)", "SELECT * FROM t TABLESAMPLE system (10)",
	"SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON "
	    "pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace",
	"SELECT lo.lo_revenue, o.lo_orderkey FROM lineorder lo, orders o", "SELECT t.name, s.t.c FROM t",
	"SELECT my_function(1), app.report(2), public.pgx(3)", "SELECT pg_sleep(0), pg_catalog.version()",
	"SELECT 'INSERT INTO t; DROP TABLE t', \"delete\" FROM \"update\"", "SELECT $q$DROP TABLE t$q$",
	"SELECT 'a\\b', E'a\\'b', U&'\\0061', 'h\xc3\xa9', 'a''b'",
	"SELECT set_config('search_path', '', false)", "SELECT pg_catalog.set_config('Statement_Timeout', $1, true)",
	"SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings "
	    "WHERE name = 'restrict_nonsystem_relation_kind'",
	"SET SESSION AUTHORIZATION DEFAULT;RESET ALL;CLOSE ALL;UNLISTEN *;SELECT pg_advisory_unlock_all();DISCARD SEQUENCES;DISCARD TEMP",
	"RESET ROLE", "RESET SESSION AUTHORIZATION", "SELECT pg_catalog.pg_get_sequence_data(1), pg_catalog.date_add(now(), '1 day')",
	"SELECT * FROM t TABLESAMPLE pg_catalog.bernoulli (1)", "SET track_io_timing = on",
	"SELECT * FROM pg_catalog.pg_user_mappings", "SELECT 'pg_authid'::regclass", "SELECT usename FROM pg_user",
	"SHOW ALL", "SHOW TIME ZONE", "EXPLAIN SELECT 1", "EXPLAIN (ANALYZE, FORMAT json) VALUES (1)",
	"EXPLAIN ANALYZE EXECUTE p(1, 'a')", "EXPLAIN WITH a AS (SELECT 1) TABLE a",
	"BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE", "START TRANSACTION READ ONLY", "COMMIT",
	"COMMIT AND CHAIN", "END", "ROLLBACK", "ABORT", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a",
	"BEGIN; SELECT 1; COMMIT", "SET TRANSACTION READ ONLY", "SET TRANSACTION SNAPSHOT 'x'",
	"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
	"SET search_path = a, b", "SET \"DateStyle\" TO iso", "SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE",
	"SET LOCAL work_mem = '7MB'", "SET NAMES 'utf-8'", "SET NAMES DEFAULT", "SET client_encoding = 'LATIN1'",
	"SET client_encoding = euc_jp", "RESET client_encoding", "SET SCHEMA 'x'", "SET XML OPTION DOCUMENT",
	"SET default_transaction_read_only = on", "SET Default_Transaction_Read_Only TO 1",
	"RESET default_transaction_read_only", "SET transaction_read_only = true",
	"SET standard_conforming_strings = on", "RESET ALL", "DISCARD ALL", "DISCARD PLANS",
	"PREPARE p(int) AS SELECT $1", "EXECUTE p(1 + 2)", "DEALLOCATE p", "DEALLOCATE ALL",
	"DECLARE c SCROLL CURSOR FOR SELECT 1", "DECLARE c BINARY INSENSITIVE CURSOR WITHOUT HOLD FOR SELECT 1",
	"FETCH 3 c", "MOVE c", "CLOSE c", "CLOSE ALL", "COPY t (a, b) TO STDOUT WITH (FORMAT csv, HEADER)",
	"COPY (SELECT 1) TO STDOUT", "LISTEN x", "UNLISTEN *", "LOCK TABLE t, s.u IN ACCESS SHARE MODE",
	"SET CONSTRAINTS ALL DEFERRED", "SET CONSTRAINTS s.a IMMEDIATE",
};

static const struct refused {
	const char	*text;
	const char	*rule;
	const char	*sqlstate;
} refused[] = {
	/* statements that write, bare and hidden */
	{ "INSERT INTO t VALUES (1)", "statement-kind", "25006" },
	{ "UPDATE t SET a = 1", "statement-kind", "25006" },
	{ "DELETE FROM t", "statement-kind", "25006" },
	{ "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "statement-kind", "25006" },
	{ "SELECT 1; DELETE FROM t", "statement-kind", "25006" },
	{ ";;; ; INSERT INTO t VALUES (1);;", "statement-kind", "25006" },
	{ "/* SELECT */ INSERT /* */ INTO -- x\n t VALUES (1)", "statement-kind", "25006" },
	{ "WITH w AS (INSERT INTO t VALUES (1) RETURNING 1) SELECT * FROM w", "statement-kind", "25006" },
	{ "SELECT (WITH w AS (DELETE FROM t RETURNING 1) SELECT 1)", "statement-kind", "25006" },
	{ "SELECT 1 UNION (WITH w AS (UPDATE t SET a = 1 RETURNING 1) TABLE w)", "statement-kind", "25006" },
	{ "SELECT * INTO x FROM t", "statement-kind", "25006" },
	{ "SELECT * INTO TEMP x FROM t", "statement-kind", "25006" },
	{ "SELECT 1 INTO x UNION SELECT 2", "statement-kind", "25006" },
	{ "SELECT * FROM t FOR UPDATE", "statement-kind", "25006" },
	{ "SELECT * FROM (SELECT * FROM t FOR KEY SHARE SKIP LOCKED) x", "statement-kind", "25006" },
	{ "CREATE TABLE x (a int)", "statement-kind", "25006" },
	{ "CREATE TEMP TABLE x AS SELECT 1", "statement-kind", "25006" },
	{ "TRUNCATE t", "statement-kind", "25006" },
	{ "DO $$BEGIN END$$", "statement-kind", "25006" },
	{ "CALL p()", "statement-kind", "25006" },
	{ "NOTIFY x", "statement-kind", "25006" },
	{ "VACUUM t", "statement-kind", "25006" },
	{ "ALTER SYSTEM SET work_mem = 1", "statement-kind", "25006" },
	{ "EXPLAIN ANALYZE INSERT INTO t VALUES (1)", "statement-kind", "25006" },
	{ "EXPLAIN ANALYZE CREATE TABLE x AS EXECUTE p", "statement-kind", "25006" },
	{ "EXPLAIN ANALYZE SELECT 1 INTO x", "statement-kind", "25006" },
	{ "EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT 1", "statement-kind", "25006" },
	{ "PREPARE p AS DELETE FROM t", "statement-kind", "25006" },
	{ "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "statement-kind", "25006" },
	{ "DECLARE c BINARY SCROLL CURSOR WITH HOLD FOR SELECT 1", "statement-kind", "25006" },
	{ "DECLARE c CURSOR FOR SELECT * FROM t FOR SHARE", "statement-kind", "25006" },
	{ "COPY t FROM STDIN", "statement-kind", "25006" },
	{ "COPY (DELETE FROM t RETURNING 1) TO STDOUT", "statement-kind", "25006" },
	{ "COPY t TO '/tmp/x'", "copy-file", "42501" },
	{ "COPY (SELECT 1) TO PROGRAM 'x'", "copy-file", "42501" },
	{ "LOCK t", "statement-kind", "25006" },
	{ "LOCK t IN ROW SHARE MODE", "statement-kind", "25006" },
	/* transaction modes */
	{ "BEGIN READ WRITE", "transaction", "25006" },
	{ "START TRANSACTION READ ONLY, READ WRITE", "transaction", "25006" },
	{ "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE READ WRITE", "transaction", "25006" },
	{ "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "transaction", "25006" },
	{ "SET LOCAL transaction_read_only = f", "transaction", "25006" },
	{ "SET \"Transaction_Read_Only\" TO 'off'", "transaction", "25006" },
	{ "RESET transaction_read_only", "transaction", "25006" },
	{ "SET transaction_read_only TO DEFAULT", "transaction", "25006" },
	{ "SELECT set_config('transaction_read_only', NULL, true)", "transaction", "25006" },
	{ "SELECT set_config('transaction_read_only', $1, true)", "transaction", "25006" },
	{ "PREPARE TRANSACTION 'x'", "transaction", "25006" },
	{ "COMMIT PREPARED 'x'", "transaction", "25006" },
	{ "ROLLBACK PREPARED 'x'", "transaction", "25006" },
	/* settings */
	{ "SET default_transaction_read_only = off", "setting", "42501" },
	{ "SET default_transaction_read_only = 0", "setting", "42501" },
	{ "SET default_transaction_read_only = on, off", "setting", "42501" },
	{ "SET U&\"def\\0061ult_transaction_read_only\" = off", "setting", "42501" },
	{ "SET SESSION default_transaction_read_only FROM CURRENT", "setting", "42501" },
	{ "SET standard_conforming_strings = off", "setting", "42501" },
	{ "SET backslash_quote = on", "setting", "42501" },
	{ "SET ROLE x", "setting", "42501" },
	{ "SET ROLE NONE", "setting", "42501" },
	{ "SET LOCAL ROLE x", "setting", "42501" },
	{ "SET SESSION AUTHORIZATION x", "setting", "42501" },
	{ "SET LOCAL SESSION AUTHORIZATION x", "setting", "42501" },
	{ "SET session_replication_role = replica", "setting", "42501" },
	{ "SET my.setting = 1", "setting", "42501" },
	{ "SET NAMES 'SJIS'", "client-encoding", "42501" },
	{ "SET client_encoding TO 'Shift_JIS-2004'", "client-encoding", "42501" },
	{ "SET client_encoding TO E'sj\\x01is'", "client-encoding", "42501" },
	{ "SET client_encoding TO 's.j.i.s'", "client-encoding", "42501" },
	{ "SET client_encoding TO utf8, sjis", "client-encoding", "42501" },
	{ "SELECT set_config('client_encoding', 'GB18030', false)", "client-encoding", "42501" },
	{ "SELECT set_config('client_encoding', $1, false)", "client-encoding", "42501" },
	{ "SELECT set_config('default_transaction_read_only', 'off', false)", "setting", "42501" },
	{ "SELECT set_config('default_' || 'transaction_read_only', 'off', false)", "setting", "42501" },
	{ "SELECT set_config(n, 'off', false) FROM x", "setting", "42501" },
	{ "SELECT set_config(name, 'off', false) FROM pg_settings", "setting", "42501" },
	{ "SELECT set_config(setting_name => 'role', new_value => 'x', is_local => false)", "setting", "42501" },
	{ "SELECT set_config(VARIADIC ARRAY['role','x'])", "setting", "42501" },
	{ "SELECT set_config()", "setting", "42501" },
	{ "SELECT app.set_config('work_mem', '1MB', false)", "function", "42501" },
	{ "SELECT U&\"set\\005Fconfig\"('role', 'x', false)", "setting", "42501" },
	{ "SELECT 1 LIMIT length(pg_catalog.set_config('role', 'x', false))", "setting", "42501" },
	/* functions, in every place where one can be named */
	{ "SELECT pg_read_file('x')", "function", "42501" },
	{ "SELECT PG_CATALOG.\"pg_read_file\"('x')", "function", "42501" },
	{ "SELECT anywhere.lo_import('x')", "function", "42501" },
	{ "SELECT a.b.setval('s', 1)", "function", "42501" },
	{ "SELECT nextval('s')", "function", "42501" },
	{ "SELECT pg_some_later_function()", "function", "42501" },
	{ "SELECT pg_catalog.some_later_function()", "function", "42501" },
	{ "SELECT dblink_whatever()", "function", "42501" },
	{ "SELECT cron.schedule('x', 'y')", "function", "42501" },
	{ "SELECT query_to_xml('DELETE FROM t', true, true, '')", "function", "42501" },
	{ "SELECT * FROM pg_ls_dir('.')", "function", "42501" },
	{ "SELECT * FROM ROWS FROM (now(), pg_stat_file('x')) x", "function", "42501" },
	{ "SELECT x.pg_terminate_backend FROM (SELECT 1) x", "function", "42501" },
	{ "SELECT s.x.pg_terminate_backend FROM s.x", "function", "42501" },
	{ "SELECT (1).pg_terminate_backend", "function", "42501" },
	{ "SELECT (x.y[1]).a.lo_unlink FROM x", "function", "42501" },
	{ "SELECT x.pg_unknown FROM x", "function", "42501" },
	{ "SELECT 1 ORDER BY pg_notify('a', 'b')", "function", "42501" },
	{ "SELECT 1 FROM t JOIN u ON pg_advisory_lock(1) IS NULL", "resource", "42501" },
	{ "SELECT sum(1) OVER (PARTITION BY pg_promote())", "function", "42501" },
	{ "SELECT count(*) FILTER (WHERE pg_reload_conf()) FROM t", "function", "42501" },
	{ "SELECT CASE WHEN pg_reload_conf() THEN 1 END", "function", "42501" },
	{ "VALUES (1), (lo_create(0))", "function", "42501" },
	{ "EXECUTE p(lo_create(0))", "function", "42501" },
	{ "EXPLAIN ANALYZE EXECUTE p(lo_create(0))", "function", "42501" },
	{ "COPY (SELECT lo_create(0)) TO STDOUT", "function", "42501" },
	{ "PREPARE p AS SELECT lo_create(0)", "function", "42501" },
	{ "SELECT * FROM t TABLESAMPLE pg_read_file (1)", "function", "42501" },
	{ "SELECT * FROM t TABLESAMPLE bernoulli (lo_create(0))", "function", "42501" },
	{ "SELECT 1 OPERATOR(cron.+) 2", "function", "42501" },
	{ "SELECT 1 = ANY (SELECT 1) OR 1 OPERATOR(cron.=) ANY (SELECT 1)", "function", "42501" },
	{ "SELECT 1 ORDER BY 1 USING OPERATOR(cron.<)", "function", "42501" },
	{ "SELECT PG_TERM\xc4\xb0NATE_BACKEND(1)", "function", "42501" },
	{ "SELECT pg_cancel_bac\xe2\x84\xaa" "end(1)", "function", "42501" },
	/* relations */
	{ "SELECT rolpassword FROM pg_authid", "relation", "42501" },
	{ "TABLE pg_catalog.pg_shadow", "relation", "42501" },
	{ "COPY pg_authid TO STDOUT", "relation", "42501" },
	{ "LOCK pg_user_mapping IN ACCESS SHARE MODE", "relation", "42501" },
	{ "SELECT (SELECT max(a) FROM x JOIN pg_file_settings ON true)", "relation", "42501" },
	{ "TABLE PG_AUTH\xc4\xb0" "D", "relation", "42501" },
	/* what cannot be read */
	{ "SELEC 1", "syntax", "42501" },
	{ "SELECT 'a", "syntax", "42501" },
	{ "SELECT 1 /* a", "syntax", "42501" },
	{ "IDENTIFY_SYSTEM", "syntax", "42501" },
	{ "INSERT\xc2\xa0INTO t VALUES (1)", "syntax", "42501" },
	{ "SELECT 'a\xff'", "encoding", "42501" },
	{ "SELECT '\xc0\xa7; DROP TABLE t --'", "encoding", "42501" },
	{ "SELECT '\xed\xa0\x80'", "encoding", "42501" },
	{ "SELECT '\xf4\x90\x80\x80'", "encoding", "42501" },
	{ "SELECT '\xe2\x82", "encoding", "42501" },
	{ "SELECT E'\x95\\' ; INSERT INTO t VALUES (1) --'", "encoding", "42501" },
};

static void
test_tables(void)
{
	struct policy_verdict	v;

	for (size_t i = 0; i < LENGTH(allowed); i++) {
		v = judge(allowed[i]);
		if (!ok(v.allowed, "passes: %s", allowed[i]))
			printf("#   %s: %s\n", v.rule, v.message);
	}
	for (size_t i = 0; i < LENGTH(refused); i++) {
		v = judge(refused[i].text);
		if (!ok(!v.allowed && strcmp(v.rule, refused[i].rule) == 0 &&
		    strcmp(v.sqlstate, refused[i].sqlstate) == 0 && v.message[0] != '\0',
		    "%s: statement %zu", refused[i].rule, i))
			printf("#   %s\n#   got %d %s %s %s\n", refused[i].text, v.allowed, v.rule, v.sqlstate, v.message);
	}
	for (size_t i = 0; i < LENGTH(refused); i++) {
		policy_statement(&writing, (struct slice){ (const unsigned char *)refused[i].text,
		    strlen(refused[i].text) }, &v);
		if (!v.allowed)
			break;
	}
	ok(v.allowed, "under write all of them pass");
}

static void
test_words(void)
{
	is_str(judge("INSERT INTO t VALUES (1)").message,
	    "cannot execute INSERT: your DBBat grant is read-only", "the message names the command");
	is_str(judge("INSERT INTO t VALUES (1)").hint, "Ask an administrator for a write grant.", "the hint");
	is_str(judge("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'x'").message,
	    "cannot execute CREATE FUNCTION: your DBBat grant is read-only", "a name taken apart");
	is_str(judge("CREATE INDEX ON t (a)").message,
	    "cannot execute CREATE INDEX: your DBBat grant is read-only", "a name from the list");
	is_str(judge("SELECT 1 INTO x").message,
	    "cannot execute SELECT INTO: your DBBat grant is read-only", "a clause");
	is_str(judge("SELECT x.PG_Sleep_more(1)").message,
	    "function pg_sleep_more is not allowed: your DBBat grant is read-only", "a function");
	is_str(judge("SELEC 1").message,
	    "DBBat's grammar (PostgreSQL 15) cannot read the statement at character 1: syntax error at or near \"SELEC\"",
	    "the parser's own words and position");
	is_str(judge("SELECT '\xc3\xa9' FRM \xc3\xa9 x").message,
	    "DBBat's grammar (PostgreSQL 15) cannot read the statement at character 16: syntax error at or near \"??\"",
	    "the position counts characters");
	is_str(judge("SELECT \"pg_\xc3\xa9\n\"()").message,
	    "function pg_??\\n is not allowed: your DBBat grant is read-only", "nothing but printable ASCII");
}

/* --- hostile sizes --- */

static char *
repeat(const char *head, const char *each, size_t times, const char *mid, const char *close, const char *tail)
{
	char	*text = malloc(strlen(head) + times * (strlen(each) + strlen(close)) + strlen(mid) + strlen(tail) + 1);
	char	*p = stpcpy(text, head);

	for (size_t i = 0; i < times; i++)
		p = stpcpy(p, each);
	p = stpcpy(p, mid);
	for (size_t i = 0; i < times; i++)
		p = stpcpy(p, close);
	strcpy(p, tail);
	return text;
}

static const struct pattern {
	const char	*head, *each, *mid, *close;
	bool		 flat;		/* no nesting comes of it, at any length */
	const char	*rule;		/* of a refusal; NULL: too-deep */
} patterns[] = {
	{ "SELECT 1", "+1", "", "", false, NULL },
	{ "SELECT ", "(", "1", ")", false, NULL },
	{ "SELECT ", "((1)+", "1", "", false, NULL },
	{ "SELECT ", "+", "1", "", false, "operator-run" },
	{ "SELECT ", "((", "1", ")+1)", false, NULL },
	{ "SELECT ", "NOT ", "a", "", false, NULL },
	{ "SELECT ", "- ", "1", "", false, NULL },
	{ "SELECT ", "@ ", "1", "", false, NULL },
	{ "SELECT ", "CASE WHEN ", "a", " THEN 1 END", false, NULL },
	{ "SELECT a", ".b", "", "", true, NULL },
	{ "SELECT (a)", "[1]", "", "", true, NULL },
	{ "SELECT 1", ",1", "", "", true, NULL },
	{ "SELECT 1 IN (1", ",'x'", ")", "", true, NULL },
	{ "SELECT a", " AND a", "", "", true, NULL },
	{ "SELECT a", " OR a", "", "", true, NULL },
	{ "SELECT a", " AND a OR a", "", "", true, NULL },
	{ "SELECT ", "a AND (", "a", ")", false, NULL },
	{ "SELECT ", "(SELECT ", "1", ")", false, NULL },
	{ "SELECT * FROM ", "(SELECT * FROM ", "t", ") x", false, NULL },
	{ "", "WITH x AS (", "SELECT 1", ") SELECT 1", false, NULL },
	{ "SELECT 1", " UNION SELECT 1", "", "", false, NULL },
	{ "SELECT * FROM t", " NATURAL JOIN t", "", "", false, NULL },
	{ "SELECT * FROM ", "(t JOIN ", "t", " ON a)", false, NULL },
	{ "SELECT a", "::int", "", "", false, NULL },
	{ "SELECT a", " COLLATE x", "", "", false, NULL },
	{ "SELECT a", " IS NULL", "", "", false, NULL },
	{ "SELECT a", " ISNULL", "", "", false, NULL },
	{ "SELECT a", " AT TIME ZONE b", "", "", false, NULL },
	{ "SELECT a", " IN (b)", "", "", false, NULL },
	{ "SELECT ", "b OPERATOR(a.+) ", "a", "", false, NULL },
	{ "SELECT ", "(a).b+", "1", "", false, NULL },
	{ "SELECT ", "f(", "1", ")", false, NULL },
	{ "SELECT ", "ARRAY[", "1", "]", false, NULL },
	{ "SELECT 1 FROM t GROUP BY ", "ROLLUP(", "1", ")", false, NULL },
	{ "SELECT 1", ";SELECT 1", "", "", true, NULL },
	{ "SELECT ", "1 BETWEEN 0 AND (", "1", ")", false, NULL },
	{ "SELECT a", " OPERATOR(a.+) b", "", "", false, NULL },
	{ "/*", "/*", "", "*/", true, "operator-run" },
	{ "SELECT 1", "/**/", "", "", true, "operator-run" },
	{ "/*", " /* ", "*/", " */", true, NULL },
	{ "SELECT $a$", "$", "", "", true, "syntax" },
	{ "SELECT E'", "\\", "", "", true, "syntax" },
	{ "SELECT \"", "\"\"", "\"", "", true, NULL },
};

static void *
test_depth(void *arg)
{
	static const size_t	sizes[] = { 24000, 100000, POLICY_TEXT_MAX };
	struct policy_verdict	v;
	char			*text, *inner;

	(void)arg;
	for (size_t i = 0; i < LENGTH(patterns); i++) {
		const struct pattern	*p = &patterns[i];
		size_t			 step = strlen(p->each) + strlen(p->close);
		bool			 good = true;

		for (size_t k = 0; k < LENGTH(sizes); k++) {
			text = repeat(p->head, p->each, (sizes[k] - 64) / step, p->mid, p->close, "");
			v = judge(text);
			/* the shortest may pass: 2,000 unions are no harm */
			if (v.allowed ? !p->flat && k > 0 : strcmp(v.rule, p->rule ? p->rule : "too-deep") != 0)
				good = false;
			if (!good)
				printf("# %zu bytes: %d %s %.200s\n", strlen(text), v.allowed, v.rule, v.message);
			free(text);
		}
		ok(good, "survives: %s%s…", p->head, p->each);
	}

	/* both kinds of nesting at once, each as deep as it may get unseen */
	inner = repeat("1", "+1", 24000, "", "", "");
	text = repeat("SELECT ", "(", 4900, inner, ")", "");
	v = judge(text);
	is_str(v.rule, "too-deep", "survives brackets around a long sum");
	free(text);
	free(inner);
	inner = repeat("a", "::int", 22000, "", "", "");
	text = repeat("SELECT ", "(SELECT ", 2400, inner, ")", "");
	v = judge(text);
	is_str(v.rule, "too-deep", "survives subselects around a chain of casts");
	free(text);
	free(inner);
	return NULL;
}

static void
test_size(void)
{
	char			*text;
	struct policy_verdict	 v;

	text = repeat("SELECT * FROM t WHERE id IN (0", ", 123456", 10000, ")", "", "");
	ok(judge(text).allowed, "a list of 10,000 numbers passes");
	free(text);
	text = repeat("SELECT * FROM t WHERE id IN (''", ", '550e8400-e29b-41d4-a716-446655440000'", 10000, ")", "", "");
	ok(judge(text).allowed, "a list of 10,000 UUIDs passes");
	free(text);
	text = repeat("SELECT * FROM t WHERE id IN (-1", ", -1.5", 10000, ")", "", "");
	ok(judge(text).allowed, "a list of 10,000 negative numbers passes");
	free(text);
	text = repeat("SELECT * FROM t WHERE a = 1", " AND some_column <> 'a - b'", 2000, "", "", "");
	ok(judge(text).allowed, "2,000 conditions pass");
	free(text);
	text = repeat("SELECT 1", " || 'a'", 900, "", "", "");
	ok(judge(text).allowed, "900 concatenations pass");
	free(text);
	text = repeat("VALUES (1,NULL,'a')", ",(1,NULL,'a'::text)", 10000, "", "", "");
	ok(judge(text).allowed, "10,000 rows of VALUES pass");
	free(text);
	text = repeat("/* ", "*", 5000, " */ SELECT '", "", "--- a\n====='");
	ok(judge(text).allowed, "rows of stars and dashes pass");
	free(text);

	text = repeat("SELECT ", " ", POLICY_TEXT_MAX - 8, "1", "", "");
	is_int(strlen(text), POLICY_TEXT_MAX, "a text of the very longest");
	ok(judge(text).allowed, "passes");
	v = judge_n(text, POLICY_TEXT_MAX - 1);
	ok(v.allowed, "and nothing behind its end is read");
	free(text);
	text = repeat("SELECT ", " ", POLICY_TEXT_MAX - 7, "1", "", "");
	is_str(judge(text).rule, "too-long", "one byte more does not");
	free(text);
	is_str(judge_n("SELECT 1\0; DROP TABLE t", 23).rule, "nul-byte", "a zero byte");
	is_str(judge_n("SELECT 1\0", 9).rule, "nul-byte", "a zero byte at the end");
}

static void
test_count(void)
{
	static const struct {
		const char	*text;
		unsigned	 agreed, n;
	} texts[] = {
		{ "", 1, 1 }, { ";;", 1, 1 }, { "SELECT 1", 1, 1 }, { "SELECT 1;", 1, 1 }, { "SELECT 1; ;\n", 1, 1 },
		{ "SELECT 1; SELECT 2", 2, 2 }, { "SELECT ';'; SELECT $$;;$$ /* ; */ -- ;", 2, 2 },
		{ "SELECT '\303\251;'; SELECT 2", 2, 3 }, { "SELECT '\\;'; SELECT 2", 2, 3 },
		/* one by our lexer; more where standard_conforming_strings is off, in GBK, in version 14, in 16 */
		{ "SELECT 'a\\'' ; SELECT 2; SELECT 3 --'", 1, 3 },
		{ "SELECT $\346\274\242@$ ' $\346\274\242@$; SELECT 2; SELECT 3 --'", 1, 3 },
		{ "SELECT 1a; SELECT 2; SELECT 3", 3, 3 }, { "SELECT 1_000; SELECT 2; SELECT 0xff", 3, 3 },
		{ "SELECT 'unterminated; SELECT 2", 2, 2 },
	};
	struct buf	b = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (int agreed = 0; agreed < 2; agreed++)
			is_int(policy_count((struct slice){ (const unsigned char *)texts[i].text, strlen(texts[i].text) }, agreed),
			    agreed ? texts[i].agreed : texts[i].n, texts[i].text);
	for (int i = 0; i < 5000; i++)
		buf_put_str(&b, "SELECT 1;");
	is_int(policy_count((struct slice){ b.data, b.len }, true), 5000, "a long text");
	buf_free(&b);
}

static void
test_function_call(void)
{
	static const struct slice	none = { NULL, 0 };
	static const struct {
		const char	*name;
		struct slice	 mode;
		bool		 allowed;
	} modes[] = {
		{ "INV_READ", { (const unsigned char *)"\0\4\0\0", 4 }, true },
		{ "INV_WRITE", { (const unsigned char *)"\0\2\0\0", 4 }, false },
		{ "both", { (const unsigned char *)"\0\6\0\0", 4 }, false },
		{ "a mode in text", { (const unsigned char *)"262144", 6 }, false },
		{ "no mode", { NULL, 0 }, false },
	};
	struct policy_verdict	v;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		policy_function_call(&reading, 952, modes[i].mode, &v);
		ok(v.allowed == modes[i].allowed, "lo_open with %s", modes[i].name);
	}

	policy_function_call(&reading, 954, none, &v);
	ok(v.allowed, "loread passes");
	policy_function_call(&reading, 955, none, &v);
	ok(!v.allowed && strcmp(v.sqlstate, "42501") == 0, "lowrite does not");
	policy_function_call(&reading, 0, none, &v);
	ok(!v.allowed, "nor does OID 0");
	policy_function_call(&writing, 955, none, &v);
	ok(v.allowed, "under write it does");
}

/* What a session must know to pin the transaction around a text. */
static void
test_effect(void)
{
	static const struct {
		const char		*text;
		struct policy_effect	 e;
	} effects[] = {
		{ "SELECT f()", { .kind = POLICY_PLAIN, .code = true } },
		{ "TABLE t", { .kind = POLICY_PLAIN, .code = true } },
		{ "FETCH c", { .kind = POLICY_PLAIN, .code = true } },
		{ "COPY t TO STDOUT", { .kind = POLICY_PLAIN, .code = true } },
		{ "BEGIN", { .kind = POLICY_BEGIN, .begins = true } },
		{ "START TRANSACTION READ ONLY", { .kind = POLICY_BEGIN, .begins = true } },
		{ "BEGIN; TABLE t", { .kind = POLICY_BEGIN, .begins = true, .several = true, .code = true } },
		{ "END", { .kind = POLICY_COMMIT } },
		{ "COMMIT AND CHAIN", { .kind = POLICY_COMMIT, .chain = true } },
		{ "ABORT", { .kind = POLICY_ROLLBACK } },
		{ "SAVEPOINT a", { .kind = POLICY_PLAIN, .block = "SAVEPOINT" } },
		{ "SELECT 1; ROLLBACK TO a", { .kind = POLICY_PLAIN, .several = true, .block = "ROLLBACK TO SAVEPOINT" } },
		{ "SAVEPOINT a; LOCK TABLE t IN ACCESS SHARE MODE",
		    { .kind = POLICY_PLAIN, .several = true, .block = "SAVEPOINT", .code = true } },
		{ "DECLARE c CURSOR FOR SELECT 1", { .kind = POLICY_PLAIN, .block = "DECLARE CURSOR", .code = true } },
		{ "DECLARE c CURSOR FOR SELECT 1; FETCH c", { .kind = POLICY_PLAIN, .several = true, .code = true } },
		{ "SELECT 1; COMMIT", { .kind = POLICY_ENDS, .several = true, .commits = true, .tail = 9 } },
		{ "BEGIN; SELECT ';' /* ; */; ROLLBACK",
		    { .kind = POLICY_ENDS, .several = true, .begins = true, .tail = 26 } },
		{ "SELECT 1; COMMIT AND CHAIN", { .kind = POLICY_MIXED, .several = true, .chain = true } },
		{ "COMMIT; SELECT 1", { .kind = POLICY_MIXED, .several = true } },
		{ "SELECT 1; BEGIN", { .kind = POLICY_MIXED, .several = true } },
		{ "BEGIN; COMMIT; SELECT 1", { .kind = POLICY_MIXED, .several = true, .begins = true } },
		{ "SET work_mem = 1000", { .kind = POLICY_SETTING, .sets = true } },
		{ "SET LOCAL work_mem = 1000", { .kind = POLICY_SETTING } },
		{ "SET TRANSACTION READ ONLY", { .kind = POLICY_SETTING } },
		{ "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", { .kind = POLICY_SETTING, .sets = true } },
		{ "LISTEN a; UNLISTEN *", { .kind = POLICY_SETTING, .several = true, .sets = true } },
		{ "SET work_mem = 1000; TABLE t", { .kind = POLICY_PLAIN, .several = true, .sets = true, .code = true } },
		{ "SELECT pg_catalog.set_config('work_mem', '1MB', false)", { .kind = POLICY_PLAIN, .sets = true } },
		{ "SELECT set_config('work_mem', '1MB', false)", { .kind = POLICY_PLAIN, .sets = true, .code = true } },
		{ "SELECT pg_catalog.set_config('work_mem', '1MB', false) FROM t", { .kind = POLICY_PLAIN, .sets = true, .code = true } },
		{ "SELECT pg_catalog.set_config('work_mem', f(), false)", { .kind = POLICY_PLAIN, .sets = true, .code = true } },
		{ "SELECT pg_catalog.set_config('work_mem', '1' || '2', false)", { .kind = POLICY_PLAIN, .sets = true, .code = true } },
		{ "SELECT pg_catalog.set_config('work_mem', '1MB'::d, false)", { .kind = POLICY_PLAIN, .sets = true, .code = true } },
		{ "SELECT pg_catalog.set_config('work_mem', '1MB', 'f')", { .kind = POLICY_PLAIN, .sets = true } },
		{ "PREPARE p AS SELECT set_config('work_mem', $1, true)", { .kind = POLICY_PLAIN, .code = true } },
		{ "PREPARE p AS SELECT set_config('work_mem', $1, $2)", { .kind = POLICY_PLAIN, .sets = true, .code = true } },
		{ "EXECUTE p(1)", { .kind = POLICY_PLAIN, .executes = true, .code = true } },
		{ "SHOW work_mem", { .kind = POLICY_PLAIN } },
	};

	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		const struct policy_effect	*want = &effects[i].e, got = judge(effects[i].text).effect;

		ok(got.kind == want->kind && got.several == want->several && got.begins == want->begins &&
		    got.chain == want->chain && got.sets == want->sets && got.executes == want->executes,
		    "what it does: %s", effects[i].text);
		if (want->kind == POLICY_ENDS)
			ok(got.commits == want->commits && got.tail == want->tail, "where its end begins: %zu", got.tail);
		if (want->kind == POLICY_PLAIN || want->kind == POLICY_SETTING || want->kind == POLICY_BEGIN)
			ok(got.code == want->code, "whether code of the database may run in it");
		is_str(got.block ? got.block : "", want->block ? want->block : "", "what of it needs a block");
	}
}

/* The settings that a text leaves behind. */
static void
test_kept(void)
{
	static const struct {
		const char	*text;
		const char	*kept;
	} texts[] = {
		{ "SET work_mem = '1MB'", "work_mem" }, { "SET LOCAL work_mem = '1MB'", "" }, { "SET Search_Path TO a, b", "search_path" },
		{ "SET TIME ZONE 'UTC'; SET NAMES 'utf8'; SET datestyle = iso", "datestyle,timezone,client_encoding" },
		{ "RESET work_mem", "work_mem" }, { "SET work_mem TO DEFAULT", "work_mem" }, { "SET SCHEMA 'x'", "search_path" },
		{ "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "default_transaction_deferrable,default_transaction_isolation" },
		{ "SET TRANSACTION READ ONLY", "" }, { "SET transaction_isolation = serializable", "" }, { "SET default_transaction_read_only = on", "" }, { "LISTEN a", "" },
		{ "SELECT set_config('Work_Mem', '1MB', false), set_config('jit', 'on', true)", "work_mem" }, { "SELECT 1", "" },
	};

	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct policy_verdict	v = judge(texts[i].text);
		struct buf		b = { 0 };

		policy_kept_put(&b, v.effect.kept);
		is_str(buf_text(&b), texts[i].kept, texts[i].text);
		buf_free(&b);
	}
}

int
main(void)
{
	pthread_attr_t	attr;
	pthread_t	thread;

	test_tables();
	test_words();
	test_effect();
	test_kept();
	/* 8 MB whatever the limit of whoever runs this */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 8 * 1024 * 1024);
	pthread_create(&thread, &attr, test_depth, NULL);
	pthread_join(thread, NULL);
	test_size();
	test_count();
	test_function_call();
	return tap_done();
}
