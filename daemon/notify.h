/*
 * notify - runs an administrator's program when something happens to a job.
 *
 * The program gets what it is about in its environment (PRINTPORT_EVENT,
 * PRINTPORT_JOB, PRINTPORT_QUEUE ...), nothing on its standard input, and no
 * descriptor or environment of ours besides.  Its words go to the log.
 *
 * Lifecycle  notify_new() .. notify_free(), which leaves programs running.
 * Ownership  Copies what it is given.
 * Errors     A program that cannot be started, fails or outlives NOTIFY_TIME_MS
 *            (then it is killed with its group) is logged, and that is all.
 * Threads    The loop's, only.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

struct event_base;
struct job;
struct notify;

#define NOTIFY_TIME_MS		30000
/* Programs at a time; others wait in line, up to NOTIFY_LINE_MAX. */
#define NOTIFY_RUNNING_MAX	4
#define NOTIFY_LINE_MAX		1000

struct notify *notify_new(struct event_base *base)
    __attribute__((warn_unused_result));
void notify_free(struct notify *notify);

/* event: "held", "expired"; why in words. */
void notify_job(struct notify *notify, const char *program,
    const char *event, const struct job *job, const char *why);

/* Another limit than NOTIFY_TIME_MS, for tests; of programs started later. */
void notify_set_time(struct notify *notify, int limit_ms);

#endif /* NOTIFY_H */
