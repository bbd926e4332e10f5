/*
 * ipp_words.c - what IPP's words mean here; see ipp_words.h.
 *
 * Numbers of status codes are those of RFC 8011, appendix B, and of PWG 5100;
 * reasons are those of RFC 8011, 5.4.12, and of PWG 5100.9.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipp_words.h"

/*
 * ---- Formats ---------------------------------------------------------------
 */

struct magic {
	const char	*bytes;
	size_t		 len;
	const char	*type;
};

#define MAGIC(bytes, type)	{ bytes, sizeof(bytes) - 1, type }

static const struct magic magics[] = {
	MAGIC("%PDF-", "application/pdf"),
	MAGIC("%!", "application/postscript"),
	MAGIC("\004%!", "application/postscript"),
	MAGIC("\033%-12345X", IPP_ANY_FORMAT),
	MAGIC(") HP-PCL XL;", "application/vnd.hp-PCLXL"),
	MAGIC("\033", "application/vnd.hp-PCL"),
	MAGIC("RaS2", "image/pwg-raster"),
	MAGIC("UNIRAST", "image/urf"),
	MAGIC("\377\330\377", "image/jpeg"),
	MAGIC("\211PNG\r\n\032\n", "image/png"),
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Letters of any character set, white space, and nothing of a control. */
static bool
is_plain_text(const unsigned char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i] == 0x7f || (bytes[i] < 0x20 &&
		    strchr("\t\n\f\r", bytes[i]) == NULL) || bytes[i] == 0)
			return false;
	return len > 0;
}

const char *
ipp_sniff(const void *head, size_t len)
{
	size_t i;

	for (i = 0; i < COUNT(magics); i++)
		if (len >= magics[i].len &&
		    memcmp(head, magics[i].bytes, magics[i].len) == 0)
			return magics[i].type;
	return is_plain_text(head, len) ? "text/plain" : IPP_ANY_FORMAT;
}

bool
ipp_is_media_type(const char *text)
{
	const char *slash = strchr(text, '/');
	const char *at;

	if (slash == NULL || slash == text || slash[1] == '\0' ||
	    strlen(text) > 255)
		return false;
	for (at = text; *at != '\0'; at++)
		if (at != slash && !isalnum((unsigned char)*at) &&
		    strchr("!#$&-^_.+", *at) == NULL)
			return false;
	return true;
}

/*
 * ---- Status codes ----------------------------------------------------------
 */

struct verdict {
	unsigned	 status;
	int		 code;
	const char	*remedy;
};

/*
 * What is not here: client errors are the job's, server errors the port's.
 * A request that is not possible, or came too late, may be so next time.
 */
static const struct verdict verdicts[] = {
	{ 0x0401, PP_HOLD_JOB, "allow this user at the printer" },
	{ 0x0402, PP_HOLD_JOB, "allow printing without a password" },
	{ 0x0403, PP_HOLD_JOB, "allow this user at the printer" },
	{ 0x0404, -EAGAIN, "" },
	{ 0x0405, -EAGAIN, "" },
	{ 0x0406, -ENOENT, "correct the path of uri" },
	{ 0x0407, -ENOENT, "correct the path of uri" },
	{ 0x040a, PP_HOLD_JOB, "set format, or convert the document" },
	{ 0x040b, PP_HOLD_JOB, "correct attributes" },
	{ 0x040e, PP_HOLD_JOB, "correct attributes" },
	{ 0x0501, PP_HOLD_JOB, "" },
	{ 0x0503, PP_STOP_PORT, "the printer is too old for IPP 2.0" },
	{ 0x0506, -EBUSY, "" },
	{ 0x0507, -EBUSY, "" },
	{ 0x0508, PP_HOLD_JOB, "" },
	{ 0x0509, PP_HOLD_JOB, "" },
	{ 0x050b, -EBUSY, "" },
	{ 0x050c, -EBUSY, "" },
};

static const struct verdict *
find_verdict(unsigned status)
{
	size_t i;

	for (i = 0; i < COUNT(verdicts); i++)
		if (verdicts[i].status == status)
			return &verdicts[i];
	return NULL;
}

int
ipp_verdict(unsigned status)
{
	const struct verdict *verdict = find_verdict(status);

	if (verdict != NULL)
		return verdict->code;
	if (status < 0x0100)
		return PP_OK;
	return status >= 0x0400 && status < 0x0500 ? PP_HOLD_JOB : -EIO;
}

const char *
ipp_remedy(unsigned status)
{
	const struct verdict *verdict = find_verdict(status);

	return verdict != NULL ? verdict->remedy : "";
}

int
ipp_http_verdict(int status)
{
	switch (status) {
	case 401:
	case 403:
	case 407:
	case 413:
		return PP_HOLD_JOB;
	case 404:
	case 410:
		return -ENOENT;
	case 503:
		return -EBUSY;
	default:
		return -EIO;
	}
}

/*
 * ---- State of the printer --------------------------------------------------
 */

struct reason {
	const char		*keyword;	/* without its suffix */
	enum pp_port_status	 status;
};

/* Of two that are equally severe, the one that stands first is shown. */
static const struct reason reasons[] = {
	{ "media-jam", PP_STATUS_PAPER_JAM },
	{ "media-empty", PP_STATUS_PAPER_OUT },
	{ "media-needed", PP_STATUS_PAPER_OUT },
	{ "door-open", PP_STATUS_DOOR_OPEN },
	{ "cover-open", PP_STATUS_DOOR_OPEN },
	{ "interlock-open", PP_STATUS_DOOR_OPEN },
	{ "toner-empty", PP_STATUS_NO_TONER },
	{ "marker-supply-empty", PP_STATUS_NO_TONER },
	{ "developer-empty", PP_STATUS_NO_TONER },
	{ "output-area-full", PP_STATUS_OUTPUT_BIN_FULL },
	{ "media-path-cannot-duplex-media-selected",
	    PP_STATUS_PAPER_PROBLEM },
	{ "media-low", PP_STATUS_PAPER_PROBLEM },
	{ "input-tray-missing", PP_STATUS_PAPER_PROBLEM },
	{ "spool-area-full", PP_STATUS_OUT_OF_MEMORY },
	{ "shutdown", PP_STATUS_OFFLINE },
	{ "timed-out", PP_STATUS_OFFLINE },
	{ "connecting-to-device", PP_STATUS_OFFLINE },
	{ "toner-low", PP_STATUS_TONER_LOW },
	{ "marker-supply-low", PP_STATUS_TONER_LOW },
	{ "developer-low", PP_STATUS_TONER_LOW },
	{ "output-area-almost-full", PP_STATUS_OUTPUT_BIN_FULL },
	{ "fuser-under-temp", PP_STATUS_WARMING_UP },
	{ "resuming", PP_STATUS_WARMING_UP },
	{ "power-down", PP_STATUS_POWER_SAVE },
	{ "hibernate", PP_STATUS_POWER_SAVE },
	{ "standby", PP_STATUS_POWER_SAVE },
	{ "suspend", PP_STATUS_POWER_SAVE },
};

/* Severity by suffix; *len becomes the length without it. */
static enum pp_severity
cut_suffix(const char *keyword, bool stopped, size_t *len)
{
	static const struct {
		const char		*text;
		enum pp_severity	 severity;
	} suffixes[] = {
		{ "-error", PP_SEVERITY_ERROR },
		{ "-warning", PP_SEVERITY_WARNING },
		{ "-report", PP_SEVERITY_INFO },
	};
	size_t i, n;

	*len = strlen(keyword);
	for (i = 0; i < COUNT(suffixes); i++) {
		n = strlen(suffixes[i].text);
		if (*len <= n ||
		    strcmp(keyword + *len - n, suffixes[i].text) != 0)
			continue;
		*len -= n;
		return suffixes[i].severity;
	}
	return stopped ? PP_SEVERITY_ERROR : PP_SEVERITY_WARNING;
}

void
ipp_reason(const char *keyword, bool stopped, struct pp_port_info_3 *info)
{
	size_t len, i;

	*info = (struct pp_port_info_3){ PP_STATUS_CLEAR, PP_SEVERITY_NONE,
	    NULL };
	if (strcmp(keyword, "none") == 0)
		return;
	info->severity = cut_suffix(keyword, stopped, &len);
	info->status = PP_STATUS_USER_INTERVENTION;
	for (i = 0; i < COUNT(reasons); i++)
		if (strlen(reasons[i].keyword) == len &&
		    memcmp(reasons[i].keyword, keyword, len) == 0)
			info->status = reasons[i].status;
}

static size_t
rank(enum pp_port_status status)
{
	size_t i;

	for (i = 0; i < COUNT(reasons); i++)
		if (reasons[i].status == status)
			break;
	return i;
}

bool
ipp_worse(const struct pp_port_info_3 *info, const struct pp_port_info_3 *than)
{
	if (info->severity == PP_SEVERITY_NONE)
		return false;
	if (than->severity == PP_SEVERITY_NONE ||
	    info->severity != than->severity)
		return than->severity == PP_SEVERITY_NONE ||
		    info->severity < than->severity;
	return rank(info->status) < rank(than->status);
}

/*
 * ---- Supplies --------------------------------------------------------------
 */

int
ipp_marker_percent(int level)
{
	return level >= 0 && level <= 100 ? level : -1;
}

/* The number of "key=number;", or -1. */
static long
number_of(const char *text, const char *key)
{
	size_t len = strlen(key);
	const char *at;

	for (at = text; at != NULL; at = strchr(at, ';')) {
		if (*at == ';')
			at++;
		if (strncmp(at, key, len) == 0 && at[len] == '=')
			return strtol(at + len + 1, NULL, 10);
	}
	return -1;
}

int
ipp_supply_percent(const char *text, size_t len)
{
	char copy[1024];
	long level, most;

	if (len >= sizeof(copy))
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	level = number_of(copy, "level");
	most = number_of(copy, "maxcapacity");
	if (level < 0 || most <= 0 || level > most || most > INT32_MAX)
		return -1;
	return (int)(level * 100 / most);
}
