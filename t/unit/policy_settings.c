/*
 * Settings at startup, and the "options" parameter split as the server splits it.
 */
#include "policy/policy.h"
#include "tap.h"

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

int
main(void)
{
	struct policy_verdict	v;

	for (size_t i = 0; i < LENGTH(settings); i++) {
		policy_startup_setting(POLICY_READ, settings[i].name, settings[i].value, &v);
		ok(v.allowed == settings[i].allowed, "%s %s = %s", settings[i].allowed ? "passes" : "refused",
		    settings[i].name, settings[i].value);
	}
	for (size_t i = 0; i < LENGTH(options); i++) {
		policy_options(POLICY_READ, options[i].options, &v);
		ok(v.allowed == options[i].allowed, "options %zu %s", i, options[i].allowed ? "pass" : "refused");
	}
	policy_startup_setting(POLICY_WRITE, "role", "x", &v);
	ok(v.allowed, "under write any setting passes");
	policy_startup_setting(POLICY_WRITE, "replication", "true", &v);
	ok(!v.allowed, "but replication");
	policy_options(POLICY_WRITE, "-F -P -c role=x nonsense \xff", &v);
	ok(v.allowed, "under write any option passes");
	return tap_done();
}
