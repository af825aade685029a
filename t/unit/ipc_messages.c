/*
 * Writers and readers: what is written is read back, and nothing else is read.
 */
#include "ipc/ipc.h"

#include <stdlib.h>

#include "tap.h"

#define SLICE(s)	((struct slice){ (const unsigned char *)(s), sizeof(s) - 1 })

static struct slice
packet(const struct buf *b)
{
	return (struct slice){ b->data, b->len };
}

static bool
slice_is(struct slice got, struct slice want)
{
	return got.n == want.n && memcmp(got.p, want.p, got.n) == 0;
}

/* Every reader by type, so that every message can be tried with every packet. */
#define IPC_MESSAGE(NAME, name, fields)			\
static int						\
get_##name(struct slice p)				\
{							\
	struct ipc_##name	m;			\
							\
	return ipc_get_##name(p, &m);			\
}							\
static void						\
put_##name(struct buf *b)				\
{							\
	struct ipc_##name	m;			\
							\
	memset(&m, 0, sizeof(m));			\
	ipc_put_##name(b, &m);				\
}
#include "ipc/ipc_messages.def"

static const struct {
	int	(*get)(struct slice p);
	void	(*put)(struct buf *b);
} messages[IPC_TYPES] = {
#define IPC_MESSAGE(NAME, name, fields)	[IPC_##NAME] = { get_##name, put_##name },
#include "ipc/ipc_messages.def"
};

/* On the heap and of the exact length, so that a sanitizer sees a read past it. */
static int
get_copy(int type, const unsigned char *p, size_t n)
{
	unsigned char	*copy = malloc(n ? n : 1);
	int		 rc;

	memcpy(copy, p, n);
	rc = messages[type].get((struct slice){ copy, n });
	free(copy);
	return rc;
}

static void
test_roundtrip(void)
{
	struct buf		b = { 0 };
	struct ipc_grant	in = {
		.server_signature = SLICE("\0sig\0nature"),
		.connection_id = UINT64_MAX, .user_id = 1, .database_id = 0x0102030405060708,
		.grant_id = 4, .access = 255, .expires_in_us = -5, .query_quota = 1, .byte_quota = 0,
		.capture = 1, .cancel_secret = SLICE("\xff\xfe\0\x01"),
		.host = "db.example", .port = 5432, .dbname = "app", .username = "role",
		.password = "p\xc3\xa4ss", .ssl_mode = "prefer", .ssl_root_cert = "", .ssl_cert = "", .ssl_key = NULL, .log_dsn = NULL,
	}, out;

	ipc_put_grant(&b, &in);
	ok(!b.failed && ipc_type(packet(&b)) == IPC_GRANT, "a GRANT is written");
	is_str(ipc_type_name(IPC_GRANT), "GRANT", "and has a name");
	is_int(ipc_get_grant(packet(&b), &out), 0, "and read");
	ok(slice_is(out.server_signature, in.server_signature) &&
	    slice_is(out.cancel_secret, in.cancel_secret), "bytes come back, zeros too");
	ok(out.connection_id == UINT64_MAX && out.user_id == 1 &&
	    out.database_id == 0x0102030405060708 && out.grant_id == 4, "u64 come back");
	ok(out.access == 255 && out.query_quota == 1 && out.byte_quota == 0 && out.capture == 1 &&
	    out.port == 5432, "u8 and u32 come back");
	is_int(out.expires_in_us, -5, "i64 comes back");
	is_str(out.host, "db.example", "str comes back");
	is_str(out.password, "p\xc3\xa4ss", "str with high bytes comes back");
	is_str(out.log_dsn, "", "a NULL str is empty");
	buf_free(&b);
}

static void
test_hostile(void)
{
	int	truncated = 0, trailing = 0, empty = 0, mixed = 0;

	for (int t = 1; t < IPC_TYPES; t++) {
		struct buf	b = { 0 };

		messages[t].put(&b);
		empty += get_copy(t, b.data, b.len) == 0 && ipc_type(packet(&b)) == (enum ipc_type)t;
		for (size_t n = 0; n < b.len; n++)
			truncated += get_copy(t, b.data, n) == 0;
		for (int other = 1; other < IPC_TYPES; other++)
			mixed += other != t && get_copy(other, b.data, b.len) == 0;
		buf_put_u8(&b, 0);
		trailing += get_copy(t, b.data, b.len) == 0;
		buf_free(&b);
	}
	is_int(empty, IPC_TYPES - 1, "each message of zeros is read");
	is_int(truncated, 0, "no truncated message is read");
	is_int(trailing, 0, "no message with a byte too many is read");
	is_int(mixed, 0, "no message is read as another");
}

static void
test_truncated_full(void)
{
	struct buf		b = { 0 };
	struct ipc_grant	g = { .server_signature = SLICE("signature"), .host = "h",
		.cancel_secret = SLICE("secret"), .password = "password", .log_dsn = "dsn" };
	struct ipc_proof	p = { .client_first_bare = SLICE("n=,r=x"), .client_nonce = SLICE("x"),
		.client_final_bare = SLICE("c=biws"), .proof = SLICE("proof") }, q;
	int			accepted = 0;
	size_t			second;

	ipc_put_grant(&b, &g);
	for (size_t n = 0; n < b.len; n++)
		accepted += get_copy(IPC_GRANT, b.data, n) == 0;
	is_int(accepted, 0, "a full GRANT cut at every length is refused");
	is_int(get_copy(IPC_GRANT, b.data, b.len), 0, "and whole it is not");

	buf_reset(&b);
	ipc_put_proof(&b, &p);
	second = 1 + 4 + p.client_first_bare.n;
	buf_set_u32(&b, second, 0xffffffff);
	is_int(get_copy(IPC_PROOF, b.data, b.len), -1, "a length of 4 GiB is refused");
	buf_set_u32(&b, second, (uint32_t)(b.len - second - 4 + 1));
	is_int(get_copy(IPC_PROOF, b.data, b.len), -1, "a length one past the end is refused");
	memset(&q, 0xaa, sizeof(q));
	is_int(ipc_get_proof(SLICE("\x7f"), &q), -1, "another type is refused");
	ok(q.client_nonce.n == 0 && q.proof.n == 0, "and leaves empty fields");
	buf_free(&b);
}

static void
test_limits(void)
{
	struct buf		b = { 0 };
	struct ipc_refuse	r = { 0 }, out;
	struct ipc_hello	h = { .token = { (const unsigned char *)"", (size_t)IPC_PACKET_MAX + 1 } };

	ipc_put_hello(&b, &h);
	ok(b.failed, "bytes larger than a packet are not written");
	buf_reset(&b);
	ipc_put_refuse(&b, &r);
	is_int(b.len, 4, "NULL strings are one NUL each");
	is_int(ipc_get_refuse(packet(&b), &out), 0, "and are read");
	is_str(out.hint, "", "as empty");
	buf_free(&b);

	is_int(ipc_type((struct slice){ NULL, 0 }), IPC_NONE, "an empty packet has no type");
	is_int(ipc_type(SLICE("\0")), IPC_NONE, "type 0 is none");
	is_int(ipc_type(SLICE("\xff")), IPC_NONE, "an unknown type is none");
	is_str(ipc_type_name(IPC_TYPES), "NONE", "an unknown type has a name to print");
}

int
main(void)
{
	test_roundtrip();
	test_hostile();
	test_truncated_full();
	test_limits();
	return tap_done();
}
