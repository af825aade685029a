/*
 * The account the daemon runs as, and the directories it keeps things in. As
 * root it prepares what only root can, then becomes `user` for good, before
 * any socket is opened; as anybody else it stays who it is.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "supervisor/supervisor_state.h"

#define USER_GROUPS_MAX	1024

/* What the databases of the system say of a name. */
struct user_account {
	bool	known;
	uid_t	uid;
	gid_t	gid;
	int	ngroups;	/* -1: too many */
	gid_t	groups[USER_GROUPS_MAX];
	char	home[4096];
};

static void
user_look_up(const char *name, struct user_account *a)
{
	const struct passwd	*pw = getpwnam(name);

	if (pw == NULL)
		return;
	a->known = true;
	a->uid = pw->pw_uid;
	a->gid = pw->pw_gid;
	snprintf(a->home, sizeof(a->home), "%s", pw->pw_dir);
	a->ngroups = USER_GROUPS_MAX;
	if (getgrouplist(name, a->gid, a->groups, &a->ngroups) < 0)
		a->ngroups = -1;
}

/*
 * Looked up by a process of its own: the libraries that the system's databases need (NSS) would stay in the
 * supervisor, and each session would inherit and take down their mappings.
 */
static const struct user_account *
user_account(const char *name, struct error *err)
{
	static struct user_account	a;
	int				fds[2], rc;
	pid_t				pid;

	if (a.known)
		return &a;
	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		error_set(err, "user: cannot look it up: %s", strerror(errno));
		return NULL;
	}
	if (pid == 0) {
		user_look_up(name, &a);
		/* it fits a pipe; a short write is seen by who reads */
		_exit(write(fds[1], &a, sizeof(a)) == (ssize_t)sizeof(a) ? 0 : 1);
	}
	close(fds[1]);
	rc = supervisor_read(fds[0], &a, sizeof(a));
	close(fds[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (rc == 0)
		return &a;
	a.known = false;
	error_set(err, "user: it cannot be looked up");
	return NULL;
}

/* The account; uid and gid of this process when it is not root. */
static int
user_find(const struct conf *conf, uid_t *uid, gid_t *gid, struct error *err)
{
	const struct user_account	*a;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return 0;
	a = user_account(conf->user, err);
	if (a == NULL)
		return -1;
	if (!a->known)
		return error_set(err, "user: there is no account \"%s\" to run as: create it "
		    "(adduser --system --group %s) or set the option user", conf->user, conf->user);
	if (a->uid == 0)
		return error_set(err, "user: \"%s\" is root: DBBat does not serve as root", conf->user);
	*uid = a->uid;
	*gid = a->gid;
	return 0;
}

/* mkdir -p; what is made belongs to the account. */
static int
user_directory(const char *path, uid_t uid, gid_t gid, struct error *err)
{
	char		part[4096];
	size_t		n = strlen(path);
	struct stat	st;

	if (path[0] != '/' || n >= sizeof(part))
		return error_set(err, "%s: not an absolute path", path);
	for (size_t i = 1; i <= n; i++) {
		if (i < n && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, i < n ? 0755 : 0700) == 0) {
			if (i == n && geteuid() == 0 && chown(part, uid, gid) != 0)
				return error_set(err, "%s: chown: %s", part, strerror(errno));
		} else if (errno != EEXIST)
			return error_set(err, "cannot make the directory %s: %s", part, strerror(errno));
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return error_set(err, "%s is not a directory", path);
	if (st.st_uid != uid)
		return error_set(err, "%s belongs to uid %d, not to the account DBBat runs as (uid %d): "
		    "chown it", path, (int)st.st_uid, (int)uid);
	if (st.st_mode & 022)
		return error_set(err, "%s can be written by others: chmod go-w it", path);
	return 0;
}

int
supervisor_directories(const struct conf *conf, struct error *err)
{
	uid_t	uid;
	gid_t	gid;

	if (user_find(conf, &uid, &gid, err) != 0 ||
	    user_directory(conf->state_dir, uid, gid, err) != 0 ||
	    user_directory(conf->runtime_dir, uid, gid, err) != 0)
		return -1;
	return 0;
}

int
supervisor_user_try(const struct conf *conf, struct error *err)
{
	uid_t	uid;
	gid_t	gid;

	if (geteuid() != 0)
		return 0;
	if (user_find(conf, &uid, &gid, err) != 0)
		return -1;
	if (setegid(gid) != 0 || seteuid(uid) != 0)
		return error_set(err, "cannot act as %s: %s", conf->user, strerror(errno));
	return 0;
}

void
supervisor_user_back(void)
{
	if (getuid() != 0)
		return;
	if (seteuid(0) != 0 || setegid(0) != 0)
		log_fatal(71, "cannot become root again: %m");
}

int
supervisor_user_become(const struct conf *conf, struct error *err)
{
	const struct user_account	*a;
	uid_t				 uid;
	gid_t				 gid;

	if (geteuid() != 0)
		return 0;
	if (user_find(conf, &uid, &gid, err) != 0)
		return -1;
	a = user_account(conf->user, err);
	if (a->ngroups < 0)
		return error_set(err, "user: \"%s\" is in more than %d groups", conf->user, USER_GROUPS_MAX);
	if (setgroups((size_t)a->ngroups, a->groups) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return error_set(err, "cannot become %s: %s", conf->user, strerror(errno));
	/* libraries look for files of theirs in $HOME */
	if (setenv("HOME", a->home, 1) != 0 || setenv("USER", conf->user, 1) != 0 ||
	    setenv("LOGNAME", conf->user, 1) != 0)
		return error_set(err, "environment: %s", strerror(errno));
	if (setuid(0) == 0)
		return error_set(err, "root could be regained after becoming %s", conf->user);
	return 0;
}
