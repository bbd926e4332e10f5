/*
 * sched_rig.c - see sched_rig.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sched_rig.h"

struct sched *sched;
int64_t now;
static char said[4096];			/* the ops since they were looked at */
void (*during_op)(uint64_t job);

static void __attribute__((format(printf, 2, 3)))
say(uint64_t job, const char *format, ...)
{
	size_t n = strlen(said);
	va_list args;

	snprintf(said + n, sizeof(said) - n, "%s%d", n > 0 ? " " : "",
	    (int)job);
	n = strlen(said);
	va_start(args, format);
	vsnprintf(said + n, sizeof(said) - n, format, args);
	va_end(args);
	if (during_op != NULL)
		during_op(job);
}

static void
op_start(void *arg, uint64_t job, const char *port)
{
	(void)arg;
	say(job, ">%s", port);
}

static void
op_hold(void *arg, uint64_t job, enum sched_held why)
{
	static const char *const reasons[] = {
		[SCHED_HELD_EXPIRED] = "expired",
		[SCHED_HELD_RETRIES] = "retries",
		[SCHED_HELD_NO_QUEUE] = "no-queue",
	};

	(void)arg;
	say(job, "!%s", reasons[why]);
}

static void
op_drop(void *arg, uint64_t job)
{
	(void)arg;
	say(job, "!dropped");
}

static void
op_divert(void *arg, uint64_t job, const char *queue, uint64_t order)
{
	(void)arg;
	say(job, "!to-%s-%d", queue, (int)order);
}

static const struct sched_ops ops = { op_start, op_hold, op_drop, op_divert };

static void
setup(void)
{
	now = 1000;
	sched = sched_new(&ops, NULL);
	ck_assert_ptr_nonnull(sched);
}

static void
teardown(void)
{
	sched_free(sched);
}

const char *
run_at(int64_t now_ms)
{
	static char first[sizeof(said)];

	now = now_ms;
	said[0] = '\0';
	sched_run(sched, now);
	strcpy(first, said);
	said[0] = '\0';
	sched_run(sched, now);
	ck_assert_str_eq(said, "");
	ck_assert_int_gt(sched_next_ms(sched), now);
	return first;
}

const char *
run(void)
{
	return run_at(now);
}

struct sched_queue
queue_of(const char *name, enum sched_order order, const char *ports)
{
	static const char *const letters[] = { "a", "b", "c", "d" };
	static const char *list[8];
	size_t n = strlen(ports);

	for (size_t i = 0; i < n; i++)
		list[i] = letters[ports[i] - 'a'];
	return (struct sched_queue){ .name = name, .order = order,
		.ports = list, .n_ports = n };
}

void
set(struct sched_queue queue)
{
	ck_assert_int_eq(sched_set_queue(sched, &queue), 0);
}

void
port(const char *name, unsigned int room, bool healthy)
{
	ck_assert_int_eq(sched_set_port(sched, name, room, healthy), 0);
}

void
add_to(const char *queue, uint64_t id)
{
	struct sched_job job = { .id = id, .queue = queue, .priority = 50,
		.order = id, .since_ms = now };

	ck_assert_int_eq(sched_add(sched, &job), 0);
}

void
add(uint64_t id)
{
	add_to("q", id);
}

void
done(uint64_t id, enum sched_verdict verdict)
{
	sched_done(sched, id, verdict, now);
}

void
next_is(int64_t ms)
{
	ck_assert_int_eq(sched_next_ms(sched), ms);
}

void
expect(int result, int error)
{
	ck_assert_int_eq(result, error == 0 ? 0 : -1);
	if (error != 0)
		ck_assert_int_eq(errno, error);
}

TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}
