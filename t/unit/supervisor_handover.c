/*
 * A handover: what is given is what is taken, nothing of it stays in memory, and what is cut or changed
 * is refused. And what systemd is told.
 */
#include "supervisor/supervisor_state.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_mem.h"
#include "base/base_scoreboard.h"
#include "tap.h"

#define DSN	"host=db password=secret-of-the-storage"
#define LOG_DSN	"host=db password=secret-of-the-log"

static const struct process_kind	kinds[] = {
	{ .title = "keeper", .restart = RESTART_KEEP, .retire = SIGUSR1 },
	{ .title = "session (spare)", .restart = RESTART_SPARE, .retire = SIGUSR1 },
	{ .title = NULL },
};
static const struct process_kind	gone = { .title = "of another version", .restart = RESTART_KEEP };

static struct child	children[4] = {
	{ .pid = 100, .kind = &kinds[0], .slot = -1, .started_us = 5 },
	{ .pid = 0 },
	{ .pid = 101, .kind = &kinds[1], .slot = 2, .started_us = 6 },
	{ .pid = 102, .kind = &gone, .slot = -1, .started_us = 7 },
};
static char		program[] = "/usr/sbin/dbbat", user[] = "dbbat", state_dir[] = "/var/lib/dbbat",
			runtime_dir[] = "/run/dbbat", pid_file[] = "/run/dbbat/dbbat.pid";
static char		*argv[] = { program, NULL };
static struct conf	conf = { .user = user, .state_dir = state_dir, .runtime_dir = runtime_dir, .pid_file = pid_file };
static struct origin	origin = { .program = program, .argv = argv, .file = "/etc/dbbat.conf", .dsn_env = true };
static struct supervisor	s = { .conf = &conf, .origin = &origin, .children = children, .nchildren = 4 };

/* A supervisor with two sockets, a keeper's, and a scoreboard. */
static void
setup(void)
{
	unsigned char	key[32], token[32];
	char		*dsn = xstrdup(DSN), *log_dsn = xstrdup(LOG_DSN);

	memset(key, 'k', sizeof(key));
	memset(token, 't', sizeof(token));
	s.secrets = secrets_new(key, dsn, log_dsn, token);
	ok(key[0] == 0 && dsn[0] == '\0' && log_dsn[0] == '\0', "the secrets are wiped where they came from");
	free(dsn);
	free(log_dsn);
	s.rt.pg_fds[s.rt.npg_fds++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s.rt.api_fds[s.rt.napi_fds++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s.rt.keeper_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s.rt.board = scoreboard_new(10, 5);
	s.lock_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	strcpy(s.rt.boot_id, "00ff");
}

static struct handover *
take(int memory)
{
	char	number[12];

	snprintf(number, sizeof(number), "%d", memory);
	setenv("DBBAT_HANDOVER", number, 1);
	return handover_take();
}

static void
test_roundtrip(void)
{
	int		 memory = handover_give(&s, true), again = dup(memory);
	struct handover	*h;
	struct stat	 st;
	unsigned char	*bytes;
	size_t		 left = 0;

	ok(handover_take() == NULL, "a start like any other");
	ok(memory >= 0, "a handover is written");
	ok(ftruncate(memory, 1) != 0 && ftruncate(memory, 1 << 20) != 0, "its size is sealed");
	h = take(memory);
	ok(h != NULL && getenv("DBBAT_HANDOVER") == NULL, "and read");
	ok(h->check && h->dsn_env && !h->key_env, "flags");
	ok(h->key[0] == 'k' && h->key[31] == 'k' && h->token[0] == 't' && h->token[31] == 't', "keys");
	is_str(h->dsn, DSN, "the DSN");
	is_str(h->log_dsn, LOG_DSN, "that of the log");
	is_str(h->boot_id, "00ff", "what this supervisor is called");
	is_str(h->file, "/etc/dbbat.conf", "the configuration's path");
	is_str(h->pid_file, "/run/dbbat/dbbat.pid", "the pid file's");
	ok(h->listeners.n == 2 && h->listeners.fds[0] == s.rt.pg_fds[0] && h->listeners.fds[1] == s.rt.api_fds[0] &&
	    h->keeper_fd == s.rt.keeper_fd && h->lock_fd == s.lock_fd, "sockets, and the lock");
	is_int(fcntl(h->keeper_fd, F_GETFD), FD_CLOEXEC, "which go to no other program");
	is_int(h->nchildren, 3, "children");
	ok(h->children[1].pid == 101 && h->children[1].slot == 2 && h->children[1].started_us == 6 &&
	    h->children[0].slot == -1 && strcmp(h->children[1].title, "session (spare)") == 0, "and what is known of them");

	fstat(again, &st);
	bytes = xmalloc((size_t)st.st_size);
	is_int(pread(again, bytes, (size_t)st.st_size, 0), st.st_size, "the memory has its size");
	for (off_t i = 0; i < st.st_size; i++)
		left += bytes[i] != 0;
	is_int((long long)left, 0, "and nothing in it any more");
	close(again);
	free(bytes);

	handover_environment(h);
	is_str(getenv("DBB_DSN"), DSN, "what was in the environment is there again");
	ok(getenv("DBB_KEY") == NULL, "and what was not is not");
	is_str(getenv("DBB_STATE_DIR"), "/var/lib/dbbat", "with what stays as it is");
	unsetenv("DBB_DSN");
	handover_free(h);
}

static void
test_adopt(void)
{
	struct handover		*h = take(handover_give(&s, false));
	struct supervisor	 next = { .conf = &conf, .kinds = kinds, .nkinds = 2 };
	struct error		 err;

	conf.max_sessions = 7;
	s.rt.board->slots[2] = SLOT_BUSY;
	is_int(handover_adopt(&next, h, 4, &err), 0, "children and scoreboard are adopted");
	ok(next.rt.board->slots[2] == SLOT_BUSY && scoreboard_count(next.rt.board, SLOT_BUSY) == 1, "busy ones are busy");
	is_int(next.rt.board->size, 10, "the scoreboard has room for all that are there");
	is_int(next.rt.board->max_busy, 7, "and the new limit");
	ok(next.children[0].kind == &kinds[0] && next.children[1].kind == &kinds[1] && next.children[0].retired,
	    "children are of our kinds, and to retire");
	ok(next.children[2].pid == 102 && next.children[2].kind != NULL && next.children[2].kind->restart == RESTART_KEEP,
	    "a kind that is not known is one all the same");
	handover_free(h);
	free(next.children);
	free(next.rt.board);
}

/* What a process that gives up leaves behind is no leak. */
static void
leave(int code, void *arg)
{
	(void)arg;
	_exit(code);
}

/* The exit code of a process that takes these bytes; -1: it was killed; 0: it took them. */
static int
taken(const unsigned char *bytes, size_t n)
{
	int	status, memory = memfd_create("test", 0);
	pid_t	pid;

	if (write(memory, bytes, n) != (ssize_t)n)
		return -1;
	pid = fork();
	if (pid == 0) {
		int	null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		on_exit(leave, NULL);
		handover_free(take(memory));
		_exit(0);
	}
	close(memory);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_hostile(void)
{
	int		 memory = handover_give(&s, false);
	struct stat	 st;
	unsigned char	*bytes;
	size_t		 n, cut = 0, crashed = 0;

	fstat(memory, &st);
	n = (size_t)st.st_size;
	bytes = xmalloc(n + 1);
	ok(pread(memory, bytes, n, 0) == st.st_size, "the bytes of a handover");
	handover_wipe(memory);
	is_int(taken(bytes, n), 0, "are taken");
	for (size_t i = 0; i < n; i++)
		cut += taken(bytes, i) == EX_SOFTWARE;
	is_int((long long)cut, (long long)n, "cut at any place they are refused");
	bytes[n] = 0;
	is_int(taken(bytes, n + 1), EX_SOFTWARE, "with more behind them too");
	for (size_t i = 0; i < n; i++) {
		int	rc;

		bytes[i] ^= 0xff;
		rc = taken(bytes, n);
		crashed += rc != 0 && rc != EX_SOFTWARE;
		bytes[i] ^= 0xff;
	}
	is_int((long long)crashed, 0, "no byte that is changed makes a crash");
	bytes[strlen("dbbat handover ")] = '1';
	is_int(taken(bytes, n), EX_SOFTWARE, "another format is refused");
	secret_free_n(bytes, n);
}

/* What arrives at this address when it is told. */
static void
test_notify(const char *path, const char *name)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char			text[64] = "";

	memcpy(sa.sun_path, path, strlen(path));
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	is_int(bind(fd, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))), 0, name);
	setenv("NOTIFY_SOCKET", path, 1);
	supervisor_notify("READY=%d", 1);
	ok(recv(fd, text, sizeof(text) - 1, 0) == 7, "a datagram comes");
	is_str(text, "READY=1", "and says it");
	unsetenv("NOTIFY_SOCKET");
	supervisor_notify("READY=%d", 1);
	is_int(recv(fd, text, sizeof(text) - 1, 0), -1, "without the variable nobody is told");
	close(fd);
}

int
main(void)
{
	char	path[64];

	setup();
	test_roundtrip();
	test_adopt();
	test_hostile();
	snprintf(path, sizeof(path), "@dbbat test %d", (int)getpid());
	test_notify(path, "an abstract address");
	snprintf(path, sizeof(path), "/tmp/dbbat-notify-%d", (int)getpid());
	test_notify(path, "a path");
	unlink(path);
	return tap_done();
}
