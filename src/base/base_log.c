/*
 * The operator log. Writes each line with one write(2) so that lines of many
 * processes do not mix, to stderr or to syslog.
 */
#include "base/base_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct {
	bool		 opened;
	bool		 to_syslog;
	enum log_level	 level;
	char		 prefix[256];
} log_state = { .level = LOG_LEVEL_INFO };

static const struct {
	const char	*word;
	int		 priority;
} log_levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARN]  = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO]  = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

void
log_open(bool to_syslog, enum log_level level)
{
	log_state.opened = true;
	log_state.to_syslog = to_syslog;
	log_state.level = level;
	if (to_syslog)
		openlog("dbbat", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

bool
log_wants(enum log_level level)
{
	return level <= log_state.level;
}

void
log_prefix(const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(log_state.prefix, sizeof(log_state.prefix), fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *fmt, va_list ap)
{
	char		 text[2048 + sizeof(log_state.prefix)], line[2560];
	struct timespec	 now;
	struct tm	 tm;
	int		 n = 0;
	size_t		 len;

	if (!log_wants(level))
		return;
	len = strlen(log_state.prefix);
	memcpy(text, log_state.prefix, len);
	vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = *p == '\n' || *p == '\t' ? ' ' : '?';
	if (log_state.to_syslog) {
		syslog(log_levels[level].priority, "%s", text);
		return;
	}
	if (log_state.opened) {
		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &tm);
		n = (int)strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
		n += snprintf(line + n, sizeof(line) - (size_t)n, ".%03ldZ [%d] ",
		    now.tv_nsec / 1000000, (int)getpid());
	} else
		n = snprintf(line, sizeof(line), "dbbat: ");
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%s: %s\n",
	    log_levels[level].word, text);
	if ((size_t)n >= sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* nowhere to tell if this fails */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

#define LOG_FUNCTION(name, level)		\
void						\
name(const char *fmt, ...)			\
{						\
	va_list	ap;				\
						\
	va_start(ap, fmt);			\
	log_line(level, fmt, ap);		\
	va_end(ap);				\
}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

_Noreturn void
log_fatal(int exit_code, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
	exit(exit_code);
}
