/*
 * Write grants: the role that DBBat logs in as stays what it is, and nobody else becomes it.
 */
#include <stdlib.h>

#include "policy/policy.h"
#include "tap.h"

static const struct policy	grant = { .access = POLICY_WRITE, .role = "app" };

static struct policy_verdict
judge_n(const char *text, size_t n)
{
	struct policy_verdict	v;
	unsigned char		*copy = malloc(n > 0 ? n : 1);

	memcpy(copy, text, n);
	policy_statement(&grant, (struct slice){ copy, n }, &v);
	free(copy);
	return v;
}

static const char *const	allowed[] = {
	"", "SELECT 1", "INSERT INTO t VALUES (1)", "DROP TABLE t", "this is no SQL", "COPY t FROM STDIN",
	"SELECT current_user, session_user FROM users WHERE created_at > now() AND \"user\" = 'app'",
	"ALTER USER other PASSWORD 'x'", "ALTER ROLE other RENAME TO another", "DROP ROLE other", "DROP USER IF EXISTS other",
	"CREATE ROLE x LOGIN", "CREATE USER x IN ROLE other", "CREATE ROLE x ROLE app", "CREATE USER x PASSWORD 'app'",
	"GRANT SELECT ON app TO PUBLIC", "GRANT other TO app", "GRANT ALL ON SCHEMA app TO other", "REVOKE app FROM other",
	"ALTER TABLE app OWNER TO app", "ALTER TABLE app RENAME TO b", "ALTER ROLE \"App\" PASSWORD 'x'",
	"DROP OWNED BY other", "REASSIGN OWNED BY other TO app", "ALTER ROLE app SET work_mem = '1MB'",
	"ALTER GROUP other ADD USER app", "SET ROLE other", "SET SESSION AUTHORIZATION other", "RESET ROLE",
	"ALTER ROLE ALL SET work_mem = '1MB'", "CREATE USER MAPPING FOR app SERVER s", "COMMENT ON ROLE app IS 'x'",
	/* newer syntax passes */
	"SELECT 0x1F; CREATE USER x", "GRANT other TO x WITH INHERIT TRUE, SET FALSE", "SELECT 1 IS JSON",
	/* text is no statement */
	"SELECT 'ALTER ROLE app PASSWORD'", "SELECT $$; ALTER ROLE app PASSWORD 'x'$$", "-- ALTER ROLE app PASSWORD 'x'",
	/* what the server puts together is not seen */
	"DO $$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ''x'''; END $$",
};

static const char *const	refused[] = {
	"ALTER USER app PASSWORD 'x'", "alter role \"app\" with encrypted password 'x'", "ALTER ROLE APP PASSWORD NULL",
	"ALTER USER app VALID UNTIL 'yesterday'", "ALTER ROLE app SUPERUSER", "ALTER ROLE app CONNECTION LIMIT 0",
	"/* a */ALTER/**/ROLE--\napp PASSWORD 'x'", "ALTER ROLE U&\"\\0061pp\" PASSWORD 'x'", "SELECT 1;ALTER ROLE app NOLOGIN",
	"ALTER ROLE U&\"!0061pp\" UESCAPE '!' PASSWORD 'x'", "SELECT 1ALTER; ALTER ROLE app NOLOGIN",
	"ALTER USER CURRENT_USER PASSWORD 'x'", "ALTER ROLE session_user PASSWORD 'x'", "ALTER ROLE current_role PASSWORD 'x'",
	"ALTER ROLE app RENAME TO other", "ALTER USER app RENAME TO other", "ALTER GROUP app RENAME TO other",
	"DROP ROLE app", "DROP USER other, app", "DROP GROUP IF EXISTS app", "DROP OWNED BY app CASCADE",
	"DROP OWNED BY CURRENT_USER", "REASSIGN OWNED BY other, app TO another",
	"GRANT app TO other", "GRANT other, app TO another WITH ADMIN OPTION", "ALTER GROUP app ADD USER other",
	"CREATE ROLE x IN ROLE app", "CREATE USER x LOGIN PASSWORD 'y' IN GROUP other, app", "CREATE GROUP x IN ROLE current_user",
	/* behind what cannot be read, and in syntax that is newer */
	"SELECT 0x1F IS JSON; ALTER ROLE app PASSWORD 'x'", "GRANT app TO x WITH INHERIT TRUE, SET TRUE",
	"SELECT 1 IS JSON; GRANT U&\"\\0061pp\" TO x WITH SET TRUE",
};

/* A text whose statement is behind something that nests too deeply. */
static void
test_deep(void)
{
	static const char	tail[] = "; ALTER ROLE app PASSWORD 'x'";
	size_t			n = 60000;
	char			*text = malloc(2 * n + 20 + sizeof(tail)), *p = text;
	struct policy_verdict	v;

	p += sprintf(p, "SELECT 1");
	for (size_t i = 0; i < n; i++)
		p += sprintf(p, "+1");
	v = judge_n(text, (size_t)(p - text));
	ok(v.allowed, "what nests too deeply passes");
	p += sprintf(p, "%s", tail);
	v = judge_n(text, (size_t)(p - text));
	ok(!v.allowed && strcmp(v.rule, "stored-role") == 0, "and hides nothing");
	memset(text + 9, '+', n);
	sprintf(text + 9 + n, "%s", tail);
	v = judge_n(text, strlen(text));
	ok(!v.allowed && strcmp(v.rule, "stored-role") == 0, "nor does what would keep the lexer busy");
	free(text);
}

static bool
passes(const struct policy *p, const char *text)
{
	return policy_passes(p, (struct slice){ (const unsigned char *)text, strlen(text) });
}

/* What passes at a glance is not looked at again: no pair of key words may, in no case of letters. */
static void
test_glance(void)
{
	static const char *const	verbs[] = { "alter", "CREATE", "Drop", "reASSIGN", "grant" };
	static const char *const	objects[] = { "ROLE", "user", "Group", "oWNED", "GRANT" };
	static const char *const	around[][3] = { { "", " ", "" }, { "1", "/**/", "" }, { "x'", "'(", ")" }, { "\"", "\n", "\"" } };
	static const struct policy	read = { .access = POLICY_READ };
	char				text[64];
	bool				none = true;

	for (size_t v = 0; v < 5; v++)
		for (size_t o = 0; o < 5; o++)
			for (size_t b = 0; b < 4; b++) {
				snprintf(text, sizeof(text), "%s%s%s%s%s", around[b][0], verbs[v], around[b][1], objects[o], around[b][2]);
				none = none && !passes(&grant, text);
			}
	ok(none, "a verb and an object never pass at a glance");
	ok(passes(&grant, "SELECT 1") && passes(&grant, "CREATE TABLE users (a int)") && passes(&grant, "SET ROLE x"),
	    "others do");
	ok(passes(&grant, "alters role") && passes(&grant, "alter_ role") && passes(&grant, "alter roles") &&
	    passes(&grant, "xalter role"), "and longer words");
	ok(!passes(&read, "SELECT 1"), "under read nothing does");
}

int
main(void)
{
	struct policy		unknown = { .access = POLICY_WRITE };
	struct policy_verdict	v;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		v = judge_n(allowed[i], strlen(allowed[i]));
		ok(v.allowed, "passes: %s", allowed[i]);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		v = judge_n(refused[i], strlen(refused[i]));
		ok(!v.allowed && strcmp(v.rule, "stored-role") == 0 && strcmp(v.sqlstate, "42501") == 0, "refused: %s", refused[i]);
	}
	test_deep();
	test_glance();
	policy_statement(&unknown, (struct slice){ (const unsigned char *)"ALTER ROLE x NOLOGIN", 20 }, &v);
	ok(v.allowed, "where the role is not known, no name is it");
	v = judge_n("ALTER ROLE app NOLOGIN\0; junk", 29);
	ok(!v.allowed, "a zero byte ends the text, and hides nothing before it");
	return tap_done();
}
