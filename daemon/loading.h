/*
 * loading - a configuration on its way in: read, judged, names resolved.
 *
 * All of that blocks; at the start that is fine, at a reload a thread does it
 * while the loop goes on with the old configuration.
 *
 * Lifecycle  loading_run(), or loading_start() and later its call-back; then
 *            loading_free().
 * Ownership  Owns what it has loaded until the caller takes it (conf and
 *            endpoints set to NULL / empty).
 * Errors     conf is NULL and errors has the reasons.
 * Threads    loading_start() and its call-back: the loop's.
 */
#ifndef LOADING_H
#define LOADING_H

#include "conf/conf.h"
#include "endpoint.h"

struct event_base;

struct loading {
	struct conf		*conf;
	struct endpoints	 endpoints;
	struct conf_errors	 errors;
};

typedef void loading_done_fn(void *arg, struct loading *loading);

/*
 * Add an error if nothing could ever be printed: a file without a listener is
 * one that is being written, or was cut.  Also for programs that are not there.
 */
void loading_check(const struct conf *conf, struct conf_errors *errors);

/* Read the file and resolve its names. */
void loading_run(struct loading *loading, const char *path);

/*
 * Judge the ports by their modules, and read the banner pages, both as the
 * daemon's user; conf is dropped if one is bad.
 */
void loading_judge(struct loading *loading);

/*
 * Both, in a thread.  The call-back gets a loading that it must free; the task
 * is dead then.  NULL: no memory or no thread.
 */
struct loading_task;
struct loading_task *loading_start(struct event_base *base, const char *path,
    loading_done_fn *done, void *arg) __attribute__((warn_unused_result));
/* Without the call-back; waits for the thread.  NULL is fine. */
void loading_cancel(struct loading_task *task);

/* What loading holds; not loading itself. */
void loading_clear(struct loading *loading);
void loading_free(struct loading *loading);

#endif /* LOADING_H */
