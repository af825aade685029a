/*
 * The operator log: one line per event for whoever runs the daemon. Audit
 * records never pass through here, and SQL text, parameters and secrets never
 * appear in it at any level but debug (SQL) or at all (the rest).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Until log_open is called lines go to stderr without a time. */
void	log_open(bool to_syslog, enum log_level level);
/* Whether messages of this level are logged: for what costs something to find out. */
bool	log_wants(enum log_level level);

/*
 * Text put before each message of this process from now on, for instance
 * "session 42 john@my_database: ". At most 255 bytes are kept.
 */
void	log_prefix(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Control characters in the finished line are replaced by '?'. */
void	log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Logs at error level and exits with this code (sysexits.h). */
_Noreturn void	log_fatal(int exit_code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
