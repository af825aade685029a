/*
 * Cancelling what the target is doing. PQcancel blocks, so a process of its own
 * does it. Until that is done no further statement is forwarded: a cancel that
 * comes late must not hit it. An idle session ignores the request.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "session/session_state.h"

#define CANCEL_SECONDS	10

void
session_cancel_send(struct session *s)
{
	int	fds[2];
	pid_t	pid;

	if (s->cancel_fd >= 0)
		return;
	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		log_error("cancel: %s", strerror(errno));
		return;
	}
	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		alarm(CANCEL_SECONDS);
		/* others must see our ends close when the session closes them */
		close(s->fd);
		close(s->keeper_fd);
		close(s->server.fd);
		record_forget_key(s->record);
		session_target_cancel(s);
		/* the pipe ends with this process, and the session knows */
		_exit(0);
	}
	close(fds[1]);
	s->cancel_fd = fds[0];
	log_info("cancel sent to the target");
}

void
session_cancel_done(struct session *s)
{
	close(s->cancel_fd);
	s->cancel_fd = -1;
}
