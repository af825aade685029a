/*
 * Certificates that are made and that are refused, handshakes, ALPN.
 */
#include "net/net_tls.h"

#include <sys/stat.h>

#include <poll.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net_pair.h"
#include "tap.h"

static SSL_CTX	*ctx;

static char *
in_dir(const char *name)
{
	static char	path[16][128];
	static int	i;

	i = (i + 1) % 16;
	snprintf(path[i], sizeof(path[i]), "%s/%s", pair_dir, name);
	return path[i];
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE	*f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static X509 *
load_cert(void)
{
	FILE	*f = fopen(pair_cert, "r");
	X509	*cert = PEM_read_X509(f, NULL, NULL, NULL);

	fclose(f);
	return cert;
}

static void
test_self_signed(void)
{
	struct stat	cert_st, key_st, again;
	struct error	err = { "" };
	X509		*cert = load_cert();
	int		days, seconds, entries = 0;
	char		command[256];
	FILE		*ls;

	ok(stat(pair_key, &key_st) == 0 && (key_st.st_mode & 07777) == 0600, "the key is 0600");
	ok(stat(pair_cert, &cert_st) == 0 && (cert_st.st_mode & 07777) == 0644, "the certificate is 0644");
	ok(X509_check_host(cert, "localhost", 0, 0, NULL) == 1 &&
	    X509_check_host(cert, "example.com", 0, 0, NULL) == 0, "it is for localhost");
	ok(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), X509_get0_notAfter(cert)) == 1 &&
	    days > 3640 && days < 3660, "for ten years");
	ok(EVP_PKEY_is_a(X509_get0_pubkey(cert), "EC") &&
	    EVP_PKEY_get_bits(X509_get0_pubkey(cert)) == 256, "of EC P-256");
	is_int(X509_get_version(cert), X509_VERSION_3, "version 3");
	X509_free(cert);

	is_int(net_tls_self_signed(pair_cert, pair_key, &err), 0, "with both there nothing is done");
	ok(stat(pair_key, &again) == 0 && again.st_ino == key_st.st_ino &&
	    again.st_mtim.tv_nsec == key_st.st_mtim.tv_nsec, "the key is as it was");
	ok(net_tls_self_signed(in_dir("other"), pair_key, &err) == -1 && access(in_dir("other"), F_OK) != 0,
	    "a key without certificate is an error: %s", err.msg);
	ok(net_tls_self_signed(pair_cert, in_dir("other"), &err) == -1 && access(in_dir("other"), F_OK) != 0,
	    "a certificate without key too: %s", err.msg);
	ok(net_tls_self_signed(in_dir("no/cert"), in_dir("other"), &err) == -1 &&
	    access(in_dir("other"), F_OK) != 0, "a folder that is not there leaves no key: %s", err.msg);

	snprintf(command, sizeof(command), "ls -A %s", pair_dir);
	ls = popen(command, "r");
	while (fgets(command, sizeof(command), ls))
		entries++;
	pclose(ls);
	is_int(entries, 2, "no temporary file stays");
}

/* One configuration that must be refused with words that contain `word`. */
static void
refused(const char *cert, const char *key, const char *word, const char *name)
{
	struct error	err = { "" };
	SSL_CTX		*c = net_tls_server(cert, key, &err);

	ok(c == NULL && strstr(err.msg, word) != NULL && ERR_peek_error() == 0, "%s: %s", name, err.msg);
	SSL_CTX_free(c);
}

static void
test_configuration(void)
{
	EVP_PKEY	*other = EVP_EC_gen("P-256");
	char		*garbage = in_dir("garbage"), *bad = in_dir("bad.pem"), *locked = in_dir("locked.pem");
	FILE		*f;

	refused(in_dir("none"), pair_key, "No such file", "no certificate");
	refused(pair_cert, in_dir("none"), "No such file", "no key");
	write_file(garbage, "garbage\n", 0600);
	refused(garbage, pair_key, garbage, "a certificate that is none");
	refused(pair_cert, garbage, garbage, "a key that is none");
	write_file(garbage, "", 0600);
	refused(garbage, garbage, garbage, "empty files");
	unlink(garbage);

	chmod(pair_key, 0604);
	refused(pair_cert, pair_key, "every user", "a key that all can read");
	chmod(pair_key, 0600);

	f = fopen(bad, "w");
	PEM_write_PrivateKey(f, other, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	chmod(bad, 0600);
	refused(pair_cert, bad, "mismatch", "the key of another certificate");
	f = fopen(locked, "w");
	PEM_write_PrivateKey(f, other, EVP_aes_256_cbc(), (const unsigned char *)"x", 1, NULL, NULL);
	fclose(f);
	chmod(locked, 0600);
	refused(pair_cert, locked, locked, "a key with a passphrase does not ask");
	unlink(bad);
	unlink(locked);
	EVP_PKEY_free(other);
}

static void
test_handshake(void)
{
	struct pair	p;
	struct buf	hash = { 0 };
	unsigned char	want[EVP_MAX_MD_SIZE];
	unsigned	n;
	X509		*cert = load_cert();
	SSL_SESSION	*session;
	char		byte;

	pair_open(&p, ctx);
	SSL_set_verify(p.client, SSL_VERIFY_PEER, NULL);
	SSL_set1_host(p.client, "localhost");
	is_int(pair_handshake(&p), 1, "a client that verifies the certificate is served");
	is_str(net_tls_version(p.server), "TLSv1.3", "with the newest TLS");
	ok(!net_tls_alpn_ok(p.server), "without ALPN, which is said");
	is_int(SSL_read(p.client, &byte, 1), -1, "the client has nothing to read");
	session = SSL_get1_session(p.client);
	ok(!SSL_SESSION_is_resumable(session), "and got no session ticket");
	SSL_SESSION_free(session);
	pair_close(&p);

	pair_open(&p, ctx);
	SSL_set_max_proto_version(p.client, TLS1_2_VERSION);
	is_int(pair_handshake(&p), 1, "TLS 1.2 is served");
	is_str(net_tls_version(p.server), "TLSv1.2", "as that");
	session = SSL_get1_session(p.client);
	ok(!SSL_SESSION_has_ticket(session), "without a ticket");
	ok(SSL_renegotiate(p.client) == 1 && SSL_do_handshake(p.client) != 1, "a client that renegotiates");
	byte = 'x';
	ok(SSL_read(p.server, &byte, 1) <= 0 && SSL_do_handshake(p.client) != 1 &&
	    !SSL_is_init_finished(p.client), "is not heard");
	ERR_clear_error();
	pair_close(&p);

	pair_open(&p, ctx);
	SSL_set_max_proto_version(p.client, TLS1_2_VERSION);
	SSL_set_session(p.client, session);
	ok(pair_handshake(&p) == 1 && !SSL_session_reused(p.server), "a session is not resumed");
	SSL_SESSION_free(session);
	pair_close(&p);

	pair_open(&p, ctx);
	SSL_set_security_level(p.client, 0);
	SSL_set_min_proto_version(p.client, TLS1_VERSION);
	SSL_set_max_proto_version(p.client, TLS1_1_VERSION);
	is_int(pair_handshake(&p), -1, "TLS 1.1 is not served");
	ok(p.err.msg[0] != '\0' && ERR_peek_error() == 0, "for a reason: %s", p.err.msg);
	pair_close(&p);

	is_int(net_tls_end_point(ctx, &hash), 0, "the end point for channel binding");
	X509_digest(cert, EVP_sha256(), want, &n);
	ok(hash.len == n && memcmp(hash.data, want, n) == 0, "is the certificate's SHA-256");
	buf_free(&hash);
	X509_free(cert);
}

/* A context that was taken apart and put together again. */
static void
test_export(void)
{
	struct buf		 pem = { 0 }, first = { 0 }, second = { 0 };
	struct error		 err = { "" };
	struct ssl_ctx_st	*again;
	struct pair		 p;

	is_int(net_tls_export(ctx, &pem), 0, "certificate and key can be handed over");
	again = net_tls_server_pem((struct slice){ pem.data, pem.len }, &err);
	ok(again != NULL, "and taken: %s", err.msg);
	pair_open(&p, again);
	SSL_set_verify(p.client, SSL_VERIFY_PEER, NULL);
	SSL_set1_host(p.client, "localhost");
	is_int(pair_handshake(&p), 1, "a client is served as before");
	pair_close(&p);
	net_tls_end_point(ctx, &first);
	net_tls_end_point(again, &second);
	ok(first.len > 0 && first.len == second.len && memcmp(first.data, second.data, first.len) == 0,
	    "with the same certificate");
	SSL_CTX_free(again);
	ok(net_tls_server_pem((struct slice){ pem.data, pem.len / 2 }, &err) == NULL && err.msg[0] != '\0',
	    "half of it is refused: %s", err.msg);
	ok(net_tls_server_pem((struct slice){ pem.data, 0 }, &err) == NULL, "and nothing");
	ok(ERR_peek_error() == 0, "the library's errors do not stay");
	buf_wipe(&pem);
	buf_free(&first);
	buf_free(&second);
}

static void
test_alpn(void)
{
	static const struct {
		const char	*name, *list;
		int		 result;
		bool		 ok;
	} cases[] = {
		{ "postgresql", "\x0apostgresql", 1, true },
		{ "postgresql among others", "\x02h2\x0apostgresql\x08http/1.1", 1, true },
		{ "http/1.1", "\x08http/1.1", -1, false },
		{ "a longer name", "\x0bpostgresqlx", -1, false },
		{ "a shorter name", "\x09postgresq", -1, false },
		{ "another case", "\x0aPostgreSQL", -1, false },
	};
	struct pair	p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair_open(&p, ctx);
		SSL_set_alpn_protos(p.client, (const unsigned char *)cases[i].list, (unsigned)strlen(cases[i].list));
		ok(pair_handshake(&p) == cases[i].result && (cases[i].result != 1 ||
		    net_tls_alpn_ok(p.server) == cases[i].ok), "ALPN of %s: %s", cases[i].name,
		    cases[i].ok ? "is served" : p.err.msg);
		pair_close(&p);
	}
}

static void
test_hostile(void)
{
	struct pair	p;
	short		wants = 0;
	unsigned char	hello[16384];
	ssize_t		n;
	int		rc = 0;

	/* What CVE-2021-3935 was about: a message in clear where the handshake should begin. */
	pair_open(&p, ctx);
	ok(write(p.client_fd, "Q\0\0\0\x0dselect 1\0", 14) == 14, "plaintext before the handshake");
	is_int(net_tls_accept_step(p.server, &wants, &p.err), -1, "fails it");
	ok(ERR_peek_error() == 0, "for a reason: %s", p.err.msg);
	pair_close(&p);

	pair_open(&p, ctx);
	is_int(net_tls_accept_step(p.server, &wants, &p.err), 0, "a silent client is waited for");
	is_int(wants, POLLIN, "to be read");
	SSL_do_handshake(p.client);
	n = recv(p.client_fd, hello, 0, MSG_DONTWAIT);
	ok(n <= 0, "and got no answer yet");
	close(p.client_fd);
	p.client_fd = -1;
	for (int i = 0; i < 5 && rc == 0; i++)
		rc = net_tls_accept_step(p.server, &wants, &p.err);
	ok(rc == -1, "a client that hangs up in the middle: %s", p.err.msg);
	pair_close(&p);

	pair_open(&p, ctx);
	close(p.client_fd);
	p.client_fd = -1;
	ok(net_tls_accept_step(p.server, &wants, &p.err) == -1, "one that only connected: %s", p.err.msg);
	pair_close(&p);

	/* Every first byte, and lengths that lie. */
	rc = 0;
	for (int first = 0; first < 256; first++) {
		unsigned char	record[] = { (unsigned char)first, 3, 1, 0xff, 0xff, 1, 0xff, 0xff, 0xff };

		pair_open(&p, ctx);
		if (write(p.client_fd, record, sizeof(record)) < 0)
			rc++;
		rc += net_tls_accept_step(p.server, &wants, &p.err) == 1;
		pair_close(&p);
	}
	is_int(rc, 0, "records of any type with lengths that lie are not a handshake");
}

int
main(void)
{
	struct error	err = { "" };

	pair_setup();
	test_self_signed();
	test_configuration();
	ctx = net_tls_server(pair_cert, pair_key, &err);
	ok(ctx != NULL, "our own certificate serves: %s", err.msg);
	test_handshake();
	test_export();
	test_alpn();
	test_hostile();
	SSL_CTX_free(ctx);
	pair_cleanup();
	ok(access(pair_dir, F_OK) != 0, "nothing is left behind");
	return tap_done();
}
