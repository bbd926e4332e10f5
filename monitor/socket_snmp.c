/*
 * socket_snmp.c - see socket_snmp.h: with net-snmp.
 *
 *	IDLE --- it is time ---> STATE --- answer ---> SUPPLY, a row each --+
 *	 ^ ^                       |                      |      ^__________|
 *	 | +-- only a count -------+                      |  no more rows
 *	 +------ silence: later and later ----------------+
 *
 * All requests are GETNEXT, which every version answers with what it has where
 * GET would refuse the whole for one object that is missing.
 *
 * net-snmp reads no file, its own configuration and MIBs included, as long as
 * init_snmp() is not called; nor does it store anything then.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/large_fd_set.h>

#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "socket.h"
#include "socket_snmp.h"

/* While an answer is due, see this often whether it is there. */
#define LOOK_MS		20
/* Longest pause between two questions to one that does not answer. */
#define SILENT_MAX_MS	600000

enum stage {
	IDLE,
	STATE,		/* the answer to ask_state() is due */
	SUPPLY		/* the answer to ask_supply() is due */
};

/* The columns that are asked for. */
enum column {
	DEVICE_STATUS, PRINTER_STATUS, FAULTS, COUNTER_UNIT, LIFE_COUNT,
	SUPPLY_NAME, SUPPLY_MAX, SUPPLY_LEVEL, COLUMNS
};
#define FIRST_OF_SUPPLY	SUPPLY_NAME

#define OID_LEN_MAX	16

static const struct {
	oid	name[OID_LEN_MAX];
	size_t	len;
	bool	row_of_device;	/* its instance is the device index alone */
} columns[COLUMNS] = {
	/* HOST-RESOURCES-MIB: hrDeviceTable, hrPrinterTable */
	[DEVICE_STATUS]	 = { { 1,3,6,1,2,1,25,3,2,1,5 }, 11, true },
	[PRINTER_STATUS] = { { 1,3,6,1,2,1,25,3,5,1,1 }, 11, true },
	[FAULTS]	 = { { 1,3,6,1,2,1,25,3,5,1,2 }, 11, true },
	/* Printer-MIB: prtMarkerTable, prtMarkerSuppliesTable */
	[COUNTER_UNIT]	 = { { 1,3,6,1,2,1,43,10,2,1,3 }, 11, false },
	[LIFE_COUNT]	 = { { 1,3,6,1,2,1,43,10,2,1,4 }, 11, false },
	[SUPPLY_NAME]	 = { { 1,3,6,1,2,1,43,11,1,1,6 }, 11, false },
	[SUPPLY_MAX]	 = { { 1,3,6,1,2,1,43,11,1,1,8 }, 11, false },
	[SUPPLY_LEVEL]	 = { { 1,3,6,1,2,1,43,11,1,1,9 }, 11, false },
};

/* prtMarkerCounterUnit: what counts as a page. */
#define UNIT_IMPRESSIONS	7
#define UNIT_SHEETS		8

struct socket_snmp {
	const struct pp_host		*host;		/* borrowed */
	const struct socket_settings	*set;		/* borrowed */
	char				 peer[NI_MAXHOST + 16]; /* "": none */
	void				*session;	/* owned; NULL: none */
	netsnmp_pdu			*answer;	/* owned; just come */

	enum stage			 stage;
	bool				 count_only;
	bool				 complete;	/* a report, not told */
	int64_t				 asked_ms;
	int64_t				 due_ms;	/* next question */
	unsigned int			 silences;	/* one after another */
	oid				 row;		/* last of supplies */
	struct socket_report		 next;		/* in the making */
	struct socket_report		 report;
};

static int64_t
now_ms(const struct socket_snmp *snmp)
{
	return snmp->host->clock_ms(snmp->host->cookie);
}

const char *
socket_snmp_lack(void)
{
	return NULL;
}

/* ---- sessions ------------------------------------------------------------ */

static void
close_session(struct socket_snmp *snmp)
{
	if (snmp->session != NULL)
		(void)snmp_sess_close(snmp->session);
	snmp->session = NULL;
	if (snmp->answer != NULL)
		snmp_free_pdu(snmp->answer);
	snmp->answer = NULL;
}

/* Besides what is not called here, see above. */
static void
keep_to_itself(void)
{
	snmp_disable_log();
	(void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID,
	    NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
	(void)netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID,
	    NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
}

static bool
open_session(struct socket_snmp *snmp)
{
	const char *community = snmp->set->snmp_community != NULL ?
	    snmp->set->snmp_community : "";
	netsnmp_session wanted;

	keep_to_itself();
	snmp_sess_init(&wanted);
	wanted.version = snmp->set->snmp_version == 0 ? SNMP_VERSION_1 :
	    SNMP_VERSION_2c;
	wanted.peername = snmp->peer;
	wanted.community = (u_char *)(uintptr_t)community;
	wanted.community_len = strlen(community);
	wanted.retries = 0;
	wanted.timeout = snmp->set->snmp_timeout_ms * 1000L;
	snmp->session = snmp_sess_open(&wanted);
	return snmp->session != NULL;
}

struct socket_snmp *
socket_snmp_new(const struct pp_host *host, const struct socket_settings *set)
{
	struct socket_snmp *snmp = calloc(1, sizeof(*snmp));

	if (snmp == NULL)
		return NULL;
	snmp->host = host;
	snmp->set = set;
	return snmp;
}

void
socket_snmp_free(struct socket_snmp *snmp)
{
	if (snmp == NULL)
		return;
	close_session(snmp);
	free(snmp);
}

void
socket_snmp_aim(struct socket_snmp *snmp, const struct sockaddr *address,
    socklen_t len)
{
	char peer[sizeof(snmp->peer)] = "", name[NI_MAXHOST];
	bool six = address->sa_family == AF_INET6;

	if (getnameinfo(address, len, name, sizeof(name), NULL, 0,
	    NI_NUMERICHOST) == 0)
		snprintf(peer, sizeof(peer), "%s%.*s%s:%d", six ? "udp6:[" :
		    "udp:", NI_MAXHOST - 1, name, six ? "]" : "",
		    snmp->set->snmp_port);
	if (strcmp(peer, snmp->peer) == 0)
		return;
	close_session(snmp);
	memcpy(snmp->peer, peer, sizeof(peer));
	snmp->stage = IDLE;
	snmp->due_ms = 0;
	snmp->silences = 0;
}

/* ---- questions ----------------------------------------------------------- */

static void
fall_silent(struct socket_snmp *snmp)
{
	int64_t pause = snmp->set->snmp_interval_ms;

	close_session(snmp);
	snmp->stage = IDLE;
	if (snmp->silences < 16)
		snmp->silences++;
	pause <<= snmp->silences;
	if (pause > SILENT_MAX_MS)
		pause = SILENT_MAX_MS;
	snmp->due_ms = now_ms(snmp) + pause;
}

static int
on_answer(int operation, netsnmp_session *session, int id, netsnmp_pdu *pdu,
    void *arg)
{
	struct socket_snmp *snmp = arg;

	(void)session;
	(void)id;
	if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE &&
	    snmp->answer == NULL && pdu != NULL)
		snmp->answer = snmp_clone_pdu(pdu);
	return 1;
}

/* Takes the request over. */
static void
ask(struct socket_snmp *snmp, netsnmp_pdu *request, enum stage stage)
{
	snmp->stage = stage;
	snmp->asked_ms = now_ms(snmp);
	if (request == NULL) {
		fall_silent(snmp);
	} else if (snmp_sess_async_send(snmp->session, request, on_answer,
	    snmp) == 0) {
		snmp_free_pdu(request);
		fall_silent(snmp);
	}
}

/* What comes next in this column, behind the row; the column's first row. */
static void
add_column(netsnmp_pdu *request, enum column column, oid index, oid row)
{
	oid name[OID_LEN_MAX];
	size_t len = columns[column].len;

	memcpy(name, columns[column].name, len * sizeof(oid));
	name[len++] = columns[column].row_of_device ? index - 1 : index;
	if (row != 0)
		name[len++] = row;
	(void)snmp_add_null_var(request, name, len);
}

static void
ask_columns(struct socket_snmp *snmp, enum column first, enum column end,
    enum stage stage)
{
	netsnmp_pdu *request = snmp_pdu_create(SNMP_MSG_GETNEXT);
	enum column i;

	for (i = first; request != NULL && i < end; i++)
		add_column(request, i, (oid)snmp->set->snmp_device_index,
		    snmp->row);
	ask(snmp, request, stage);
}

static void
ask_state(struct socket_snmp *snmp)
{
	snmp->row = 0;
	ask_columns(snmp, 0, FIRST_OF_SUPPLY, STATE);
}

static void
begin(struct socket_snmp *snmp, bool count_only)
{
	snmp->count_only = count_only;
	memset(&snmp->next, 0, sizeof(snmp->next));
	if (snmp->session == NULL && !open_session(snmp))
		fall_silent(snmp);
	else
		ask_state(snmp);
}

/* ---- answers ------------------------------------------------------------- */

/*
 * Is it an object of the column, of our device?  The row behind the index is
 * returned, or 0 for a column without.
 */
static bool
is_of(const struct socket_snmp *snmp, const netsnmp_variable_list *var,
    enum column column, oid *row)
{
	size_t len = columns[column].len;
	size_t want = len + (columns[column].row_of_device ? 1 : 2);

	*row = 0;
	if (var->name_length != want || memcmp(var->name,
	    columns[column].name, len * sizeof(oid)) != 0 ||
	    var->name[len] != (oid)snmp->set->snmp_device_index)
		return false;
	if (want == len + 2)
		*row = var->name[len + 1];
	return true;
}

static bool
get_number(const netsnmp_variable_list *var, int64_t *number)
{
	switch (var->type) {
	case ASN_INTEGER:
		*number = *var->val.integer;
		return true;
	case ASN_COUNTER:
	case ASN_GAUGE:
		*number = (int64_t)((uint64_t)*var->val.integer & UINT32_MAX);
		return true;
	default:
		return false;
	}
}

static uint32_t
faults_of(const netsnmp_variable_list *var)
{
	uint32_t faults = 0;
	size_t i;

	if (var->type != ASN_OCTET_STR)
		return 0;
	for (i = 0; i < SOCKET_FAULTS && i / 8 < var->val_len; i++)
		if (var->val.string[i / 8] & (0x80 >> (i % 8)))
			faults |= 1u << i;
	return faults;
}

static void
take_state(struct socket_snmp *snmp, const netsnmp_variable_list *var)
{
	struct socket_report *next = &snmp->next;
	int64_t number = 0, unit = 0;
	oid row;

	for (; var != NULL; var = var->next_variable) {
		bool is_number = get_number(var, &number);

		if (is_of(snmp, var, DEVICE_STATUS, &row) && is_number)
			next->device = (int)number;
		else if (is_of(snmp, var, PRINTER_STATUS, &row) && is_number)
			next->printer = (int)number;
		else if (is_of(snmp, var, FAULTS, &row))
			next->faults = faults_of(var);
		else if (is_of(snmp, var, COUNTER_UNIT, &row) && is_number)
			unit = number;
		else if (is_of(snmp, var, LIFE_COUNT, &row) && is_number) {
			next->pages = (uint32_t)number;
			next->counts = unit == UNIT_IMPRESSIONS ||
			    unit == UNIT_SHEETS;
		}
	}
}

/* Of what it can hold; what a supply cannot tell is below 0. */
static int32_t
percent_of(int64_t level, int64_t max)
{
	if (level < 0 || max <= 0)
		return -1;
	return level >= max ? 100 : (int32_t)(level * 100 / max);
}

/* As much of a text as there is room for, no character cut in two. */
static void
take_name(const netsnmp_variable_list *var, oid row,
    char name[SOCKET_SUPPLY_NAME])
{
	size_t len = 0;

	if (var->type == ASN_OCTET_STR) {
		len = strnlen((const char *)var->val.string, var->val_len);
		if (len >= SOCKET_SUPPLY_NAME) {
			len = SOCKET_SUPPLY_NAME - 1;
			while (len > 0 && (var->val.string[len] & 0xc0) == 0x80)
				len--;
		}
		memcpy(name, var->val.string, len);
	}
	name[len] = '\0';
	if (len == 0)
		snprintf(name, SOCKET_SUPPLY_NAME, "supply %lu",
		    (unsigned long)row);
}

/*
 * One row of the table of supplies; false: there is no more.  Of one that is
 * filled (toner waste, say) the level is what room is left, as of the others.
 */
static bool
take_supply(struct socket_snmp *snmp, const netsnmp_variable_list *var)
{
	struct socket_report *next = &snmp->next;
	const netsnmp_variable_list *found[COLUMNS] = { NULL };
	int64_t level = -2, max = -2;
	oid row, first = 0;
	enum column i;

	for (; var != NULL; var = var->next_variable)
		for (i = FIRST_OF_SUPPLY; i < COLUMNS; i++)
			if (is_of(snmp, var, i, &row) &&
			    (first == 0 || row == first)) {
				found[i] = var;
				first = row;
			}
	if (found[SUPPLY_NAME] == NULL || found[SUPPLY_LEVEL] == NULL ||
	    first <= snmp->row || next->n_supplies == PP_SUPPLIES_MAX)
		return false;
	snmp->row = first;
	(void)get_number(found[SUPPLY_LEVEL], &level);
	if (found[SUPPLY_MAX] != NULL)
		(void)get_number(found[SUPPLY_MAX], &max);
	take_name(found[SUPPLY_NAME], first,
	    next->supplies[next->n_supplies].name);
	next->supplies[next->n_supplies++].percent = percent_of(level, max);
	return true;
}

static void
be_done(struct socket_snmp *snmp)
{
	if (snmp->count_only) {
		memcpy(snmp->next.supplies, snmp->report.supplies,
		    sizeof(snmp->next.supplies));
		snmp->next.n_supplies = snmp->report.n_supplies;
	} else
		snmp->due_ms = now_ms(snmp) + snmp->set->snmp_interval_ms;
	snmp->report = snmp->next;
	snmp->complete = true;
	snmp->silences = 0;
	snmp->stage = IDLE;
}

/* Version 1 refuses all for what would be behind the end of the MIB. */
static void
ask_without(struct socket_snmp *snmp, netsnmp_pdu *answer)
{
	netsnmp_pdu *rest = NULL;

	if (answer->errstat == SNMP_ERR_NOSUCHNAME)
		rest = snmp_fix_pdu(answer, SNMP_MSG_GETNEXT);
	if (rest != NULL)
		ask(snmp, rest, snmp->stage);
	else
		be_done(snmp);
}

static void
take_answer(struct socket_snmp *snmp)
{
	netsnmp_pdu *answer = snmp->answer;

	snmp->answer = NULL;
	if (answer->errstat != SNMP_ERR_NOERROR) {
		ask_without(snmp, answer);
	} else if (snmp->stage == STATE) {
		take_state(snmp, answer->variables);
		if (snmp->count_only)
			be_done(snmp);
		else
			ask_columns(snmp, FIRST_OF_SUPPLY, COLUMNS, SUPPLY);
	} else if (take_supply(snmp, answer->variables)) {
		ask_columns(snmp, FIRST_OF_SUPPLY, COLUMNS, SUPPLY);
	} else
		be_done(snmp);
	snmp_free_pdu(answer);
}

static int
descriptor(const struct socket_snmp *snmp)
{
	return snmp_sess_transport(snmp->session)->sock;
}

static bool
has_come(const struct socket_snmp *snmp)
{
	struct pollfd fd = { .fd = descriptor(snmp), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/* Go on with what has come, as far as that goes. */
static void
go_on(struct socket_snmp *snmp)
{
	netsnmp_large_fd_set fds;

	while (snmp->stage != IDLE && has_come(snmp)) {
		netsnmp_large_fd_set_init(&fds, FD_SETSIZE);
		NETSNMP_LARGE_FD_ZERO(&fds);
		NETSNMP_LARGE_FD_SET(descriptor(snmp), &fds);
		(void)snmp_sess_read2(snmp->session, &fds);
		netsnmp_large_fd_set_cleanup(&fds);
		if (snmp->answer != NULL)
			take_answer(snmp);
	}
	if (snmp->stage != IDLE && now_ms(snmp) - snmp->asked_ms >=
	    snmp->set->snmp_timeout_ms)
		fall_silent(snmp);
}

/* ---- for the port -------------------------------------------------------- */

bool
socket_snmp_poll(struct socket_snmp *snmp, uint32_t *again_ms)
{
	bool complete;
	int64_t left;

	*again_ms = 0;
	if (snmp->peer[0] == '\0')
		return false;
	go_on(snmp);
	if (snmp->stage == IDLE && now_ms(snmp) >= snmp->due_ms)
		begin(snmp, false);
	left = snmp->due_ms - now_ms(snmp);
	*again_ms = snmp->stage != IDLE ? LOOK_MS : left > 0 ?
	    (uint32_t)left : 1;
	complete = snmp->complete;
	snmp->complete = false;
	return complete;
}

const struct socket_report *
socket_snmp_report(const struct socket_snmp *snmp)
{
	return &snmp->report;
}

/* True: an answer to all questions has come by then. */
static bool
wait_until(struct socket_snmp *snmp, int64_t end_ms)
{
	const struct pp_host *host = snmp->host;
	int64_t left;

	go_on(snmp);
	while (snmp->stage != IDLE) {
		left = end_ms - now_ms(snmp);
		if (left <= 0 || host->wait_fd(host->cookie, descriptor(snmp),
		    PP_WAIT_READ, (int)left) == PP_CANCELED)
			return false;
		go_on(snmp);
	}
	return snmp->silences == 0;
}

bool
socket_snmp_count(struct socket_snmp *snmp)
{
	int64_t end_ms = now_ms(snmp) + snmp->set->snmp_timeout_ms;

	if (snmp->peer[0] == '\0' || snmp->silences > 0 ||
	    !wait_until(snmp, end_ms))
		return false;
	begin(snmp, true);
	return wait_until(snmp, end_ms) && snmp->report.counts;
}
