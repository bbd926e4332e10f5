/*
 * spooler.c - see spooler.h, which has the picture.
 *
 * The tick looks after the store once a second: is it there, is it well, is a
 * probe due, is there something old.  A store that is gone or damaged is closed when all
 * that was submitted has been delivered, and opened by a thread.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "conf/conf.h"
#include "log.h"
#include "spooler.h"

/* How often what is old is looked for, in ticks of a second. */
#define EXPIRE_TICKS	60
/* Of each kind at a time: some milliseconds of the committer's. */
#define EXPIRE_LIMIT	2000
/* How long to wait before a store that could not be opened is tried again. */
#define REOPEN_TICKS	5

enum spooler_state {
	SPOOLER_OPEN,		/* outcomes and the next tick are pending */
	SPOOLER_CLOSING,	/* outcomes are; then it is closed */
	SPOOLER_REOPENING,	/* the thread's word is, or the next try */
};

struct watcher {
	const struct spooler_ops *ops;
	void			*arg;
};

struct spooler {
	struct event_base	*base;
	enum spooler_state	 state;
	struct store		*store;		/* owned, also when closing */
	struct event		 readable, tick, reopened;
	struct watcher		 watchers[SPOOLER_WATCHERS];
	size_t			 n_watchers;

	char			*directory;	/* owned */
	uint64_t		 min_free_bytes;
	enum store_after_crash	 after_crash;
	struct store_retention	 keep;		/* ages, not instants */
	uint64_t		 client_max_jobs, client_max_bytes;
	struct tally		*queues, *clients; /* owned; of what is being
						 * committed */
	const struct spool_sys	*sys;		/* NULL: the real one */
	const char		*vfs;		/* the same */

	bool			 probing, expiring, looking;
	unsigned int		 ticks, tries;	/* since; of opening again */
	enum store_health	 told;		/* what the log knows */
	bool			 told_full;

	pthread_t		 thread;	/* that opens again */
	int			 opened_fd;	/* eventfd: it is done; or -1 */
	struct store		*opened;	/* its result */
	struct store_error	 error;		/* or this */
};

static int64_t
wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
set_tick(struct spooler *spooler)
{
	struct timeval tv = { .tv_sec = 1 };

	(void)event_add(&spooler->tick, &tv);
}

/* ---- opening ------------------------------------------------------------ */

static void
on_message(void *arg, const char *text)
{
	(void)arg;
	log_put(LOG_LEVEL_WARNING, "spool", LOG_TEXT("text", text));
}

static struct store *
open_store(const struct spooler *spooler, struct store_error *error)
{
	struct store_options options = {
		.directory	= spooler->directory,
		.sys		= spooler->sys,
		.vfs		= spooler->vfs,
		.min_free_bytes	= spooler->min_free_bytes,
		.after_crash	= spooler->after_crash,
		.now_ms		= wall_ms(),
		.message	= on_message,
	};

	return store_open(&options, error);
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

static void
serve(struct spooler *spooler, struct store *store)
{
	spooler->store = store;
	spooler->state = SPOOLER_OPEN;
	spooler->told = STORE_OK;
	spooler->probing = spooler->expiring = spooler->looking = false;
	spooler->tries = 0;
	event_assign(&spooler->readable, spooler->base, store_fd(store),
	    EV_READ | EV_PERSIST, on_readable, spooler);
	(void)event_add(&spooler->readable, NULL);
}

/* ---- and opening again -------------------------------------------------- */

static void *
reopen(void *arg)
{
	struct spooler *spooler = arg;

	store_close(spooler->store);
	spooler->store = NULL;
	spooler->opened = open_store(spooler, &spooler->error);
	(void)eventfd_write(spooler->opened_fd, 1);
	return NULL;
}

static void
join(struct spooler *spooler)
{
	event_del(&spooler->reopened);
	pthread_join(spooler->thread, NULL);
	close(spooler->opened_fd);
	spooler->opened_fd = -1;
}

static void
complain(struct spooler *spooler)
{
	if (spooler->tries++ == 0)
		log_put(LOG_LEVEL_ERROR, "spool cannot be opened, it is tried "
		    "again and again",
		    LOG_TEXT("spool_directory", spooler->directory),
		    LOG_TEXT("reason", spooler->error.text));
}

static void
on_reopened(evutil_socket_t fd, short what, void *arg)
{
	struct spooler *spooler = arg;
	size_t i;

	(void)fd;
	(void)what;
	join(spooler);
	if (spooler->opened == NULL) {
		complain(spooler);
		return;
	}
	serve(spooler, spooler->opened);
	spooler->opened = NULL;
	log_put(LOG_LEVEL_WARNING, "spool is open again",
	    LOG_TEXT("spool_directory", spooler->directory));
	for (i = 0; i < spooler->n_watchers; i++)
		spooler->watchers[i].ops->up(spooler->watchers[i].arg);
}

/* If there is no thread or descriptor now, the tick tries again. */
static void
start_reopening(struct spooler *spooler)
{
	spooler->state = SPOOLER_REOPENING;
	spooler->ticks = 0;
	spooler->opened_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (spooler->opened_fd == -1)
		return;
	event_assign(&spooler->reopened, spooler->base, spooler->opened_fd,
	    EV_READ, on_reopened, spooler);
	if (event_add(&spooler->reopened, NULL) == 0 &&
	    pthread_create(&spooler->thread, NULL, reopen, spooler) == 0)
		return;
	event_del(&spooler->reopened);
	close(spooler->opened_fd);
	spooler->opened_fd = -1;
}

static void
go_down(struct spooler *spooler, enum store_health health)
{
	size_t i;

	spooler->state = SPOOLER_CLOSING;
	log_put(LOG_LEVEL_ERROR, "spool is lost, jobs are refused until it is "
	    "open again", LOG_TEXT("spool_directory", spooler->directory),
	    LOG_TEXT("reason", store_health_name(health)));
	for (i = 0; i < spooler->n_watchers; i++)
		spooler->watchers[i].ops->down(spooler->watchers[i].arg);
}

/* ---- the store's outcomes ----------------------------------------------- */

/* After each batch of outcomes and each second: is it still there? */
static void
look(struct spooler *spooler)
{
	enum store_health health = store_health(spooler->store);

	if (spooler->state == SPOOLER_OPEN &&
	    (health == STORE_GONE || health == STORE_DAMAGED))
		go_down(spooler, health);
	if (spooler->state == SPOOLER_CLOSING &&
	    store_busy(spooler->store) == 0) {
		event_del(&spooler->readable);
		start_reopening(spooler);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct spooler *spooler = arg;

	(void)fd;
	(void)what;
	(void)store_poll(spooler->store);
	look(spooler);
}

void
spooler_wait(struct spooler *spooler)
{
	struct pollfd fd = { .fd = store_fd(spooler->store),
	    .events = POLLIN };

	while (poll(&fd, 1, -1) == -1 && errno == EINTR)
		;
	(void)store_poll(spooler->store);
}

/* ---- each second -------------------------------------------------------- */

static void
tell(struct spooler *spooler, bool full)
{
	enum store_health health = store_health(spooler->store);

	if (health != spooler->told)
		log_put(health == STORE_OK ? LOG_LEVEL_WARNING :
		    LOG_LEVEL_ERROR, health == STORE_OK ?
		    "spool works again" : "spool is suspect, jobs are refused "
		    "until a probe succeeds",
		    LOG_TEXT("spool_directory", spooler->directory));
	if (full != spooler->told_full)
		log_put(full ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
		    full ? "spool is full, jobs are refused" :
		    "spool has space again",
		    LOG_TEXT("spool_directory", spooler->directory),
		    LOG_NUM("free_bytes", store_free_bytes(spooler->store)),
		    LOG_NUM("min_free_space", spooler->min_free_bytes));
	spooler->told = health;
	spooler->told_full = full;
}

static void
on_probed(void *arg, int error)
{
	struct spooler *spooler = arg;

	(void)error;			/* health says it */
	spooler->probing = false;
}

static void
probe(struct spooler *spooler)
{
	bool full = store_free_bytes(spooler->store) < spooler->min_free_bytes;

	tell(spooler, full);
	if ((!full && store_health(spooler->store) == STORE_OK) ||
	    spooler->probing)
		return;
	spooler->probing = store_probe(spooler->store, on_probed, spooler) ==
	    0;
}

/* Commits notice that it is gone; without jobs there are none. */
static void
on_looked(void *arg, int error)
{
	struct spooler *spooler = arg;

	(void)error;			/* health says it */
	spooler->looking = false;
}

static void
search(struct spooler *spooler)
{
	if (!spooler->looking)
		spooler->looking = store_look(spooler->store, on_looked,
		    spooler) == 0;
}

static void expire(struct spooler *spooler);

static void
on_expired(void *arg, int error, unsigned int removed)
{
	struct spooler *spooler = arg;

	spooler->expiring = false;
	if (error == 0 && removed > 0 && spooler->state == SPOOLER_OPEN)
		expire(spooler);
}

/* keep_ms before now; 0, for ever, stays 0. */
static int64_t
before(int64_t now_ms, int64_t keep_ms)
{
	return keep_ms == 0 ? 0 : now_ms - keep_ms;
}

static void
expire(struct spooler *spooler)
{
	int64_t now = wall_ms();
	struct store_retention what = {
		.data_before_ms = now - spooler->keep.data_before_ms,
		.jobs_before_ms = before(now, spooler->keep.jobs_before_ms),
		.records_before_ms = before(now,
		    spooler->keep.records_before_ms),
		.limit = EXPIRE_LIMIT,
	};

	if (!spooler->expiring)
		spooler->expiring = store_expire(spooler->store, &what,
		    on_expired, spooler) == 0;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct spooler *spooler = arg;

	(void)fd;
	(void)what;
	set_tick(spooler);
	spooler->ticks++;
	if (spooler->state != SPOOLER_REOPENING)
		look(spooler);
	else if (spooler->opened_fd == -1 && spooler->ticks >= REOPEN_TICKS)
		start_reopening(spooler);
	if (spooler->state != SPOOLER_OPEN)
		return;
	search(spooler);
	probe(spooler);
	if (spooler->ticks % EXPIRE_TICKS == 1)
		expire(spooler);
}

/* ---- from outside ------------------------------------------------------- */

void
spooler_configure(struct spooler *spooler, const struct conf *conf)
{
	const struct conf_daemon *daemon = &conf->daemon;

	spooler->keep = (struct store_retention){
		.data_before_ms	   = daemon->keep_data_ms,
		.jobs_before_ms	   = daemon->keep_jobs_ms,
		.records_before_ms = daemon->keep_records_ms,
	};
	spooler->client_max_jobs = (uint64_t)daemon->client_max_jobs;
	spooler->client_max_bytes = (uint64_t)daemon->client_max_bytes;
}

static int
set_up(struct spooler *spooler, const struct conf *conf,
    struct store_error *error)
{
	struct store *store;

	spooler->directory = strdup(conf->daemon.spool_directory);
	spooler->queues = tally_new();
	spooler->clients = tally_new();
	if (spooler->directory == NULL || spooler->queues == NULL ||
	    spooler->clients == NULL) {
		error->kind = STORE_ERROR_IO;
		snprintf(error->text, sizeof(error->text), "no memory");
		return -1;
	}
	spooler->min_free_bytes = (uint64_t)conf->daemon.min_free_bytes;
	spooler->after_crash = conf->daemon.after_crash ==
	    CONF_AFTER_CRASH_HOLD ? STORE_HOLD : STORE_REPRINT;
	spooler_configure(spooler, conf);
	store = open_store(spooler, error);
	if (store == NULL)
		return -1;
	serve(spooler, store);
	return 0;
}

static void
release(struct spooler *spooler)
{
	tally_free(spooler->queues);
	tally_free(spooler->clients);
	free(spooler->directory);
	free(spooler);
}

struct spooler *
spooler_open_on(struct event_base *base, const struct conf *conf,
    const struct spool_sys *sys, const char *vfs, struct store_error *error)
{
	struct spooler *spooler = calloc(1, sizeof(*spooler));

	if (spooler == NULL) {
		*error = (struct store_error){ .kind = STORE_ERROR_IO,
		    .text = "no memory" };
		return NULL;
	}
	spooler->base = base;
	spooler->sys = sys;
	spooler->vfs = vfs;
	spooler->opened_fd = -1;
	event_assign(&spooler->tick, base, -1, 0, on_tick, spooler);
	if (set_up(spooler, conf, error) == -1) {
		release(spooler);
		return NULL;
	}
	set_tick(spooler);
	return spooler;
}

struct spooler *
spooler_open(struct event_base *base, const struct conf *conf,
    struct store_error *error)
{
	return spooler_open_on(base, conf, NULL, NULL, error);
}

void
spooler_free(struct spooler *spooler)
{
	if (spooler == NULL)
		return;
	event_del(&spooler->tick);
	if (spooler->state == SPOOLER_OPEN)
		spooler->state = SPOOLER_CLOSING; /* nobody submits any more */
	if (spooler->opened_fd != -1) {
		join(spooler);
		store_close(spooler->opened);
	} else if (spooler->store != NULL) {
		event_del(&spooler->readable);
		store_close(spooler->store);
	}
	release(spooler);
}

void
spooler_watch(struct spooler *spooler, const struct spooler_ops *ops,
    void *arg)
{
	assert(spooler->n_watchers < SPOOLER_WATCHERS);
	spooler->watchers[spooler->n_watchers++] =
	    (struct watcher){ ops, arg };
}

struct store *
spooler_store(const struct spooler *spooler)
{
	return spooler->state == SPOOLER_OPEN ? spooler->store : NULL;
}

uint64_t
spooler_next_id(struct spooler *spooler)
{
	struct store *store = spooler_store(spooler);

	return store == NULL ? 0 : store_next_id(store);
}

/* ---- is a job welcome? -------------------------------------------------- */

static int refuse(char *why, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
refuse(char *why, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, SPOOLER_WHY_LEN, fmt, args);
	va_end(args);
	return -error;
}

struct limit {
	uint64_t	 jobs, bytes;		/* at most; 0: any number */
	const char	*whose, *keys;		/* in words */
};

/* Of what is stored, what is on its way there, and so many bytes more. */
static int
within(const struct tally_count *stored, const struct tally_count *coming,
    uint64_t more, const struct limit *limit, char *why)
{
	uint64_t jobs = stored->total + coming->total;
	uint64_t bytes = stored->bytes + coming->bytes;

	if (limit->jobs != 0 && jobs >= limit->jobs)
		return refuse(why, EDQUOT, "the %s has %" PRIu64
		    " unfinished jobs (%smax_jobs)", limit->whose, jobs,
		    limit->keys);
	if (limit->bytes != 0 && (more > limit->bytes ||
	    bytes > limit->bytes - more))
		return refuse(why, EDQUOT, "the %s has %" PRIu64
		    " bytes in unfinished jobs (%smax_bytes)", limit->whose,
		    bytes, limit->keys);
	return 0;
}

static int
works(const struct spooler *spooler, const struct store *store, char *why)
{
	if (store == NULL)
		return refuse(why, ENXIO, "the spool is being opened again");
	if (store_health(store) != STORE_OK)
		return refuse(why, EIO, "the spool is %s",
		    store_health_name(store_health(store)));
	if (store_free_bytes(store) < spooler->min_free_bytes)
		return refuse(why, ENOSPC, "the spool has %" PRIu64
		    " bytes left (min_free_space)", store_free_bytes(store));
	return 0;
}

int
spooler_admit(const struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes, char why[SPOOLER_WHY_LEN])
{
	const struct store *store = spooler_store(spooler);
	struct limit of_queue = { (uint64_t)queue->max_jobs,
	    (uint64_t)queue->max_bytes, "queue", "" };
	struct limit of_client = { spooler->client_max_jobs,
	    spooler->client_max_bytes, "client", "client_" };
	int error = works(spooler, store, why);

	if (error == 0)
		error = within(store_queue_count(store, queue->name),
		    tally_get(spooler->queues, queue->name), bytes, &of_queue,
		    why);
	if (error == 0)
		error = within(store_host_count(store, client),
		    tally_get(spooler->clients, client), bytes, &of_client,
		    why);
	return error;
}

static void
count(struct spooler *spooler, const struct conf_queue *queue,
    const char *client, enum job_state from, enum job_state to,
    uint64_t bytes)
{
	tally_move(spooler->queues, queue->name, from, to, bytes);
	tally_move(spooler->clients, client, from, to, bytes);
}

int
spooler_reserve(struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes, char why[SPOOLER_WHY_LEN])
{
	int error = spooler_admit(spooler, queue, client, bytes, why);

	if (error == 0)
		count(spooler, queue, client, (enum job_state)0, JOB_PENDING,
		    bytes);
	return error;
}

void
spooler_release(struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes)
{
	count(spooler, queue, client, JOB_PENDING, (enum job_state)0, bytes);
}
