/*
 * spool_rig - a store in a directory of its own, asked as if it answered at
 * once: each call submits, waits for the outcome and returns it.
 *
 * Errors     Calls return the outcome, 0 or a negative errno; what can only
 *            fail by a defect of the test fails the test.
 */
#ifndef SPOOL_RIG_H
#define SPOOL_RIG_H

#include "spool/incoming.h"
#include "spool/store.h"

struct spool_rig {
	char			 directory[256];
	struct store_options	 options;
	struct store_error	 error;		/* of the last open */
	struct store		*store;
	char			 messages[4096]; /* a line each */
};

/* A fresh directory; nothing is opened yet. */
void rig_make(struct spool_rig *rig);
/* NULL after a failed open; rig->error says why. */
struct store *rig_open(struct spool_rig *rig);
void rig_close(struct spool_rig *rig);
/* Also removes the directory. */
void rig_free(struct spool_rig *rig);

/* Path of a file in the directory; valid until the next call. */
const char *rig_path(const struct spool_rig *rig, const char *name);
/* Entries of a directory below it. */
unsigned int rig_entries(const struct spool_rig *rig, const char *name);
void rig_remove_tree(const char *path);

/* Wait for mail and deliver it. */
void rig_wait(struct spool_rig *rig);

/* len bytes that depend on seed. */
void rig_fill(unsigned char *bytes, size_t len, unsigned int seed);

/* Begin, write n documents of len bytes each (seed id + number), commit. */
int rig_job(struct spool_rig *rig, const char *queue, unsigned int n,
    size_t len, uint64_t *id);
/* Write all, waiting for room; incoming_error() on failure. */
int rig_write(struct spool_rig *rig, struct incoming *in, const void *bytes,
    size_t len);
int rig_commit(struct spool_rig *rig, struct incoming *in, struct job **job);
void rig_room(void *arg);

int rig_step(struct spool_rig *rig, uint64_t id, enum job_state state);
int rig_step_as(struct spool_rig *rig, uint64_t id,
    const struct job_step *step);
int rig_change(struct spool_rig *rig, uint64_t id, const char *queue,
    uint32_t priority);
int rig_expire(struct spool_rig *rig, const struct store_retention *what,
    unsigned int *removed);
int rig_note(struct spool_rig *rig, const char *name, const char *value);
int rig_probe(struct spool_rig *rig);
int rig_check(struct spool_rig *rig);
int rig_look(struct spool_rig *rig);

int rig_get(struct spool_rig *rig, uint64_t id, struct job **job);
int rig_list(struct spool_rig *rig, const struct store_filter *filter,
    struct job_list **list);
int rig_records(struct spool_rig *rig, const struct store_period *period,
    struct job_record_list **list);
int rig_notes(struct spool_rig *rig, struct store_note_list **list);
int rig_document(struct spool_rig *rig, uint64_t id, unsigned int number,
    int *fd, uint64_t *size);

/* Does the store have the bytes that rig_job() wrote? */
bool rig_intact(struct spool_rig *rig, uint64_t id, unsigned int number,
    size_t len);
/* State of a job, or a negative errno. */
int rig_state(struct spool_rig *rig, uint64_t id);

#endif /* SPOOL_RIG_H */
