/*
 * The certificate of a new installation. Refuses to touch a file that is there, and
 * to leave half a file behind.
 */
#include "net/net_tls.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/base_mem.h"
#include "crypto/crypto.h"

#define CERT_DAYS	3652
#define CERT_NAME_MAX	64	/* bytes in a common name */

/* This machine's name, or localhost where that is no host name. */
static void
cert_host_name(char name[CERT_NAME_MAX + 1])
{
	memset(name, 0, CERT_NAME_MAX + 1);
	if (gethostname(name, CERT_NAME_MAX) < 0 || name[0] == '\0' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != strlen(name))
		strcpy(name, "localhost");
}

static bool
cert_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION	*ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool		 added = ext != NULL && X509_add_ext(cert, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return added;
}

/* Fills in and signs. */
static bool
cert_make(X509 *cert, EVP_PKEY *key)
{
	X509_NAME	*subject = X509_get_subject_name(cert);
	char		 host[CERT_NAME_MAX + 1], names[CERT_NAME_MAX + 32];
	uint64_t	 serial;

	cert_host_name(host);
	snprintf(names, sizeof(names), "DNS:%s,DNS:localhost", host);
	crypto_random(&serial, sizeof(serial));
	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), CERT_DAYS, 0, NULL) != NULL &&
	    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
	    (const unsigned char *)host, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(cert, subject) == 1 &&
	    X509_set_pubkey(cert, key) == 1 &&
	    cert_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    cert_extension(cert, NID_subject_alt_name, names) &&
	    X509_sign(cert, key, EVP_sha256()) > 0;
}

/* The certificate, or the key when cert is NULL, under a temporary name. NULL and err. */
static char *
cert_write(const char *file, X509 *cert, EVP_PKEY *key, struct error *err)
{
	char	*temporary = xasprintf("%s.XXXXXX", file);
	int	 fd = mkstemp(temporary);	/* mode 0600 */
	FILE	*f = fd < 0 ? NULL : fdopen(fd, "w");
	bool	 written = false;

	if (f != NULL) {
		written = cert != NULL ?
		    PEM_write_X509(f, cert) == 1 && fchmod(fd, 0644) == 0 :
		    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
		written = fflush(f) == 0 && fsync(fd) == 0 && written;
		if (!written)
			error_set(err, "%s: %s", file, errno ? strerror(errno) : "cannot write it");
		fclose(f);
	} else
		error_set(err, "%s: %s", file, strerror(errno));
	if (written)
		return temporary;
	if (fd >= 0)
		unlink(temporary);
	free(temporary);
	return NULL;
}

static bool
cert_there(const char *file)
{
	struct stat	st;

	return lstat(file, &st) == 0 || errno != ENOENT;
}

int
net_tls_self_signed(const char *cert_file, const char *key_file, struct error *err)
{
	bool		 have_cert = cert_there(cert_file), have_key = cert_there(key_file);
	EVP_PKEY	*key = NULL;
	X509		*cert = NULL;
	char		*cert_new = NULL, *key_new = NULL;
	int		 rc = -1;

	if (have_cert && have_key)
		return 0;
	if (have_cert || have_key)
		return error_set(err, "there is %s but no %s: bring the other, or remove it",
		    have_cert ? cert_file : key_file, have_cert ? key_file : cert_file);
	ERR_clear_error();
	if ((key = EVP_EC_gen("P-256")) == NULL || (cert = X509_new()) == NULL || !cert_make(cert, key)) {
		error_set(err, "cannot make a certificate: %s",
		    ERR_reason_error_string(ERR_peek_error()) ? ERR_reason_error_string(ERR_peek_error()) : "failed");
		goto out;
	}
	errno = 0;
	if ((key_new = cert_write(key_file, NULL, key, err)) == NULL ||
	    (cert_new = cert_write(cert_file, cert, NULL, err)) == NULL)
		goto out;
	if (rename(key_new, key_file) < 0) {
		error_set(err, "%s: %s", key_file, strerror(errno));
		goto out;
	}
	if (rename(cert_new, cert_file) < 0) {
		error_set(err, "%s: %s", cert_file, strerror(errno));
		unlink(key_file);
		goto out;
	}
	rc = 0;
out:
	if (rc < 0 && key_new != NULL)
		unlink(key_new);
	if (rc < 0 && cert_new != NULL)
		unlink(cert_new);
	free(key_new);
	free(cert_new);
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return rc;
}
