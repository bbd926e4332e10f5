/*
 * pjl_talk.c - words to the printer, and words from it.
 *
 * Before a document's data the port comes through these:
 *
 *	NEW --unknown--> ASKING --> LISTENING --answer, or none--> NEW
 *	  | speaks PJL                                              |
 *	  +-----------> OPENING --preamble is out--> DATA <--mute---+
 *
 * A printer that is not known to speak PJL is asked for its memory in PCL, in
 * five bytes that no other language takes for text of its own; PJL itself is
 * said only to one that has answered, whose device id says so, or of which the
 * configuration says so.
 */
#include <stdio.h>
#include <string.h>

#include "pjl.h"

#define PCL_QUERY	"\033*s1M"

/* Reads in a row, then others have their turn. */
#define HEAR_TURNS	16
/* While the printer takes nothing, or does not answer. */
#define LOOK_MIN_MS	10
#define LOOK_MAX_MS	200

int64_t
pjl_now_ms(const struct pp_port *port)
{
	return port->host->clock_ms(port->host->cookie);
}

/* ---- hearing ------------------------------------------------------------ */

/* The rest of a message will not come over another connection. */
static int
no_more(struct pp_port *port, int code)
{
	if (code == PP_OK)
		return code;
	port->readable = false;
	memset(&port->parser, 0, sizeof(port->parser));
	memset(&port->filter, 0, sizeof(port->filter));
	return code;
}

static void
heard(struct pp_port *port, const char *bytes, size_t n, bool client)
{
	port->heard_ms = pjl_now_ms(port);
	pjl_parse(&port->parser, bytes, n, pjl_on_message, port);
	if (!client)
		port->answer_len = 0;
	else if (port->speech == PJL_SPEAKS && port->set.ustatus)
		port->answer_len = pjl_filter(&port->filter, bytes, n,
		    port->answer);
	else {
		memcpy(port->answer, bytes, n);
		port->answer_len = n;
	}
}

int
pjl_hear(struct pp_port *port, bool client)
{
	char bytes[sizeof(port->answer) - PJL_FILTER_HELD];
	size_t n = 1;
	int code = PP_OK, turns;

	port->answer_len = 0;
	for (turns = 0; turns < HEAR_TURNS && port->answer_len == 0 &&
	    n > 0 && code == PP_OK; turns++) {
		n = 0;
		code = port->pm.read_port(port->below, bytes, sizeof(bytes),
		    &n);
		port->readable = code == PP_OK;
		if (n > 0)
			heard(port, bytes, n, client);
	}
	pjl_tell_status(port);
	return no_more(port, code);
}

/* ---- saying ------------------------------------------------------------- */

/* There is room for all that is ever said at a time. */
void
pjl_say(struct pp_port *port, const char *text)
{
	size_t len = strlen(text);

	if (port->said == port->say_len)
		port->said = port->say_len = 0;
	if (len > sizeof(port->say) - port->say_len)
		return;
	memcpy(port->say + port->say_len, text, len);
	port->say_len += len;
}

void
pjl_say_job(struct pp_port *port, const char *command,
    const struct pjl_run *run)
{
	char name[PJL_NAME_SIZE], line[PJL_NAME_SIZE + 32];

	pjl_name(port, run, name);
	snprintf(line, sizeof(line), "@PJL %s NAME = \"%s\"\r\n", command,
	    name);
	pjl_say(port, line);
}

int
pjl_push(struct pp_port *port, bool *all)
{
	size_t n = 1;
	int code = PP_OK;

	while (port->said < port->say_len && code == PP_OK && n > 0) {
		n = 0;
		code = port->pm.write_port(port->below,
		    port->say + port->said, port->say_len - port->said, &n);
		port->said += n;
	}
	*all = port->said == port->say_len;
	return code;
}

/* Nothing goes now; look after the port meanwhile. */
static int
pause_for(struct pp_port *port, int *wait_ms)
{
	const struct pp_host *host = port->host;
	uint32_t again_ms;
	int code;

	if (port->pm.service_port != NULL)
		(void)port->pm.service_port(port->below, &again_ms);
	(void)pjl_hear(port, false);
	code = host->wait_fd(host->cookie, -1, PP_WAIT_READ, *wait_ms);
	*wait_ms = *wait_ms * 2 < LOOK_MAX_MS ? *wait_ms * 2 : LOOK_MAX_MS;
	return code == PP_CANCELED ? code : PP_OK;
}

int
pjl_push_all(struct pp_port *port)
{
	int code, wait_ms = LOOK_MIN_MS;
	bool all;

	for (;;) {
		code = pjl_push(port, &all);
		if (all || (code != PP_OK && code != PP_TIMEOUT))
			return code;
		code = pause_for(port, &wait_ms);
		if (code != PP_OK)
			return code;
	}
}

/* ---- does it speak PJL? ------------------------------------------------- */

static void
find(struct pp_port *port, enum pjl_speech speech, const char *why)
{
	const struct pp_host *host = port->host;

	port->speech = speech;
	port->stage = PJL_NEW;
	if (speech == PJL_SPEAKS)
		host->log(host->cookie, PP_LOG_INFO,
		    "the printer speaks PJL: %s", why);
	else
		host->log(host->cookie, PP_LOG_WARNING, "no PJL is sent until "
		    "the port is opened again: %s; if the printer does speak "
		    "it, set probe = assume", why);
}

/* By its device id: 1, 0, or -1 if there is none that says. */
static int
ask_id(struct pp_port *port)
{
	char id[1024];
	size_t len = 0;

	if (port->set.probe != PJL_PROBE_AUTO ||
	    port->pm.get_printer_data_from_port == NULL ||
	    port->pm.get_printer_data_from_port(port->below,
	    PP_CONTROL_DEVICE_ID, NULL, NULL, 0, id, sizeof(id) - 1,
	    &len) != PP_OK || len > sizeof(id) - 1)
		return -1;
	id[len] = '\0';
	return pjl_id_speaks(id);
}

/* What it says already is no answer. */
static void
begin_probe(struct pp_port *port)
{
	int speaks = ask_id(port);

	if (speaks == 1)
		find(port, PJL_SPEAKS, "its device id says so");
	else if (speaks == 0)
		find(port, PJL_MUTE, "its device id has other languages");
	else if (pjl_hear(port, false) != PP_OK)
		find(port, PJL_MUTE, "the port cannot be read, so the "
		    "printer cannot be asked");
	else {
		port->answered = false;
		port->stage = PJL_ASKING;
		pjl_say(port, port->set.probe == PJL_PROBE_AUTO ?
		    PCL_QUERY : PJL_UEL "@PJL INFO ID\r\n" PJL_UEL);
	}
}

int
pjl_await(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	int code, wait_ms = LOOK_MIN_MS;

	while (!port->answered) {
		code = pjl_hear(port, false);
		if (port->answered)
			break;
		if (code != PP_OK || pjl_now_ms(port) >= port->deadline_ms)
			return PP_TIMEOUT;
		code = host->wait_fd(host->cookie, -1, PP_WAIT_READ, wait_ms);
		if (code == PP_CANCELED)
			return code;
		wait_ms = wait_ms * 2 < LOOK_MAX_MS ? wait_ms * 2 :
		    LOOK_MAX_MS;
	}
	return PP_OK;
}

static int
listen_to(struct pp_port *port)
{
	int code = pjl_await(port);

	if (code == PP_OK)
		find(port, PJL_SPEAKS, "it has answered");
	else if (code == PP_TIMEOUT)
		find(port, PJL_MUTE, "the printer did not answer in "
		    "probe_timeout");
	else
		return code;
	return PP_OK;
}

/* ---- the preamble ------------------------------------------------------- */

void
pjl_name(const struct pp_port *port, const struct pjl_run *run,
    char name[PJL_NAME_SIZE])
{
	snprintf(name, PJL_NAME_SIZE, "printportd %ju %08x-%ju",
	    (uintmax_t)run->job, port->opening, (uintmax_t)run->number);
}

/* How often it is to say how it is: some times before it counts as silent. */
static int
timed_s(const struct pp_port *port)
{
	int64_t s = port->set.silence_timeout_ms / 4000;

	return s < 5 ? 5 : s > 30 ? 30 : (int)s;
}

static void
say_preamble(struct pp_port *port)
{
	char timed[40];

	snprintf(timed, sizeof(timed), "@PJL USTATUS TIMED = %d\r\n",
	    timed_s(port));
	pjl_say(port, PJL_UEL "@PJL\r\n");
	if (port->owed.named)
		pjl_say_job(port, "EOJ", &port->owed);
	port->owed.named = false;
	if (port->set.job_control)
		pjl_say_job(port, "JOB", &port->run);
	port->run.named = port->set.job_control;
	if (port->set.ustatus && port->readable) {
		pjl_say(port, "@PJL USTATUS JOB = ON\r\n");
		pjl_say(port, port->set.page_status ?
		    "@PJL USTATUS PAGE = ON\r\n" :
		    "@PJL USTATUS PAGE = OFF\r\n");
		pjl_say(port, "@PJL USTATUS DEVICE = ON\r\n");
		pjl_say(port, timed);
	}
	pjl_say(port, PJL_UEL);
}

/* What comes before the question or the preamble is settled; say it. */
static void
begin_document(struct pp_port *port)
{
	if (port->speech == PJL_UNKNOWN)
		begin_probe(port);
	if (port->speech == PJL_SPEAKS) {
		(void)pjl_hear(port, false);
		port->stage = PJL_OPENING;
		say_preamble(port);
	} else if (port->speech == PJL_MUTE)
		port->stage = PJL_DATA;
}

static int
push_then(struct pp_port *port, enum pjl_stage next, bool *all)
{
	int code = pjl_push(port, all);

	if (!*all)
		return code;
	port->stage = next;
	port->heard_ms = pjl_now_ms(port);
	port->deadline_ms = port->heard_ms + port->set.probe_timeout_ms;
	return PP_OK;
}

int
pjl_prepare(struct pp_port *port, bool *ready)
{
	int code = PP_OK;
	bool all = true;

	*ready = false;
	while (code == PP_OK && all && port->stage != PJL_DATA) {
		switch (port->stage) {
		case PJL_NEW:
			begin_document(port);
			break;
		case PJL_ASKING:
			code = push_then(port, PJL_LISTENING, &all);
			break;
		case PJL_LISTENING:
			code = listen_to(port);
			break;
		case PJL_OPENING:
			code = push_then(port, PJL_DATA, &all);
			break;
		case PJL_DATA:
			break;
		}
	}
	*ready = port->stage == PJL_DATA;
	return code;
}
