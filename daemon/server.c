/*
 * server.c - see server.h, which has the picture.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "control.h"
#include "counters.h"
#include "dispatch.h"
#include "duplicates.h"
#include "frontend.h"
#include "intake.h"
#include "listener.h"
#include "loading.h"
#include "log.h"
#include "port.h"
#include "privileges.h"
#include "report.h"
#include "server.h"
#include "shared_conf.h"
#include "spooler.h"
#include "sysd.h"

/* After drain_timeout canceled documents get this long to end. */
#define CANCEL_GRACE_S	5

/* A port that a reload took away, while its line runs dry. */
struct retired {
	LIST_ENTRY(retired)	 link;
	struct port		*port;
};

struct server {
	struct event_base	*base;
	const char		*path;		/* of the ini file */
	struct shared_conf	*shared;
	struct endpoints	 endpoints;	/* of shared, taken */
	struct inherited_list	 inherited;
	struct spooler		*spooler;
	struct dispatch		*dispatch;
	struct control		*control;
	struct intake_house	 house;		/* of all listeners */
	struct port_ids		 ids;		/* of all ports */
	struct port		**ports;	/* as in shared->conf */
	struct frontend		**frontends;	/* as its listeners */
	struct listener		**listeners;	/* as endpoints */
	size_t			 n_listeners;
	LIST_HEAD(, retired)	 retired;
	struct event		 on_term, on_int, on_hup;
	struct event		 drain_timer, watchdog;
	struct loading_task	*reloading;	/* NULL: no reload under way */
	bool			 reload_again;
	bool			 draining, canceled;
	size_t			 n_busy;	/* still at work, while draining */
};

/* ---- building ----------------------------------------------------------- */

static struct port *
find_port(const struct server *server, const char *name)
{
	ssize_t i;

	if (server->shared == NULL)
		return NULL;
	i = conf_find_port(server->shared->conf, name);
	return i < 0 ? NULL : server->ports[i];
}

/* The one of a listener that stays, with its protocol. */
static struct frontend *
find_frontend(const struct server *server,
    const struct conf_listener *listener)
{
	struct frontend *frontend;
	ssize_t i;

	if (server->shared == NULL)
		return NULL;
	i = conf_find_listener(server->shared->conf, listener->name);
	frontend = i < 0 ? NULL : server->frontends[i];
	return frontend != NULL && frontend_speaks(frontend, listener) ?
	    frontend : NULL;
}

/* One that is on its way out may be wanted again. */
static struct port *
find_retired(const struct server *server, const char *name)
{
	const struct retired *retired;

	LIST_FOREACH(retired, &server->retired, link)
		if (strcasecmp(port_name(retired->port), name) == 0)
			return retired->port;
	return NULL;
}

/* The ports of the new configuration: those that exist, and new ones. */
static struct port **
collect_ports(struct server *server, struct shared_conf *next)
{
	const struct conf *conf = next->conf;
	struct port **ports = calloc(conf->n_ports + 1, sizeof(struct port *));
	size_t i;

	for (i = 0; ports != NULL && i < conf->n_ports; i++) {
		ports[i] = find_port(server, conf->ports[i].name);
		if (ports[i] == NULL)
			ports[i] = find_retired(server, conf->ports[i].name);
		if (ports[i] == NULL)
			ports[i] = port_new(server->base, &server->ids,
			    next, conf->ports[i].name);
	}
	return ports;
}

static struct frontend *
make_frontend(struct server *server, struct shared_conf *next, size_t i,
    struct port **ports)
{
	const struct conf_listener *listener = &next->conf->listeners[i];
	struct frontend *frontend = find_frontend(server, listener);

	if (frontend == NULL)
		return frontend_new(&server->house, next, listener, ports);
	if (frontend_configure(frontend, next, listener, ports) == -1)
		log_put(LOG_LEVEL_ERROR, "listener keeps its old settings: "
		    "no memory", LOG_TEXT("listener", listener->name));
	return frontend;
}

static struct frontend **
collect_frontends(struct server *server, struct shared_conf *next,
    struct port **ports)
{
	size_t n = next->conf->n_listeners;
	struct frontend **frontends = calloc(n + 1, sizeof(*frontends));
	size_t i;

	if (frontends == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		frontends[i] = make_frontend(server, next, i, ports);
	return frontends;
}

static void
free_listeners(struct server *server)
{
	while (server->n_listeners > 0)
		listener_free(server->listeners[--server->n_listeners]);
	free(server->listeners);
	server->listeners = NULL;
}

static struct listener *
listen_on(struct server *server, const struct endpoint *endpoint)
{
	const struct conf *conf = server->shared->conf;
	const struct conf_listener *listener =
	    &conf->listeners[endpoint->listener];
	struct listener_limits limits = {
		.max_connections = listener->max_connections,
		.max_total = conf->daemon.max_connections,
		.max_of_client = conf->daemon.client_max_connections,
	};
	char address[ENDPOINT_TEXT_LEN];

	endpoint_address(endpoint->fd, address);
	if (!endpoint->kept)
		log_put(LOG_LEVEL_INFO, "listening",
		    LOG_TEXT("listener", listener->name),
		    LOG_TEXT("address", address));
	return listener_new(server->base,
	    fcntl(endpoint->fd, F_DUPFD_CLOEXEC, 0), listener->name,
	    server->frontends[endpoint->listener], &limits);
}

/* Put listeners on the sockets of server->endpoints. */
static void
listen_all(struct server *server)
{
	const struct endpoints *endpoints = &server->endpoints;
	size_t i;

	server->listeners = calloc(endpoints->n + 1,
	    sizeof(struct listener *));
	for (i = 0; server->listeners != NULL && i < endpoints->n; i++)
		server->listeners[server->n_listeners++] =
		    listen_on(server, &endpoints->v[i]);
}

/* ---- changing ----------------------------------------------------------- */

static void
on_retired(void *arg)
{
	struct retired *retired = arg;

	LIST_REMOVE(retired, link);
	port_free(retired->port);
	free(retired);
}

static void
retire_port(struct server *server, struct port *port)
{
	struct retired *retired = calloc(1, sizeof(*retired));

	if (retired == NULL) {
		port_free(port);
		return;
	}
	retired->port = port;
	LIST_INSERT_HEAD(&server->retired, retired, link);
	port_retire(port, on_retired, retired);
}

/* What the old configuration had and the new one has not. */
static void
retire_old(struct server *server, const struct conf *next)
{
	const struct conf *conf;
	ssize_t at;
	size_t i;

	if (server->shared == NULL)
		return;
	conf = server->shared->conf;
	for (i = 0; i < conf->n_listeners; i++) {
		at = conf_find_listener(next, conf->listeners[i].name);
		if (at < 0 || conf->listeners[i].protocol !=
		    next->listeners[at].protocol)
			frontend_retire(server->frontends[i]);
	}
	for (i = 0; i < conf->n_ports; i++)
		if (conf_find_port(next, conf->ports[i].name) < 0)
			retire_port(server, server->ports[i]);
}

/* There must never be a second path to a port that is still open. */
static void
resume_wanted(struct server *server, struct shared_conf *next)
{
	struct retired *retired, *after;

	for (retired = LIST_FIRST(&server->retired); retired != NULL;
	    retired = after) {
		after = LIST_NEXT(retired, link);
		if (conf_find_port(next->conf, port_name(retired->port)) < 0)
			continue;
		port_configure(retired->port, next);
		port_resume(retired->port);
		LIST_REMOVE(retired, link);
		free(retired);
	}
}

static void
configure_kept(struct server *server, struct shared_conf *next)
{
	size_t i;

	if (server->shared == NULL)
		return;
	for (i = 0; i < server->shared->conf->n_ports; i++)
		if (conf_find_port(next->conf,
		    server->shared->conf->ports[i].name) >= 0)
			port_configure(server->ports[i], next);
}

/*
 * Put a configuration in force.  Its sockets are bound; from here on nothing
 * can fail but memory.
 */
static int
apply(struct server *server, struct conf *conf, struct endpoints *endpoints)
{
	struct shared_conf *next = shared_conf_new(conf);
	struct port **ports;
	struct frontend **frontends;

	if (next == NULL)
		return -1;
	ports = collect_ports(server, next);
	frontends = ports == NULL ? NULL :
	    collect_frontends(server, next, ports);
	if (frontends == NULL) {
		free(ports);
		shared_conf_release(next);
		return -1;
	}
	free_listeners(server);
	configure_kept(server, next);
	resume_wanted(server, next);
	spooler_configure(server->spooler, conf);
	if (dispatch_configure(server->dispatch, next, ports) == -1)
		log_put(LOG_LEVEL_ERROR, "some queues keep their old settings: "
		    "no memory");
	if (control_configure(server->control, next, ports) == -1)
		log_put(LOG_LEVEL_ERROR, "the control socket shows what was "
		    "before: no memory");
	retire_old(server, conf);
	free(server->ports);
	free(server->frontends);
	endpoints_free(&server->endpoints);
	shared_conf_release(server->shared);
	server->shared = next;
	server->ports = ports;
	server->frontends = frontends;
	server->endpoints = *endpoints;
	*endpoints = (struct endpoints){ NULL, 0 };
	listen_all(server);
	return 0;
}

static void
log_conf_errors(const struct conf_errors *errors)
{
	size_t i;

	for (i = 0; i < errors->n; i++)
		log_put(LOG_LEVEL_ERROR, "configuration",
		    LOG_TEXT("file", errors->v[i].file),
		    LOG_NUM("line", errors->v[i].line),
		    LOG_TEXT("error", errors->v[i].text));
}

static void
say_ready(const struct server *server)
{
	const struct conf *conf = server->shared->conf;
	char text[128];

	snprintf(text, sizeof(text), "serving %zu ports on %zu sockets",
	    conf->n_ports, server->n_listeners);
	sysd_ready(text);
	log_put(LOG_LEVEL_INFO, "ready", LOG_NUM("ports", conf->n_ports),
	    LOG_NUM("sockets", server->n_listeners));
}

/* ---- reload ------------------------------------------------------------- */

static void reload(struct server *server);

static void
warn_about_restart(const struct conf *old, const struct conf *next)
{
	char keys[256];

	if (conf_needs_restart(old, next, keys, sizeof(keys)) > 0)
		log_put(LOG_LEVEL_WARNING, "some changes wait for a restart",
		    LOG_TEXT("keys", keys));
}

static int
put_in_force(struct server *server, struct loading *loading)
{
	struct conf *conf = loading->conf;

	if (conf == NULL || endpoints_bind(&loading->endpoints, conf,
	    &server->endpoints, &server->inherited, &loading->errors) == -1)
		return -1;
	warn_about_restart(server->shared->conf, conf);
	log_set_level((enum log_level)conf->daemon.log_level);
	loading->conf = NULL;
	return apply(server, conf, &loading->endpoints);
}

static void
on_loaded(void *arg, struct loading *loading)
{
	struct server *server = arg;

	server->reloading = NULL;
	if (server->draining) {
		loading_free(loading);
		return;
	}
	if (put_in_force(server, loading) == 0)
		log_put(LOG_LEVEL_INFO, "configuration reloaded",
		    LOG_TEXT("file", server->path));
	else {
		log_conf_errors(&loading->errors);
		log_put(LOG_LEVEL_ERROR, "reload refused, the former "
		    "configuration stays in force",
		    LOG_NUM("errors", loading->errors.n));
	}
	loading_free(loading);
	say_ready(server);
	if (server->reload_again) {
		server->reload_again = false;
		reload(server);
	}
}

/* One at a time; a wish that comes meanwhile is kept, once. */
static void
reload(struct server *server)
{
	if (server->reloading != NULL) {
		server->reload_again = true;
		return;
	}
	sysd_reloading();
	server->reloading = loading_start(server->base, server->path,
	    on_loaded, server);
	if (server->reloading == NULL) {
		log_put(LOG_LEVEL_ERROR, "reload failed: no memory or no "
		    "thread");
		say_ready(server);
	}
}

static void
on_sighup(evutil_socket_t sig, short what, void *arg)
{
	struct server *server = arg;

	(void)sig;
	(void)what;
	if (!server->draining)
		reload(server);
}

/* ---- the end ------------------------------------------------------------ */

/* A port is idle, or the last running job is on record. */
static void
on_idle(void *arg)
{
	struct server *server = arg;

	if (--server->n_busy == 0)
		event_base_loopexit(server->base, NULL);
}

static void
start_drain_timer(struct server *server, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
	    .tv_usec = (ms % 1000) * 1000 };

	(void)event_add(&server->drain_timer, &tv);
}

static void
drain(struct server *server)
{
	const struct conf *conf = server->shared->conf;
	struct retired *retired;
	size_t i;

	server->draining = true;
	sysd_stopping();
	log_put(LOG_LEVEL_INFO, "ending",
	    LOG_NUM("connections", frontend_connections_total()),
	    LOG_NUM("drain_timeout_ms", conf->daemon.drain_timeout_ms));
	free_listeners(server);
	endpoints_free(&server->endpoints);
	for (i = 0; i < conf->n_listeners; i++)
		frontend_close_idle(server->frontends[i]);
	server->n_busy = conf->n_ports + 3;
	dispatch_stop(server->dispatch, on_idle, server);
	intake_drain(&server->house, on_idle, server);
	for (i = 0; i < conf->n_ports; i++)
		port_drain(server->ports[i], on_idle, server);
	LIST_FOREACH(retired, &server->retired, link) {
		server->n_busy++;
		port_drain(retired->port, on_idle, server);
	}
	start_drain_timer(server, conf->daemon.drain_timeout_ms);
	on_idle(server);		/* the one more */
}

/* First the documents are canceled; what then does not end is killed. */
static void
on_drain_timer(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	struct retired *retired;
	size_t i;

	(void)fd;
	(void)what;
	if (server->canceled) {
		event_base_loopbreak(server->base);
		return;
	}
	server->canceled = true;
	log_put(LOG_LEVEL_WARNING, "drain_timeout has passed, running "
	    "documents are canceled");
	for (i = 0; i < server->shared->conf->n_ports; i++)
		port_cancel(server->ports[i]);
	LIST_FOREACH(retired, &server->retired, link)
		port_cancel(retired->port);
	start_drain_timer(server, CANCEL_GRACE_S * 1000);
}

static void
on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	struct server *server = arg;

	(void)sig;
	(void)what;
	if (server->draining)
		event_base_loopbreak(server->base);
	else
		drain(server);
}

/* ---- the loop ----------------------------------------------------------- */

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	sysd_alive();
}

static void
on_late_signal(int sig)
{
	(void)sig;
}

/*
 * When the loop lets go of a signal it puts back what was there before: that
 * must not be the default, which ends the process, and with it the orderly end.
 */
static int
add_signal(struct server *server, struct event *event, int sig,
    event_callback_fn fn)
{
	signal(sig, on_late_signal);
	event_assign(event, server->base, sig, EV_SIGNAL | EV_PERSIST, fn,
	    server);
	return event_add(event, NULL);
}

static int
set_up_loop(struct server *server)
{
	struct timeval tv = { 0 };
	int64_t watchdog_ms = sysd_watchdog_ms();

	server->base = event_base_new();
	if (server->base == NULL)
		return -1;
	event_assign(&server->drain_timer, server->base, -1, 0,
	    on_drain_timer, server);
	event_assign(&server->watchdog, server->base, -1, EV_PERSIST,
	    on_watchdog, server);
	tv.tv_sec = watchdog_ms / 1000;
	tv.tv_usec = (watchdog_ms % 1000) * 1000;
	if (watchdog_ms > 0 && event_add(&server->watchdog, &tv) == -1)
		return -1;
	if (add_signal(server, &server->on_term, SIGTERM, on_sigterm) == -1 ||
	    add_signal(server, &server->on_int, SIGINT, on_sigterm) == -1)
		return -1;
	return add_signal(server, &server->on_hup, SIGHUP, on_sighup);
}

static void
hold_signal(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
}

static void
tear_down(struct server *server)
{
	struct retired *retired;
	size_t i;

	loading_cancel(server->reloading);
	control_free(server->control);
	free_listeners(server);
	while ((retired = LIST_FIRST(&server->retired)) != NULL)
		on_retired(retired);
	if (server->shared != NULL) {
		for (i = 0; i < server->shared->conf->n_ports; i++)
			port_free(server->ports[i]);
		for (i = 0; i < server->shared->conf->n_listeners; i++)
			frontend_retire(server->frontends[i]);
	}
	intake_cancel_all(&server->house, "the daemon ends");
	spooler_free(server->spooler);
	dispatch_free(server->dispatch);
	duplicates_free(server->house.duplicates);
	free(server->ports);
	free(server->frontends);
	endpoints_free(&server->endpoints);
	shared_conf_release(server->shared);
	for (i = 0; i < server->inherited.n; i++)
		free(server->inherited.v[i].name);
	free(server->inherited.v);
	if (server->base == NULL)
		return;
	event_del(&server->on_term);
	event_del(&server->on_int);
	event_del(&server->on_hup);
	event_del(&server->drain_timer);
	event_del(&server->watchdog);
	event_base_free(server->base);
}

/* One descriptor per connection, and a few for each open port. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void
warn_about_unused(const struct inherited_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (!list->v[i].used)
			log_put(LOG_LEVEL_WARNING, "a passed socket has no "
			    "listener", LOG_TEXT("name", list->v[i].name),
			    LOG_TEXT("remedy", "add listen = with its "
			    "address, or listen = systemd:NAME"));
}

static int
refuse_to_start(struct server *server, struct loading *loading, int status)
{
	report_conf_errors(&loading->errors);
	loading_clear(loading);
	tear_down(server);
	return status;
}

/* With what root is needed for behind us. */
static int
become_user(const struct conf *conf, const char *path,
    struct conf_errors *errors)
{
	struct fault fault;

	if (privileges_drop(conf->daemon.user, conf->daemon.group, &fault) ==
	    0)
		return 0;
	conf_errors_add(errors, path, 0, "%s", fault.text);
	return -1;
}

static void
on_spool_down(void *arg)
{
	struct server *server = arg;

	intake_cancel_all(&server->house, "the spool is lost");
}

static void
on_spool_up(void *arg)
{
	(void)arg;
}

static const struct spooler_ops spooler_ops = {
	.down = on_spool_down, .up = on_spool_up,
};

static uint64_t
next_id(void *arg)
{
	return spooler_next_id(arg);
}

/* The store, and what brings its jobs to the ports: an exit status. */
static int
set_up_spool(struct server *server, const struct conf *conf)
{
	struct store_error error;

	server->spooler = spooler_open(server->base, conf, &error);
	if (server->spooler == NULL) {
		fprintf(stderr, "printportd: %s\n", error.text);
		return error.kind == STORE_ERROR_CONFIG ? EX_CONFIG :
		    error.kind == STORE_ERROR_BUSY ? EX_TEMPFAIL : EX_IOERR;
	}
	spooler_watch(server->spooler, &spooler_ops, server);
	server->ids = (struct port_ids){ next_id, server->spooler };
	server->dispatch = dispatch_new(server->base, server->spooler);
	server->house = (struct intake_house){
		.base = server->base, .spooler = server->spooler,
		.dispatch = server->dispatch, .duplicates = duplicates_new(),
	};
	if (server->dispatch == NULL || server->house.duplicates == NULL) {
		fprintf(stderr, "printportd: %s\n", strerror(ENOMEM));
		return EX_OSERR;
	}
	dispatch_recall(server->dispatch);
	return EX_OK;
}

/* As the daemon's user: the socket's owner and group are who may use it. */
static int
set_up_control(struct server *server, const struct conf *conf)
{
	struct control_house house = {
		.base = server->base, .spooler = server->spooler,
		.dispatch = server->dispatch,
	};
	struct fault fault;

	server->control = control_new(&house, conf->daemon.control_socket,
	    &fault);
	if (server->control != NULL)
		return EX_OK;
	fprintf(stderr, "printportd: %s\n", fault.text);
	return fault.code == -EADDRINUSE ? EX_UNAVAILABLE : EX_CONFIG;
}

static void
log_end(void)
{
	log_put(LOG_LEVEL_INFO, "ended", LOG_NUM("printed", counters.printed),
	    LOG_NUM("failed", counters.failed),
	    LOG_NUM("probes", counters.probes),
	    LOG_NUM("refused", counters.refused),
	    LOG_NUM("refused_store", counters.refused_store),
	    LOG_NUM("incomplete", counters.incomplete),
	    LOG_NUM("kept", counters.kept),
	    LOG_NUM("canceled", counters.canceled));
}

int
server_run(const char *path)
{
	struct server server = { .path = path };
	struct loading loading;
	struct conf *conf;
	int status;

	/* One that comes before the loop listens is late, not deadly. */
	hold_signal(SIG_BLOCK, SIGHUP);
	raise_descriptor_limit();
	loading_run(&loading, path);
	if (loading.conf == NULL)
		return refuse_to_start(&server, &loading, EX_CONFIG);
	conf = loading.conf;
	log_open((enum log_level)conf->daemon.log_level,
	    conf->daemon.log_to == CONF_LOG_TO_JOURNAL ||
	    (conf->daemon.log_to == CONF_LOG_TO_AUTO && log_is_journal()));
	if (sysd_take_sockets(&server.inherited) == -1 ||
	    endpoints_bind(&loading.endpoints, conf, NULL, &server.inherited,
	    &loading.errors) == -1)
		return refuse_to_start(&server, &loading, EX_UNAVAILABLE);
	warn_about_unused(&server.inherited);
	if (become_user(conf, path, &loading.errors) == -1)
		return refuse_to_start(&server, &loading, EX_NOUSER);
	loading_judge(&loading);
	if (loading.conf == NULL)
		return refuse_to_start(&server, &loading, EX_CONFIG);
	if (set_up_loop(&server) == -1) {
		fprintf(stderr, "printportd: %s\n", strerror(errno));
		return refuse_to_start(&server, &loading, EX_OSERR);
	}
	status = set_up_spool(&server, conf);
	if (status == EX_OK)
		status = set_up_control(&server, conf);
	if (status != EX_OK)
		return refuse_to_start(&server, &loading, status);
	loading.conf = NULL;
	if (apply(&server, conf, &loading.endpoints) == -1) {
		fprintf(stderr, "printportd: %s\n", strerror(errno));
		return refuse_to_start(&server, &loading, EX_OSERR);
	}
	loading_clear(&loading);
	say_ready(&server);
	hold_signal(SIG_UNBLOCK, SIGHUP);
	event_base_dispatch(server.base);
	log_end();
	tear_down(&server);
	return EX_OK;
}
