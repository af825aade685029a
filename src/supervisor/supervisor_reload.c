/*
 * SIGHUP. The program that is installed at our path now is run twice: first as a child that looks at the
 * configuration, at our sockets and at itself, and says whether it could take over; then, if so, in our
 * own place, with our pid and our children. A program or a configuration that is no good changes
 * nothing.
 */
#include <sys/wait.h>

#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_time.h"
#include "supervisor/supervisor_state.h"

#define RELOAD_CHECK_SECONDS	60

const struct process_kind	supervisor_check_kind = { .title = "check of the configuration", .restart = RESTART_ONCE };

static void
reload_ready(void)
{
	supervisor_notify("READY=1");
}

/* In our own place. Returns when that fails. */
static void
reload_exec(const struct supervisor *s)
{
	int	memory = handover_give(s, false);

	if (memory >= 0)
		handover_exec(s, memory);
	log_error("nothing is changed: %s cannot be executed: %m", s->origin->program);
	if (memory >= 0)
		handover_wipe(memory);
}

static _Noreturn void
reload_check(const struct supervisor *s, int memory)
{
	sigset_t	none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGHUP, SIG_IGN);
	alarm(RELOAD_CHECK_SECONDS);
	handover_exec(s, memory);
	log_error("nothing is changed: %s cannot be executed: %m", s->origin->program);
	_exit(EX_OSERR);
}

void
supervisor_reload(struct supervisor *s)
{
	struct child	*c;
	int		 memory;

	if (s->state != SERVING) {
		log_info("SIGHUP: DBBat is shutting down");
		return;
	}
	for (int i = 0; i < s->nchildren; i++)
		if (s->children[i].pid != 0 && s->children[i].kind == &supervisor_check_kind) {
			s->reload_again = true;
			return;
		}
	log_info("SIGHUP: looking at the configuration");
	supervisor_notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)time_mono_us());
	memory = handover_give(s, true);
	if (memory < 0) {
		log_error("the configuration cannot be looked at: %m");
		reload_ready();
		return;
	}
	c = supervisor_entry(s);
	*c = (struct child){ .kind = &supervisor_check_kind, .slot = -1, .started_us = time_mono_us() };
	c->pid = fork();
	if (c->pid == 0)
		reload_check(s, memory);
	if (c->pid > 0)
		close(memory);	/* whoever looks at it wipes it */
	else {
		c->pid = 0;
		handover_wipe(memory);
		log_error("the configuration cannot be looked at: fork: %m");
		reload_ready();
	}
}

void
supervisor_reload_checked(struct supervisor *s, int status)
{
	if (s->state != SERVING)
		return;
	if (s->reload_again) {
		/* what was looked at may not be what is there now */
		s->reload_again = false;
		supervisor_reload(s);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == HANDOVER_WELCOME)
		reload_exec(s);
	else if (WIFSIGNALED(status))
		log_error("nothing is changed: %s was killed by signal %d (%s) when it looked at the configuration",
		    s->origin->program, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_debug("the check ended with exit code %d", WEXITSTATUS(status));
	reload_ready();
}
