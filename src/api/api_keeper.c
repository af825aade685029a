/*
 * The way to the keeper: a connection that has shown the token.
 */
#include <unistd.h>

#include "api/api_internal.h"
#include "base/base_log.h"
#include "ipc/ipc.h"

#define KEEPER_CONNECT_MS	5000

int
api_keeper_connect(struct api *api)
{
	struct ipc_hello	 hello = { .token = { api->rt->token, sizeof(api->rt->token) } };
	struct buf		 packet = { 0 };
	struct error		 err;
	int			 fd = ipc_connect(api->rt->keeper_path, KEEPER_CONNECT_MS, &err);

	if (fd < 0) {
		log_error("keeper: %s", err.msg);
		return -1;
	}
	ipc_put_hello(&packet, &hello);
	if (ipc_send(fd, &packet) != 0) {
		log_error("keeper: %m");
		close(fd);
		fd = -1;
	}
	buf_wipe(&packet);
	return fd;
}
