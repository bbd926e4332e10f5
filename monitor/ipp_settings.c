/*
 * ipp_settings.c - the settings of a port of the module "ipp", and whether they
 * are right.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipp.h"
#include "monitor_util.h"

/* Of a port that is still to be stored; one that is not set has no judge. */
static int
given_text(const struct pp_port *port, const char *key, char **text)
{
	size_t i;

	for (i = 0; i < port->n_given; i++)
		if (strcmp(port->given[i].key, key) == 0) {
			*text = strdup(port->given[i].value);
			return *text != NULL ? PP_OK : PP_NO_MEMORY;
		}
	return PP_OK;
}

static int
get_text(const struct pp_port *port, const char *key, char **text)
{
	*text = NULL;
	if (port->given != NULL)
		return given_text(port, key, text);
	return pp_util_setting(port->host, port->name, key, text);
}

static int
get_number(const struct pp_port *port, const char *key, int *number)
{
	int64_t value = 0;
	int rc;

	rc = port->host->config_number(port->host->cookie, port->name, key,
	    &value);
	*number = value < INT32_MAX ? (int)value : INT32_MAX;
	return rc;
}

static int
get_uri(struct pp_port *port)
{
	char scheme[32], user[256];
	http_uri_status_t status;
	int rc;

	rc = get_text(port, "uri", &port->uri);
	if (rc != PP_OK)
		return rc;
	if (port->uri == NULL || port->uri[0] == '\0')
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "uri is missing: set it to ipp://HOST/ipp/print or alike");
	status = httpSeparateURI(HTTP_URI_CODING_ALL, port->uri, scheme,
	    sizeof(scheme), user, sizeof(user), port->address,
	    sizeof(port->address), &port->number, port->resource,
	    sizeof(port->resource));
	if (status < HTTP_URI_STATUS_OK)
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "uri = %s: %s; the form is ipp://HOST[:PORT]/PATH",
		    port->uri, httpURIStatusString(status));
	port->secure = strcmp(scheme, "ipps") == 0;
	if (!port->secure && strcmp(scheme, "ipp") != 0)
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "uri = %s: it starts with ipp:// or ipps://", port->uri);
	if (user[0] != '\0')
		return ipp_fault(port, PP_INVALID_PARAMETER, "uri has a user "
		    "in it: logging in at printers is not supported");
	if (port->address[0] == '\0' || port->number < 1 ||
	    port->number > 65535)
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "uri = %s: it needs a host, and a port from 1 to 65535",
		    port->uri);
	if (strcmp(port->resource, "/") == 0)
		return ipp_fault(port, PP_INVALID_PARAMETER, "uri = %s: the "
		    "path is missing; mostly it is /ipp/print", port->uri);
	return PP_OK;
}

static int
get_format(struct pp_port *port)
{
	int rc = get_text(port, "format", &port->format);

	if (rc != PP_OK || port->format == NULL)
		return rc;
	if (strcmp(port->format, "auto") == 0) {
		free(port->format);
		port->format = NULL;
		return PP_OK;
	}
	if (!ipp_is_media_type(port->format))
		return ipp_fault(port, PP_INVALID_PARAMETER, "format = %s: "
		    "set auto, or a MIME media type such as application/pdf",
		    port->format);
	return PP_OK;
}

static int
judge_option(const struct pp_port *port, const cups_option_t *option)
{
	if (strcmp(option->name, "copies") == 0)
		return ipp_fault(port, PP_INVALID_PARAMETER, "attributes has "
		    "copies: the number of them is a matter of the job");
	if (option->value[0] == '\0')
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "attributes: %s has no value; the form is KEY=VALUE ...",
		    option->name);
	return PP_OK;
}

static int
get_attributes(struct pp_port *port)
{
	char *text;
	int i, rc;

	rc = get_text(port, "attributes", &text);
	if (rc == PP_OK && text != NULL)
		port->n_options = cupsParseOptions(text, 0, &port->options);
	if (rc == PP_OK && text != NULL && port->n_options == 0 &&
	    text[strspn(text, " \t")] != '\0')
		rc = ipp_fault(port, PP_INVALID_PARAMETER,
		    "attributes = %s: the form is KEY=VALUE ...", text);
	free(text);
	for (i = 0; i < port->n_options && rc == PP_OK; i++)
		rc = judge_option(port, &port->options[i]);
	return rc;
}

static int
get_tls(struct pp_port *port)
{
	char *text;
	int rc;

	if ((rc = get_text(port, "tls_ca", &port->tls_ca)) != PP_OK ||
	    (rc = get_text(port, "tls_fingerprint", &text)) != PP_OK)
		return rc;
	port->pinned = text != NULL && text[0] != '\0';
	if (port->pinned && !ipp_tls_fingerprint(text, port->pin))
		rc = ipp_fault(port, PP_INVALID_PARAMETER, "tls_fingerprint = "
		    "%s: the form is sha256: and 64 hexadecimal digits", text);
	else if (port->tls_ca != NULL && port->given == NULL &&
	    access(port->tls_ca, R_OK) == -1)
		rc = ipp_fault(port, PP_INVALID_PARAMETER,
		    "tls_ca = %s: %s", port->tls_ca, strerror(errno));
	else if (!port->secure && (port->pinned || port->tls_ca != NULL))
		rc = ipp_fault(port, PP_INVALID_PARAMETER, "uri = %s: %s "
		    "needs ipps://", port->uri, port->pinned ?
		    "tls_fingerprint" : "tls_ca");
	free(text);
	return rc;
}

int
ipp_settings_judge(struct pp_port *port)
{
	int rc;

	if ((rc = get_uri(port)) != PP_OK ||
	    (rc = get_format(port)) != PP_OK ||
	    (rc = get_attributes(port)) != PP_OK)
		return rc;
	return get_tls(port);
}

int
ipp_settings_get(struct pp_port *port)
{
	int confirm = 1, verify = 1, rc;

	if ((rc = ipp_settings_judge(port)) != PP_OK ||
	    (rc = get_number(port, "confirm", &confirm)) != PP_OK ||
	    (rc = get_number(port, "tls_verify", &verify)) != PP_OK ||
	    (rc = get_number(port, "connect_timeout",
	    &port->connect_ms)) != PP_OK ||
	    (rc = get_number(port, "response_timeout",
	    &port->answer_ms)) != PP_OK ||
	    (rc = get_number(port, "status_interval",
	    &port->status_ms)) != PP_OK ||
	    (rc = get_number(port, "write_timeout",
	    &port->configured_ms)) != PP_OK)
		return rc;
	port->confirm = confirm != 0;
	port->tls_verify = verify != 0;
	return PP_OK;
}
