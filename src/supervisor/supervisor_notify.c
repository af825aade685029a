/*
 * sd_notify(3) without its library: a datagram to the socket that systemd names in the environment.
 * Without one there is nobody to tell.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "supervisor/supervisor.h"

void
supervisor_notify(const char *fmt, ...)
{
	struct sockaddr_un	 sa = { .sun_family = AF_UNIX };
	struct timeval		 patience = { .tv_sec = 1 };
	const char		*path = getenv("NOTIFY_SOCKET");
	size_t			 n = path ? strlen(path) : 0;
	char			 text[1024];
	va_list			 ap;
	int			 fd, len;

	if (n < 2 || n >= sizeof(sa.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(text))
		return;
	memcpy(sa.sun_path, path, n);
	if (path[0] == '@')
		sa.sun_path[0] = '\0';	/* the abstract namespace */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* it is worth a moment: a READY=1 that is lost leaves the unit in a reload for ever */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
	    sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&sa,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_warn("systemd cannot be told: %m");
	if (fd >= 0)
		close(fd);
}
