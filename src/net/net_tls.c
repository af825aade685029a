/*
 * The server's TLS. Refuses anything older than 1.2, renegotiation, session
 * resumption, other protocols than postgresql, and a key that others can read.
 */
#include "net/net_tls.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sysexits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/base_log.h"
#include "net/net_bio.h"

static const unsigned char	tls_alpn[] = "\x0apostgresql";

#define TLS_ALPN_LIST_LEN	(sizeof(tls_alpn) - 1)

/* -1, with the library's first reason behind what was tried. */
static int
tls_error(struct error *err, const char *what)
{
	unsigned long	 e = ERR_get_error();
	const char	*reason = ERR_reason_error_string(e);

	if (reason == NULL)
		reason = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : "failed";
	error_set(err, "%s: %s", what, reason);
	ERR_clear_error();
	return -1;
}

static int
tls_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	unsigned char	*chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, tls_alpn, TLS_ALPN_LIST_LEN, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* An encrypted key is an error; the library would ask on the terminal. */
static int
tls_no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* With everything but a certificate. NULL and err. */
static SSL_CTX *
tls_context(struct error *err)
{
	SSL_CTX	*ctx;

	ERR_clear_error();
	if ((ctx = SSL_CTX_new(TLS_server_method())) == NULL) {
		tls_error(err, "TLS");
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
	    SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(ctx, tls_select_alpn, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, tls_no_passphrase);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(ctx, 0) == 1)
		return ctx;
	tls_error(err, "TLS");
	SSL_CTX_free(ctx);
	return NULL;
}

struct ssl_ctx_st *
net_tls_server(const char *cert_file, const char *key_file, struct error *err)
{
	SSL_CTX		*ctx;
	struct stat	 st;

	if (stat(key_file, &st) < 0) {
		error_set(err, "%s: %s", key_file, strerror(errno));
		return NULL;
	}
	if ((st.st_mode & S_IRWXO) != 0) {
		error_set(err, "%s: the key is open to every user of this machine: chmod o= it", key_file);
		return NULL;
	}
	if ((ctx = tls_context(err)) == NULL)
		return NULL;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		tls_error(err, cert_file);
	else if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		tls_error(err, key_file);
	else
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

int
net_tls_export(struct ssl_ctx_st *ctx, struct buf *pem)
{
	STACK_OF(X509)	*chain = NULL;
	BIO		*bio = BIO_new(BIO_s_secmem());
	char		*text;
	long		 n;
	bool		 ok;

	if (bio == NULL)
		return -1;
	ok = PEM_write_bio_PrivateKey(bio, SSL_CTX_get0_privatekey(ctx), NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_X509(bio, SSL_CTX_get0_certificate(ctx)) == 1 &&
	    SSL_CTX_get0_chain_certs(ctx, &chain) == 1;
	for (int i = 0; ok && i < sk_X509_num(chain); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(chain, i)) == 1;
	n = BIO_get_mem_data(bio, &text);
	ok = ok && n > 0 && buf_reserve(pem, (size_t)n);
	if (ok)
		buf_put(pem, text, (size_t)n);
	if (n > 0)
		OPENSSL_cleanse(text, (size_t)n);
	BIO_free(bio);
	ERR_clear_error();
	return ok ? 0 : -1;
}

struct ssl_ctx_st *
net_tls_server_pem(struct slice pem, struct error *err)
{
	SSL_CTX		*ctx = tls_context(err);
	BIO		*bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY	*key = bio ? PEM_read_bio_PrivateKey(bio, NULL, tls_no_passphrase, NULL) : NULL;
	X509		*cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL, *next;
	bool		 ok;

	ok = ctx != NULL && key != NULL && cert != NULL && SSL_CTX_use_certificate(ctx, cert) == 1 &&
	    SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
	while (ok && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
			X509_free(next);
			ok = false;
		}
	if (ctx != NULL && !ok) {
		tls_error(err, "the certificate in use");
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	ERR_clear_error();
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ctx;
}

struct ssl_st *
net_tls_accept_new(struct ssl_ctx_st *ctx, int fd)
{
	SSL	*ssl = SSL_new(ctx);
	BIO	*bio = net_bio_new(fd);

	if (ssl == NULL || bio == NULL)
		log_fatal(EX_OSERR, "out of memory for TLS");
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	return ssl;
}

int
net_tls_accept_step(struct ssl_st *ssl, short *wants, struct error *err)
{
	int	rc;

	ERR_clear_error();
	errno = 0;
	if ((rc = SSL_do_handshake(ssl)) == 1)
		return 1;
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*wants = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*wants = POLLOUT;
		return 0;
	case SSL_ERROR_SSL:
		return tls_error(err, "TLS handshake");
	default:
		return error_set(err, "TLS handshake: %s", errno ? strerror(errno) : "the client hung up");
	}
}

bool
net_tls_alpn_ok(const struct ssl_st *ssl)
{
	const unsigned char	*name;
	unsigned		 n;

	SSL_get0_alpn_selected(ssl, &name, &n);
	return n == TLS_ALPN_LIST_LEN - 1 && memcmp(name, tls_alpn + 1, n) == 0;
}

/*
 * The hash is the one the certificate is signed with, but SHA-256 for MD5 and SHA-1.
 * A signature scheme without a hash of its own (Ed25519) has no end point.
 */
int
net_tls_end_point(struct ssl_ctx_st *ctx, struct buf *out)
{
	X509		*cert = SSL_CTX_get0_certificate(ctx);
	const EVP_MD	*md;
	unsigned char	 hash[EVP_MAX_MD_SIZE];
	unsigned	 n;
	int		 nid;

	if (cert == NULL || X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1)
		return -1;
	if (nid == NID_md5 || nid == NID_sha1)
		nid = NID_sha256;
	if ((md = EVP_get_digestbynid(nid)) == NULL || X509_digest(cert, md, hash, &n) != 1)
		return -1;
	buf_put(out, hash, n);
	return out->failed ? -1 : 0;
}

const char *
net_tls_version(const struct ssl_st *ssl)
{
	return SSL_get_version(ssl);
}

void
net_tls_free(struct ssl_st *ssl)
{
	SSL_free(ssl);
}
