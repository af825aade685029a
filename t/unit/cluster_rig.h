/*
 * A throw-away cluster for the unit tests that need a storage. It goes away with the test, however that ends.
 */
#ifndef CLUSTER_RIG_H
#define CLUSTER_RIG_H

#include "tap.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base_mem.h"

static char	 cluster_dir[] = "/tmp/dbbat-unit-XXXXXX";	/* the test's own, too: short, since socket paths are */
static char	 cluster_dsn[128];
static pid_t	 cluster_guard;
static int	 cluster_guard_pipe;

/* Runs a shell command with $D the folder, $B the server's programs, $AS what becomes postgres when we are root. */
static inline int
cluster_run(const char *command)
{
	char	*line = xasprintf("D=%s; B=$(pg_config --bindir); AS=; cd /; [ $(id -u) = 0 ] && "
		    "AS='setpriv --reuid=postgres --regid=postgres --init-groups --'; { %s ; } >>$D/log 2>&1",
		    cluster_dir, command);
	int	 rc = system(line);

	free(line);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

static inline int
cluster_start(void)
{
	return cluster_run("$AS $B/pg_ctl -w -s -D $D/data -l $D/data/server.log "
	    "-o \"-c listen_addresses= -c unix_socket_directories=$D -c max_connections=20\" start");
}

static inline int
cluster_stop(void)
{
	return cluster_run("$AS $B/pg_ctl -w -s -D $D/data -m immediate stop");
}

/* A child that outlives the test, and takes the cluster away. */
static inline void
cluster_watch(void)
{
	int	ends[2];
	char	byte;

	if (pipe2(ends, O_CLOEXEC) != 0 || (cluster_guard = fork()) < 0) {
		printf("Bail out! no guard for the cluster\n");
		exit(1);
	}
	if (cluster_guard > 0) {
		close(ends[0]);
		cluster_guard_pipe = ends[1];
		return;
	}
	setsid();	/* out of reach of the terminal's ^C */
	close(ends[1]);
	while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
		;
	cluster_stop();
	cluster_run("rm -rf $D");
	_exit(0);
}

static inline void
cluster_remove(void)
{
	close(cluster_guard_pipe);
	waitpid(cluster_guard, NULL, 0);
}

/* Ends the test, and shows all logs. */
static inline _Noreturn void
cluster_fail(const char *what)
{
	char	line[64];

	printf("Bail out! %s\n", what);
	fflush(stdout);
	snprintf(line, sizeof(line), "cat %s/*log >&2", cluster_dir);
	if (system(line) != 0)
		printf("# and no log\n");
	cluster_remove();
	exit(1);
}

/* It runs, and has nothing in it. */
static inline void
cluster_make(void)
{
	if (mkdtemp(cluster_dir) == NULL || chmod(cluster_dir, 0755) != 0) {
		printf("Bail out! no folder for the cluster\n");
		exit(1);
	}
	snprintf(cluster_dsn, sizeof(cluster_dsn), "host=%s user=postgres dbname=postgres", cluster_dir);
	cluster_watch();
	if (cluster_run("[ -z \"$AS\" ] || chown postgres $D") != 0 ||
	    cluster_run("$AS $B/initdb -N -A trust -U postgres -E UTF8 --locale=C -D $D/data") != 0 ||
	    cluster_start() != 0)
		cluster_fail("no cluster");
}

#endif
