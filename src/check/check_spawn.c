/*
 * How a check begins: the same program, executed with the channel in place of its standard input.
 * The title is its only argument.
 */
#include "check/check.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_log.h"

#define SPAWN_VARIABLE	"DBBAT_CHECK"
#define SPAWN_QUERIES_S	30		/* beside connecting, with both credentials */

static _Noreturn void
spawn_child(const char *database, int fd, unsigned seconds)
{
	char	title[256];
	char	*argv[] = { title, NULL };

	snprintf(title, sizeof(title), "dbbat: check %s", database);
	for (unsigned char *c = (unsigned char *)title; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(fd, STDIN_FILENO) < 0 || setenv(SPAWN_VARIABLE, "1", 1) != 0)
		_exit(1);
	close_range(3, ~0u, 0);
	alarm(seconds);
	execv("/proc/self/exe", argv);
	_exit(1);
}

int
check_spawn(const char *database, const struct ipc_target *t)
{
	struct buf	packet = { .max = IPC_PACKET_MAX };
	sigset_t	all, old;
	int		fds[2];
	pid_t		pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
		log_error("check: %m");
		return -1;
	}
	buf_reserve(&packet, IPC_PACKET_MAX);
	ipc_put_target(&packet, t);
	/* it is there before the child is: sending cannot wait */
	if (packet.failed || ipc_send(fds[0], &packet) != 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0)
		goto failed;
	/* a handler of the parent's must not run in the child */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0) {
		for (int sig = 1; sig < NSIG; sig++)
			signal(sig, SIG_DFL);
		sigprocmask(SIG_SETMASK, &old, NULL);
		spawn_child(database, fds[1], 2 * t->connect_timeout_s + SPAWN_QUERIES_S);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		goto failed;
	buf_wipe(&packet);
	close(fds[1]);
	return fds[0];
failed:
	log_error("a check cannot be started: %m");
	buf_wipe(&packet);
	close(fds[0]);
	close(fds[1]);
	return -1;
}

bool
check_is_me(void)
{
	if (getenv(SPAWN_VARIABLE) == NULL)
		return false;
	unsetenv(SPAWN_VARIABLE);
	return true;
}
