/*
 * press.c - see press.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>

#include "daemon/counters.h"
#include "daemon/log.h"
#include "daemon/port.h"
#include "daemon/shared_conf.h"
#include "daemon/spooler.h"
#include "spool/incoming.h"
#include "spool/store.h"
#include "tests/press.h"
#include "tests/suite.h"

struct press_retired {
	LIST_ENTRY(press_retired) link;
	struct port		*port;
};

/* ---- files --------------------------------------------------------------- */

const char *
press_path(const char *name, const struct press *press)
{
	static char paths[8][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", press->directory, name);
	return path;
}

static const char *
port_file(const struct press *press, const char *what, const char *port)
{
	char name[128];

	snprintf(name, sizeof(name), "%s-%s", what, port);
	return press_path(name, press);
}

static unsigned int
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* The whole of a file, to be freed; "" if there is none. */
static char *
read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	char *text;

	if (fd != -1)
		ck_assert_int_eq(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(text);
	if (fd == -1)
		return text;
	ck_assert_int_eq(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	return text;
}

void
press_put(struct press *press, const char *name, bool there)
{
	int fd;

	if (!there) {
		ck_assert_int_eq(unlink(press_path(name, press)), 0);
		return;
	}
	fd = open(press_path(name, press), O_WRONLY | O_CREAT | O_CLOEXEC,
	    0600);
	ck_assert_int_ne(fd, -1);
	close(fd);
}

void
press_let(struct press *press, const char *port)
{
	int fd = open(port_file(press, "gate", port),
	    O_RDWR | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, "!", 1), 1);
	/* The pipe's bytes last as long as somebody has it open: a host. */
	close(fd);
}

size_t
press_log_count(const struct press *press, const char *part)
{
	char *text = read_file(press_path("log", press)), *at;
	size_t n = 0;

	for (at = text; (at = strstr(at, part)) != NULL; at++)
		n++;
	free(text);
	return n;
}

bool
press_logged(const struct press *press, const char *part)
{
	return press_log_count(press, part) > 0;
}

const char *
press_printed(const struct press *press)
{
	static char *text;

	free(text);
	text = read_file(press_path("sink", press));
	return text;
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

void
press_await_printed(struct press *press, size_t n)
{
	while (count_lines(press_printed(press)) < n)
		press_turn(press);
}

void
press_expect_printed(struct press *press, const char *lines)
{
	press_await_printed(press, count_lines(lines));
	ck_assert_str_eq(press_printed(press), lines);
}

/* ---- configuration ------------------------------------------------------- */

static void
put_port(FILE *ini, const struct press *press, const char *name)
{
	const char *gate = port_file(press, "gate", name);

	if (mkfifo(gate, 0600) == -1)
		ck_assert_int_eq(errno, EEXIST);
	fprintf(ini, "[port %s]\nmonitor = null\ncall_timeout = 20s\n"
	    "idle_close = 10m\nsink = %s\ngate = %s\n", name,
	    press_path("sink", press), gate);
	fprintf(ini, "broken = %s\nclosed = %s\n",
	    port_file(press, "broken", name),
	    port_file(press, "closed", name));
}

static void
put_ports(FILE *ini, const struct press *press, const char *names)
{
	char *copy = strdup(names), *rest = copy, *name;

	while ((name = strsep(&rest, " ")) != NULL)
		if (*name != '\0')
			put_port(ini, press, name);
	free(copy);
}

static struct shared_conf *
configuration(const struct press *press, const char *queues,
    const char *ports)
{
	struct conf_errors errors;
	struct shared_conf *made;
	struct conf *conf;
	FILE *ini = fopen(press_path("test.ini", press), "w");

	ck_assert_ptr_nonnull(ini);
	fprintf(ini, "[daemon]\nspool_directory = %s\nhost_program = %s\n"
	    "%s\n%s\n", press_path("spool", press), OBEDIENT_HOST,
	    press->daemon != NULL ? press->daemon : "min_free_space = 0\n",
	    queues);
	put_ports(ini, press, ports);
	fclose(ini);
	conf = conf_load(press_path("test.ini", press), &errors);
	ck_assert_msg(conf != NULL, "%s", errors.v[0].text);
	made = shared_conf_new(conf);
	ck_assert_ptr_nonnull(made);
	return made;
}

/* ---- when it comes to no end --------------------------------------------- */

/* Less than any test has: the runner's own limit would end it wordless. */
#define PATIENCE_S	50
/* Of the log, at its end. */
#define LOG_LEN		3000

static time_t
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* For a debugger there is no limit; 0. */
static time_t
patience(void)
{
	const char *fork = getenv("CK_FORK");
	const char *times = getenv("CK_TIMEOUT_MULTIPLIER");

	if (fork != NULL && strcmp(fork, "no") == 0)
		return 0;
	return now_s() + (time_t)(PATIENCE_S *
	    (times != NULL ? strtod(times, NULL) : 1));
}

static void
tell_store(FILE *to, const struct press *press)
{
	const struct store *store = spooler_store(press->spooler);

	if (store == NULL)
		fprintf(to, "no store");
	else
		fprintf(to, "store %s, %zu answers pending",
		    store_health_name(store_health(store)),
		    store_busy(store));
}

static void
tell_port(FILE *to, const struct dispatch *dispatch, const struct port *port)
{
	char trouble[PORT_TROUBLE_LEN];

	fprintf(to, "; port %s: state %d, %zu wait, room %u, %s%s",
	    port_name(port), (int)port_state(port), port_waiting(port),
	    port_room(port), port_healthy(port) ? "well" : "not well",
	    dispatch_port_paused(dispatch, port_name(port)) ? ", paused" :
	    "");
	if (*port_trouble(port, trouble) != '\0')
		fprintf(to, " (%s)", trouble);
}

/* In one line, as the runner's report has no more. */
static void
tell_log(FILE *to, const struct press *press)
{
	char *text = read_file(press_path("log", press)), *line;
	size_t len = strlen(text);

	line = text + (len > LOG_LEN ? len - LOG_LEN : 0);
	for (char *end = line; (end = strchr(end, '\n')) != NULL; end++)
		*end = '|';
	fprintf(to, "; log: %s", line);
	free(text);
}

static void
tell_jobs(FILE *to, const struct press *press)
{
	const struct dispatch *dispatch = press->dispatch;
	const struct conf *conf = press->shared->conf;
	size_t i;

	fprintf(to, "; jobs are %sknown, %zu run",
	    dispatch_loaded(dispatch) ? "" : "not ",
	    dispatch_running(dispatch));
	for (i = 0; i < conf->n_queues; i++)
		if (dispatch_queue_paused(dispatch, conf->queues[i].name))
			fprintf(to, "; queue %s is paused",
			    conf->queues[i].name);
	if (press->seen_id != 0)
		fprintf(to, "; job %ju was %s", (uintmax_t)press->seen_id,
		    press->seen < 0 ? strerror(-press->seen) :
		    job_state_name((enum job_state)press->seen));
}

static void
give_up(const struct press *press)
{
	static char text[LOG_LEN + 2000];
	FILE *to = fmemopen(text, sizeof(text), "w");
	size_t i;

	ck_assert_ptr_nonnull(to);
	tell_store(to, press);
	tell_jobs(to, press);
	for (i = 0; i < press->n_ports; i++)
		tell_port(to, press->dispatch, press->ports[i]);
	tell_log(to, press);
	fclose(to);
	ck_abort_msg("what it waits for does not come: %s", text);
}

/* ---- life ---------------------------------------------------------------- */

static void
open_log(const struct press *press)
{
	int fd = open(press_path("log", press),
	    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ck_assert_int_ne(dup2(fd, STDERR_FILENO), -1);
	close(fd);
	log_open(LOG_LEVEL_DEBUG, false);
}

void
press_make(struct press *press)
{
	static unsigned int count;

	*press = (struct press){ .next_id = UINT64_C(1) << 40,
	    .end_s = patience() };
	/* What the test runner left open must not count for the hosts. */
	ck_assert_int_eq(close_range(3, ~0u, CLOSE_RANGE_CLOEXEC), 0);
	snprintf(press->directory, sizeof(press->directory), "%s/press%u",
	    suite_directory(), count++);
	ck_assert_int_eq(mkdir(press->directory, 0700), 0);
	ck_assert_int_eq(mkdir(press_path("spool", press), 0700), 0);
	signal(SIGPIPE, SIG_IGN);
	evutil_secure_rng_init();
	open_log(press);
	counters = (struct counters){ 0 };
	press->fds = open_fds();
	press->base = event_base_new();
	ck_assert_ptr_nonnull(press->base);
}

static uint64_t
next_id(void *arg)
{
	struct press *press = arg;

	return press->next_id++;
}

struct port *
press_port(const struct press *press, const char *name)
{
	size_t i;

	for (i = 0; i < press->n_ports; i++)
		if (strcasecmp(port_name(press->ports[i]), name) == 0)
			return press->ports[i];
	return NULL;
}

static struct port *
take_retired(struct press *press, const char *name)
{
	struct press_retired *retired;
	struct port *port;

	LIST_FOREACH(retired, &press->retired, link)
		if (strcasecmp(port_name(retired->port), name) == 0)
			break;
	if (retired == NULL)
		return NULL;
	port = retired->port;
	LIST_REMOVE(retired, link);
	free(retired);
	return port;
}

/* As the server does it. */
static struct port *
get_port(struct press *press, struct shared_conf *next, const char *name)
{
	static struct port_ids ids = { .next = next_id };
	struct port *port = press_port(press, name);

	ids.arg = press;
	if (port != NULL) {
		port_configure(port, next);
		return port;
	}
	port = take_retired(press, name);
	if (port == NULL)
		return port_new(press->base, &ids, next, name);
	port_configure(port, next);
	port_resume(port);
	return port;
}

static void
on_retired(void *arg)
{
	struct press_retired *retired = arg;

	LIST_REMOVE(retired, link);
	port_free(retired->port);
	free(retired);
}

static void
retire(struct press *press, struct port *port)
{
	struct press_retired *retired = calloc(1, sizeof(*retired));

	ck_assert_ptr_nonnull(retired);
	retired->port = port;
	LIST_INSERT_HEAD(&press->retired, retired, link);
	port_retire(port, on_retired, retired);
}

static void
put_in_force(struct press *press, struct shared_conf *next)
{
	struct port *ports[PRESS_PORTS];
	size_t i, n = next->conf->n_ports;

	ck_assert_uint_le(n, PRESS_PORTS);
	for (i = 0; i < n; i++)
		ports[i] = get_port(press, next, next->conf->ports[i].name);
	spooler_configure(press->spooler, next->conf);
	ck_assert_int_eq(dispatch_configure(press->dispatch, next, ports), 0);
	for (i = 0; i < press->n_ports; i++)
		if (conf_find_port(next->conf,
		    port_name(press->ports[i])) < 0)
			retire(press, press->ports[i]);
	memcpy(press->ports, ports, n * sizeof(ports[0]));
	press->n_ports = n;
	shared_conf_release(press->shared);
	press->shared = next;
}

void
press_reload(struct press *press, const char *queues, const char *ports)
{
	put_in_force(press, configuration(press, queues, ports));
}

void
press_start(struct press *press, const char *queues, const char *ports)
{
	struct shared_conf *shared = configuration(press, queues, ports);
	struct store_error error;

	press->spooler = spooler_open_on(press->base, shared->conf,
	    press->sys, press->vfs, &error);
	ck_assert_msg(press->spooler != NULL, "%s", error.text);
	if (press->opened != NULL)
		press->opened();
	press->dispatch = dispatch_new(press->base, press->spooler);
	ck_assert_ptr_nonnull(press->dispatch);
	put_in_force(press, shared);
}

/* What a host does on its own is no event here: look now and then. */
void
press_turn(struct press *press)
{
	static const struct timeval pulse = { .tv_usec = 5000 };

	if (press->end_s != 0 && now_s() >= press->end_s)
		give_up(press);
	event_base_loopexit(press->base, &pulse);
	ck_assert_int_eq(event_base_loop(press->base, EVLOOP_ONCE), 0);
}

void
press_end(struct press *press)
{
	struct press_retired *retired;

	while ((retired = LIST_FIRST(&press->retired)) != NULL)
		on_retired(retired);
	while (press->n_ports > 0)
		port_free(press->ports[--press->n_ports]);
	spooler_free(press->spooler);
	dispatch_free(press->dispatch);
	shared_conf_release(press->shared);
	press->spooler = NULL;
	press->dispatch = NULL;
	press->shared = NULL;
}

static void
on_idle(void *arg)
{
	struct press *press = arg;

	press->idle = true;
}

static void
on_port_idle(void *arg)
{
	size_t *n = arg;

	(*n)--;
}

void
press_stop(struct press *press)
{
	size_t i, busy = press->n_ports;

	press->idle = false;
	dispatch_stop(press->dispatch, on_idle, press);
	for (i = 0; i < press->n_ports; i++)
		port_drain(press->ports[i], on_port_idle, &busy);
	while (!press->idle || busy > 0)
		press_turn(press);
	press_end(press);
}

/* Our own children: their numbers stand in /proc. */
void
press_kill_hosts(struct press *press)
{
	FILE *children = fopen("/proc/thread-self/children", "r");
	int pid;

	(void)press;
	ck_assert_ptr_nonnull(children);
	while (fscanf(children, "%d", &pid) == 1)
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
	fclose(children);
}

static void
end_children(struct press *press)
{
	press_kill_hosts(press);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

void
press_free(struct press *press)
{
	if (press->dispatch != NULL)
		press_end(press);
	end_children(press);
	event_base_free(press->base);
	ck_assert_uint_eq(open_fds(), press->fds);
}

/* ---- outcomes ------------------------------------------------------------ */

void
press_done(void *arg, int error)
{
	struct press_outcome *outcome = arg;

	ck_assert(!outcome->here);
	outcome->here = true;
	outcome->error = error;
}

int
press_await_outcome(struct press *press, struct press_outcome *outcome)
{
	while (!outcome->here)
		press_turn(press);
	return outcome->error;
}

/* rc is what the call returned. */
static int
outcome_of(struct press *press, int rc, struct press_outcome *outcome)
{
	return rc == -1 ? -errno : press_await_outcome(press, outcome);
}

int
press_act(struct press *press, uint64_t id, enum dispatch_action action)
{
	struct press_outcome outcome = { 0 };

	return outcome_of(press, dispatch_act(press->dispatch, id, action,
	    "somebody", press_done, &outcome), &outcome);
}

int
press_move(struct press *press, uint64_t id, const char *queue,
    uint32_t priority)
{
	struct press_outcome outcome = { 0 };

	return outcome_of(press, dispatch_move(press->dispatch, id, queue,
	    priority, press_done, &outcome), &outcome);
}

int
press_pause_queue(struct press *press, const char *name, bool paused)
{
	struct press_outcome outcome = { 0 };

	return outcome_of(press, dispatch_pause_queue(press->dispatch, name,
	    paused, press_done, &outcome), &outcome);
}

int
press_close_queue(struct press *press, const char *name, const char *why)
{
	struct press_outcome outcome = { 0 };

	return outcome_of(press, dispatch_close_queue(press->dispatch, name,
	    why, press_done, &outcome), &outcome);
}

int
press_pause_port(struct press *press, const char *name, bool paused)
{
	struct press_outcome outcome = { 0 };

	return outcome_of(press, dispatch_pause_port(press->dispatch, name,
	    paused, press_done, &outcome), &outcome);
}

/* ---- jobs ---------------------------------------------------------------- */

struct commit {
	bool		 here;
	int		 error;
	struct job	*job;
};

static void
on_committed(void *arg, int error, struct job *job)
{
	struct commit *commit = arg;

	commit->here = true;
	commit->error = error;
	commit->job = job;
}

static void
on_room(void *arg)
{
	(void)arg;
}

static void
write_all(struct press *press, struct incoming *in, const char *text)
{
	size_t len = strlen(text), done = 0;

	while (done < len && incoming_error(in) == 0) {
		done += incoming_write(in, text + done, len - done);
		if (done < len)
			press_turn(press);
	}
}

static struct incoming *
begin(struct press *press, const char *queue)
{
	struct job_about about = { .queue = queue, .user = "somebody",
	    .host = "10.0.0.5", .title = "",
	    .created_ms = time(NULL) * 1000 - press->age_ms };

	return incoming_begin(spooler_store(press->spooler), &about, 0,
	    on_room, NULL);
}

static void
add_document(struct press *press, struct incoming *in, const char *text)
{
	struct job_about_document document = { .copies = 1 };

	ck_assert_int_eq(incoming_document(in, &document), 0);
	write_all(press, in, text);
}

static uint64_t
finish(struct press *press, struct incoming *in, int *error)
{
	struct commit commit = { 0 };
	uint64_t id;

	incoming_commit(in, on_committed, &commit);
	while (!commit.here)
		press_turn(press);
	*error = commit.error;
	if (commit.error != 0)
		return 0;
	id = commit.job->id;
	dispatch_accept(press->dispatch, commit.job);
	return id;
}

uint64_t
press_try(struct press *press, const char *queue, const char *text,
    int *error)
{
	struct incoming *in = begin(press, queue);

	*error = in == NULL ? -errno : 0;
	if (in == NULL)
		return 0;
	add_document(press, in, text);
	return finish(press, in, error);
}

uint64_t
press_print_all(struct press *press, const char *queue, const char *words)
{
	struct incoming *in = begin(press, queue);
	char *copy = strdup(words), *rest = copy, *word, *end;
	struct job_about_document document;
	uint64_t id;
	int error;

	ck_assert(in != NULL && copy != NULL);
	while ((word = strsep(&rest, " ")) != NULL) {
		end = word + strcspn(word, "+");
		document = (struct job_about_document){
		    .copies = 1 + (uint32_t)strlen(end) };
		*end = '\0';
		ck_assert_int_eq(incoming_document(in, &document), 0);
		write_all(press, in, word);
	}
	free(copy);
	id = finish(press, in, &error);
	ck_assert_int_eq(error, 0);
	return id;
}

uint64_t
press_print(struct press *press, const char *queue, const char *text)
{
	int error;
	uint64_t id = press_try(press, queue, text, &error);

	ck_assert_int_eq(error, 0);
	return id;
}

uint64_t
press_print_two(struct press *press, const char *queue, const char *first,
    const char *second)
{
	struct incoming *in = begin(press, queue);
	uint64_t id;
	int error;

	ck_assert_ptr_nonnull(in);
	add_document(press, in, first);
	add_document(press, in, second);
	id = finish(press, in, &error);
	ck_assert_int_eq(error, 0);
	return id;
}

/* ---- jobs that arrive ---------------------------------------------------- */

#define FILE_LEN	100000

static void
pad(char *to, const char *text)
{
	memset(to, 'x', FILE_LEN);
	memcpy(to, text, strlen(text));
	to[FILE_LEN] = '\0';
}

void
press_arrive(struct press *press, struct press_arrival *arrival,
    const char *queue, const char *text)
{
	struct job_about about = { .queue = queue, .user = "somebody",
	    .host = "10.0.0.5", .title = "", .created_ms = time(NULL) * 1000 };
	struct job_about_document document = { .copies = 1 };
	static char bytes[FILE_LEN + 1];

	*arrival = (struct press_arrival){ 0 };
	arrival->in = incoming_begin(spooler_store(press->spooler), &about, 0,
	    on_room, NULL);
	ck_assert_ptr_nonnull(arrival->in);
	arrival->id = incoming_id(arrival->in);
	ck_assert_int_eq(incoming_document(arrival->in, &document), 0);
	pad(bytes, text);
	write_all(press, arrival->in, bytes);
	while (incoming_written(arrival->in) == 0)
		press_turn(press);
	arrival->early = dispatch_arriving(press->dispatch, arrival->in,
	    &about);
	ck_assert_ptr_nonnull(arrival->early);
}

void
press_arrive_more(struct press *press, struct press_arrival *arrival,
    const char *text)
{
	write_all(press, arrival->in, text);
}

static void
on_arrived(void *arg, int error, struct job *job)
{
	struct press_arrival *arrival = arg;

	arrival->done = true;
	arrival->error = error;
	if (error != 0)
		dispatch_arriving_abort(arrival->early);
	else
		dispatch_accept(arrival->press->dispatch, job);
}

void
press_whole(struct press_arrival *arrival)
{
	if (!arrival->whole)
		dispatch_arriving_whole(arrival->early);
	arrival->whole = true;
}

void
press_commit(struct press *press, struct press_arrival *arrival)
{
	arrival->press = press;
	press_whole(arrival);
	incoming_commit(arrival->in, on_arrived, arrival);
}

int
press_await_commit(struct press *press, struct press_arrival *arrival)
{
	while (!arrival->done)
		press_turn(press);
	return arrival->error;
}

void
press_abort(struct press_arrival *arrival)
{
	dispatch_arriving_abort(arrival->early);
	incoming_abort(arrival->in);
}

/* ---- how jobs are -------------------------------------------------------- */

struct got {
	bool		 here;
	int		 error;
	struct job	*job;
};

static void
on_got(void *arg, int error, struct job *job)
{
	struct got *got = arg;

	*got = (struct got){ true, error, job };
}

/* A store that is down is waited for. */
static void
get(struct press *press, uint64_t id, struct got *got)
{
	*got = (struct got){ 0 };
	while (spooler_store(press->spooler) == NULL)
		press_turn(press);
	ck_assert_int_eq(store_get(spooler_store(press->spooler), id, on_got,
	    got), 0);
	while (!got->here)
		press_turn(press);
}

struct job *
press_job(struct press *press, uint64_t id)
{
	struct got got;

	get(press, id, &got);
	return got.job;
}

int
press_state(struct press *press, uint64_t id)
{
	struct got got;
	int state;

	get(press, id, &got);
	state = got.error != 0 ? got.error : (int)got.job->state;
	job_free(got.job);
	press->seen_id = id;
	press->seen = state;
	return state;
}

void
press_await(struct press *press, uint64_t id, enum job_state state)
{
	while (press_state(press, id) != (int)state)
		press_turn(press);
}

void
press_await_at_port(struct press *press, const char *port, uint64_t id)
{
	while (port_written(press_port(press, port), id) == 0)
		press_turn(press);
}

struct records {
	bool	 here;
	size_t	 n;
	uint64_t job;
};

static void
on_records(void *arg, int error, struct job_record_list *list)
{
	struct records *records = arg;
	size_t i;

	ck_assert_int_eq(error, 0);
	records->here = true;
	for (i = 0; i < list->n; i++)
		records->n += list->records[i].job.id == records->job;
	job_record_list_free(list);
}

size_t
press_records(struct press *press, uint64_t id)
{
	struct records records = { .job = id };
	struct store_period all = { .to_ms = INT64_MAX, .limit = 10000 };

	ck_assert_int_eq(store_records(spooler_store(press->spooler), &all,
	    on_records, &records), 0);
	while (!records.here)
		press_turn(press);
	return records.n;
}
