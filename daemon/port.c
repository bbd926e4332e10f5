/*
 * port.c - see port.h, which has the picture.
 *
 *	port_print -> waiting --hand_over--> handed --on_done--> done()
 *	                 ^                    |  |                 ^
 *	                 +---- on_gone -------+  +-on_sent-> sent -+
 *	                    (those that were not started)
 *
 * enter() is the one place that changes the state.  step() looks at what is
 * there and does what is due; it is called at the end of every call-back, and
 * by a deferred event after port_print(), so that all documents that came in
 * one turn of the loop go to the host in one message.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>

#include "hostproc.h"
#include "log.h"
#include "monitor/monitor.h"
#include "port.h"
#include "shared_conf.h"

/* A failed port is tried again after this, doubling, with jitter. */
#define BACKOFF_MIN_MS	1000
#define BACKOFF_MAX_MS	60000
/* How often a busy host's signs of life are looked at. */
#define WATCH_MS	500
/* A document done in this time lets the window of the next ones grow. */
#define FAST_MS		50
/* One that takes longer than this is slow: those behind it are called back. */
#define SLOW_MS		250
#define WINDOW_MAX	HOSTPROC_DOCS

struct port {
	struct event_base	*base;
	const struct port_ids	*ids;		/* borrowed */
	struct shared_conf	*shared;
	const struct conf_port	*conf;		/* in shared */
	enum port_state		 state;
	struct hostproc		*host;		/* NULL unless it lives */
	struct document_list	 waiting, handed, sent;
	size_t			 n_waiting, n_handed, n_sent;
	uint32_t		 finished;	/* of this host's documents */
	unsigned		 failures;	/* in a row */
	int64_t			 since_ms;	/* of the state */
	bool			 stale;		/* settings changed: reopen */
	bool			 no_more;	/* draining or retired */
	port_idle_fn		*idle;		/* of drain and retire */
	void			*idle_arg;
	size_t			 n_spooled;	/* waiting or handed */
	unsigned int		 window;	/* of them, at most */
	int64_t			 head_since_ms;	/* handed[0] is in work */
	bool			 dying;		/* the host is to be gone */
	int64_t			 again_ms;	/* end of the back-off */
	char			 why[PORT_TROUBLE_LEN - 64];	/* of the last failure, or "" */
	uint32_t		 status, severity; /* PORT_INFO_3 */
	char			 status_text[PORT_TROUBLE_LEN - 64];
	port_watch_fn		*watcher;
	void			*watcher_arg;
	struct port_supply	*supplies;	/* owned; what is left */
	size_t			 n_supplies;
	struct event		 tell_event;	/* deferred call of watcher */
	struct event		 step_event;	/* deferred step() */
	struct event		 timer;		/* idle_close or back-off */
	struct event		 watch;		/* of the host's signs of life */
};

static void step(struct port *port);

static const char *const state_names[] = {
	[PORT_IDLE] = "idle",		[PORT_STARTING] = "starting",
	[PORT_OPEN] = "open",		[PORT_CLOSING] = "closing",
	[PORT_BACKOFF] = "backoff",
};

static int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Room or health may be another now. */
static void
changed(struct port *port)
{
	if (port->watcher != NULL)
		event_active(&port->tell_event, EV_TIMEOUT, 0);
}

static void
set_timer(struct event *event, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
	    .tv_usec = (ms % 1000) * 1000 };

	(void)event_add(event, &tv);
}

static bool
legal(enum port_state from, enum port_state to)
{
	switch (to) {
	case PORT_IDLE:
		return from == PORT_CLOSING || from == PORT_BACKOFF;
	case PORT_STARTING:
		return from == PORT_IDLE;
	case PORT_OPEN:
		return from == PORT_STARTING;
	case PORT_CLOSING:
		return from == PORT_OPEN || from == PORT_STARTING;
	case PORT_BACKOFF:
		return from != PORT_BACKOFF;
	}
	return false;
}

static void
enter(struct port *port, enum port_state state)
{
	assert(legal(port->state, state));
	log_put(LOG_LEVEL_DEBUG, "port", LOG_TEXT("port", port->conf->name),
	    LOG_TEXT("from", state_names[port->state]),
	    LOG_TEXT("to", state_names[state]));
	event_del(&port->timer);
	port->state = state;
	port->since_ms = clock_ms();
	changed(port);
}

/* ---- documents ---------------------------------------------------------- */

static void
log_outcome(const struct port *port, const struct document *doc,
    const struct wire_outcome *outcome)
{
	enum log_level level = outcome->verdict == WIRE_DONE ||
	    outcome->verdict == WIRE_NOTHING ? LOG_LEVEL_INFO :
	    LOG_LEVEL_WARNING;
	char client[DOCUMENT_PEER_LEN];

	if (doc->spooled && outcome->verdict == WIRE_UNTOUCHED)
		level = LOG_LEVEL_DEBUG;
	if (!log_enabled(level))
		return;
	document_peer_name(doc, client);
	log_put(level, outcome->verdict == WIRE_DONE ? "job printed" :
	    outcome->verdict == WIRE_NOTHING ? "job empty" :
	    "job not printed", LOG_TEXT("port", port->conf->name),
	    LOG_TEXT("queue", doc->queue), LOG_NUM("job", doc->job),
	    LOG_TEXT("client", doc->about != NULL ? doc->about->host : client),
	    LOG_NUM("bytes", outcome->written),
	    LOG_TEXT("verdict", wire_verdict_name(outcome->verdict)),
	    LOG_TEXT("reason", outcome->text));
}

/* The way back to the front end; doc may be gone when this returns. */
static void
hand_back(struct port *port, struct document *doc,
    const struct wire_outcome *outcome)
{
	log_outcome(port, doc, outcome);
	changed(port);
	doc->done(doc, outcome);
}

static void
give_back(struct port *port, struct document *doc,
    const struct wire_outcome *outcome)
{
	if (doc->spooled)
		port->n_spooled--;
	hand_back(port, doc, outcome);
}

static void
give_back_sent(struct port *port, struct document *doc,
    const struct wire_outcome *outcome)
{
	TAILQ_REMOVE(&port->sent, doc, link);
	port->n_sent--;
	hand_back(port, doc, outcome);
}

/* Nobody is left who would say that its last page is out. */
static void
settle_sent(struct port *port, const char *why)
{
	struct wire_outcome outcome = { .verdict = WIRE_DONE, .text = why };
	struct document *doc;

	while ((doc = TAILQ_FIRST(&port->sent)) != NULL) {
		outcome.job = doc->job;
		outcome.written = doc->written;
		give_back_sent(port, doc, &outcome);
	}
}

/* If the host has not started it, which only the host can know. */
static void
recall_one(struct port *port, struct document *doc)
{
	if (!doc->recalled)
		hostproc_cancel(port->host, doc->job, WIRE_CANCEL_WAITING);
	doc->recalled = true;
}

static void
give_back_as(struct port *port, struct document *doc,
    enum wire_verdict verdict, const char *text)
{
	struct wire_outcome outcome = { .job = doc->job, .verdict = verdict,
	    .text = text };

	give_back(port, doc, &outcome);
}

static void
unhand(struct port *port, struct document *doc)
{
	if (doc == TAILQ_FIRST(&port->handed))
		port->head_since_ms = clock_ms();
	TAILQ_REMOVE(&port->handed, doc, link);
	port->n_handed--;
}

static struct document *
take_handed(struct port *port)
{
	struct document *doc = TAILQ_FIRST(&port->handed);

	unhand(port, doc);
	return doc;
}

static struct document *
take_waiting(struct port *port)
{
	struct document *doc = TAILQ_FIRST(&port->waiting);

	TAILQ_REMOVE(&port->waiting, doc, link);
	port->n_waiting--;
	return doc;
}

/* Back to the head of the line, in the old order. */
static void
return_handed(struct port *port)
{
	struct document *doc;

	while ((doc = TAILQ_LAST(&port->handed, document_list)) != NULL) {
		TAILQ_REMOVE(&port->handed, doc, link);
		TAILQ_INSERT_HEAD(&port->waiting, doc, link);
	}
	port->n_waiting += port->n_handed;
	port->n_handed = 0;
}

/*
 * The port has failed: what the spool gave goes back there, for another port
 * may print it.
 */
static void
return_spooled(struct port *port, const char *why)
{
	struct document_list list = TAILQ_HEAD_INITIALIZER(list);
	struct document *doc, *next;

	for (doc = TAILQ_FIRST(&port->waiting); doc != NULL; doc = next) {
		next = TAILQ_NEXT(doc, link);
		if (!doc->spooled)
			continue;
		TAILQ_REMOVE(&port->waiting, doc, link);
		port->n_waiting--;
		TAILQ_INSERT_TAIL(&list, doc, link);
	}
	while ((doc = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, doc, link);
		give_back_as(port, doc, WIRE_UNTOUCHED, why);
	}
}

static void
describe(const struct document *doc, struct wire_doc *wire, char *client)
{
	const struct document_about *about = doc->about;

	document_peer_name(doc, client);
	*wire = (struct wire_doc){
		.job		 = doc->job,
		.flags		 = doc->flags |
		    (doc->spooled ? 0 : WIRE_DOC_SENT_ENDS),
		.idle_timeout_ms = doc->idle_timeout_ms,
		.submitted	 = time(NULL),
		.queue		 = doc->queue,
		.user		 = "",
		.host		 = client,
		.title		 = "",
		.datatype	 = "",
	};
	if (about == NULL)
		return;
	wire->submitted = about->submitted;
	wire->user = about->user;
	wire->host = about->host;
	wire->title = about->title;
	wire->datatype = about->datatype;
	wire->name = about->name;
	wire->extra = about->extra;
}

static void
hand_over(struct port *port)
{
	char client[DOCUMENT_PEER_LEN];
	struct document *doc;
	struct wire_doc wire;

	while (port->n_waiting > 0 &&
	    port->n_handed + port->n_sent < HOSTPROC_DOCS) {
		doc = TAILQ_FIRST(&port->waiting);
		if (doc->job == 0)
			doc->job = port->ids->next(port->ids->arg);
		if (doc->job == 0) {
			give_back_as(port, take_waiting(port), WIRE_CANCELED,
			    "there is no job number to be had: the spool is "
			    "down");
			continue;
		}
		describe(doc, &wire, client);
		if (!hostproc_add(port->host, &wire, doc->fd))
			break;
		(void)take_waiting(port);
		doc->recalled = false;
		if (port->n_handed == 0)
			port->head_since_ms = clock_ms();
		TAILQ_INSERT_TAIL(&port->handed, doc, link);
		port->n_handed++;
	}
	(void)hostproc_flush(port->host);
	if (port->n_handed + port->n_sent > 0 &&
	    !event_pending(&port->watch, EV_TIMEOUT, NULL))
		set_timer(&port->watch, WATCH_MS);
}

/* ---- back-off ----------------------------------------------------------- */

/* 1, 2, 4 ... 60 s, each between a half and the whole of that. */
static int64_t
backoff_ms(unsigned failures)
{
	int64_t ms = BACKOFF_MIN_MS;
	uint16_t random;

	for (; failures > 1 && ms < BACKOFF_MAX_MS; failures--)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	evutil_secure_rng_get_bytes(&random, sizeof(random));
	return ms / 2 + ms / 2 * random / UINT16_MAX;
}

static void
back_off(struct port *port)
{
	int64_t ms;

	port->failures++;
	ms = backoff_ms(port->failures);
	enter(port, PORT_BACKOFF);
	port->again_ms = port->since_ms + ms;
	set_timer(&port->timer, ms);
	log_put(LOG_LEVEL_WARNING, "port is tried again later",
	    LOG_TEXT("port", port->conf->name), LOG_NUM("after_ms", ms),
	    LOG_NUM("failures", port->failures),
	    LOG_NUM("waiting", port->n_waiting));
}

/* ---- the host's words --------------------------------------------------- */

/* From here on nobody should put a document here, until it is open again. */
static void
note_failure(struct port *port, const char *why)
{
	port->dying = true;
	snprintf(port->why, sizeof(port->why), "%s", why);
	changed(port);
}

static void
end_host(struct port *port, const char *why, const char *text)
{
	char reason[sizeof(port->why)];

	snprintf(reason, sizeof(reason), "%s: %s", why, text);
	note_failure(port, reason);
	hostproc_kill(port->host, why);
}

static void
on_ready(void *arg, int code, const char *text)
{
	struct port *port = arg;

	if (port->state != PORT_STARTING)
		return;
	if (code == 0) {
		enter(port, PORT_OPEN);
		return;
	}
	log_put(LOG_LEVEL_ERROR, "port cannot be used",
	    LOG_TEXT("port", port->conf->name),
	    LOG_TEXT("monitor", port->conf->monitor),
	    LOG_TEXT("reason", text));
	end_host(port, "could not load its monitor", text);
}

static void
on_opened(void *arg, int code, const char *text)
{
	struct port *port = arg;
	struct document *doc;

	if (code == 0) {
		log_put(LOG_LEVEL_INFO, "port opened",
		    LOG_TEXT("port", port->conf->name),
		    LOG_TEXT("monitor", port->conf->monitor),
		    LOG_NUM("pid", hostproc_pid(port->host)));
		return;
	}
	log_put(LOG_LEVEL_ERROR, "port cannot be opened",
	    LOG_TEXT("port", port->conf->name),
	    LOG_TEXT("monitor", port->conf->monitor),
	    LOG_TEXT("reason", text));
	end_host(port, "could not open its port", text);
	if (port->n_handed == 0)
		return;
	doc = take_handed(port);
	give_back_as(port, doc, doc->spooled ? WIRE_UNTOUCHED : WIRE_RETRY,
	    text);
}

static struct document *
find(const struct document_list *list, uint64_t job)
{
	struct document *doc;

	TAILQ_FOREACH(doc, list, link)
		if (doc->job == job)
			break;
	return doc;
}

/* How fast the port is says how many documents it may have at a time. */
static void
learn_pace(struct port *port)
{
	if (clock_ms() - port->head_since_ms > FAST_MS)
		port->window = 1;
	else if (port->window < WINDOW_MAX)
		port->window *= 2;
}

static void
note_success(struct port *port)
{
	port->failures = 0;
	port->why[0] = '\0';
}

/* From here on the printer has it, whatever happens: there is room for more. */
static void
on_sent(void *arg, uint64_t job, uint64_t written)
{
	struct port *port = arg;
	struct document *doc = TAILQ_FIRST(&port->handed);

	if (doc == NULL || doc->job != job || !doc->spooled) {
		hostproc_kill(port->host, "answered nonsense");
		return;
	}
	port->finished++;
	learn_pace(port);
	unhand(port, doc);
	note_success(port);
	doc->written = written;
	TAILQ_INSERT_TAIL(&port->sent, doc, link);
	port->n_sent++;
	port->n_spooled--;
	changed(port);
	if (doc->sent != NULL)
		doc->sent(doc);
}

/* The last page of one that was sent is out, or a person has canceled it. */
static void
on_sent_done(struct port *port, struct document *doc,
    const struct wire_outcome *outcome)
{
	if (outcome->verdict == WIRE_DONE || outcome->verdict == WIRE_CANCELED)
		give_back_sent(port, doc, outcome);
	else
		hostproc_kill(port->host, "answered nonsense");
}

/*
 * Outcomes come in the order in which documents went, but for those that were
 * not started.  A failure of the port ends the host, which opens it anew after
 * the back-off.
 */
static void
on_done(void *arg, const struct wire_outcome *outcome)
{
	struct port *port = arg;
	struct document *doc = find(&port->sent, outcome->job);

	if (doc != NULL) {
		on_sent_done(port, doc, outcome);
		return;
	}
	doc = find(&port->handed, outcome->job);
	if (doc == NULL || (doc != TAILQ_FIRST(&port->handed) &&
	    outcome->verdict != WIRE_UNTOUCHED)) {
		hostproc_kill(port->host, "answered nonsense");
		return;
	}
	if (outcome->verdict != WIRE_UNTOUCHED) {
		port->finished++;
		learn_pace(port);
	}
	unhand(port, doc);
	if (outcome->verdict == WIRE_DONE)
		note_success(port);
	else if (outcome->verdict == WIRE_RETRY ||
	    outcome->verdict == WIRE_FAILED ||
	    outcome->verdict == WIRE_STOP)
		note_failure(port, outcome->text);
	give_back(port, doc, outcome);
}

static void
on_settled(void *arg)
{
	step(arg);
}

static void
on_status(void *arg, uint32_t status, uint32_t severity, const char *text)
{
	static const char *const names[] = { "clear", "offline", "paper-jam",
	    "paper-out", "output-bin-full", "paper-problem", "no-toner",
	    "door-open", "user-intervention", "out-of-memory", "toner-low",
	    "warming-up", "power-save" };
	static const char *const severities[] = { "none", "error", "warning",
	    "info" };
	struct port *port = arg;

	if (port->status == status && port->severity == severity)
		return;
	port->status = status;
	port->severity = severity;
	snprintf(port->status_text, sizeof(port->status_text), "%s%s%s",
	    names[status], *text != '\0' ? ": " : "", text);
	changed(port);
	log_put(severity == 1 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
	    "port status", LOG_TEXT("port", port->conf->name),
	    LOG_TEXT("status", names[status]),
	    LOG_TEXT("severity", severities[severity]),
	    LOG_TEXT("text", text));
}

static void
on_log(void *arg, uint32_t level, const char *text)
{
	struct port *port = arg;
	uint64_t job = atomic_load(&hostproc_board(port->host)->job);
	enum log_level put = level <= 3 ? LOG_LEVEL_ERROR :
	    level == 4 ? LOG_LEVEL_WARNING :
	    level <= 6 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;

	if (job == 0)
		log_put(put, "monitor says",
		    LOG_TEXT("port", port->conf->name),
		    LOG_TEXT("monitor", port->conf->monitor),
		    LOG_TEXT("text", text));
	else
		log_put(put, "monitor says",
		    LOG_TEXT("port", port->conf->name), LOG_NUM("job", job),
		    LOG_TEXT("monitor", port->conf->monitor),
		    LOG_TEXT("text", text));
}

static void
on_supplies(void *arg, const struct hostproc_supply *supplies, size_t n)
{
	struct port *port = arg;
	struct port_supply *copy = calloc(n > 0 ? n : 1, sizeof(*copy));
	size_t i;

	if (copy == NULL)
		return;			/* the next word replaces this one */
	for (i = 0; i < n; i++) {
		snprintf(copy[i].name, sizeof(copy[i].name), "%s",
		    supplies[i].name);
		copy[i].percent = supplies[i].percent;
	}
	free(port->supplies);
	port->supplies = copy;
	port->n_supplies = n;
}

/*
 * The host has finished documents whose outcome did not reach us; the board
 * has their verdicts.
 */
static void
settle_finished(struct port *port)
{
	const struct wire_board *board = hostproc_board(port->host);
	uint32_t finished = atomic_load(&board->finished);
	uint8_t verdict;

	if (finished - port->finished > port->n_handed)
		return;			/* so many it never had */
	while (port->finished != finished) {
		verdict = atomic_load(&board->verdicts[
		    port->finished % WIRE_FDS]);
		if (verdict >= WIRE_VERDICT_COUNT)
			verdict = WIRE_FAILED;
		port->finished++;
		give_back_as(port, take_handed(port),
		    (enum wire_verdict)verdict, "");
	}
}

/* Was this document the one that the host was busy with? */
static bool
was_running(const struct port *port, const struct document *doc)
{
	return atomic_load(&hostproc_board(port->host)->job) == doc->job;
}

/* What it was busy with is lost, as far as it had come. */
static void
give_back_running(struct port *port, enum wire_verdict verdict,
    const char *why)
{
	struct document *doc = take_handed(port);
	struct wire_outcome outcome = { .job = doc->job, .verdict = verdict,
	    .text = why,
	    .written = atomic_load(&hostproc_board(port->host)->written) };

	give_back(port, doc, &outcome);
}

/*
 * What a module has sent in a write that does not return is not counted; only
 * before the first write it is sure that there is nothing.
 */
static enum wire_verdict
verdict_of_death(const struct port *port)
{
	const struct wire_board *board = hostproc_board(port->host);
	uint32_t call = atomic_load(&board->call);

	return atomic_load(&board->written) == 0 && (call == WIRE_CALL_OPEN ||
	    call == WIRE_CALL_START_DOC) ? WIRE_RETRY : WIRE_FAILED;
}

static void
on_gone(void *arg, const char *why, bool orderly)
{
	struct port *port = arg;
	bool failed = !orderly || port->state != PORT_CLOSING;

	if (!orderly)
		log_put(LOG_LEVEL_ERROR, "port host is gone",
		    LOG_TEXT("port", port->conf->name),
		    LOG_NUM("pid", hostproc_pid(port->host)),
		    LOG_TEXT("reason", why));
	settle_sent(port, "sent; its port host was gone before the last page "
	    "was out");
	settle_finished(port);
	if (port->n_handed > 0 &&
	    was_running(port, TAILQ_FIRST(&port->handed)))
		give_back_running(port, verdict_of_death(port), why);
	if (failed && !port->dying)
		note_failure(port, why);
	if (port->state == PORT_STARTING && port->n_waiting > 0 &&
	    !TAILQ_FIRST(&port->waiting)->spooled)
		give_back_as(port, take_waiting(port), WIRE_RETRY, why);
	return_handed(port);
	hostproc_free(port->host);
	port->host = NULL;
	port->stale = port->dying = false;
	port->status = port->severity = 0;
	port->window = 1;
	event_del(&port->watch);
	if (failed) {
		back_off(port);
		return_spooled(port, port->why);
	} else {
		log_put(LOG_LEVEL_INFO, "port closed",
		    LOG_TEXT("port", port->conf->name));
		enter(port, PORT_IDLE);
	}
	step(port);
}

static const struct hostproc_ops ops = {
	.ready = on_ready,	.opened = on_opened,	.sent = on_sent,
	.done = on_done,
	.settled = on_settled,	.status = on_status,	.log = on_log,
	.supplies = on_supplies, .gone = on_gone,
};

/* ---- what is due -------------------------------------------------------- */

static void
start(struct port *port)
{
	enter(port, PORT_STARTING);
	port->finished = 0;
	port->host = hostproc_start(port->base, port->shared->conf, port->conf,
	    &ops, port);
	if (port->host != NULL) {
		set_timer(&port->watch, WATCH_MS);
		return;
	}
	log_put(LOG_LEVEL_ERROR, "port host cannot be started",
	    LOG_TEXT("port", port->conf->name),
	    LOG_TEXT("program", port->shared->conf->daemon.host_program),
	    LOG_TEXT("reason", strerror(errno)));
	snprintf(port->why, sizeof(port->why), "no port host could be "
	    "started: %s", strerror(errno));
	if (!TAILQ_FIRST(&port->waiting)->spooled)
		give_back_as(port, take_waiting(port), WIRE_RETRY, port->why);
	back_off(port);
	return_spooled(port, port->why);
}

static void
close_host(struct port *port)
{
	enter(port, PORT_CLOSING);
	hostproc_close(port->host);
	set_timer(&port->watch, WATCH_MS);
}

/* The line is dry: keep the port open for a while, unless told otherwise. */
static void
rest(struct port *port)
{
	if (port->stale || port->no_more || port->conf->idle_close_ms == 0)
		close_host(port);
	else if (!event_pending(&port->timer, EV_TIMEOUT, NULL))
		set_timer(&port->timer, port->conf->idle_close_ms);
}

/*
 * Pages that come out are waited for, but not the person who brings the paper
 * if the port is to close for good.
 */
static bool
may_close(const struct port *port)
{
	return port->n_handed == 0 && (port->n_sent == 0 ||
	    ((port->stale || port->no_more) &&
	    port->severity == PP_SEVERITY_ERROR));
}

static void
step_open(struct port *port)
{
	if (port->stale && may_close(port)) {
		close_host(port);
		return;
	}
	if (!port->stale && !port->dying)
		hand_over(port);
	if (port->n_waiting == 0 && may_close(port))
		rest(port);
	else
		event_del(&port->timer);
}

/* May end the port: the last thing that a call-back does. */
static void
step(struct port *port)
{
	if (port->state == PORT_IDLE && port->n_waiting > 0)
		start(port);
	else if (port->state == PORT_OPEN)
		step_open(port);
	if (port->host == NULL && port->n_waiting == 0 && port->idle != NULL) {
		port_idle_fn *idle = port->idle;

		port->idle = NULL;
		idle(port->idle_arg);
	}
}

static void
on_step(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	step(arg);
}

/* idle_close has passed, or the back-off has. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;

	(void)fd;
	(void)what;
	if (port->state == PORT_OPEN && port->n_waiting == 0 &&
	    may_close(port))
		close_host(port);
	else if (port->state == PORT_BACKOFF)
		enter(port, PORT_IDLE);
	step(port);
}

/*
 * A call of the module that has given no sign of life for call_timeout, or a
 * host that does not get started or closed in that time, is at its end.
 */
static bool
hangs(const struct port *port, const char **why)
{
	static char text[64];
	const struct wire_board *board = hostproc_board(port->host);
	uint32_t call = atomic_load(&board->call);
	int64_t now = clock_ms(), limit = port->conf->call_timeout_ms;

	if (call != WIRE_CALL_NONE &&
	    atomic_load(&board->alive_ms) < now - limit) {
		snprintf(text, sizeof(text), "hangs in %s",
		    wire_call_name(call));
		*why = text;
		return true;
	}
	*why = "does not come to its end";
	return call == WIRE_CALL_NONE && port->state != PORT_OPEN &&
	    now - port->since_ms > limit;
}

/*
 * The document in work takes its time, be it that it is long or that paper is
 * out: the spool may have a better place for those behind it.
 */
static void
recall(struct port *port)
{
	struct document *doc = TAILQ_FIRST(&port->handed);

	if (doc == NULL || clock_ms() - port->head_since_ms < SLOW_MS)
		return;
	if (port->window > 1)
		changed(port);
	port->window = 1;
	while ((doc = TAILQ_NEXT(doc, link)) != NULL)
		if (doc->spooled)
			recall_one(port, doc);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	const char *why;

	(void)fd;
	(void)what;
	if (port->host == NULL)
		return;
	if (hangs(port, &why))
		hostproc_kill(port->host, why);
	else
		recall(port);
	if (port->state != PORT_OPEN || port->n_handed + port->n_sent > 0)
		set_timer(&port->watch, WATCH_MS);
	step(port);
}

static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;

	(void)fd;
	(void)what;
	if (port->watcher != NULL)
		port->watcher(port->watcher_arg, port);
}

/* ---- from outside ------------------------------------------------------- */

static void
adopt(struct port *port, struct shared_conf *shared, const char *name)
{
	ssize_t i = conf_find_port(shared->conf, name);

	assert(i >= 0);
	port->shared = shared_conf_use(shared);
	port->conf = &shared->conf->ports[i];
}

struct port *
port_new(struct event_base *base, const struct port_ids *ids,
    struct shared_conf *conf, const char *name)
{
	struct port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->base = base;
	port->ids = ids;
	port->window = 1;
	TAILQ_INIT(&port->waiting);
	TAILQ_INIT(&port->handed);
	TAILQ_INIT(&port->sent);
	event_assign(&port->step_event, base, -1, 0, on_step, port);
	event_assign(&port->timer, base, -1, 0, on_timer, port);
	event_assign(&port->watch, base, -1, 0, on_watch, port);
	event_assign(&port->tell_event, base, -1, 0, on_tell, port);
	adopt(port, conf, name);
	return port;
}

/* What it has done and what it is at do not come back as never begun. */
static void
give_up_host(struct port *port)
{
	if (port->host == NULL)
		return;
	settle_sent(port, "sent; the daemon ended before the last page was "
	    "out");
	settle_finished(port);
	if (port->n_handed > 0 &&
	    was_running(port, TAILQ_FIRST(&port->handed)))
		give_back_running(port, WIRE_CANCELED, "the daemon ends");
	/* It may begin with those behind before it hears that we are gone. */
	while (port->n_handed > 0)
		give_back_as(port, take_handed(port), WIRE_CANCELED,
		    "the daemon ends");
	hostproc_abandon(port->host);
	port->host = NULL;
}

void
port_free(struct port *port)
{
	if (port == NULL)
		return;
	port->watcher = NULL;
	give_up_host(port);
	return_handed(port);
	return_spooled(port, "the daemon ends");
	while (port->n_waiting > 0)
		give_back_as(port, take_waiting(port), WIRE_CANCELED,
		    "the daemon ends");
	event_del(&port->step_event);
	event_del(&port->timer);
	event_del(&port->watch);
	event_del(&port->tell_event);
	free(port->supplies);
	shared_conf_release(port->shared);
	free(port);
}

static bool
text_differs(const char *a, const char *b)
{
	return (a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0);
}

/* Would a host that was started with a do for b? */
static bool
differs(const struct conf_port *a, const struct conf_port *b)
{
	size_t i;

	if (text_differs(a->monitor, b->monitor) ||
	    text_differs(a->language_monitor, b->language_monitor) ||
	    text_differs(a->file, b->file) ||
	    a->write_timeout_ms != b->write_timeout_ms ||
	    a->stall_timeout_ms != b->stall_timeout_ms ||
	    a->answer_wait_ms != b->answer_wait_ms ||
	    a->n_settings != b->n_settings)
		return true;
	for (i = 0; i < a->n_settings; i++)
		if (strcmp(a->settings[i].key, b->settings[i].key) != 0 ||
		    strcmp(a->settings[i].value, b->settings[i].value) != 0)
			return true;
	return false;
}

void
port_configure(struct port *port, struct shared_conf *conf)
{
	struct shared_conf *old_shared = port->shared;
	const struct conf_port *old = port->conf;

	adopt(port, conf, old->name);
	if (port->host != NULL && differs(old, port->conf))
		port->stale = true;
	if (port->state == PORT_BACKOFF && differs(old, port->conf))
		set_timer(&port->timer, 0);
	shared_conf_release(old_shared);
	event_active(&port->step_event, EV_TIMEOUT, 0);
}

/* How many more documents of any kind port_print() takes. */
static size_t
places_left(const struct port *port)
{
	size_t used = port->n_waiting + port->n_handed;
	size_t all = (size_t)port->conf->max_waiting + 1;

	return used < all ? all - used : 0;
}

int
port_print(struct port *port, struct document *doc)
{
	if (port->no_more || places_left(port) == 0)
		return -1;
	if (doc->spooled)
		port->n_spooled++;
	else
		doc->job = 0;
	TAILQ_INSERT_TAIL(&port->waiting, doc, link);
	port->n_waiting++;
	if (port->state == PORT_IDLE || port->state == PORT_OPEN)
		event_active(&port->step_event, EV_TIMEOUT, 0);
	return 0;
}

void
port_retire(struct port *port, port_idle_fn *idle, void *arg)
{
	port->no_more = true;
	port->idle = idle;
	port->idle_arg = arg;
	changed(port);
	event_active(&port->step_event, EV_TIMEOUT, 0);
}

void
port_resume(struct port *port)
{
	port->no_more = false;
	port->idle = NULL;
	changed(port);
}

void
port_drain(struct port *port, port_idle_fn *idle, void *arg)
{
	struct document *doc;

	return_spooled(port, "the daemon ends");
	while (port->n_waiting > 0)
		give_back_as(port, take_waiting(port), WIRE_CANCELED,
		    "the daemon ends");
	TAILQ_FOREACH(doc, &port->handed, link)
		recall_one(port, doc);
	port_retire(port, idle, arg);
}

void
port_cancel(struct port *port)
{
	struct document *doc;

	TAILQ_FOREACH(doc, &port->handed, link)
		hostproc_cancel(port->host, doc->job, PP_JOB_DELETING);
	TAILQ_FOREACH(doc, &port->sent, link)
		hostproc_cancel(port->host, doc->job, 0);
}

void
port_cancel_document(struct port *port, struct document *doc, uint32_t flags)
{
	if (find(&port->handed, doc->job) == doc ||
	    find(&port->sent, doc->job) == doc) {
		hostproc_cancel(port->host, doc->job, flags);
		return;
	}
	TAILQ_REMOVE(&port->waiting, doc, link);
	port->n_waiting--;
	give_back_as(port, doc, WIRE_UNTOUCHED,
	    "canceled before it was started");
}

void
port_watch(struct port *port, port_watch_fn *watch, void *arg)
{
	port->watcher = watch;
	port->watcher_arg = arg;
	changed(port);
}

unsigned int
port_room(const struct port *port)
{
	size_t left = places_left(port);
	size_t used = port->n_waiting + port->n_handed + port->n_sent;
	unsigned int room;

	if (port->no_more || port->stale || !port_healthy(port) ||
	    port->n_spooled >= port->window || used >= HOSTPROC_DOCS)
		return 0;
	room = port->window - (unsigned int)port->n_spooled;
	if (left > HOSTPROC_DOCS - used)
		left = HOSTPROC_DOCS - used;
	return left < room ? (unsigned int)left : room;
}

bool
port_healthy(const struct port *port)
{
	return port->state != PORT_BACKOFF && !port->dying &&
	    port->severity != PP_SEVERITY_ERROR;
}

bool
port_on_trial(const struct port *port)
{
	return port->failures > 0;
}

const char *
port_trouble(const struct port *port, char text[PORT_TROUBLE_LEN])
{
	int64_t left;

	text[0] = '\0';
	if (port->severity == PP_SEVERITY_ERROR)
		snprintf(text, PORT_TROUBLE_LEN, "%s", port->status_text);
	else if (port->state == PORT_BACKOFF) {
		left = (port->again_ms - clock_ms() + 999) / 1000;
		snprintf(text, PORT_TROUBLE_LEN, "%s; tried again in %" PRId64
		    " s", port->why, left < 0 ? 0 : left);
	} else if (port->dying)
		snprintf(text, PORT_TROUBLE_LEN, "%s", port->why);
	return text;
}

const char *
port_status(const struct port *port)
{
	return port->severity == PP_SEVERITY_NONE ? "" : port->status_text;
}

const struct port_supply *
port_supplies(const struct port *port, size_t *n)
{
	*n = port->n_supplies;
	return port->supplies;
}

uint64_t
port_written(const struct port *port, uint64_t job)
{
	const struct wire_board *board;
	const struct document *doc = find(&port->sent, job);

	if (doc != NULL)
		return doc->written;
	if (port->host == NULL)
		return 0;
	board = hostproc_board(port->host);
	return atomic_load(&board->job) == job ? atomic_load(&board->written) :
	    0;
}

const char *
port_name(const struct port *port)
{
	return port->conf->name;
}

enum port_state
port_state(const struct port *port)
{
	return port->state;
}

size_t
port_waiting(const struct port *port)
{
	return port->n_waiting;
}
