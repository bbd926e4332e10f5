/*
 * sched_rig - a scheduler on a clock of ours, and short words to drive it.
 *
 * Each op is written down as a word, such as "1>a" for a start of job 1 on port
 * a, "1!expired" for a hold, "1!to-r-8" for a move to queue r with order 8; a
 * test compares the words.
 *
 * Lifecycle  Each test of a new_case() has a scheduler of its own, and its
 *            clock begins at 1000.
 * Errors     Fail the test.
 */
#ifndef SCHED_RIG_H
#define SCHED_RIG_H

#include "daemon/sched.h"
#include "tests/suite.h"

extern struct sched *sched;
extern int64_t now;
extern void (*during_op)(uint64_t job);	/* what an op does, besides */

#define LENGTH(array)	((int)(sizeof(array) / sizeof((array)[0])))

TCase *new_case(Suite *suite, const char *name);

/* What the scheduler does now, or at a time; once more changes nothing. */
const char *run(void);
const char *run_at(int64_t now_ms);
void next_is(int64_t ms);

/* Ports are named by one letter each: "ab". */
struct sched_queue queue_of(const char *name, enum sched_order order,
    const char *ports);
void set(struct sched_queue queue);
void port(const char *name, unsigned int room, bool healthy);

/* A job of priority 50, to queue q if none is named; its order is its id. */
void add(uint64_t id);
void add_to(const char *queue, uint64_t id);
void done(uint64_t id, enum sched_verdict verdict);

/* A call's result and errno; error 0: none. */
void expect(int result, int error);

#endif /* SCHED_RIG_H */
