/*
 * socket_tls.c - see socket_tls.h.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "socket.h"
#include "socket_tls.h"

#define DIGEST_NAME	"sha256:"
/* As text, with its NUL. */
#define DIGEST_TEXT	(sizeof(DIGEST_NAME) + 2 * SOCKET_TLS_DIGEST_LEN)

struct socket_tls {
	SSL_CTX		*context;	/* owned */
	SSL		*connection;	/* owned; NULL: none */
	char		*name;		/* owned: of the printer */
	bool		 is_address;	/* the name is none */
	bool		 verify;
	bool		 pinned;	/* by digest */
	unsigned char	 digest[SOCKET_TLS_DIGEST_LEN];
	char		 shown[DIGEST_TEXT];	/* of the printer, "" */
	char		 why[512];
};

/* ---- digests ------------------------------------------------------------- */

bool
socket_tls_digest(const char *text,
    unsigned char digest[SOCKET_TLS_DIGEST_LEN])
{
	size_t i, name_len = strlen(DIGEST_NAME);
	unsigned int byte;

	if (strncasecmp(text, DIGEST_NAME, name_len) != 0)
		return false;
	text += name_len;
	for (i = 0; i < SOCKET_TLS_DIGEST_LEN; i++) {
		if (i > 0 && *text == ':')
			text++;
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]) ||
		    sscanf(text, "%2x", &byte) != 1)
			return false;
		digest[i] = (unsigned char)byte;
		text += 2;
	}
	return *text == '\0';
}

static void
digest_text(const unsigned char digest[SOCKET_TLS_DIGEST_LEN],
    char text[DIGEST_TEXT])
{
	size_t i, at = strlen(DIGEST_NAME);

	strcpy(text, DIGEST_NAME);
	for (i = 0; i < SOCKET_TLS_DIGEST_LEN; i++, at += 2)
		snprintf(text + at, 3, "%02x", digest[i]);
}

/* ---- whom we talk to ----------------------------------------------------- */

/* In place of OpenSSL's own judgement, which is asked for here if need be. */
static int
judge_printer(X509_STORE_CTX *store, void *arg)
{
	struct socket_tls *tls = arg;
	unsigned char digest[EVP_MAX_MD_SIZE];
	X509 *certificate = X509_STORE_CTX_get0_cert(store);

	if (X509_digest(certificate, EVP_sha256(), digest, NULL) != 1) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
		return 0;
	}
	digest_text(digest, tls->shown);
	if (tls->pinned) {
		if (memcmp(digest, tls->digest, sizeof(tls->digest)) == 0)
			return 1;
		X509_STORE_CTX_set_error(store,
		    X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	return tls->verify ? X509_verify_cert(store) : 1;
}

/* What is wrong with the certificate, and what to do. */
static void
explain_certificate(struct socket_tls *tls, long verdict)
{
	if (tls->pinned)
		snprintf(tls->why, sizeof(tls->why), "its certificate is "
		    "another one: %s; if it was changed, set tls_fingerprint "
		    "to that", tls->shown);
	else if (verdict == X509_V_ERR_HOSTNAME_MISMATCH ||
	    verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
		snprintf(tls->why, sizeof(tls->why), "its certificate is not "
		    "for %s: set tls_name to the name in it", tls->name);
	else
		snprintf(tls->why, sizeof(tls->why), "its certificate is not "
		    "trusted: %s; set tls_ca to the certificate of its "
		    "issuer, or tls_fingerprint = %s",
		    X509_verify_cert_error_string(verdict), tls->shown);
}

/* ---- errors -------------------------------------------------------------- */

static const char *
reason(void)
{
	unsigned long error = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(error);

	return text != NULL ? text : "unknown error";
}

/* What OpenSSL's last call on the connection came to; rc is its result. */
static int
outcome(struct socket_tls *tls, int rc, uint32_t *want)
{
	int saved_errno = errno;
	long verdict;

	switch (SSL_get_error(tls->connection, rc)) {
	case SSL_ERROR_WANT_READ:
		*want = PP_WAIT_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*want = PP_WAIT_WRITE;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return PP_OK;
	case SSL_ERROR_SYSCALL:
		return saved_errno != 0 ? -saved_errno : -ECONNRESET;
	default:
		verdict = SSL_get_verify_result(tls->connection);
		if (verdict != X509_V_OK &&
		    !SSL_is_init_finished(tls->connection)) {
			explain_certificate(tls, verdict);
			return -EKEYREJECTED;
		}
		snprintf(tls->why, sizeof(tls->why), "%s", reason());
		return -ECONNABORTED;
	}
}

const char *
socket_tls_why(const struct socket_tls *tls)
{
	return tls->why;
}

/* ---- the files ----------------------------------------------------------- */

/* A fault of a file is one of its setting. */
static int
complain(const struct pp_host *host, const char *key, const char *file,
    const char *what)
{
	host->log(host->cookie, PP_LOG_ERROR, "%s = %s: %s", key, file, what);
	return PP_INVALID_DATA;
}

static int
can_read(const struct pp_host *host, const char *key, const char *file)
{
	return access(file, R_OK) == 0 ? PP_OK :
	    complain(host, key, file, strerror(errno));
}

static int
use_authority(struct socket_tls *tls, const struct pp_host *host,
    const char *file)
{
	if (file == NULL) {
		/* Without any, nobody is trusted, which will be told then. */
		(void)SSL_CTX_set_default_verify_paths(tls->context);
		return PP_OK;
	}
	if (can_read(host, "tls_ca", file) != PP_OK)
		return PP_INVALID_DATA;
	if (SSL_CTX_load_verify_file(tls->context, file) == 1)
		return PP_OK;
	return complain(host, "tls_ca", file,
	    "there is no certificate in it, in PEM form");
}

/* Nobody is there to be asked. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	bool *asked = arg;

	(void)writing;
	if (size > 0)
		buf[0] = '\0';
	*asked = true;
	return 0;
}

static int
use_key(struct socket_tls *tls, const struct pp_host *host,
    const struct socket_settings *set)
{
	const char *key = set->tls_key != NULL ? "tls_key" : "tls_certificate";
	const char *file = set->tls_key != NULL ? set->tls_key :
	    set->tls_certificate;
	bool asked = false;

	if (can_read(host, key, file) != PP_OK)
		return PP_INVALID_DATA;
	SSL_CTX_set_default_passwd_cb(tls->context, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(tls->context, &asked);
	if (SSL_CTX_use_PrivateKey_file(tls->context, file,
	    SSL_FILETYPE_PEM) == 1) {
		SSL_CTX_set_default_passwd_cb_userdata(tls->context, NULL);
		return PP_OK;
	}
	if (asked)
		return complain(host, key, file, "the key has a passphrase, "
		    "which nobody can be asked for: take it away, and let "
		    "nobody but the daemon's user read the file");
	if (ERR_GET_REASON(ERR_peek_last_error()) ==
	    X509_R_KEY_VALUES_MISMATCH)
		return complain(host, key, file, "the key is not that of "
		    "tls_certificate");
	return complain(host, key, file, set->tls_key != NULL ?
	    "there is no private key in it, in PEM form" :
	    "there is no private key in it: set tls_key");
}

static int
use_certificate(struct socket_tls *tls, const struct pp_host *host,
    const struct socket_settings *set)
{
	const char *file = set->tls_certificate;

	if (file == NULL)
		return PP_OK;
	if (can_read(host, "tls_certificate", file) != PP_OK)
		return PP_INVALID_DATA;
	if (SSL_CTX_use_certificate_chain_file(tls->context, file) != 1)
		return complain(host, "tls_certificate", file,
		    "there is no certificate in it, in PEM form");
	return use_key(tls, host, set);
}

/* ---- life ---------------------------------------------------------------- */

static bool
is_address(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, address) == 1 ||
	    inet_pton(AF_INET6, name, address) == 1;
}

static int
set_up(struct socket_tls *tls, const struct pp_host *host,
    const struct socket_settings *set)
{
	int rc;

	tls->name = strdup(set->tls_name != NULL ? set->tls_name : set->host);
	tls->context = SSL_CTX_new(TLS_client_method());
	if (tls->name == NULL || tls->context == NULL ||
	    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
		return PP_NO_MEMORY;
	/* The zone of an address is ours alone. */
	tls->name[strcspn(tls->name, "%")] = '\0';
	tls->is_address = is_address(tls->name);
	tls->verify = set->tls_verify;
	tls->pinned = set->tls_fingerprint != NULL;
	if (tls->pinned && !socket_tls_digest(set->tls_fingerprint,
	    tls->digest))
		return PP_INVALID_DATA;		/* was judged before */
	SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Many a printer hangs up without a word. */
	SSL_CTX_set_options(tls->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(tls->context, judge_printer, tls);
	rc = use_authority(tls, host, set->tls_ca);
	return rc == PP_OK ? use_certificate(tls, host, set) : rc;
}

int
socket_tls_new(const struct pp_host *host, const struct socket_settings *set,
    struct socket_tls **out)
{
	struct socket_tls *tls = calloc(1, sizeof(*tls));
	int rc = PP_NO_MEMORY;

	*out = NULL;
	ERR_clear_error();
	if (tls != NULL)
		rc = set_up(tls, host, set);
	if (rc == PP_OK)
		*out = tls;
	else
		socket_tls_free(tls);
	ERR_clear_error();
	return rc;
}

void
socket_tls_free(struct socket_tls *tls)
{
	if (tls == NULL)
		return;
	socket_tls_end(tls);
	SSL_CTX_free(tls->context);
	free(tls->name);
	free(tls);
}

void
socket_tls_end(struct socket_tls *tls)
{
	SSL_free(tls->connection);
	tls->connection = NULL;
}

/* ---- a connection -------------------------------------------------------- */

static int
begin(struct socket_tls *tls, int fd)
{
	X509_VERIFY_PARAM *param;
	SSL *ssl = SSL_new(tls->context);

	if (ssl == NULL)
		return PP_NO_MEMORY;
	tls->connection = ssl;
	tls->shown[0] = '\0';
	tls->why[0] = '\0';
	param = SSL_get0_param(ssl);
	if (tls->is_address ?
	    X509_VERIFY_PARAM_set1_ip_asc(param, tls->name) != 1 :
	    SSL_set1_host(ssl, tls->name) != 1 ||
	    SSL_set_tlsext_host_name(ssl, tls->name) != 1)
		return PP_NO_MEMORY;
	SSL_set_connect_state(ssl);
	return SSL_set_fd(ssl, fd) == 1 ? PP_OK : PP_NO_MEMORY;
}

int
socket_tls_handshake(struct socket_tls *tls, int fd, uint32_t *want)
{
	int rc = tls->connection == NULL ? begin(tls, fd) : PP_OK;

	if (rc != PP_OK)
		return rc;
	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(tls->connection);
	if (rc == 1)
		return PP_OK;
	rc = outcome(tls, rc, want);
	return rc == PP_OK ? -ECONNRESET : rc;
}

ssize_t
socket_tls_send(struct socket_tls *tls, const void *buf, size_t len,
    uint32_t *want)
{
	size_t n = 0;
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(tls->connection, buf, len, &n);
	if (rc == 1)
		return (ssize_t)n;
	rc = outcome(tls, rc, want);
	return rc == PP_OK ? -EPIPE : rc;
}

ssize_t
socket_tls_receive(struct socket_tls *tls, void *buf, size_t size)
{
	uint32_t want;
	size_t n = 0;
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(tls->connection, buf, size, &n);
	return rc == 1 ? (ssize_t)n : outcome(tls, rc, &want);
}

bool
socket_tls_alive(struct socket_tls *tls)
{
	uint32_t want;
	size_t n = 0;
	char byte;
	int rc;

	ERR_clear_error();
	rc = SSL_peek_ex(tls->connection, &byte, 1, &n);
	return rc == 1 || outcome(tls, rc, &want) == -EAGAIN;
}

int
socket_tls_goodbye(struct socket_tls *tls, uint32_t *want)
{
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_shutdown(tls->connection);
	return rc >= 0 ? PP_OK : outcome(tls, rc, want);
}
