/*
 * The account the daemon runs as, and the directories it keeps things in. As
 * root it prepares what only root can, then becomes `user` for good, before
 * any socket is opened; as anybody else it stays who it is.
 */
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "supervisor/supervisor.h"

/* The account; uid and gid of this process when it is not root. */
static int
user_find(const struct conf *conf, uid_t *uid, gid_t *gid, struct error *err)
{
	struct passwd	*pw;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return 0;
	errno = 0;
	pw = getpwnam(conf->user);
	if (pw == NULL)
		return error_set(err, "user: there is no account \"%s\" to run as: create it "
		    "(adduser --system --group %s) or set the option user", conf->user, conf->user);
	if (pw->pw_uid == 0)
		return error_set(err, "user: \"%s\" is root: DBBat does not serve as root", conf->user);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
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
	struct passwd	*pw;
	uid_t		 uid;
	gid_t		 gid;

	if (geteuid() != 0)
		return 0;
	if (user_find(conf, &uid, &gid, err) != 0)
		return -1;
	if (initgroups(conf->user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return error_set(err, "cannot become %s: %s", conf->user, strerror(errno));
	/* libraries look for files of theirs in $HOME */
	pw = getpwuid(uid);
	if (pw == NULL || setenv("HOME", pw->pw_dir, 1) != 0 || setenv("USER", conf->user, 1) != 0 ||
	    setenv("LOGNAME", conf->user, 1) != 0)
		return error_set(err, "environment: %s", strerror(errno));
	if (setuid(0) == 0)
		return error_set(err, "root could be regained after becoming %s", conf->user);
	return 0;
}
