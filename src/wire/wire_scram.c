/*
 * SCRAM messages, taken apart as PostgreSQL does: the user name in them is not looked
 * at (the startup packet's counts), unknown optional extensions are passed over,
 * and an authorization identity or a mandatory extension is refused. Nothing here
 * computes or compares a proof.
 */
#include "wire/wire_scram.h"

#include <string.h>

#include "base/base_text.h"

static bool
is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Takes one byte that must be c. */
static bool
scram_skip(struct reader *r, unsigned char c)
{
	return reader_u8(r) == c && !r->failed;
}

/* What is left up to the next comma, which stays, or the end. */
static struct slice
scram_value(struct reader *r)
{
	const unsigned char	*comma = r->left ? memchr(r->p, ',', r->left) : NULL;

	return reader_bytes(r, comma != NULL ? (size_t)(comma - r->p) : r->left);
}

/* Takes `name=value`. */
static bool
scram_attribute(struct reader *r, unsigned char name, struct slice *value)
{
	if (!scram_skip(r, name) || !scram_skip(r, '='))
		return false;
	*value = scram_value(r);
	return true;
}

/* Takes one optional extension: an attribute this side does not know. */
static bool
scram_extension(struct reader *r)
{
	unsigned char	name = reader_u8(r);

	if (!is_letter(name) || name == 'm' || !scram_skip(r, '='))
		return false;
	scram_value(r);
	return true;
}

static bool
scram_nonce_ok(struct slice nonce, size_t max)
{
	if (nonce.n == 0 || nonce.n > max)
		return false;
	for (size_t i = 0; i < nonce.n; i++)
		if (nonce.p[i] < 0x21 || nonce.p[i] > 0x7e)
			return false;
	return true;
}

/* The name of a channel binding type: letters, digits, '.' and '-'. */
static bool
scram_binding_type_ok(struct slice type)
{
	for (size_t i = 0; i < type.n; i++) {
		unsigned char	c = type.p[i];

		if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-')
			return false;
	}
	return type.n > 0;
}

/* A message can be taken apart: not too long, no NUL in it. */
static bool
scram_message_ok(struct slice message)
{
	return message.n > 0 && message.n <= WIRE_SCRAM_MESSAGE_MAX && memchr(message.p, 0, message.n) == NULL;
}

int
wire_scram_first(struct slice message, struct wire_scram_first *out)
{
	struct reader	r = reader_init(message.p, message.n);
	struct slice	user;

	memset(out, 0, sizeof(*out));
	if (!scram_message_ok(message))
		return -1;
	out->gs2_flag = (char)reader_u8(&r);
	switch (out->gs2_flag) {
	case 'n':
	case 'y':
		break;
	case 'p':
		if (!scram_skip(&r, '='))
			return -1;
		out->binding_type = scram_value(&r);
		if (!scram_binding_type_ok(out->binding_type))
			return -1;
		break;
	default:
		return -1;
	}
	/* Nothing between the commas: no authorization identity. */
	if (!scram_skip(&r, ',') || !scram_skip(&r, ','))
		return -1;
	out->gs2_header = (struct slice){ message.p, message.n - r.left };
	out->bare = (struct slice){ r.p, r.left };

	if (!scram_attribute(&r, 'n', &user) || !scram_skip(&r, ',') || !scram_attribute(&r, 'r', &out->nonce) ||
	    !scram_nonce_ok(out->nonce, WIRE_SCRAM_NONCE_MAX))
		return -1;
	while (r.left > 0)
		if (!scram_skip(&r, ',') || !scram_extension(&r))
			return -1;
	return reader_done(&r) ? 0 : -1;
}

int
wire_scram_final(struct slice message, struct wire_scram_final *out)
{
	struct reader	r = reader_init(message.p, message.n);
	struct slice	proof;

	memset(out, 0, sizeof(*out));
	if (!scram_message_ok(message))
		return -1;
	/* The nonce is the client's and the server's, each within its bound. */
	if (!scram_attribute(&r, 'c', &out->binding) || !scram_skip(&r, ',') ||
	    !scram_attribute(&r, 'r', &out->nonce) || !scram_nonce_ok(out->nonce, 2 * WIRE_SCRAM_NONCE_MAX))
		return -1;
	for (;;) {
		out->without_proof = (struct slice){ message.p, message.n - r.left };
		if (!scram_skip(&r, ','))
			return -1;
		if (r.left > 0 && *r.p == 'p')
			break;
		if (!scram_extension(&r))
			return -1;
	}
	if (!scram_attribute(&r, 'p', &proof) || !reader_done(&r))
		return -1;
	return text_base64_decode((const char *)proof.p, proof.n, out->proof, sizeof(out->proof)) == WIRE_SCRAM_PROOF ? 0 : -1;
}

bool
wire_scram_binding_ok(const struct wire_scram_first *first, const struct wire_scram_final *final,
    struct slice channel_binding)
{
	unsigned char	got[WIRE_SCRAM_MESSAGE_MAX];
	ssize_t		n = text_base64_decode((const char *)final->binding.p, final->binding.n, got, sizeof(got));
	size_t		header = first->gs2_header.n;

	if (first->gs2_flag != 'p')
		channel_binding.n = 0;
	else if (channel_binding.n == 0)
		return false;
	return n > 0 && (size_t)n == header + channel_binding.n &&
	    memcmp(got, first->gs2_header.p, header) == 0 &&
	    (channel_binding.n == 0 || memcmp(got + header, channel_binding.p, channel_binding.n) == 0);
}

static void
put_base64(struct buf *b, const void *p, size_t n)
{
	if (buf_reserve(b, TEXT_BASE64_SIZE(n)))
		b->len += text_base64_encode(p, n, (char *)b->data + b->len);
}

void
wire_put_scram_first(struct buf *b, struct slice client_nonce, const char *server_nonce,
    struct slice salt, uint32_t iterations)
{
	buf_put_str(b, "r=");
	buf_put(b, client_nonce.p, client_nonce.n);
	buf_put_str(b, server_nonce);
	buf_put_str(b, ",s=");
	put_base64(b, salt.p, salt.n);
	buf_putf(b, ",i=%u", iterations);
}

void
wire_put_scram_final(struct buf *b, const unsigned char signature[32])
{
	buf_put_str(b, "v=");
	put_base64(b, signature, 32);
}

void
wire_put_scram_auth_message(struct buf *b, struct slice client_first_bare,
    struct slice server_first, struct slice without_proof)
{
	buf_put(b, client_first_bare.p, client_first_bare.n);
	buf_put_u8(b, ',');
	buf_put(b, server_first.p, server_first.n);
	buf_put_u8(b, ',');
	buf_put(b, without_proof.p, without_proof.n);
}
