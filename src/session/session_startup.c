/*
 * From accept to the startup packet: SSLRequest, GSSENCRequest, direct TLS and
 * CancelRequest, in any order and fragmentation. It knows nobody and holds
 * no secret yet. A peer that connects and leaves without a byte is a health
 * probe and not worth a line in the log.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/base_log.h"
#include "base/base_mem.h"
#include "net/net_tls.h"
#include "session/session_state.h"
#include "wire/wire_server.h"

/* The handshake of TLS, on a socket from which none of its bytes was read. */
static int
startup_tls(struct session *s, bool direct, int64_t deadline)
{
	struct error	err;
	short		wants;
	int		rc;

	s->tls = net_tls_accept_new(s->rt->tls, s->fd);
	while ((rc = net_tls_accept_step(s->tls, &wants, &err)) == 0)
		if (session_wait(s->fd, wants, deadline) == 0)
			return -1;
	if (rc < 0) {
		log_info("TLS handshake failed: %s", err.msg);
		return -1;
	}
	if (direct && !net_tls_alpn_ok(s->tls)) {
		log_info("direct TLS without the ALPN protocol \"postgresql\"");
		return -1;
	}
	stream_init(&s->client, s->fd, s->tls);
	return 0;
}

/* Direct TLS is told by its first byte, which the TLS library must read itself. */
static int
startup_direct_tls(struct session *s, int64_t deadline)
{
	unsigned char	first;
	ssize_t		n;

	do {
		if (session_wait(s->fd, POLLIN, deadline) == 0)
			return -1;
		n = recv(s->fd, &first, 1, MSG_PEEK);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n <= 0)
		return -1;
	if (first != 0x16)
		return 0;
	if (s->rt->tls == NULL) {
		log_info("direct TLS, but client_tls is off");
		return -1;
	}
	return startup_tls(s, true, deadline);
}

static int
startup_answer(struct session *s, char answer, int64_t deadline)
{
	buf_put_u8(&s->out, (uint8_t)answer);
	return session_flush(s, deadline);
}

static int
startup_ssl_request(struct session *s, int64_t deadline)
{
	if (s->tls != NULL) {
		log_info("SSLRequest inside TLS");
		return -1;
	}
	if (s->rt->tls == NULL)
		return startup_answer(s, 'N', deadline);
	if (s->in.len > s->startup.size) {
		/* bytes an attacker put in front of the handshake (CVE-2021-3935) */
		log_warn("bytes behind an SSLRequest, before TLS: closed");
		return -1;
	}
	if (startup_answer(s, 'S', deadline) != 0)
		return -1;
	return startup_tls(s, false, deadline);
}

/*
 * Hands the key to the keeper, which knows whose it is. Nothing is answered; but the
 * client's connection stays open until the keeper has passed the cancel on (it hangs up then), so that
 * the client does not begin another statement that it would hit.
 */
static void
startup_cancel(struct session *s, int64_t deadline)
{
	struct ipc_cancel_key	m = { .pid = s->startup.cancel_pid, .secret = s->startup.cancel_secret,
		.client_host = s->peer.host, .client_port = (uint32_t)s->peer.port };

	if (session_keeper_connect(s) != 0)
		return;
	buf_reset(&s->packet);
	ipc_put_cancel_key(&s->packet, &m);
	if (ipc_send(s->keeper_fd, &s->packet) != 0) {
		log_warn("a cancel request could not be passed on: %s", strerror(errno));
		return;
	}
	session_wait(s->keeper_fd, POLLIN, deadline);
}

static void
startup_negotiate(struct session *s)
{
	if (s->startup.protocol > WIRE_PROTOCOL_3_0 || s->startup.noptions > 0)
		wire_put_negotiate(&s->out, WIRE_PROTOCOL_3_0, s->startup.options, s->startup.noptions);
}

/* The packet is whole: is it one to go on with? */
static int
startup_packet(struct session *s, bool no_room)
{
	const char	*user, *database;

	/* keep the bytes: startup points into them */
	s->startup_bytes = xmalloc(s->startup.size);
	memcpy(s->startup_bytes, s->in.data, s->startup.size);
	buf_drop(&s->in, s->startup.size);
	wire_startup(s->startup_bytes, s->startup.size, &s->startup);

	if (s->tls == NULL && s->conf->client_tls == CONF_TLS_REQUIRE) {
		session_fatal(s, "28000", "DBBat accepts TLS connections only",
		    "Connect with sslmode=require or stronger.");
		return -1;
	}
	if (no_room) {
		session_fatal(s, "53300", "sorry, too many clients already",
		    "DBBat serves its configured max_sessions; try again later.");
		log_warn("refused: max_sessions (%lld) are open", (long long)s->conf->max_sessions);
		return -1;
	}
	user = wire_startup_param(&s->startup, "user");
	if (user == NULL || *user == '\0') {
		session_fatal(s, "28000", "no PostgreSQL user name specified in startup packet", "");
		return -1;
	}
	database = wire_startup_param(&s->startup, "database");
	s->user = user;
	s->database = database != NULL && *database != '\0' ? database : user;
	s->application = wire_startup_param(&s->startup, "application_name");
	if (s->application == NULL)
		s->application = "";
	startup_negotiate(s);
	return 0;
}

int
session_startup(struct session *s, bool no_room, int64_t deadline)
{
	bool	anything = false;

	if (startup_direct_tls(s, deadline) != 0)
		return -1;
	for (;;) {
		int	rc;

		switch (wire_startup(s->in.data, s->in.len, &s->startup)) {
		case WIRE_STARTUP_MORE:
			rc = session_receive(s, deadline);
			if (rc <= 0) {
				if (anything || s->in.len > 0)
					log_info("incomplete startup packet");
				return -1;
			}
			continue;
		case WIRE_STARTUP_TLS:
			log_info("TLS inside TLS, or behind another request");
			return -1;
		case WIRE_STARTUP_BAD:
			log_info("not a startup packet: %s", s->startup.problem);
			if (*s->startup.sqlstate != '\0')
				session_fatal(s, s->startup.sqlstate, s->startup.problem, "");
			return -1;
		case WIRE_STARTUP_SSL_REQUEST:
			rc = startup_ssl_request(s, deadline);
			break;
		case WIRE_STARTUP_GSS_REQUEST:
			rc = startup_answer(s, 'N', deadline);
			break;
		case WIRE_STARTUP_CANCEL:
			startup_cancel(s, deadline);
			return -1;
		case WIRE_STARTUP_PACKET:
			return startup_packet(s, no_room);
		default:
			return -1;
		}
		if (rc != 0)
			return -1;
		anything = true;
		buf_drop(&s->in, s->startup.size);
	}
}
