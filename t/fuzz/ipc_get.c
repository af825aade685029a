/*
 * Readers of messages: the first byte picks one, the rest is the packet. What is
 * read must, written again, be the same packet: there is one form of each message.
 */
#include "ipc/ipc.h"

#include <stdlib.h>
#include <string.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IPC_MESSAGE(NAME, name, fields)					\
static void								\
try_##name(struct slice packet)						\
{									\
	struct ipc_##name	m;					\
	struct buf		b = { 0 };				\
									\
	if (ipc_get_##name(packet, &m) < 0)				\
		return;							\
	ipc_put_##name(&b, &m);						\
	if (b.failed || b.len != packet.n || memcmp(b.data, packet.p, b.len) != 0)	\
		abort();						\
	buf_free(&b);							\
}
#include "ipc/ipc_messages.def"

static void	(*const readers[])(struct slice) = {
#define IPC_MESSAGE(NAME, name, fields)	try_##name,
#include "ipc/ipc_messages.def"
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice	packet = { data + 1, size - 1 };

	if (size == 0)
		return 0;
	if (ipc_type(packet) != IPC_NONE && ipc_type_name(ipc_type(packet))[0] == '\0')
		abort();
	readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](packet);
	return 0;
}
