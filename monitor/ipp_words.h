/*
 * ipp_words.h - what IPP's words mean here: pure functions, no printer.
 *
 * Formats of documents by their first bytes, status codes as verdicts, a
 * printer's reasons as the status of a port, levels of supplies.
 *
 * Ownership  Nothing is allocated; returned texts are constants.
 * Units      _len and _size are bytes.
 */
#ifndef IPP_WORDS_H
#define IPP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "monitor.h"

/* So many first bytes tell what a document is. */
#define IPP_HEAD_LEN	4096

/* What a printer is sent whose parts nobody here can tell. */
#define IPP_ANY_FORMAT	"application/octet-stream"

/*
 * MIME media type by the first bytes.  IPP_ANY_FORMAT: not known, or wrapped
 * in PJL, which tells the printer itself.
 */
const char *ipp_sniff(const void *head, size_t len);

/* Whether a client's word for a format is a MIME media type. */
bool ipp_is_media_type(const char *text);

/*
 * What an IPP status code is to the job: PP_OK, PP_HOLD_JOB, -EBUSY (soon),
 * PP_STOP_PORT, or another negative code (the port is in trouble).
 */
int ipp_verdict(unsigned status);
/* The same of an HTTP status in place of an answer; never PP_OK. */
int ipp_http_verdict(int status);
/* What a person can do about it, or "". */
const char *ipp_remedy(unsigned status);

/*
 * One keyword of printer-state-reasons.  Its severity is that of its suffix;
 * without one an error if the printer is stopped, else a warning.  "none" is
 * PP_STATUS_CLEAR.
 */
void ipp_reason(const char *keyword, bool stopped,
    struct pp_port_info_3 *info);
/* Whether the first is the one to show. */
bool ipp_worse(const struct pp_port_info_3 *info,
    const struct pp_port_info_3 *than);

/* marker-levels: percent, or -1 if it is not known. */
int ipp_marker_percent(int level);
/* A value of printer-supply: percent, or -1 if it is not known. */
int ipp_supply_percent(const char *text, size_t len);

#endif /* IPP_WORDS_H */
