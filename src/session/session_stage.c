/*
 * The clocks of a login's stages.
 */
#include "session/session_stage.h"

#include "base/base_log.h"
#include "base/base_time.h"

static struct {
	enum stage	now;
	int64_t		since, cpu_since;	/* 0: it did not begin */
	long long	us[STAGES];
} stage_clock;

enum stage
stage_enter(enum stage stage)
{
	enum stage	was = stage_clock.now;
	int64_t		now, cpu;

	if (!log_wants(LOG_LEVEL_DEBUG))
		return was;
	now = time_mono_us();
	cpu = time_cpu_us();
	if (stage_clock.since != 0)
		stage_clock.us[was] += was < STAGE_CLIENT ? cpu - stage_clock.cpu_since : now - stage_clock.since;
	stage_clock.since = now;
	stage_clock.cpu_since = cpu;
	stage_clock.now = stage;
	return was;
}

void
stage_tell(void)
{
	const long long	*us = stage_clock.us;

	stage_enter(stage_clock.now);
	log_debug("let in after us of work: startup %lld, login %lld, record %lld, connect %lld; of waits: client %lld, "
	    "keeper %lld, target %lld", us[STAGE_STARTUP], us[STAGE_LOGIN], us[STAGE_RECORD], us[STAGE_CONNECT],
	    us[STAGE_CLIENT], us[STAGE_KEEPER], us[STAGE_TARGET]);
}
