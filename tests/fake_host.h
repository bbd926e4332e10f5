/*
 * fake_host - a pp_host for tests: keeps all in memory, records what it is
 * told.
 *
 * Lifecycle  fake_host_new() .. fake_host_free().  Hand &host->api to a module
 *            or a session.
 * Ownership  Owns configuration and records.  What the knobs point to is
 *            borrowed.
 * Errors     No memory aborts the test.
 *
 *	struct fake_host *host = fake_host_new();
 *	host->declared = table->settings;
 *	fake_host_set(host, "archive", "directory", suite_directory());
 *	... call the module ...
 *	ck_assert(fake_host_logged(host, "directory"));
 *	ck_assert_uint_eq(host->n_events, 1);
 *	ck_assert_uint_eq(host->events[0].event, PP_JOB_SENT);
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/monitor.h"

/* Only the first so many of each kind are kept; the counts go on. */
#define FAKE_HOST_RECORDS	256

struct fake_port;

struct fake_log {
	int	 level;
	char	*text;			/* owned */
};

struct fake_status {
	char			 port[PP_PORT_NAME_LEN + 1];
	enum pp_port_status	 status;
	enum pp_severity	 severity;
	char			 text[128];	/* "" for NULL */
};

struct fake_event {
	uint64_t		job;
	enum pp_job_event	event;
};

struct fake_host {
	struct pp_host	 api;			/* cookie is the fake itself */

	/* ---- knobs: set them as the test needs ---- */
	const struct pp_setting_decl *declared;	/* judges, gives defaults */
	const char	*base;			/* of relative paths; "/" */
	int		 store_error;		/* of config_store, _remove */
	int		 status_error;		/* of set_port_status */
	int		 event_error;		/* of job_event */
	bool		 canceled;		/* waits end with PP_CANCELED */
	bool		 shut;			/* no callback may come now */
	struct pp_job_info job;			/* the one job it knows */

	/* ---- records: read them ---- */
	struct fake_log	 logs[FAKE_HOST_RECORDS];
	size_t		 n_logs;
	struct fake_status statuses[FAKE_HOST_RECORDS];
	size_t		 n_statuses;		/* also refused ones */
	struct fake_event events[FAKE_HOST_RECORDS];
	size_t		 n_events;
	struct pp_port	*watched_port;		/* of watch_read */
	int		 watched_fd;		/* -1: none */
	size_t		 n_stores, n_removes;	/* that succeeded */
	size_t		 n_transfers;
	size_t		 n_live;		/* allocations not freed */
	size_t		 n_late;		/* callbacks while shut */

	struct fake_port *ports;		/* in order of creation */
};

struct fake_host *fake_host_new(void);
void fake_host_free(struct fake_host *host);

/* Make the port if it is new; then set a key, unless that is NULL. */
void fake_host_set(struct fake_host *host, const char *port, const char *key,
    const char *value);
/* What is set, without defaults; NULL if the port or the key is not there. */
const char *fake_host_get(const struct fake_host *host, const char *port,
    const char *key);
bool fake_host_has_port(const struct fake_host *host, const char *port);
/* A port of another monitor: it exists, but not for config_*. */
void fake_host_foreign_port(struct fake_host *host, const char *port);
void fake_host_remove_port(struct fake_host *host, const char *port);

/* Is there a log line that contains this? */
bool fake_host_logged(const struct fake_host *host, const char *part);
/* How often was this reported for this job? */
size_t fake_host_events(const struct fake_host *host, uint64_t job,
    enum pp_job_event event);

#endif /* FAKE_HOST_H */
