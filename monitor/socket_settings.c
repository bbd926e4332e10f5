/*
 * socket_settings.c - what can be set of a port, and whether it fits together.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "monitor_util.h"
#include "socket.h"
#include "socket_snmp.h"
#include "socket_tls.h"

const struct pp_setting_decl socket_decls[] = {
	{ .key = "host", .type = PP_TYPE_STRING, .flags = PP_SETTING_REQUIRED,
	  .help = "name or address of the printer" },
	{ .key = "port", .type = PP_TYPE_NUMBER, .preset = "9100",
	  .min = 1, .max = 65535, .help = "its TCP port" },
	{ .key = "connect_timeout", .type = PP_TYPE_TIME, .preset = "10s",
	  .min = 10, .max = 3600000,
	  .help = "longest wait for a connection, for each of its addresses" },
	{ .key = "wait_eof", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "a document is sent when the printer has closed, too; "
	  "no: when it has all" },
	{ .key = "eof_timeout", .type = PP_TYPE_TIME, .preset = "90s",
	  .min = 10, .max = 86400000,
	  .help = "longest wait for that, once the printer has all" },
	{ .key = "keep_connection", .type = PP_TYPE_BOOL, .preset = "no",
	  .help = "send all documents over one connection" },
	{ .key = "tls", .type = PP_TYPE_BOOL, .preset = "no",
	  .help = "speak TLS to the printer" },
	{ .key = "tls_verify", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "print to nobody but the printer; no: to whoever answers" },
	{ .key = "tls_ca", .type = PP_TYPE_PATH,
	  .help = "certificates of issuers that are trusted; unset: those "
	  "of the system" },
	{ .key = "tls_name", .type = PP_TYPE_STRING,
	  .help = "name in the printer's certificate; unset: host" },
	{ .key = "tls_fingerprint", .type = PP_TYPE_STRING,
	  .help = "sha256:... of the printer's certificate, whoever issued "
	  "it" },
	{ .key = "tls_certificate", .type = PP_TYPE_PATH,
	  .help = "certificate to show to the printer" },
	{ .key = "tls_key", .type = PP_TYPE_PATH,
	  .help = "its private key; unset: in the same file" },
	{ .key = "snmp", .type = PP_TYPE_BOOL, .preset = "no",
	  .help = "ask the printer for its status, supplies and pages" },
	{ .key = "snmp_community", .type = PP_TYPE_STRING,
	  .flags = PP_SETTING_SECRET, .preset = "public",
	  .help = "community of these requests" },
	{ .key = "snmp_version", .type = PP_TYPE_CHOICE, .preset = "1",
	  .choices = "1|2c", .help = "version of SNMP" },
	{ .key = "snmp_device_index", .type = PP_TYPE_NUMBER, .preset = "1",
	  .min = 1, .max = INT32_MAX,
	  .help = "hrDeviceIndex of the printer, if its address has several" },
	{ .key = "snmp_port", .type = PP_TYPE_NUMBER, .preset = "161",
	  .min = 1, .max = 65535, .help = "UDP port of its SNMP agent" },
	{ .key = "snmp_interval", .type = PP_TYPE_TIME, .preset = "30s",
	  .min = 100, .max = 86400000,
	  .help = "how often it is asked while the port is open" },
	{ .key = "snmp_timeout", .type = PP_TYPE_TIME, .preset = "1s",
	  .min = 10, .max = 60000,
	  .help = "longest wait for an answer; one that is silent is asked "
	  "more and more rarely" },
	{ .key = "snmp_page_wait", .type = PP_TYPE_TIME, .preset = "0",
	  .max = 3600000,
	  .help = "how long a job may wait for the printer to be idle, for "
	  "its pages to be counted" },
	{ .key = NULL },
};

/* Where the value of a key goes: a text, or else a number. */
static const struct field {
	const char	*key;
	bool		 text;
	size_t		 offset;
} fields[] = {
#define TEXT(key)	{ #key, true, offsetof(struct socket_settings, key) }
#define FLAG(key)	{ #key, false, offsetof(struct socket_settings, key) }
#define TIME(key)	{ #key, false, \
	offsetof(struct socket_settings, key ## _ms) }
	TEXT(host), FLAG(port), TIME(connect_timeout), FLAG(wait_eof),
	TIME(eof_timeout), FLAG(keep_connection), FLAG(tls), FLAG(tls_verify),
	TEXT(tls_ca), TEXT(tls_name), TEXT(tls_fingerprint),
	TEXT(tls_certificate), TEXT(tls_key), FLAG(snmp),
	TEXT(snmp_community), FLAG(snmp_version), FLAG(snmp_device_index),
	FLAG(snmp_port), TIME(snmp_interval), TIME(snmp_timeout),
	TIME(snmp_page_wait),
};
#define FIELDS	(sizeof(fields) / sizeof(fields[0]))

static char **
text_of(struct socket_settings *set, const struct field *field)
{
	return (char **)(void *)((char *)set + field->offset);
}

static int *
number_of(struct socket_settings *set, const struct field *field)
{
	return (int *)(void *)((char *)set + field->offset);
}

/* A text that is set to nothing is not set. */
static void
forget_empty(struct socket_settings *set)
{
	char **text;
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		text = fields[i].text ? text_of(set, &fields[i]) : NULL;
		if (text != NULL && *text != NULL && **text == '\0') {
			free(*text);
			*text = NULL;
		}
	}
}

/* ---- from the host ------------------------------------------------------- */

static int
read_number(const struct pp_host *host, const char *port, const char *key,
    int *number)
{
	int64_t value = 0;
	int rc = host->config_number(host->cookie, port, key, &value);

	*number = value < INT32_MAX ? (int)value : INT32_MAX;
	return rc;
}

int
socket_settings_read(const struct pp_host *host, const char *port,
    struct socket_settings *set)
{
	size_t i;
	int rc = PP_OK;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < FIELDS && rc == PP_OK; i++)
		rc = fields[i].text ?
		    pp_util_setting(host, port, fields[i].key,
		    text_of(set, &fields[i])) :
		    read_number(host, port, fields[i].key,
		    number_of(set, &fields[i]));
	if (rc == PP_OK)
		rc = read_number(host, port, "write_timeout",
		    &set->write_timeout_ms);
	/* A host that does not tell has its own clock for that. */
	if (rc == PP_OK && read_number(host, port, "stall_timeout",
	    &set->stall_timeout_ms) != PP_OK)
		set->stall_timeout_ms = 0;
	if (rc == PP_OK)
		forget_empty(set);
	else
		socket_settings_free(set);
	return rc;
}

/* ---- from a request ------------------------------------------------------ */

static const char *
value_of(const struct pp_setting *given, size_t count, const char *key)
{
	const struct pp_setting_decl *decl;
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(given[i].key, key) == 0)
			return given[i].value;
	for (decl = socket_decls; decl->key != NULL; decl++)
		if (strcmp(decl->key, key) == 0)
			return decl->preset;
	return NULL;
}

/* What is no number and no yes is for the host to refuse. */
static int
as_number(const char *text)
{
	static const char *const yes[] = { "yes", "true", "on" };
	size_t i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (text != NULL && strcasecmp(text, yes[i]) == 0)
			return 1;
	return text != NULL ? (int)strtol(text, NULL, 10) : 0;
}

int
socket_settings_take(const struct pp_setting *given, size_t count,
    struct socket_settings *set)
{
	const char *value;
	char **text;
	size_t i;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < FIELDS; i++) {
		value = value_of(given, count, fields[i].key);
		if (!fields[i].text) {
			*number_of(set, &fields[i]) = as_number(value);
			continue;
		}
		text = text_of(set, &fields[i]);
		*text = value != NULL ? strdup(value) : NULL;
		if (value != NULL && *text == NULL) {
			socket_settings_free(set);
			return PP_NO_MEMORY;
		}
	}
	forget_empty(set);
	return PP_OK;
}

void
socket_settings_free(struct socket_settings *set)
{
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if (fields[i].text) {
			free(*text_of(set, &fields[i]));
			*text_of(set, &fields[i]) = NULL;
		}
}

/* ---- together ------------------------------------------------------------ */

/* Faults, one after the other, as one line. */
struct faults {
	char	text[1024];
	size_t	len;
};

static void add_fault(struct faults *faults, const char *fmt, ...)
    PP_PRINTF(2, 3);

static void
add_fault(struct faults *faults, const char *fmt, ...)
{
	size_t room;
	va_list ap;
	int n;

	if (faults->len > 0 && faults->len + 2 < sizeof(faults->text)) {
		strcpy(faults->text + faults->len, "; ");
		faults->len += 2;
	}
	room = sizeof(faults->text) - faults->len;
	va_start(ap, fmt);
	n = vsnprintf(faults->text + faults->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		faults->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* What people write there that is no name and no address. */
static void
judge_host(const char *host, struct faults *faults)
{
	const char *colon = strchr(host, ':');
	const char *c;

	if (strstr(host, "://") != NULL) {
		add_fault(faults, "host = %s: found an URL, expected a name or "
		    "an address such as 10.0.0.5", host);
		return;
	}
	if (host[0] == '[') {
		add_fault(faults, "host = %s: write the address without "
		    "brackets", host);
		return;
	}
	if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		add_fault(faults, "host = %s: write the port apart: host = "
		    "%.*s, port = %s", host, (int)(colon - host), host,
		    colon + 1);
		return;
	}
	for (c = host; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '/' ||
		    *c == ',') {
			add_fault(faults, "host = %s: expected one name or "
			    "one address, such as 10.0.0.5", host);
			return;
		}
}

/* What says nothing without tls = yes. */
static void
judge_without_tls(const struct socket_settings *set, struct faults *faults)
{
	const struct {
		const char	*key;
		bool		 is_set;
	} keys[] = {
		{ "tls_verify = no", !set->tls_verify },
		{ "tls_ca", set->tls_ca != NULL },
		{ "tls_name", set->tls_name != NULL },
		{ "tls_fingerprint", set->tls_fingerprint != NULL },
		{ "tls_certificate", set->tls_certificate != NULL },
		{ "tls_key", set->tls_key != NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].is_set)
			add_fault(faults, "%s needs tls = yes", keys[i].key);
}

static void
judge_tls(const struct socket_settings *set, struct faults *faults)
{
	unsigned char digest[SOCKET_TLS_DIGEST_LEN];
	bool pinned = set->tls_fingerprint != NULL;

	if (pinned && !socket_tls_digest(set->tls_fingerprint, digest))
		add_fault(faults, "tls_fingerprint = %s: expected sha256: and "
		    "64 hexadecimal digits, as \"openssl x509 -in FILE "
		    "-noout -fingerprint -sha256\" has them",
		    set->tls_fingerprint);
	if (pinned && set->tls_ca != NULL)
		add_fault(faults, "with tls_fingerprint no issuer is looked "
		    "at: remove it or tls_ca");
	if (!set->tls_verify && (pinned || set->tls_ca != NULL))
		add_fault(faults, "%s is not looked at with tls_verify = no: "
		    "remove one of them", pinned ? "tls_fingerprint" :
		    "tls_ca");
	if (set->tls_key != NULL && set->tls_certificate == NULL)
		add_fault(faults, "tls_key needs tls_certificate");
}

int
socket_settings_judge(const struct pp_host *host,
    const struct socket_settings *set)
{
	struct faults faults = { .len = 0 };

	if (set->host != NULL)
		judge_host(set->host, &faults);
	else
		add_fault(&faults, "\"host\" is missing: name or address of "
		    "the printer");
	if (set->tls)
		judge_tls(set, &faults);
	else
		judge_without_tls(set, &faults);
	if (set->snmp && socket_snmp_lack() != NULL)
		add_fault(&faults, "%s", socket_snmp_lack());
	if (faults.len == 0)
		return PP_OK;
	host->log(host->cookie, PP_LOG_ERROR, "%s", faults.text);
	return PP_INVALID_DATA;
}
