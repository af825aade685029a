/*
 * Secrets go to the keeper to be sealed: this process has no key. The connection to it
 * is kept, and made again once when it turns out to be gone.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_internal.h"
#include "base/base_log.h"
#include "ipc/ipc.h"
#include "store/store.h"

#define SEAL_TIMEOUT_MS	5000

static void
seal_hang_up(struct api *api)
{
	if (api->keeper_fd >= 0)
		close(api->keeper_fd);
	api->keeper_fd = -1;
}

/* One attempt. The sealed secret as bytea text, or NULL. */
static char *
seal_ask(struct api *api, const struct buf *packet)
{
	struct ipc_sealed	 sealed;
	struct buf		 answer = { 0 };
	struct slice		 bytes;
	char			*text = NULL;

	if (api->keeper_fd < 0 && (api->keeper_fd = api_keeper_connect(api)) < 0)
		goto out;
	if (ipc_send(api->keeper_fd, packet) != 0 || ipc_recv(api->keeper_fd, &answer, SEAL_TIMEOUT_MS) != 1)
		goto out;
	bytes = (struct slice){ answer.data, answer.len };
	if (ipc_type(bytes) == IPC_SEALED && ipc_get_sealed(bytes, &sealed) == 0 && sealed.sealed.n > 0)
		text = store_bytea(sealed.sealed.p, sealed.sealed.n);
out:
	/* an answer that came late would be taken for that of the next question */
	if (text == NULL)
		seal_hang_up(api);
	buf_free(&answer);
	return text;
}

char *
api_seal(struct api_request *r, const char *identity, const char *secret)
{
	struct ipc_seal	 seal = { .identity = identity };
	struct buf	 packet = { .max = IPC_PACKET_MAX };
	char		*text;

	seal.secret = (struct slice){ (const unsigned char *)secret, strlen(secret) };
	buf_reserve(&packet, strlen(identity) + seal.secret.n + 64);
	ipc_put_seal(&packet, &seal);
	text = seal_ask(r->api, &packet);
	if (text == NULL)
		text = seal_ask(r->api, &packet);
	buf_wipe(&packet);
	if (text == NULL) {
		log_error("keeper: it does not seal");
		api_fail(r, 503, "keeper_unavailable", NULL, "the keeper does not answer: nothing was stored");
	}
	return text;
}
