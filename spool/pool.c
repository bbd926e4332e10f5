/*
 * pool.c - see pool.h.
 */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pool.h"

/* Signals are for the main thread. */
int
pool_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

/* The next task, or NULL when all is done and no more will come. */
static struct task *
next(struct pool *pool)
{
	struct task *task;

	while ((task = STAILQ_FIRST(&pool->tasks)) == NULL) {
		/* A task that is running may submit another. */
		if (pool->stop && pool->running == 0)
			return NULL;
		pthread_cond_wait(&pool->work, &pool->lock);
	}
	STAILQ_REMOVE_HEAD(&pool->tasks, link);
	pool->running++;
	return task;
}

static void *
work(void *arg)
{
	struct pool *pool = arg;
	struct task *task;

	/* On Linux a thread has a nice value of its own. */
	if (pool->nice != 0)
		(void)setpriority(PRIO_PROCESS, (id_t)gettid(), pool->nice);
	pthread_mutex_lock(&pool->lock);
	while ((task = next(pool)) != NULL) {
		pthread_mutex_unlock(&pool->lock);
		task->run(task);
		pthread_mutex_lock(&pool->lock);
		pool->running--;
	}
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int
pool_start(struct pool *pool, unsigned int threads, int nice)
{
	int error;

	*pool = (struct pool){ .nice = nice };
	STAILQ_INIT(&pool->tasks);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	while (pool->n_threads < threads &&
	    pool->n_threads < POOL_THREADS_MAX) {
		error = pool_thread(&pool->threads[pool->n_threads], work,
		    pool);
		if (error != 0) {
			pool_stop(pool);
			return error;
		}
		pool->n_threads++;
	}
	return 0;
}

void
pool_submit(struct pool *pool, struct task *task)
{
	pthread_mutex_lock(&pool->lock);
	STAILQ_INSERT_TAIL(&pool->tasks, task, link);
	pthread_mutex_unlock(&pool->lock);
	/* Not with the lock: who is woken wants it. */
	pthread_cond_signal(&pool->work);
}

void
pool_stop(struct pool *pool)
{
	unsigned int i;

	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
}
