/*
 * Writers and readers of the messages, made from ipc_messages.def. A reader
 * refuses what is not exactly one message of its type: too short, too long,
 * another type. What it fills in is safe to look at even then: zeros, empty strings.
 */
#include "ipc/ipc.h"

#include "base/base_reader.h"

static void
ipc_write_str(struct buf *b, const char *s)
{
	buf_put_cstr(b, s ? s : "");
}

static void
ipc_write_bytes(struct buf *b, struct slice s)
{
	if (s.n > IPC_PACKET_MAX) {
		b->failed = true;
		return;
	}
	buf_put_u32(b, (uint32_t)s.n);
	buf_put(b, s.p, s.n);
}

#define IPC_WRITE_u8(f)		buf_put_u8(b, m->f);
#define IPC_WRITE_u32(f)	buf_put_u32(b, m->f);
#define IPC_WRITE_u64(f)	buf_put_u64(b, m->f);
#define IPC_WRITE_i64(f)	buf_put_u64(b, (uint64_t)m->f);
#define IPC_WRITE_str(f)	ipc_write_str(b, m->f);
#define IPC_WRITE_bytes(f)	ipc_write_bytes(b, m->f);
#define IPC_WRITE(kind, f)	IPC_WRITE_##kind(f)
#define IPC_MESSAGE(NAME, name, fields)				\
void								\
ipc_put_##name(struct buf *b, const struct ipc_##name *m)	\
{								\
	(void)m;	/* of a message without fields */	\
	buf_put_u8(b, IPC_##NAME);				\
	fields(IPC_WRITE)					\
}
#include "ipc/ipc_messages.def"

#define IPC_READ_u8(f)		m->f = reader_u8(&r);
#define IPC_READ_u32(f)		m->f = reader_u32(&r);
#define IPC_READ_u64(f)		m->f = reader_u64(&r);
#define IPC_READ_i64(f)		m->f = (int64_t)reader_u64(&r);
#define IPC_READ_str(f)		m->f = reader_cstr(&r);
#define IPC_READ_bytes(f)	m->f = reader_bytes(&r, reader_u32(&r));
#define IPC_READ(kind, f)	IPC_READ_##kind(f)
#define IPC_MESSAGE(NAME, name, fields)				\
int								\
ipc_get_##name(struct slice packet, struct ipc_##name *m)	\
{								\
	struct reader	r = reader_init(packet.p, packet.n);	\
								\
	(void)m;						\
	if (reader_u8(&r) != IPC_##NAME)			\
		r = (struct reader){ .p = packet.p, .failed = true };	\
	fields(IPC_READ)					\
	return reader_done(&r) ? 0 : -1;			\
}
#include "ipc/ipc_messages.def"

enum ipc_type
ipc_type(struct slice packet)
{
	if (packet.n == 0 || packet.p[0] >= IPC_TYPES)
		return IPC_NONE;
	return packet.p[0];
}

const char *
ipc_type_name(enum ipc_type t)
{
	static const char *const	names[] = {
		[IPC_NONE] = "NONE",
#define IPC_MESSAGE(NAME, name, fields)	[IPC_##NAME] = #NAME,
#include "ipc/ipc_messages.def"
	};

	return (unsigned)t < IPC_TYPES ? names[t] : "NONE";
}
