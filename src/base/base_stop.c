/*
 * The one signal that ends a process of the background.
 */
#include "base/base_stop.h"

static volatile sig_atomic_t	stop_came;

static void
stop_signal(int sig)
{
	(void)sig;
	stop_came = 1;
}

void
stop_catch(sigset_t *mask)
{
	struct sigaction	sa = { .sa_handler = stop_signal };
	sigset_t		blocked;

	signal(SIGINT, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, mask);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
}

bool
stop_asked(void)
{
	return stop_came != 0;
}
