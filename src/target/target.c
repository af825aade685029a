/*
 * Keywords for libpq, and its files. Opens no connection itself.
 */
#include "target/target.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"

/* Where Debian keeps the authorities everybody trusts; for verify-ca and verify-full without one of the database's own. */
#define TARGET_SYSTEM_CA	"/etc/ssl/certs/ca-certificates.crt"

enum { TARGET_ROOT_CERT, TARGET_CERT, TARGET_KEY };

/*
 * libpq takes certificates and keys as files only. One in memory, without a name
 * in any directory, is a file too. Returns the descriptor, or -1 for no text; the
 * path is then one where nothing is, lest libpq look in somebody's home.
 */
static int
target_file(const char *pem, char path[TARGET_PATH])
{
	size_t	n = strlen(pem), done = 0;
	int	fd;

	snprintf(path, TARGET_PATH, "/nonexistent/dbbat");
	if (n == 0)
		return -1;
	/* libpq refuses a key that others may read */
	fd = memfd_create("dbbat-pem", MFD_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0600) != 0)
		log_fatal(EX_OSERR, "no memory for a certificate: %m");
	while (done < n) {
		ssize_t	k = write(fd, pem + done, n - done);

		if (k < 0 && errno != EINTR)
			log_fatal(EX_OSERR, "no memory for a certificate: %m");
		done += k > 0 ? (size_t)k : 0;
	}
	snprintf(path, TARGET_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

void
target_params(struct target_params *p, const struct target *t)
{
	const char	*pem[TARGET_FILES] = { t->ssl_root_cert, t->ssl_cert, t->ssl_key };
	const char	*keywords[] = { "host", "port", "dbname", "user", "password", "sslmode", "gssencmode", "passfile",
			    "application_name", "options", "sslrootcert", "sslcert", "sslkey", "connect_timeout", NULL };
	const char	*values[] = { t->host, p->port, t->dbname, t->username, t->password, t->ssl_mode, "disable", "/dev/null",
			    t->application, t->options, p->path[TARGET_ROOT_CERT], p->path[TARGET_CERT],
			    p->path[TARGET_KEY], p->connect_timeout, NULL };

	_Static_assert(sizeof(keywords) == sizeof(p->keywords) && sizeof(values) == sizeof(p->values), "keywords");
	memcpy(p->keywords, keywords, sizeof(keywords));
	memcpy(p->values, values, sizeof(values));
	for (int i = 0; i < TARGET_FILES; i++)
		p->fd[i] = target_file(pem[i], p->path[i]);
	/* only for these: with a file to check by, libpq checks under sslmode=require too */
	if (p->fd[TARGET_ROOT_CERT] < 0 && strncmp(t->ssl_mode, "verify-", 7) == 0)
		snprintf(p->path[TARGET_ROOT_CERT], TARGET_PATH, TARGET_SYSTEM_CA);
	snprintf(p->port, sizeof(p->port), "%u", t->port);
	snprintf(p->connect_timeout, sizeof(p->connect_timeout), "%u", t->connect_timeout);
}

void
target_params_close(struct target_params *p)
{
	for (int i = 0; i < TARGET_FILES; i++)
		if (p->fd[i] >= 0)
			close(p->fd[i]);
}
