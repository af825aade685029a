/*
 * The configuration: built-in defaults < dbbat.conf < environment < flags.
 * conf_options.def is the one list; struct conf, the parser, the defaults and
 * the tests of dbbat.conf and the man page are made from it.
 *
 * File syntax: one `option = value` a line; '#' starts a comment at the start
 * of a line or after white space; a value may be in single quotes ('' is a quote).
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base_error.h"

enum conf_client_tls { CONF_TLS_OFF, CONF_TLS_PREFER, CONF_TLS_REQUIRE };
enum conf_auth_method { CONF_AUTH_SCRAM, CONF_AUTH_PASSWORD };
enum conf_read_pinning { CONF_PIN_ALWAYS, CONF_PIN_AUTO };

/*
 * Kinds of value in conf_options.def and the C type each becomes:
 *   string    char *, heap, "" when unset (a secret is wiped by conf_free)
 *   number    int64_t, within min..max
 *   duration  int64_t milliseconds; "30", "30s", "500ms", "5min", "1h", "7d"
 *   size      int64_t bytes; "1024", "64kB", "1MB", "1GB"
 *   boolean   bool; on/off, true/false, yes/no, 1/0
 *   choice    int, one of a list of words
 */
struct conf {
#define CONF_STRING(name, ...)		char *name;
#define CONF_NUMBER(name, ...)		int64_t name;
#define CONF_DURATION(name, ...)	int64_t name;
#define CONF_SIZE(name, ...)		int64_t name;
#define CONF_BOOLEAN(name, ...)		bool name;
#define CONF_CHOICE(name, ...)		int name;
#include "conf/conf_options.def"
};

/*
 * Reads everything into *c. `file` is NULL for the default file, which may be
 * absent; a file that was named must be there. Old PGL_* names of the
 * environment are accepted with a warning in the log. Secrets (DBB_KEY,
 * DBB_DSN, their old names) are wiped from the environment. Then checks what
 * one value alone does not show: dsn given; exactly one of key and keyfile (the
 * later layer wins when they come from different layers).
 * Returns 0, or -1 with one line in err: "FILE:LINE: option: what is wrong",
 * or "DBB_X: ..." for the environment.
 */
int	conf_load(struct conf *c, const char *file, struct error *err);
void	conf_free(struct conf *c);

/*
 * The 32-byte master key from c->key or c->keyfile (a base64 line; the file must be a regular file
 * that nobody but its owner can read). Wipes c->key. 0 or -1 and err.
 */
int	conf_master_key(struct conf *c, unsigned char key[32], struct error *err);

/* Prints "option = value" for each option, secrets as "********". */
void	conf_dump(const struct conf *c);

#endif
