/*
 * show - answers of the daemon, for people.
 *
 * Errors     0, or -1 when memory is short or an answer has not the form that
 *            this program knows.
 */
#ifndef SHOW_H
#define SHOW_H

#include <stdio.h>

#include <jansson.h>

/* jobs: array of jobs. */
int show_jobs(const json_t *jobs, FILE *out)
    __attribute__((warn_unused_result));
int show_job(const json_t *job, FILE *out)
    __attribute__((warn_unused_result));
int show_queues(const json_t *answer, FILE *out)
    __attribute__((warn_unused_result));
int show_ports(const json_t *answer, FILE *out)
    __attribute__((warn_unused_result));
int show_status(const json_t *answer, FILE *out)
    __attribute__((warn_unused_result));

/* A member that is a text; "" if it is null or not there. */
const char *show_text(const json_t *object, const char *key);

/* "17 B", "1.2 MiB"; returns buf. */
#define SHOW_SIZE_LEN	24
const char *show_size(json_int_t bytes, char buf[SHOW_SIZE_LEN]);

#endif /* SHOW_H */
