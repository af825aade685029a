/*
 * The secrets page. The supervisor forks all the time; MADV_WIPEONFORK makes
 * sure that no child finds the master key in its memory by inheritance. A child
 * that may have a secret gets it through a pipe.
 */
#include <sys/mman.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "crypto/crypto.h"
#include "supervisor/supervisor_state.h"

/* A pipe holds some of these without a reader, so that giving never blocks. */
#define SECRETS_DSN_MAX	4096

struct secret_dsn {
	size_t	len;
	char	text[SECRETS_DSN_MAX];
};

struct secrets {
	unsigned char		key[32];
	unsigned char		token[RUNTIME_TOKEN_SIZE];
	struct secret_dsn	dsn, log_dsn;
};

/* Moves it; nothing stays where it came from. */
static void
secrets_move(struct secret_dsn *to, char *from, const char *option)
{
	to->len = strlen(from);
	if (to->len >= sizeof(to->text))
		log_fatal(EX_CONFIG, "%s: longer than %d bytes", option, SECRETS_DSN_MAX - 1);
	memcpy(to->text, from, to->len);
	explicit_bzero(from, to->len);
}

struct secrets *
secrets_new(unsigned char key[32], char *dsn, char *log_dsn, const unsigned char *token)
{
	struct secrets	*s;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED || madvise(s, sizeof(*s), MADV_WIPEONFORK) != 0 ||
	    madvise(s, sizeof(*s), MADV_DONTDUMP) != 0)
		log_fatal(EX_OSERR, "no protected memory for the master key: %m");
	/* RLIMIT_MEMLOCK may forbid it; swap is the operator's business then */
	if (mlock(s, sizeof(*s)) != 0)
		log_debug("mlock of the master key: %m");
	memcpy(s->key, key, sizeof(s->key));
	explicit_bzero(key, sizeof(s->key));
	secrets_move(&s->dsn, dsn, "dsn");
	secrets_move(&s->log_dsn, log_dsn, "log_dsn");
	if (token != NULL)
		memcpy(s->token, token, sizeof(s->token));
	else
		crypto_random(s->token, sizeof(s->token));
	return s;
}

void
secrets_put(const struct secrets *s, struct buf *b)
{
	buf_put(b, s->key, sizeof(s->key));
	buf_put(b, s->token, sizeof(s->token));
	buf_put_cstr(b, s->dsn.text);
	buf_put_cstr(b, s->log_dsn.text);
}

static void
secrets_write(int fd, const void *p, size_t n)
{
	ssize_t	done;

	do
		done = write(fd, p, n);
	while (done < 0 && errno == EINTR);
	/* a short write means that the child is gone; it is reaped and restarted */
}

static void
secrets_write_dsn(int fd, const struct secret_dsn *d)
{
	secrets_write(fd, &d->len, sizeof(d->len));
	secrets_write(fd, d->text, d->len);
}

void
secrets_give(const struct secrets *s, unsigned needs, int fd)
{
	if (needs & NEED_KEY)
		secrets_write(fd, s->key, sizeof(s->key));
	if (needs & NEED_TOKEN)
		secrets_write(fd, s->token, sizeof(s->token));
	if (needs & NEED_DSN)
		secrets_write_dsn(fd, &s->dsn);
	if (needs & NEED_LOG_DSN)
		secrets_write_dsn(fd, &s->log_dsn);
	if (needs & NEED_RECORD_DSN)
		secrets_write_dsn(fd, s->log_dsn.len > 0 ? &s->log_dsn : &s->dsn);
	close(fd);
}

int
supervisor_read(int fd, void *p, size_t n)
{
	unsigned char	*at = p;

	while (n > 0) {
		ssize_t	got = read(fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

static int
secrets_read_dsn(int fd, char **dsn)
{
	size_t	n = 0;

	if (supervisor_read(fd, &n, sizeof(n)) != 0 || n >= SECRETS_DSN_MAX)
		return -1;
	*dsn = xcalloc(1, n + 1);
	return supervisor_read(fd, *dsn, n);
}

int
secrets_take(struct runtime *rt, unsigned needs, int fd)
{
	int	rc = 0;

	if (needs & NEED_KEY)
		rc |= supervisor_read(fd, rt->key, sizeof(rt->key));
	if (needs & NEED_TOKEN)
		rc |= supervisor_read(fd, rt->token, sizeof(rt->token));
	if (rc == 0 && needs & NEED_DSN)
		rc = secrets_read_dsn(fd, &rt->dsn);
	if (rc == 0 && needs & NEED_LOG_DSN)
		rc = secrets_read_dsn(fd, &rt->log_dsn);
	if (rc == 0 && needs & NEED_RECORD_DSN)
		rc = secrets_read_dsn(fd, &rt->record_dsn);
	close(fd);
	return rc;
}
