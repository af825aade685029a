/*
 * Each kind of value, at and beyond its limits, and the words of a refusal.
 */
#include <stdlib.h>

#include "base/base_mem.h"
#include "conf/conf_value.h"
#include "tap.h"

static struct conf	c;
static struct error	err;

static int
set(enum conf_id id, const char *text)
{
	err.msg[0] = '\0';
	return conf_value_set(&c, &conf_options[id], text, &err);
}

static void
takes(enum conf_id id, const char *text, const int64_t *place, int64_t want)
{
	ok(set(id, text) == 0 && *place == want, "%s = %s is %lld", conf_options[id].name, text, (long long)want);
}

static void
refuse(enum conf_id id, const char *text, const char *why)
{
	char	name[128];

	snprintf(name, sizeof(name), "%s = %.60s is refused", conf_options[id].name, text);
	is_int(set(id, text), -1, name);
	is_str(err.msg, why, name);
}

#define NUMBER_IS_NOT	" is not a whole number (accepted: 1 to 100000)"
#define NUMBER_RANGE	" is out of range (accepted: 1 to 100000)"
#define DURATION_WORDS	" (accepted: 1s to 1h, in ms, s, min, h or d; a plain number is seconds)"
#define SIZE_WORDS	" (accepted: 64kB to 16GB, in B, kB, MB or GB; a plain number is bytes)"
#define BOOLEAN_WORDS	" is neither on nor off (accepted: on, true, yes, 1, off, false, no, 0)"

static void
test_numbers(void)
{
	takes(CONF_ID_max_sessions, "1", &c.max_sessions, 1);
	takes(CONF_ID_max_sessions, "100000", &c.max_sessions, 100000);
	takes(CONF_ID_max_sessions, "00042", &c.max_sessions, 42);
	refuse(CONF_ID_max_sessions, "0", "\"0\"" NUMBER_RANGE);
	refuse(CONF_ID_max_sessions, "100001", "\"100001\"" NUMBER_RANGE);
	refuse(CONF_ID_max_sessions, "-1", "\"-1\"" NUMBER_RANGE);
	refuse(CONF_ID_max_sessions, "9223372036854775808", "\"9223372036854775808\"" NUMBER_RANGE);
	/* 2^64 + 5: would be 5 if it wrapped */
	refuse(CONF_ID_max_sessions, "18446744073709551621", "\"18446744073709551621\"" NUMBER_RANGE);
	refuse(CONF_ID_max_sessions, "ten", "\"ten\"" NUMBER_IS_NOT);
	refuse(CONF_ID_max_sessions, "10 ", "\"10 \"" NUMBER_IS_NOT);
	refuse(CONF_ID_max_sessions, "+10", "\"+10\"" NUMBER_IS_NOT);
	refuse(CONF_ID_max_sessions, "0x10", "\"0x10\"" NUMBER_IS_NOT);
	refuse(CONF_ID_max_sessions, "1e3", "\"1e3\"" NUMBER_IS_NOT);
	refuse(CONF_ID_max_sessions, "10s", "\"10s\"" NUMBER_IS_NOT);
	refuse(CONF_ID_max_sessions, "-", "\"-\"" NUMBER_IS_NOT);
	refuse(CONF_ID_max_sessions, "", "there is no value");
	is_int(c.max_sessions, 42, "a refused value changes nothing");
}

static void
test_durations(void)
{
	takes(CONF_ID_login_timeout, "30", &c.login_timeout, 30000);
	takes(CONF_ID_login_timeout, "30s", &c.login_timeout, 30000);
	takes(CONF_ID_login_timeout, "1500ms", &c.login_timeout, 1500);
	takes(CONF_ID_login_timeout, "5min", &c.login_timeout, 300000);
	takes(CONF_ID_login_timeout, "1h", &c.login_timeout, 3600000);
	takes(CONF_ID_shutdown_timeout, "1d", &c.shutdown_timeout, 86400000);
	takes(CONF_ID_shutdown_timeout, "0", &c.shutdown_timeout, 0);
	refuse(CONF_ID_login_timeout, "5m", "\"5m\" is not a duration" DURATION_WORDS);
	refuse(CONF_ID_login_timeout, "1.5s", "\"1.5s\" is not a duration" DURATION_WORDS);
	refuse(CONF_ID_login_timeout, "s", "\"s\" is not a duration" DURATION_WORDS);
	refuse(CONF_ID_login_timeout, "5 min", "\"5 min\" is not a duration" DURATION_WORDS);
	refuse(CONF_ID_login_timeout, "1h1s", "\"1h1s\" is not a duration" DURATION_WORDS);
	refuse(CONF_ID_login_timeout, "999ms", "\"999ms\" is out of range" DURATION_WORDS);
	refuse(CONF_ID_login_timeout, "3601", "\"3601\" is out of range" DURATION_WORDS);
	/* 106751991168 * 86400000 is beyond 2^63 */
	refuse(CONF_ID_login_timeout, "106751991168d", "\"106751991168d\" is out of range" DURATION_WORDS);
}

static void
test_sizes(void)
{
	takes(CONF_ID_journal_max, "65536", &c.journal_max, 65536);
	takes(CONF_ID_journal_max, "65536B", &c.journal_max, 65536);
	takes(CONF_ID_journal_max, "64kB", &c.journal_max, 65536);
	takes(CONF_ID_journal_max, "3MB", &c.journal_max, 3 << 20);
	takes(CONF_ID_journal_max, "16GB", &c.journal_max, (int64_t)16 << 30);
	takes(CONF_ID_capture_max_bytes, "0", &c.capture_max_bytes, 0);
	refuse(CONF_ID_journal_max, "64KB", "\"64KB\" is not a size" SIZE_WORDS);
	refuse(CONF_ID_journal_max, "64k", "\"64k\" is not a size" SIZE_WORDS);
	refuse(CONF_ID_journal_max, "kB", "\"kB\" is not a size" SIZE_WORDS);
	refuse(CONF_ID_journal_max, "17GB", "\"17GB\" is out of range" SIZE_WORDS);
	refuse(CONF_ID_journal_max, "9007199254740993GB", "\"9007199254740993GB\" is out of range" SIZE_WORDS);
}

static void
test_words(void)
{
	static const char *const	on[] = { "on", "true", "yes", "1" }, *const off[] = { "off", "false", "no", "0" };
	struct buf			shown = { 0 };

	for (int i = 0; i < 4; i++) {
		ok(set(CONF_ID_capture, on[i]) == 0 && c.capture, "%s is on", on[i]);
		ok(set(CONF_ID_capture, off[i]) == 0 && !c.capture, "%s is off", off[i]);
	}
	refuse(CONF_ID_capture, "On", "\"On\"" BOOLEAN_WORDS);
	refuse(CONF_ID_capture, "2", "\"2\"" BOOLEAN_WORDS);
	is_int(set(CONF_ID_client_tls, "require"), 0, "a choice");
	is_int(c.client_tls, CONF_TLS_REQUIRE, "is its number");
	refuse(CONF_ID_client_tls, "required",
	    "\"required\" is not one of the choices (accepted: off, prefer, require)");
	refuse(CONF_ID_auth_method, "", "there is no value");

	is_int(set(CONF_ID_user, "a\tb \xc3\xa9"), 0, "a string of any text");
	is_str(c.user, "a\tb \xc3\xa9", "is kept as it is");
	refuse(CONF_ID_user, "a\x1b[31m", "the value has a control character (byte 0x1b)");
	refuse(CONF_ID_user, "a\x7f", "the value has a control character (byte 0x7f)");
	is_str(c.user, "a\tb \xc3\xa9", "a refused value changes nothing");

	is_int(set(CONF_ID_key, "hush"), 0, "a secret");
	conf_value_show(&c, &conf_options[CONF_ID_key], &shown);
	is_str(buf_text(&shown), "********", "is not shown");
	buf_free(&shown);
}

static void
test_table(void)
{
	for (int i = 0; i < CONF_IDS; i++) {
		const struct conf_option	*o = &conf_options[i];

		ok(set((enum conf_id)i, o->initial) == 0,
		    "the default of %s is accepted", o->name);
		ok(conf_option_find(o->name, strlen(o->name)) == o, "%s is found", o->name);
	}
	ok(conf_option_find("", 0) == NULL, "no name is no option");
	ok(conf_option_find("dsnx", 3) == &conf_options[CONF_ID_dsn], "only n bytes count");
	ok(conf_option_find("dsn", 2) == NULL, "a beginning is no option");
}

int
main(void)
{
	test_numbers();
	test_durations();
	test_sizes();
	test_words();
	test_table();
	conf_free(&c);
	return tap_done();
}
