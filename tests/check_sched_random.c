/*
 * check_sched_random.c - the scheduler and a simple model of it are told the
 * same 10,000 random things, and must always agree.  The loop test's number is
 * the seed.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/sched_model.h"
#include "tests/suite.h"

#define N_EVENTS	10000
#define N_SEEDS		8

static struct sched *sched;
static struct model model;
static uint64_t ids;
static unsigned int seed;

/* 0 to n - 1 */
static int
pick(int n)
{
	return rand_r(&seed) % n;
}

static void
same(int result, int error)
{
	ck_assert_int_eq(result, error == 0 ? 0 : -1);
	ck_assert(error == 0 || errno == error);
}

/* ---- events -------------------------------------------------------------- */

static void
add(void)
{
	struct model_job *job = &model.jobs[pick(N_JOBS)];
	struct sched_job is;

	if (job->state != FREE)
		return;
	*job = (struct model_job){ .queue = pick(N_QUEUES) };
	ids++;
	is = (struct sched_job){ .id = ids,
		.queue = model_queue_names[job->queue],
		.priority = 50 + (uint32_t)pick(3), .order = ids,
		.since_ms = model.now_ms - pick(50),
		.attempts = (uint32_t)pick(2), .held = pick(10) == 0 };
	job->is = is;
	job->state = is.held ? HELD : WAITING;
	same(sched_add(sched, &is), 0);
}

static void
end(struct model_job *job)
{
	static const enum sched_verdict verdicts[] = { SCHED_DONE,
		SCHED_DONE, SCHED_AGAIN, SCHED_AGAIN, SCHED_NOT_STARTED,
		SCHED_GONE };
	enum sched_verdict verdict = verdicts[pick(6)];

	sched_done(sched, job->is.id, verdict, model.now_ms);
	if (job->state == RUNNING)
		model_done(&model, job, verdict);
}

static void
end_some(void)
{
	for (int i = 0; i < 4; i++)
		end(&model.jobs[pick(N_JOBS)]);
}

/* The errno for a job that has to be there and not be running. */
static int
refusal(const struct model_job *job)
{
	if (job->state == FREE)
		return ENOENT;
	return job->state == RUNNING ? EBUSY : 0;
}

static void
remove_one(void)
{
	struct model_job *job = &model.jobs[pick(N_JOBS)];
	int error = refusal(job);

	same(sched_remove(sched, job->is.id), error);
	if (error == 0)
		job->state = FREE;
}

static void
hold(void)
{
	struct model_job *job = &model.jobs[pick(N_JOBS)];
	int error = refusal(job);

	same(sched_hold(sched, job->is.id), error);
	if (error == 0)
		job->state = HELD;
}

static void
release(void)
{
	struct model_job *job = &model.jobs[pick(N_JOBS)];
	int error = refusal(job);

	same(sched_release(sched, job->is.id, model.now_ms), error);
	if (error == 0)
		model_release(&model, job);
}

static void
change(void)
{
	struct model_job *job = &model.jobs[pick(N_JOBS)];
	int q = pick(N_QUEUES), error = refusal(job);
	uint32_t priority = 50 + (uint32_t)pick(3);
	uint64_t order = (uint64_t)pick((int)ids + 1);

	if (error == 0 && !model.queues[q].exists)
		error = ENOENT;
	same(sched_change(sched, job->is.id, model_queue_names[q], priority,
	    order), error);
	if (error == 0)
		model_change(job, q, priority, order);
}

/* A port may be there twice, or as a backup of itself. */
static void
set_queue(void)
{
	struct model_queue queue = { .divert = pick(N_QUEUES) };
	const char *ports[N_POOL];
	struct sched_queue *is = &queue.is;
	int q = pick(N_QUEUES);

	for (int i = 0; i < N_POOL; i++) {
		queue.pool[i] = pick(N_PORTS);
		ports[i] = model_port_names[queue.pool[i]];
	}
	*is = (struct sched_queue){ .name = model_queue_names[q],
		.order = (enum sched_order)pick(2), .paused = pick(5) == 0,
		.expire_ms = pick(2) * pick(300),
		.expire = (enum sched_expire)pick(3),
		.divert = model_queue_names[queue.divert],
		.retries = (uint32_t)pick(4), .retry_after_ms = pick(40),
		.failover_after_ms = pick(60), .ports = ports,
		.n_ports = (size_t)pick(N_POOL) };
	is->n_backups = (size_t)pick(N_POOL + 1 - (int)is->n_ports);
	same(sched_set_queue(sched, is), 0);
	is->name = is->divert = NULL;
	is->ports = NULL;
	model_set_queue(&model, q, &queue);
}

static void
remove_queue(void)
{
	int q = pick(N_QUEUES);

	sched_remove_queue(sched, model_queue_names[q]);
	model_remove_queue(&model, q);
}

static void
set_port(void)
{
	int p = pick(N_PORTS);
	unsigned int room = (unsigned int)pick(4);
	bool healthy = pick(3) > 0;

	same(sched_set_port(sched, model_port_names[p], room, healthy), 0);
	model_set_port(&model, p, room, healthy);
}

static void
remove_port(void)
{
	int p = pick(N_PORTS);

	sched_remove_port(sched, model_port_names[p]);
	model_set_port(&model, p, 0, false);
}

static void
wait_a_little(void)
{
	model.now_ms += pick(30);
}

/* To the time that the scheduler asks for: nothing is due before. */
static void
wait_until_due(void)
{
	int64_t next_ms = sched_next_ms(sched);

	if (next_ms == INT64_MAX || next_ms <= model.now_ms)
		return;
	model.now_ms = next_ms - 1;
	ck_assert(!model_is_due(&model));
	sched_run(sched, model.now_ms);
	model.now_ms = next_ms;
}

/* How often, in a hundred. */
static const struct {
	int	weight;
	void	(*happen)(void);
} events[] = {
	{ 30, add }, { 15, end_some }, { 15, set_port }, { 8, wait_a_little },
	{ 8, wait_until_due }, { 6, release }, { 5, set_queue },
	{ 4, change }, { 3, hold }, { 3, remove_one }, { 2, remove_port },
	{ 1, remove_queue },
};

static void
happen(void)
{
	int n = pick(100), i = 0;

	while (n >= events[i].weight)
		n -= events[i++].weight;
	events[i].happen();
}

/* ---- do they agree? ------------------------------------------------------ */

/* Exactly what is due is done, and the scheduler knew that it was. */
static void
run(void)
{
	if (model_is_due(&model))
		ck_assert_int_le(sched_next_ms(sched), model.now_ms);
	sched_run(sched, model.now_ms);
	ck_assert(!model_is_due(&model));
	ck_assert_int_gt(sched_next_ms(sched), model.now_ms);
}

/* An assertion costs a system call: none for each job of each event. */
static void
compare_jobs(void)
{
	const struct model_job *job;
	size_t waiting[N_QUEUES] = { 0 };
	bool known, running;

	for (job = model.jobs; job < model.jobs + N_JOBS; job++) {
		known = sched_knows(sched, job->is.id, &running);
		if (known != (job->state != FREE) ||
		    running != (job->state == RUNNING))
			ck_abort_msg("job %d is not what it should be",
			    (int)job->is.id);
		waiting[job->queue] += job->state == WAITING ||
		    job->state == SPENT;
	}
	for (int q = 0; q < N_QUEUES; q++)
		ck_assert_uint_eq(sched_waiting(sched, model_queue_names[q]),
		    waiting[q]);
}

START_TEST(does_what_the_model_does)
{
	seed = (unsigned int)_i;
	model_init(&model);
	model.now_ms = 1000;
	sched = sched_new(&model_ops, &model);
	ck_assert_ptr_nonnull(sched);
	for (int i = 0; i < N_EVENTS; i++) {
		happen();
		if (pick(3) > 0)
			run();
		compare_jobs();
	}
	sched_free(sched);
}
END_TEST

static Suite *
sched_random_suite(void)
{
	Suite *suite = suite_create("sched_random");
	TCase *tcase = tcase_create("random");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, does_what_the_model_does, 0, N_SEEDS);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(sched_random_suite());
}
