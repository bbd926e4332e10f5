/*
 * pool - a fixed number of threads that run tasks first in, first out.
 *
 * Lifecycle  pool_start(), pool_submit() any number of times, pool_stop()
 *            which returns when all that was submitted has run.
 * Ownership  A task is borrowed until its run function is called; it may be
 *            submitted again from there.
 * Errors     pool_start() returns 0 or a negative errno.
 * Threads    pool_submit() from any thread.
 */
#ifndef POOL_H
#define POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#define POOL_THREADS_MAX	16

struct task {
	STAILQ_ENTRY(task)	  link;
	void			(*run)(struct task *task);
};

struct pool {
	pthread_mutex_t		  lock;
	pthread_cond_t		  work;
	STAILQ_HEAD(, task)	  tasks;
	pthread_t		  threads[POOL_THREADS_MAX];
	unsigned int		  n_threads;
	unsigned int		  running;	/* tasks under way */
	int			  nice;		/* of the threads */
	bool			  stop;
};

/*
 * nice: how far the threads stand back behind the others of the process (see
 * setpriority(2)); where that is not allowed they do not.
 */
int pool_start(struct pool *pool, unsigned int threads, int nice)
    __attribute__((warn_unused_result));
void pool_submit(struct pool *pool, struct task *task);
void pool_stop(struct pool *pool);

/* Start one thread with all signals blocked; 0 or a negative errno. */
int pool_thread(pthread_t *thread, void *(*run)(void *), void *arg)
    __attribute__((warn_unused_result));

#endif /* POOL_H */
