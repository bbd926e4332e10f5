/*
 * ipp_tls.c - whether what answered is the printer.
 *
 * libcups sets up TLS and leaves it to its caller to judge the certificate;
 * its own helpers for that keep what they have trusted in a home directory,
 * which a port host has none of.  So libcrypto judges here, before the first
 * byte of a request:
 *
 *	tls_fingerprint	the certificate is this one, whatever it says
 *	tls_verify	a chain to tls_ca, or to one of the system's, for the
 *			name or the address in uri
 *
 * Revocation is not asked for.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "ipp.h"

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
ipp_tls_fingerprint(const char *text, unsigned char pin[IPP_DIGEST_LEN])
{
	size_t n;

	if (strncasecmp(text, "sha256:", 7) != 0)
		return false;
	text += 7;
	for (n = 0; n < IPP_DIGEST_LEN; n++) {
		if (n > 0 && *text == ':')
			text++;
		if (digit(text[0]) < 0 || digit(text[1]) < 0)
			return false;
		pin[n] = (unsigned char)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	return *text == '\0';
}

static void
print_digest(const unsigned char digest[IPP_DIGEST_LEN],
    char text[IPP_FINGERPRINT_SIZE])
{
	size_t i;

	strcpy(text, "sha256:");
	for (i = 0; i < IPP_DIGEST_LEN; i++)
		sprintf(text + 7 + 2 * i, "%02x", digest[i]);
}

/* The certificates, the printer's own first; NULL: there is none. */
static STACK_OF(X509) *
copy_chain(http_t *http)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	cups_array_t *credentials = NULL;
	http_credential_t *one;
	const unsigned char *at;
	X509 *certificate;

	(void)httpCopyCredentials(http, &credentials);
	for (one = cupsArrayFirst(credentials); one != NULL && chain != NULL;
	    one = cupsArrayNext(credentials)) {
		at = one->data;
		certificate = d2i_X509(NULL, &at, (long)one->datalen);
		if (certificate != NULL && !sk_X509_push(chain, certificate))
			X509_free(certificate);
	}
	httpFreeCredentials(credentials);
	if (chain != NULL && sk_X509_num(chain) > 0)
		return chain;
	sk_X509_free(chain);
	return NULL;
}

static bool
set_name(X509_VERIFY_PARAM *rules, const char *address)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, address, bytes) == 1 ||
	    inet_pton(AF_INET6, address, bytes) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(rules, address) == 1;
	return X509_VERIFY_PARAM_set1_host(rules, address, 0) == 1;
}

/* NULL if the chain is good, else what is wrong with it. */
static const char *
judge_chain(const struct pp_port *port, STACK_OF(X509) *chain)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	const char *fault = "not enough memory";

	if (store == NULL || context == NULL)
		goto done;
	fault = "tls_ca cannot be read";
	if ((port->tls_ca != NULL ?
	    X509_STORE_load_file(store, port->tls_ca) :
	    X509_STORE_set_default_paths(store)) != 1 ||
	    X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0),
	    chain) != 1)
		goto done;
	fault = "its name cannot be judged";
	if (!set_name(X509_STORE_CTX_get0_param(context), port->address) ||
	    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) != 1)
		goto done;
	fault = X509_verify_cert(context) == 1 ? NULL :
	    X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
done:
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return fault;
}

static int
judge(const struct pp_port *port, STACK_OF(X509) *chain)
{
	unsigned char digest[IPP_DIGEST_LEN];
	char text[IPP_FINGERPRINT_SIZE];
	const char *fault;

	if (X509_digest(sk_X509_value(chain, 0), EVP_sha256(), digest,
	    NULL) != 1)
		return PP_NO_MEMORY;
	print_digest(digest, text);
	if (port->pinned && memcmp(digest, port->pin, sizeof(digest)) != 0)
		return ipp_fault(port, -EKEYREJECTED, "%s: the printer shows "
		    "another certificate than tls_fingerprint says: %s",
		    port->uri, text);
	if (port->pinned || !port->tls_verify)
		return PP_OK;
	fault = judge_chain(port, chain);
	if (fault == NULL)
		return PP_OK;
	return ipp_fault(port, -EKEYREJECTED, "%s: the printer's certificate "
	    "is not trusted: %s; if it is the printer's, set "
	    "tls_fingerprint = %s, else tls_ca", port->uri, fault, text);
}

int
ipp_tls_check(const struct pp_port *port, http_t *http)
{
	STACK_OF(X509) *chain = copy_chain(http);
	int rc;

	if (chain == NULL)
		return ipp_fault(port, -EKEYREJECTED,
		    "%s: the printer shows no certificate", port->uri);
	rc = judge(port, chain);
	sk_X509_pop_free(chain, X509_free);
	return rc;
}
