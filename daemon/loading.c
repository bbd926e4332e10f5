/*
 * loading.c - see loading.h.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "loading.h"
#include "modcheck.h"

struct loading_task {
	struct loading	*loading;
	char		*path;
	loading_done_fn	*done;
	void		*arg;
	pthread_t	 thread;
	int		 fd;		/* eventfd: the thread is done */
	struct event	*finished;
};

static void
drop(struct loading *loading)
{
	conf_free(loading->conf);
	loading->conf = NULL;
	endpoints_free(&loading->endpoints);
}

void
loading_check(const struct conf *conf, struct conf_errors *errors)
{
	if (conf->n_listeners == 0)
		conf_errors_add(errors, conf->path, 0, "there is no "
		    "[listener NAME] section, so nobody could print; add one "
		    "with listen = and queue =");
	conf_check_programs(conf, errors);
}

void
loading_run(struct loading *loading, const char *path)
{
	memset(loading, 0, sizeof(*loading));
	loading->conf = conf_load(path, &loading->errors);
	if (loading->conf == NULL)
		return;
	loading_check(loading->conf, &loading->errors);
	if (loading->errors.n > 0 ||
	    endpoints_resolve(&loading->endpoints, loading->conf,
	    &loading->errors) == -1)
		drop(loading);
}

void
loading_judge(struct loading *loading)
{
	int pages;

	if (loading->conf == NULL)
		return;
	pages = conf_read_banners(loading->conf, &loading->errors);
	if (modcheck_run(loading->conf, false, &loading->errors) == -1 ||
	    pages == -1)
		drop(loading);
}

void
loading_clear(struct loading *loading)
{
	drop(loading);
	conf_errors_free(&loading->errors);
}

void
loading_free(struct loading *loading)
{
	loading_clear(loading);
	free(loading);
}

/* ---- in a thread -------------------------------------------------------- */

static void *
work(void *arg)
{
	struct loading_task *task = arg;

	loading_run(task->loading, task->path);
	loading_judge(task->loading);
	(void)eventfd_write(task->fd, 1);
	return NULL;
}

static void
task_free(struct loading_task *task)
{
	if (task->finished != NULL)
		event_free(task->finished);
	if (task->fd != -1)
		close(task->fd);
	free(task->path);
	free(task);
}

static void
on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct loading_task *task = arg;
	struct loading *loading = task->loading;
	loading_done_fn *done = task->done;
	void *done_arg = task->arg;

	(void)fd;
	(void)what;
	pthread_join(task->thread, NULL);
	task_free(task);
	done(done_arg, loading);
}

struct loading_task *
loading_start(struct event_base *base, const char *path,
    loading_done_fn *done, void *arg)
{
	struct loading_task *task = calloc(1, sizeof(*task));

	if (task == NULL)
		return NULL;
	task->done = done;
	task->arg = arg;
	task->path = strdup(path);
	task->loading = calloc(1, sizeof(*task->loading));
	task->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	task->finished = event_new(base, task->fd, EV_READ, on_finished, task);
	if (task->path == NULL || task->loading == NULL || task->fd == -1 ||
	    task->finished == NULL || event_add(task->finished, NULL) == -1 ||
	    pthread_create(&task->thread, NULL, work, task) != 0) {
		free(task->loading);
		task_free(task);
		return NULL;
	}
	return task;
}

void
loading_cancel(struct loading_task *task)
{
	if (task == NULL)
		return;
	pthread_join(task->thread, NULL);
	loading_free(task->loading);
	task_free(task);
}
