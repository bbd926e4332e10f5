/*
 * lpd_job - a job of an LPD client: its control file and its data files, in
 * whatever order they come.
 *
 * A client may send the files of several jobs over one connection, and mix
 * them.  What belongs together is told by the control file, which names its
 * data files; before it is there, by the part of the names that files of a
 * job have in common ("A123host").
 *
 * Lifecycle  lpd_job_for_data(), lpd_job_for_control() make one when there is
 *            none; a commit that succeeds, or lpd_job_free(), ends it.
 * Ownership  A list of them is a session's.
 * Errors     As said with each.
 * Threads    The loop's, only.
 */
#ifndef LPD_JOB_H
#define LPD_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lpd_control.h"

struct conf_listener;
struct incoming;
struct intake;
struct lpd_options;

struct lpd_job {
	TAILQ_ENTRY(lpd_job)	 link;
	void			*owner;		/* the session */
	struct intake		*intake;	/* NULL before the first data */
	struct lpd_control	*control;	/* owned; NULL: has not come */
	size_t			 control_len;	/* of its file */
	char			*control_name;	/* owned; "cfA123host", or "" */
	char			*key;		/* owned; "123host", or "" */
	size_t			 n_files;
	char			**files;	/* owned; names of data files */
	bool			 whole;		/* the last of them is */
};

TAILQ_HEAD(lpd_job_list, lpd_job);

/*
 * Jobs of a connection that may be incomplete at a time.  Together they have
 * as many data files, and as much of control files, as one may have: what a
 * client can make us keep does not grow with the number of its jobs.
 */
#define LPD_JOBS_MAX	16

/* May a data file come; a control file of len bytes? */
bool lpd_job_may_add(const struct lpd_job_list *list);
bool lpd_job_may_control(const struct lpd_job_list *list, size_t len);

/*
 * The job of a data file of this name.  NULL and errno: ENOMEM; E2BIG too many
 * jobs.
 */
struct lpd_job *lpd_job_for_data(struct lpd_job_list *list, const char *name)
    __attribute__((warn_unused_result));
/* Nothing of it is there yet. */
bool lpd_job_is_new(const struct lpd_job *job);
/* Is there data whose control file has not come? */
bool lpd_job_awaits_control(const struct lpd_job_list *list);
/* Has a file of this name come for it? */
bool lpd_job_has(const struct lpd_job *job, const char *name);
/* A data file begins.  -1: no memory. */
int lpd_job_add_file(struct lpd_job *job, const char *name)
    __attribute__((warn_unused_result));

/*
 * The job of this control file of len bytes, which it has from now on.  NULL
 * as above, and control is still the caller's.
 */
struct lpd_job *lpd_job_for_control(struct lpd_job_list *list,
    const char *name, struct lpd_control *control, size_t len)
    __attribute__((warn_unused_result));

/* All that the control file names has come, and is whole. */
bool lpd_job_is_complete(const struct lpd_job *job);
/* How many of the named files have not come. */
size_t lpd_job_missing(const struct lpd_job *job);
/* How many have come that are not named. */
size_t lpd_job_unnamed(const struct lpd_job *job);

/*
 * Tell the store who prints what, and how, as far as is known, and put the
 * banner page in front if there is to be one.  Once.  -1: no memory.
 */
int lpd_job_describe(struct lpd_job *job, const struct conf_listener *conf,
    const struct lpd_options *options) __attribute__((warn_unused_result));

/* Out of the list.  What is not committed is aborted. */
void lpd_job_free(struct lpd_job_list *list, struct lpd_job *job);

#endif /* LPD_JOB_H */
