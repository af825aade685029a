/*
 * What the keeper does for the API: it seals secrets, as this process has no key, and gives the key of captured
 * results, one connection's at a time. The connection to it is kept, and made again once when it turns out to be gone.
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

/* One attempt: 0 with an answer of this type, or -1. */
static int
seal_try(struct api *api, const struct buf *packet, enum ipc_type type, struct buf *answer)
{
	if (api->keeper_fd < 0 && (api->keeper_fd = api_keeper_connect(api)) < 0)
		return -1;
	if (ipc_send(api->keeper_fd, packet) == 0 && ipc_recv(api->keeper_fd, answer, SEAL_TIMEOUT_MS) == 1 &&
	    ipc_type((struct slice){ answer->data, answer->len }) == type)
		return 0;
	/* an answer that came late would be taken for that of the next question */
	seal_hang_up(api);
	return -1;
}

/* The connection may have been gone already: a second attempt makes a new one. */
static int
seal_ask(struct api *api, const struct buf *packet, enum ipc_type type, struct buf *answer)
{
	return seal_try(api, packet, type, answer) == 0 || seal_try(api, packet, type, answer) == 0 ? 0 : -1;
}

char *
api_seal(struct api_request *r, const char *identity, const char *secret)
{
	struct ipc_seal		 seal = { .identity = identity };
	struct ipc_sealed	 sealed;
	struct buf		 packet = { .max = IPC_PACKET_MAX }, answer = { 0 };
	char			*text = NULL;

	seal.secret = (struct slice){ (const unsigned char *)secret, strlen(secret) };
	buf_reserve(&packet, strlen(identity) + seal.secret.n + 64);
	ipc_put_seal(&packet, &seal);
	if (seal_ask(r->api, &packet, IPC_SEALED, &answer) == 0 &&
	    ipc_get_sealed((struct slice){ answer.data, answer.len }, &sealed) == 0 && sealed.sealed.n > 0)
		text = store_bytea(sealed.sealed.p, sealed.sealed.n);
	buf_wipe(&packet);
	buf_free(&answer);
	if (text == NULL) {
		log_error("keeper: it does not seal");
		api_fail(r, 503, "keeper_unavailable", NULL, "the keeper does not answer: nothing was stored");
	}
	return text;
}

int
api_capture_key(struct api *api, uint64_t connection_id, struct slice salt, unsigned char key[CRYPTO_KEY_SIZE])
{
	struct ipc_capture_key	m;
	struct buf		packet = { 0 }, answer = { 0 };
	int			rc;

	ipc_put_capture(&packet, &(struct ipc_capture){ .connection_id = connection_id, .salt = salt });
	rc = seal_ask(api, &packet, IPC_CAPTURE_KEY, &answer);
	if (rc == 0 && (ipc_get_capture_key((struct slice){ answer.data, answer.len }, &m) != 0 || m.key.n != CRYPTO_KEY_SIZE))
		rc = -1;
	if (rc == 0)
		memcpy(key, m.key.p, CRYPTO_KEY_SIZE);
	else
		log_error("keeper: it does not give the key of results");
	buf_free(&packet);
	buf_wipe(&answer);
	return rc;
}
