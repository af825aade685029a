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

/* A pipe holds this much without a reader, so that giving never blocks. */
#define SECRETS_DSN_MAX	4096

struct secrets {
	unsigned char	key[32];
	unsigned char	token[RUNTIME_TOKEN_SIZE];
	size_t		dsn_len;
	char		dsn[SECRETS_DSN_MAX];
};

struct secrets *
secrets_new(unsigned char key[32], char *dsn, const unsigned char *token)
{
	struct secrets	*s;
	size_t		 n = strlen(dsn);

	if (n >= SECRETS_DSN_MAX)
		log_fatal(EX_CONFIG, "dsn: longer than %d bytes", SECRETS_DSN_MAX - 1);
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED || madvise(s, sizeof(*s), MADV_WIPEONFORK) != 0 ||
	    madvise(s, sizeof(*s), MADV_DONTDUMP) != 0)
		log_fatal(EX_OSERR, "no protected memory for the master key: %m");
	/* RLIMIT_MEMLOCK may forbid it; swap is the operator's business then */
	if (mlock(s, sizeof(*s)) != 0)
		log_debug("mlock of the master key: %m");
	memcpy(s->key, key, sizeof(s->key));
	explicit_bzero(key, sizeof(s->key));
	memcpy(s->dsn, dsn, n);
	explicit_bzero(dsn, n);
	s->dsn_len = n;
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
	buf_put_cstr(b, s->dsn);
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

void
secrets_give(const struct secrets *s, unsigned needs, int fd)
{
	if (needs & NEED_KEY)
		secrets_write(fd, s->key, sizeof(s->key));
	if (needs & NEED_TOKEN)
		secrets_write(fd, s->token, sizeof(s->token));
	if (needs & NEED_DSN) {
		secrets_write(fd, &s->dsn_len, sizeof(s->dsn_len));
		secrets_write(fd, s->dsn, s->dsn_len);
	}
	close(fd);
}

static int
secrets_read(int fd, void *p, size_t n)
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

int
secrets_take(struct runtime *rt, unsigned needs, int fd)
{
	size_t	n = 0;
	int	rc = 0;

	if (needs & NEED_KEY)
		rc |= secrets_read(fd, rt->key, sizeof(rt->key));
	if (needs & NEED_TOKEN)
		rc |= secrets_read(fd, rt->token, sizeof(rt->token));
	if (rc == 0 && needs & NEED_DSN) {
		rc = secrets_read(fd, &n, sizeof(n));
		if (rc == 0 && n < SECRETS_DSN_MAX) {
			rt->dsn = xcalloc(1, n + 1);
			rc = secrets_read(fd, rt->dsn, n);
		}
	}
	close(fd);
	return rc;
}
