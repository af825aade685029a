/*
 * Messages between the processes: sessions and API workers speak to the keeper
 * over SOCK_SEQPACKET unix sockets, one message a packet. ipc_messages.def is the one list; structs,
 * writers and readers are made from it. Both ends are our own
 * processes, but a session is assumed to be compromised: readers check
 * everything, and the keeper lets through only what a phase permits.
 *
 * Field kinds: u8 u32 u64 i64; str (NUL-terminated, points into the packet after reading);
 * bytes (struct slice, points into the packet).
 */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/base_buf.h"
#include "base/base_error.h"

#define IPC_PACKET_MAX	65536

enum ipc_type {
	IPC_NONE,
#define IPC_MESSAGE(NAME, name, fields)	IPC_##NAME,
#include "ipc/ipc_messages.def"
	IPC_TYPES
};

#define IPC_u8(f)	uint8_t f;
#define IPC_u32(f)	uint32_t f;
#define IPC_u64(f)	uint64_t f;
#define IPC_i64(f)	int64_t f;
#define IPC_str(f)	const char *f;
#define IPC_bytes(f)	struct slice f;
#define IPC_FIELD(kind, f)	IPC_##kind(f)
#define IPC_MESSAGE(NAME, name, fields)	struct ipc_##name { fields(IPC_FIELD) };
#include "ipc/ipc_messages.def"
#undef IPC_FIELD
#undef IPC_u8
#undef IPC_u32
#undef IPC_u64
#undef IPC_i64
#undef IPC_str
#undef IPC_bytes

enum ipc_checked_as {
	IPC_CHECKED_DONE,
	IPC_CHECKED_NONE,	/* there is no such database */
	IPC_CHECKED_CHANGED,	/* it was changed meanwhile, so the report is not kept */
	IPC_CHECKED_BUSY,	/* enough others are under way */
	IPC_CHECKED_FAILED	/* the log says why */
};

/* Writers: append the packet (type byte, fields) to b. NULL strings count as "". */
#define IPC_MESSAGE(NAME, name, fields)	void ipc_put_##name(struct buf *b, const struct ipc_##name *m);
#include "ipc/ipc_messages.def"

/* The type of a packet, IPC_NONE when it is empty or unknown. */
enum ipc_type	ipc_type(struct slice packet);
const char	*ipc_type_name(enum ipc_type t);

/* Readers: 0, or -1 when the packet is not exactly one such message. */
#define IPC_MESSAGE(NAME, name, fields)	int ipc_get_##name(struct slice packet, struct ipc_##name *m);
#include "ipc/ipc_messages.def"

/*
 * The channel. Sockets are close-on-exec.
 */
/* Listens on a SEQPACKET socket at this path (mode 0600, an old one is replaced). Non-blocking fd or -1. */
int	ipc_listen(const char *path, struct error *err);

/* Connects (blocking connect, at most timeout_ms). fd, or -1. The fd is blocking. */
int	ipc_connect(const char *path, int timeout_ms, struct error *err);

/* The other end runs as our own user (SO_PEERCRED). */
bool	ipc_peer_is_us(int fd);

/* Sends one packet, all or nothing; MSG_NOSIGNAL. 0; -1 with errno (EAGAIN included). */
int	ipc_send(int fd, const struct buf *packet);

/*
 * Receives one packet into b (reset first), waiting at most timeout_ms (-1: for ever; 0: not at all).
 * 1: got one; 0: none in time; -1: closed, broken, or too large (b->len is 0).
 */
int	ipc_recv(int fd, struct buf *b, int timeout_ms);

#endif
