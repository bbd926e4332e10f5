/*
 * job - the model of a job: what a client printed and what became of it.
 *
 * Pure data: no file, no clock, no thread.  States, reasons and their words
 * are those of RFC 8011 (5.3.7 and 5.3.8), the states with its numbers.
 *
 * Lifecycle  job_new(), job_add_document() for each document, job_free().
 *            A job's state is changed by job_step() and by nothing else.
 * Ownership  A job owns its strings and documents.
 * Errors     -1 with errno set and the job as it was.
 * Threads    A job belongs to one thread at a time.
 * Units      Times: _ms are milliseconds since 1970, 0 is never.
 */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_SHA256_LEN		32
/* Documents are numbered from 1 up to this. */
#define JOB_DOCUMENTS_MAX	1023
#define JOB_PRIORITY_DEFAULT	50	/* of 1 to 100, high is first */
#define JOB_PRIORITY_MAX	100	/* more is taken for this */

enum job_state {
	JOB_PENDING = 3,		/* waits for a port */
	JOB_PENDING_HELD,		/* waits for a person */
	JOB_PROCESSING,			/* is being sent */
	JOB_PROCESSING_STOPPED,		/* was being sent; the port waits */
	JOB_CANCELED,
	JOB_ABORTED,
	JOB_COMPLETED,
	JOB_STATE_END			/* one more than the last */
};

/* A set: the reasons of one job are or-ed together; 0 is "none". */
enum job_reason {
	JOB_INCOMING			= 1 << 0,
	JOB_DATA_INSUFFICIENT		= 1 << 1,
	JOB_DOCUMENT_ACCESS_ERROR	= 1 << 2,
	JOB_HOLD_UNTIL_SPECIFIED	= 1 << 3,
	JOB_RESOURCES_NOT_READY		= 1 << 4,
	JOB_PRINTER_STOPPED		= 1 << 5,
	JOB_PRINTER_STOPPED_PARTLY	= 1 << 6,
	JOB_SERVICE_OFF_LINE		= 1 << 7,
	JOB_PRINTING			= 1 << 8,
	JOB_QUEUED_IN_DEVICE		= 1 << 9,
	JOB_STOPPING			= 1 << 10,
	JOB_CANCELED_BY_USER		= 1 << 11,
	JOB_CANCELED_BY_OPERATOR	= 1 << 12,
	JOB_CANCELED_AT_DEVICE		= 1 << 13,
	JOB_ABORTED_BY_SYSTEM		= 1 << 14,
	JOB_COMPLETED_SUCCESSFULLY	= 1 << 15,
	JOB_COMPLETED_WITH_WARNINGS	= 1 << 16,
	JOB_COMPLETED_WITH_ERRORS	= 1 << 17,
	JOB_RESTARTABLE			= 1 << 18,
	JOB_REASON_END			= 1 << 19
};

/* Where the bytes of a document are. */
enum job_place {
	JOB_IN_RECORD,			/* in the database */
	JOB_IN_FILE,			/* in a file of the data directory */
	JOB_GONE			/* no longer kept */
};

struct job_document {
	uint32_t	 copies;
	char		*format;	/* owned; MIME type, or "" */
	char		*name;		/* owned; as the client called it */
	char		*file;		/* owned; name in the data directory,
					 * NULL unless place is JOB_IN_FILE */
	uint64_t	 size;
	uint8_t		 sha256[JOB_SHA256_LEN];
	enum job_place	 place;
};

struct job {
	uint64_t	 id;
	char		*queue;		/* owned, as all strings here */
	char		*user;
	char		*host;		/* the client's address */
	char		*title;
	char		*port;		/* of the last attempt, or "" */
	char		*why;		/* free text beside the reasons */
	char		*extra;		/* what else the client said, in lines
					 * of its protocol */
	uint32_t	 priority;
	enum job_state	 state;
	uint32_t	 reasons;	/* enum job_reason, or-ed */
	int64_t		 created_ms;
	int64_t		 started_ms;	/* first attempt */
	int64_t		 completed_ms;
	uint32_t	 attempts;	/* since it was last held */
	bool		 restarted;	/* may be on paper already */
	uint64_t	 bytes;		/* of all documents */
	uint64_t	 pages;		/* 0: not known */
	uint64_t	 order;		/* in its queue, within a priority */
	size_t		 n_documents;
	struct job_document *documents;	/* owned */
	bool		 covered;	/* the first is ours, not the client's;
					 * not on record */
};

/* What a client says about a job or a document; strings are copied. */
struct job_about {
	const char	*queue, *user, *host, *title;
	uint32_t	 priority;
	int64_t		 created_ms;
	const char	*extra;		/* NULL: nothing */
};

struct job_about_document {
	const char	*format, *name;
	uint32_t	 copies;
};

/* One step of a job's life. */
struct job_step {
	enum job_state	 state;
	uint32_t	 reasons;
	const char	*why;		/* NULL: none */
	bool		 keep_why;	/* behind it, the one there was */
	const char	*port;		/* NULL: as it is */
	uint64_t	 pages;		/* 0: as it is */
	int64_t		 now_ms;
	bool		 restart;	/* a finished job is to print again */
	bool		 restarted;	/* mark it: may be on paper already */
	bool		 untouched;	/* from processing, to wait: it was not
					 * begun, so it was no attempt */
};

struct job *job_new(uint64_t id, const struct job_about *about)
    __attribute__((warn_unused_result));
void job_free(struct job *job);

/* The new document, empty and in the record; borrowed.  NULL: errno. */
struct job_document *job_add_document(struct job *job,
    const struct job_about_document *about)
    __attribute__((warn_unused_result));

/* Replace an owned string; text may be NULL for "". */
int job_set(char **owned, const char *text)
    __attribute__((warn_unused_result));

/*
 * The one way to change a state.  EINVAL: the step is not legal; nothing of a
 * finished job changes but by a restart.  A step to JOB_PROCESSING from a
 * waiting state counts as an attempt.
 */
int job_step(struct job *job, const struct job_step *step)
    __attribute__((warn_unused_result));
bool job_may_step(enum job_state from, enum job_state to);

static inline bool
job_finished(enum job_state state)
{
	return state >= JOB_CANCELED;
}

/* The word of RFC 8011: "pending-held".  state must be one. */
const char *job_state_name(enum job_state state);

/* "none", or words with a comma between, cut to fit.  Returns buf. */
const char *job_reasons_text(uint32_t reasons, char *buf, size_t len);

#endif /* JOB_H */
