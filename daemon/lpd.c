/*
 * lpd.c - see lpd.h, which has the picture.
 *
 * Here is what all sessions have in common, in the order in which it happens:
 * refusing, telling, parting, ending; at the end, their beginning.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "conf/conf.h"
#include "counters.h"
#include "log.h"
#include "lpd.h"
#include "lpd_session.h"
#include "shared_conf.h"

/* How long a client gets to end too, and to take what it is told. */
#define PARTING_MS	5000
#define TELLING_MS	60000
/* What it still sends is read until then, up to so much. */
#define PARTING_LEN	((size_t)1 << 20)
/* So many of the oldest sessions are looked at for one to end. */
#define ROOM_LOOKS	64

static void on_event(evutil_socket_t fd, short what, void *arg);

static int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- waiting ------------------------------------------------------------ */

static const char *
state_name(enum lpd_state state)
{
	static const char *const names[] = {
		[LPD_COMMAND_COMES] = "command", [LPD_PART_COMES] = "part",
		[LPD_CONTROL_COMES] = "control", [LPD_DATA_COMES] = "data",
		[LPD_DATA_FULL] = "full", [LPD_NUL_COMES] = "nul",
		[LPD_COMMITTING] = "committing", [LPD_ASKING] = "asking",
		[LPD_TELLING] = "telling", [LPD_DELAYING] = "delaying",
		[LPD_PARTING] = "parting",
	};

	return names[state];
}

/* A job may come until we say no; from then on there is only the end. */
static bool
may_enter(enum lpd_state from, enum lpd_state to)
{
	if (from == LPD_PARTING)
		return false;
	if (from == LPD_DELAYING)
		return to == LPD_TELLING || to == LPD_PARTING;
	if (from == LPD_ASKING)
		return to == LPD_TELLING || to == LPD_DELAYING;
	return true;
}

void
lpd_enter(struct lpd_session *session, enum lpd_state state)
{
	assert(may_enter(session->state, state));
	event_del(&session->event);
	if (log_enabled(LOG_LEVEL_DEBUG) && session->state != state)
		log_put(LOG_LEVEL_DEBUG, "lpd",
		    LOG_TEXT("client", session->client),
		    LOG_TEXT("from", state_name(session->state)),
		    LOG_TEXT("to", state_name(state)));
	session->state = state;
}

/* For what, at most ms; 0: as long as it takes. */
static void
await(struct lpd_session *session, short what, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
	    .tv_usec = (ms % 1000) * 1000 };
	struct event_base *base = session->lpd->house->base;

	event_del(&session->event);
	event_assign(&session->event, base, session->fd, what, on_event,
	    session);
	if (event_add(&session->event, ms == 0 && what != 0 ? NULL : &tv) ==
	    -1)
		lpd_end_broken(session, strerror(ENOMEM));
}

/* Many clients may be silent equally long; but the first line has to be there
 * at a time that no octet puts off. */
static void
await_bytes(struct lpd_session *session)
{
	int64_t ms = session->conf->receive_timeout_ms;

	if (session->state == LPD_COMMAND_COMES && session->deadline_ms != 0) {
		ms = session->deadline_ms - monotonic_ms();
		await(session, EV_READ, ms > 0 ? ms : 1);
	} else if (session->state == LPD_COMMAND_COMES)
		await(session, EV_READ, 0);
	else
		await(session, EV_READ, ms);
}

/* ---- the end of a session ----------------------------------------------- */

static void
lpd_free(struct lpd *lpd)
{
	if (lpd->shared != NULL)
		shared_conf_release(lpd->shared);
	free(lpd->name);
	free(lpd);
}

static void
free_jobs(struct lpd_session *session)
{
	struct lpd_job *job;

	while ((job = TAILQ_FIRST(&session->jobs)) != NULL)
		lpd_job_free(&session->jobs, job);
}

/*
 * Connections linger for no time from the start (see listener.c): this is by
 * RST.
 */
static void
end_session(struct lpd_session *session)
{
	struct lpd *lpd = session->lpd;

	event_del(&session->event);
	free_jobs(session);
	if (session->asking != NULL)
		session->asking->free(session);
	close(session->fd);
	TAILQ_REMOVE(&lpd->sessions, session, link);
	shared_conf_release(session->shared);
	free(session->control);
	free(session->out);
	frontend_closed(&lpd->frontend, &session->peer);
	free(session);
	if (lpd->retired && frontend_connections(&lpd->frontend) == 0)
		lpd_free(lpd);
}

/* From now on a close is by FIN. */
static void
linger(struct lpd_session *session)
{
	struct linger linger = { .l_onoff = 0 };

	(void)setsockopt(session->fd, SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger));
}

void
lpd_end(struct lpd_session *session)
{
	linger(session);
	end_session(session);
}

static void
end_as_probe(struct lpd_session *session, const char *why)
{
	counters.probes++;
	log_put(LOG_LEVEL_DEBUG, "connection without a job",
	    LOG_TEXT("listener", session->lpd->name),
	    LOG_TEXT("client", session->client), LOG_TEXT("reason", why));
	lpd_end(session);
}

void
lpd_end_broken(struct lpd_session *session, const char *why)
{
	if (!session->heard || session->state == LPD_COMMAND_COMES) {
		end_as_probe(session, why);
		return;
	}
	counters.incomplete++;
	log_put(LOG_LEVEL_WARNING, "job incomplete",
	    LOG_TEXT("listener", session->lpd->name),
	    LOG_TEXT("queue", session->queue != NULL ? session->queue->name :
	    ""), LOG_TEXT("client", session->client),
	    LOG_TEXT("reason", why));
	end_session(session);
}

/* ---- telling ------------------------------------------------------------ */

bool
lpd_say(struct lpd_session *session, char octet)
{
	ssize_t n;

	do
		n = send(session->fd, &octet, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == 1)
		return true;
	if (errno == EAGAIN) {
		lpd_end_broken(session, "it does not take our answers");
		return false;
	}
	/*
	 * Some are gone that have sent all: what is there decides.  After a
	 * reset that we are told here, the end of it looks like a good one;
	 * but for EPIPE, which is a reset behind a good end.
	 */
	if (errno != EPIPE)
		session->broken = errno;
	return true;
}

static bool
grow_out(struct lpd_session *session, size_t len)
{
	size_t size = session->out_size == 0 ? 1024 : session->out_size;
	char *out;

	while (size < session->out_len + len)
		size *= 2;
	if (size == session->out_size)
		return true;
	out = realloc(session->out, size);
	if (out == NULL)
		return false;
	session->out = out;
	session->out_size = size;
	return true;
}

void
lpd_print(struct lpd_session *session, const char *fmt, ...)
{
	char text[2 * LPD_LINE_LEN];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = (int)sizeof(text) - 1;
	if (!grow_out(session, (size_t)n))
		return;
	memcpy(session->out + session->out_len, text, (size_t)n);
	session->out_len += (size_t)n;
}

/* 1: all is with the kernel; 0: not yet; -1: the session is gone. */
static int
flush(struct lpd_session *session)
{
	ssize_t n;

	while (session->out_at < session->out_len) {
		n = send(session->fd, session->out + session->out_at,
		    session->out_len - session->out_at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			session->out_at += (size_t)n;
		else if (n == -1 && errno == EAGAIN)
			return 0;
		else if (n == 0 || errno != EINTR) {
			end_session(session);	/* it went by itself */
			return -1;
		}
	}
	session->out_at = session->out_len = 0;
	return 1;
}

void
lpd_tell(struct lpd_session *session)
{
	int done;

	if (session->state != LPD_TELLING)
		lpd_enter(session, LPD_TELLING);
	done = flush(session);
	if (done == 0)
		await(session, EV_WRITE, TELLING_MS);
	else if (done == 1 && session->asking != NULL)
		session->asking->more(session);
	else if (done == 1)
		lpd_part(session);
}

/* ---- parting ------------------------------------------------------------ */

/*
 * A close with bytes unread would be a reset, which can take from the client
 * what it has not read yet: so they are read.
 */
static void
drain(struct lpd_session *session)
{
	char bytes[4096];
	ssize_t n;

	do {
		n = recv(session->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0)
			session->budget -= (size_t)n < session->budget ?
			    (size_t)n : session->budget;
	} while ((n > 0 && session->budget > 0) ||
	    (n == -1 && errno == EINTR));
	if (n == -1 && errno == EAGAIN)
		await(session, EV_READ, PARTING_MS);
	else
		lpd_end(session);
}

void
lpd_part(struct lpd_session *session)
{
	lpd_enter(session, LPD_PARTING);
	linger(session);
	if (session->finishing || shutdown(session->fd, SHUT_WR) == -1) {
		lpd_end(session);
		return;
	}
	session->budget = PARTING_LEN;
	drain(session);
}

/* ---- refusing ----------------------------------------------------------- */

/* Once a second is enough to say it. */
static bool
may_log_refusal(struct lpd *lpd)
{
	time_t now = time(NULL);

	if (now == lpd->refusal_logged)
		return false;
	lpd->refusal_logged = now;
	return true;
}

static void
prepare_refusal(struct lpd_session *session, char nak, const char *why)
{
	counters.refused++;
	if (may_log_refusal(session->lpd))
		log_put(LOG_LEVEL_WARNING, "refused",
		    LOG_TEXT("listener", session->lpd->name),
		    LOG_TEXT("queue", session->queue != NULL ?
		    session->queue->name : ""),
		    LOG_TEXT("client", session->client),
		    LOG_NUM("answer", nak), LOG_TEXT("reason", why));
	session->nak = nak;
	snprintf(session->refusal, sizeof(session->refusal), "%s", why);
	free_jobs(session);
	session->job = NULL;
	free(session->control);
	session->control = NULL;
}

/* Clients that show an answer show the text behind it. */
static void
tell_refusal(struct lpd_session *session)
{
	lpd_print(session, "%c%s\n", session->nak, session->refusal);
	lpd_tell(session);
}

void
lpd_refuse_now(struct lpd_session *session, char nak, const char *why)
{
	prepare_refusal(session, nak, why);
	tell_refusal(session);
}

/* The time keeps those that try again at once from doing it all day. */
void
lpd_refuse(struct lpd_session *session, char nak, const char *why)
{
	int64_t ms = session->conf->refusal_delay_ms;

	prepare_refusal(session, nak, why);
	lpd_enter(session, LPD_DELAYING);
	if (ms == 0 || session->finishing)
		tell_refusal(session);
	else
		await(session, 0, ms);
}

void
lpd_refuse_verdict(struct lpd_session *session, enum lpd_verdict verdict)
{
	lpd_refuse(session, verdict == LPD_NO_MEMORY ? LPD_NAK_LATER :
	    verdict == LPD_BAD_QUEUE ? LPD_NAK_REFUSED : LPD_NAK_BAD,
	    lpd_verdict_text(verdict));
}

/* ---- what happens ------------------------------------------------------- */

static void
on_silence(struct lpd_session *session)
{
	switch (session->state) {
	case LPD_COMMAND_COMES:
		lpd_end_broken(session, "no command within command_timeout");
		break;
	case LPD_DELAYING:
		tell_refusal(session);
		break;
	case LPD_TELLING:
		end_session(session);
		break;
	case LPD_PARTING:
		lpd_end(session);
		break;
	case LPD_PART_COMES:
		if (TAILQ_EMPTY(&session->jobs) && session->in_len == 0) {
			lpd_end(session);
			break;
		}
		/* FALLTHROUGH */
	default:
		lpd_end_broken(session, "silent for receive_timeout");
	}
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct lpd_session *session = arg;

	(void)fd;
	if (what & EV_TIMEOUT)
		on_silence(session);
	else if (session->state == LPD_TELLING)
		lpd_tell(session);
	else if (session->state == LPD_PARTING)
		drain(session);
	else
		lpd_run(session);
}

/* ---- reading ------------------------------------------------------------ */

void
lpd_consume(struct lpd_session *session, size_t n)
{
	session->in_len -= n;
	memmove(session->in, session->in + n, session->in_len);
}

enum lpd_step
lpd_take_line(struct lpd_session *session, char line[LPD_LINE_LEN + 1],
    size_t *len)
{
	size_t used;

	switch (lpd_line(session->in, session->in_len, len, &used)) {
	case LPD_PART:
		return LPD_STEP_INPUT;
	case LPD_OVERLONG:
		lpd_refuse_verdict(session, LPD_TOO_LONG);
		return LPD_STEP_STOP;
	default:
		memcpy(line, session->in, *len);
		line[*len] = '\0';
		lpd_consume(session, used);
		return LPD_STEP_ON;
	}
}

/* Data goes straight to where it is kept; all else to the buffer. */
static ssize_t
read_some(struct lpd_session *session)
{
	struct incoming *in = NULL;
	char *to = session->in + session->in_len;
	size_t len = sizeof(session->in) - session->in_len;
	ssize_t n;

	if (session->state == LPD_DATA_COMES && session->in_len == 0 &&
	    session->length != LPD_ZERO) {
		in = intake_incoming(session->job->intake);
		to = incoming_room(in, &len);
		if (to == NULL) {
			errno = EAGAIN;	/* there was, a moment ago */
			return -1;
		}
		if (session->length == LPD_STATED && len > session->left)
			len = (size_t)session->left;
	}
	do
		n = recv(session->fd, to, len, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return n;
	session->heard = true;
	if (in == NULL)
		session->in_len += (size_t)n;
	else {
		incoming_filled(in, (size_t)n);
		session->left -= session->length == LPD_STATED ? (size_t)n : 0;
	}
	return n;
}

static void
on_end(struct lpd_session *session)
{
	if (session->state != LPD_COMMAND_COMES)
		lpd_receive_end(session);
	else
		end_as_probe(session, session->heard ?
		    "closed in the middle of a command" : "closed");
}

/* More bytes.  false: they are waited for, or it is gone. */
static bool
read_more(struct lpd_session *session)
{
	ssize_t n = 0;

	if (session->budget > 0) {
		n = read_some(session);
		if (n > 0) {
			session->budget -= (size_t)n < session->budget ?
			    (size_t)n : session->budget;
			return true;
		}
	}
	if (session->budget == 0 || (n == -1 && errno == EAGAIN))
		await_bytes(session);
	else if (n == 0 && session->broken == 0)
		on_end(session);
	else
		lpd_receive_break(session, n == 0 ? session->broken : errno);
	return false;
}

void
lpd_run(struct lpd_session *session)
{
	enum lpd_step step;

	session->budget = intake_turn_len(session->lpd->house);
	do
		step = lpd_step(session);
	while (step == LPD_STEP_ON ||
	    (step == LPD_STEP_INPUT && read_more(session)));
}

/* ---- a session begins --------------------------------------------------- */

static bool
has_wanted_port(const struct lpd_session *session)
{
	in_port_t port = ntohs(session->peer.any.sa_family == AF_INET6 ?
	    session->peer.in6.sin6_port : session->peer.in.sin_port);

	switch (session->conf->require_privileged) {
	case CONF_PRIVILEGED_1023:
		return port <= 1023;
	case CONF_PRIVILEGED_RFC:
		return port >= 721 && port <= 731;
	default:
		return true;
	}
}

static struct lpd *
of_frontend(struct frontend *frontend)
{
	return (struct lpd *)frontend;
}

static void
set_peer(struct lpd_session *session, const union document_peer *peer)
{
	struct document doc = { .peer = *peer };

	session->peer = *peer;
	document_peer_name(&doc, session->client);
}

static void
lpd_accept(struct frontend *frontend, int fd, const union document_peer *peer)
{
	struct lpd *lpd = of_frontend(frontend);
	struct lpd_session *session = calloc(1, sizeof(*session));

	if (session == NULL) {
		close(fd);
		return;
	}
	session->lpd = lpd;
	session->shared = shared_conf_use(lpd->shared);
	session->conf = lpd->conf;
	session->fd = fd;
	set_peer(session, peer);
	TAILQ_INIT(&session->jobs);
	if (lpd->conf->command_timeout_ms > 0)
		session->deadline_ms = monotonic_ms() +
		    lpd->conf->command_timeout_ms;
	event_assign(&session->event, lpd->house->base, fd, EV_READ, on_event,
	    session);
	TAILQ_INSERT_HEAD(&lpd->sessions, session, link);
	frontend_opened(frontend, peer);
	counters.accepted++;
	if (has_wanted_port(session))
		lpd_run(session);
	else
		lpd_refuse(session, LPD_NAK_REFUSED, "your port is not one "
		    "that require_privileged allows");
}

/* ---- life of the front end ---------------------------------------------- */

static int
lpd_configure(struct frontend *frontend, struct shared_conf *shared,
    const struct conf_listener *conf, struct port *const *ports)
{
	struct lpd *lpd = of_frontend(frontend);

	(void)ports;			/* jobs go to the store */
	if (lpd->shared != NULL)
		shared_conf_release(lpd->shared);
	lpd->shared = shared_conf_use(shared);
	lpd->conf = conf;
	return 0;
}

static struct frontend *
lpd_make(struct intake_house *house, struct shared_conf *shared,
    const struct conf_listener *conf, struct port *const *ports)
{
	struct lpd *lpd = calloc(1, sizeof(*lpd));

	if (lpd == NULL)
		return NULL;
	lpd->frontend.ops = &lpd_frontend;
	lpd->house = house;
	lpd->name = strdup(conf->name);
	TAILQ_INIT(&lpd->sessions);
	if (lpd->name == NULL ||
	    lpd_configure(&lpd->frontend, shared, conf, ports) == -1) {
		lpd_free(lpd);
		return NULL;
	}
	return &lpd->frontend;
}

/* In the middle of nothing that is not elsewhere too. */
static bool
is_idle(const struct lpd_session *session)
{
	switch (session->state) {
	case LPD_COMMAND_COMES:
	case LPD_TELLING:
	case LPD_DELAYING:
	case LPD_PARTING:
		return true;
	case LPD_PART_COMES:
		return TAILQ_EMPTY(&session->jobs);
	default:
		return false;
	}
}

static void
lpd_close_idle(struct frontend *frontend)
{
	struct lpd *lpd = of_frontend(frontend);
	struct lpd_session *session, *next;

	for (session = TAILQ_FIRST(&lpd->sessions); session != NULL;
	    session = next) {
		next = TAILQ_NEXT(session, link);
		if (is_idle(session))
			lpd_end(session);
	}
}

/* Among the oldest: who has been here for long, and has nothing under way. */
static bool
lpd_make_room(struct frontend *frontend)
{
	struct lpd *lpd = of_frontend(frontend);
	struct lpd_session *session;
	unsigned int looked = 0;

	TAILQ_FOREACH_REVERSE(session, &lpd->sessions, lpd_sessions, link) {
		if (is_idle(session)) {
			counters.probes++;
			end_session(session);
			return true;
		}
		if (++looked == ROOM_LOOKS)
			break;
	}
	return false;
}

bool
lpd_is_over(const struct lpd_session *session)
{
	return session->lpd->retired && session->lpd->house->draining;
}

/* All but those that have something to come from the store: see lpd_is_over.
 * With the last of them the front end may be gone. */
static void
end_all(struct lpd *lpd)
{
	struct lpd_session *session, *next;

	for (session = TAILQ_FIRST(&lpd->sessions); session != NULL;
	    session = next) {
		next = TAILQ_NEXT(session, link);
		if (session->state != LPD_ASKING &&
		    session->state != LPD_COMMITTING)
			end_session(session);
	}
}

static void
lpd_retire(struct frontend *frontend)
{
	struct lpd *lpd = of_frontend(frontend);

	lpd->retired = true;
	if (frontend_connections(frontend) == 0)
		lpd_free(lpd);
	else if (lpd->house->draining)
		end_all(lpd);
	else
		lpd_close_idle(frontend);
}

const struct frontend_ops lpd_frontend = {
	.make	    = lpd_make,
	.configure  = lpd_configure,
	.accept	    = lpd_accept,
	.close_idle = lpd_close_idle,
	.make_room  = lpd_make_room,
	.retire	    = lpd_retire,
};
