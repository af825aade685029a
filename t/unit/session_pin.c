/*
 * Which sessions are pinned: those of read grants where the keeper says so, and on targets too old to report what
 * holds them read-only.
 */
#include "session/session_pin.h"

#include <string.h>

#include "tap.h"

static struct session	s;

static void
start(enum policy_access access, bool pin, int version, unsigned refused)
{
	memset(&s, 0, sizeof(s));
	s.grant.access = access;
	s.grant.pin = pin;
	s.policy.refused = refused;
	pin_start(&s, version, "off", "role");
}

int
main(void)
{
	static const struct {
		bool	pin;
		int	version;
		bool	on;
		const char *assigned;
	} cases[] = {
		{ true, 180000, true, "pg_current_xact_id_if_assigned" },
		{ false, 180000, false, "pg_current_xact_id_if_assigned" },
		{ false, 140000, false, "pg_current_xact_id_if_assigned" },
		{ true, 140000, true, "pg_current_xact_id_if_assigned" },
		{ false, 130022, true, "pg_current_xact_id_if_assigned" },
		{ true, 130022, true, "pg_current_xact_id_if_assigned" },
		{ false, 120000, true, "txid_current_if_assigned" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(POLICY_READ, cases[i].pin, cases[i].version, 0);
		ok(s.pin.read && s.pin.on == cases[i].on, "version %d, %s: %s", cases[i].version,
		    cases[i].pin ? "always" : "a role that is known to be harmless", cases[i].on ? "pinned" : "not");
		ok(strstr(s.pin.check, cases[i].assigned) != NULL, "with a check that it understands");
	}
	start(POLICY_READ, true, 150000, 0);
	ok(strstr(s.pin.check, "unlock") == NULL && s.pin.unlock == NULL, "advisory locks that are allowed are kept");
	start(POLICY_READ, true, 150000, POLICY_ADVISORY_LOCK);
	ok(strstr(s.pin.check, "unlock") != NULL && s.pin.unlock != NULL, "those that are not are given up");
	start(POLICY_WRITE, true, 120000, 0);
	ok(!s.pin.read && !s.pin.on, "a write grant is never pinned");
	return tap_done();
}
