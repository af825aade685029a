/*
 * Settings at startup, and the "options" parameter split as the server splits it.
 */
#include "policy/policy.h"
#include "tap.h"

static const struct policy	reading = { .access = POLICY_READ, .refused = POLICY_ADVISORY_LOCK };
static const struct policy	writing = { .access = POLICY_WRITE };

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static const struct {
	const char	*name, *value;
	bool		 allowed;
} settings[] = {
	{ "application_name", "x'; DROP TABLE t --", true },
	{ "DateStyle", "ISO", true },
	{ "TimeZone", "UTC", true },
	{ "client_encoding", "UTF8", true },
	{ "client_encoding", "'utf-8'", false },
	{ "client_encoding", "SJIS", false },
	{ "Client_Encoding", "Big 5", false },
	{ "client_encoding", "", false },
	{ "extra_float_digits", "2", true },
	{ "search_path", "", true },
	{ "default_transaction_read_only", "on", true },
	{ "default_transaction_read_only", "YES", true },
	{ "default_transaction_read_only", "o", false },
	{ "default_transaction_read_only", "off", false },
	{ "DEFAULT_TRANSACTION_READ_ONLY", "", false },
	{ "transaction_read_only", "off", false },
	{ "standard_conforming_strings", "tr", true },
	{ "standard_conforming_strings", "off", false },
	{ "role", "postgres", false },
	{ "session_authorization", "postgres", false },
	{ "local_preload_libraries", "x", false },
	{ "a_name_that_is_longer_than_any_setting_there_could_ever_be_on_the_list", "x", false },
	{ "", "", false },
	{ "replication", "off", true },
	{ "replication", "0", true },
	{ "replication", "F", true },
	{ "replication", "database", false },
	{ "replication", "1", false },
	{ "Replication", "on", false },
};

static const struct {
	const char	*options;
	bool		 allowed;
} options[] = {
	{ "", true },
	{ "  \t ", true },
	{ "-c statement_timeout=5000 -c search_path=public", true },
	{ "--timezone=UTC -cgeqo=off", true },
	{ "-c search_path=a\\ b,c\\\\", true },
	{ "-c search-path=x --Search-Path=y", true },
	{ "-c", true },
	{ "-c default_transaction_read_only=off", false },
	{ "-c default-transaction-read-only=off", false },
	{ "-cdefault_transaction_read_only=off", false },
	{ "--default_transaction_read_only=off", false },
	{ "--default-transaction-read-only=off", false },
	{ "-c work_mem=4MB -c default_transaction_read_only=false", false },
	{ "-c\\ default_transaction_read_only=off", false },
	{ "-\\c role=x", false },
	{ "-c\nrole=x", false },
	{ "-c application_name=x\\ -c\\ y -c role=x", false },
	{ "-c application_name", false },
	{ "-c application_name=x\xa0-c\xa0role=x", false },
	{ "-c standard_conforming_strings=off", false },
	{ "-F", false },
	{ "-P", false },
	{ "-ec role=x", false },
	{ "--", false },
	{ "-", false },
	{ "x", false },
	{ "-c work_mem=1 \\", false },
};

/* Under limits of 1 GB and 30 seconds. */
static const struct {
	const char	*name;
	const char	*value;		/* NULL: not a constant */
	bool		 allowed;
} limits[] = {
	{ "work_mem", "1GB", true }, { "work_mem", "1048576", true }, { "work_mem", "1048576 kB", true },
	{ "work_mem", "0.5GB", true }, { "work_mem", "64", true }, { "work_mem", "1024 MB", true },
	{ "work_mem", "1048577", false }, { "work_mem", "2000GB", false }, { "work_mem", "1025MB", false },
	{ "work_mem", "0x7fffffff", false }, { "work_mem", "017777777777", false }, { "work_mem", "1e12", false },
	{ "work_mem", "1TB", false }, { "Work_Mem", "2GB", false }, { "work_mem", "1gb", false }, { "work_mem", "", false },
	{ "work_mem", NULL, false }, { "work_mem", "+2GB", false }, { "work_mem", " 2GB", false },
	/* no numbers: the server says so */
	{ "work_mem", "nan", true }, { "work_mem", "much", true },
	{ "hash_mem_multiplier", "8", true }, { "hash_mem_multiplier", "2.5", true }, { "hash_mem_multiplier", "9", false },
	{ "statement_timeout", "30s", true }, { "statement_timeout", "30000", true }, { "statement_timeout", "0.5min", true },
	{ "statement_timeout", "30001", false }, { "statement_timeout", "1min", false }, { "statement_timeout", "0", false },
	{ "statement_timeout", "0.0", false }, { "statement_timeout", "-1", false }, { "statement_timeout", "1d", false },
	{ "lock_timeout", "0", true }, { "search_path", NULL, true },
};

static void
test_limits(void)
{
	static const struct policy	limited = { .access = POLICY_READ, .work_mem_max = 1 << 30, .statement_timeout_max = 30000 };
	struct policy_verdict		v;
	char				text[200];

	for (size_t i = 0; i < LENGTH(limits); i++) {
		const char	*value = limits[i].value;

		if (value != NULL)
			snprintf(text, sizeof(text), "SET %s = '%s'", limits[i].name, value);
		else
			snprintf(text, sizeof(text), "SELECT set_config('%s', $1, true)", limits[i].name);
		policy_statement(&limited, (struct slice){ (const unsigned char *)text, strlen(text) }, &v);
		ok(v.allowed == limits[i].allowed && (v.allowed || strcmp(v.rule, "setting-limit") == 0), "%s: %s",
		    limits[i].allowed ? "within limits" : "over a limit", text);
		if (value != NULL) {
			snprintf(text, sizeof(text), "SELECT set_config('%s', '%s', true)", limits[i].name, value);
			policy_statement(&limited, (struct slice){ (const unsigned char *)text, strlen(text) }, &v);
			ok(v.allowed == limits[i].allowed, "the same by set_config");
			policy_startup_setting(&limited, limits[i].name, value, &v);
			ok(v.allowed == limits[i].allowed, "the same at startup");
		}
	}
	policy_statement(&limited, (struct slice){ (const unsigned char *)"RESET work_mem", 14 }, &v);
	ok(v.allowed, "RESET goes back to what the server has");
	policy_statement(&limited, (struct slice){ (const unsigned char *)"SET statement_timeout = 40000", 29 }, &v);
	ok(!v.allowed && strstr(v.message, "set to 30s at most") != NULL, "the message names the limit");
}

int
main(void)
{
	struct policy_verdict	v;

	test_limits();
	for (size_t i = 0; i < LENGTH(settings); i++) {
		policy_startup_setting(&reading, settings[i].name, settings[i].value, &v);
		ok(v.allowed == settings[i].allowed, "%s %s = %s", settings[i].allowed ? "passes" : "refused",
		    settings[i].name, settings[i].value);
	}
	for (size_t i = 0; i < LENGTH(options); i++) {
		policy_options(&reading, options[i].options, &v);
		ok(v.allowed == options[i].allowed, "options %zu %s", i, options[i].allowed ? "pass" : "refused");
	}
	policy_startup_setting(&writing, "role", "x", &v);
	ok(v.allowed, "under write any setting passes");
	policy_startup_setting(&writing, "replication", "true", &v);
	ok(!v.allowed, "but replication");
	policy_options(&writing, "-F -P -c role=x nonsense \xff", &v);
	ok(v.allowed, "under write any option passes");
	return tap_done();
}
