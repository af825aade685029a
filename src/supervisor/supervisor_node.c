/*
 * Which node this is. Its id is kept in state_dir with the name of the host, and is made anew where that
 * differs: two nodes that were copied from one must not take each other's sessions for their own. A new id costs nothing
 * but that the connections of the old one are closed as those of a node that is gone.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "base/base_text.h"
#include "crypto/crypto.h"
#include "supervisor/supervisor_state.h"

#define NODE_HOST_MAX	255

int
node_lock(const char *state_dir, bool *killed, struct error *err)
{
	char		*path = xasprintf("%s/lock", state_dir);
	int		 fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat	 st = { 0 };

	if (fd < 0)
		error_set(err, "%s: %s", path, strerror(errno));
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		error_set(err, "state_dir %s: %s", state_dir,
		    errno == EWOULDBLOCK ? "another DBBat runs with it" : strerror(errno));
		close(fd);
		fd = -1;
	} else
		*killed = fstat(fd, &st) == 0 && st.st_size > 0;
	free(path);
	return fd;
}

void
node_serving(int fd)
{
	char	pid[16];
	int	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	if (pwrite(fd, pid, (size_t)n, 0) != n)
		log_warn("the lock on state_dir: %m");
}

void
node_unlock(int fd)
{
	if (ftruncate(fd, 0) != 0)
		log_warn("the lock on state_dir: %m");
	close(fd);
}

void
node_random_id(char id[RUNTIME_ID_SIZE])
{
	unsigned char	bytes[(RUNTIME_ID_SIZE - 1) / 2];

	crypto_random(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), id);
}

/* Whether there is one for this host. */
static bool
node_read(const char *path, const char *host, char id[RUNTIME_ID_SIZE])
{
	char	line[RUNTIME_ID_SIZE + NODE_HOST_MAX + 2] = "";
	FILE	*f = fopen(path, "re");
	size_t	 n = RUNTIME_ID_SIZE - 1;
	bool	 ours = false;

	if (f == NULL)
		return false;
	if (fgets(line, sizeof(line), f) != NULL && strspn(line, "0123456789abcdef") == n && line[n] == ' ') {
		line[strcspn(line, "\n")] = '\0';
		ours = strcmp(line + n + 1, host) == 0;
		memcpy(id, line, n);
		id[n] = '\0';
	}
	fclose(f);
	if (!ours)
		log_info("%s is not of this host: this node gets another id", path);
	return ours;
}

int
node_identify(const char *state_dir, char id[RUNTIME_ID_SIZE], struct error *err)
{
	char	*path = xasprintf("%s/node", state_dir), *new = xasprintf("%s.new", path);
	char	 host[NODE_HOST_MAX + 1] = "";
	FILE	*f;
	int	 rc = 0;

	gethostname(host, NODE_HOST_MAX);
	if (!node_read(path, host, id)) {
		node_random_id(id);
		f = fopen(new, "we");
		if (f == NULL || fprintf(f, "%s %s\n", id, host) < 0 || fflush(f) != 0 || fsync(fileno(f)) != 0 ||
		    rename(new, path) != 0)
			rc = error_set(err, "%s: %s", path, strerror(errno));
		if (f != NULL)
			fclose(f);
	}
	free(path);
	free(new);
	return rc;
}
