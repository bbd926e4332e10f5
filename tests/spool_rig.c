/*
 * spool_rig.c - see spool_rig.h.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/spool_rig.h"
#include "tests/suite.h"

/* What a call waits for. */
struct answer {
	bool		 here;
	int		 error;
	void		*result;
	int		 fd;
	uint64_t	 number;
};

/* ---- the directory --------------------------------------------------- */

static void
note_message(void *arg, const char *text)
{
	struct spool_rig *rig = arg;
	size_t used = strlen(rig->messages);

	snprintf(rig->messages + used, sizeof(rig->messages) - used, "%s\n",
	    text);
}

void
rig_make(struct spool_rig *rig)
{
	static unsigned int count;

	*rig = (struct spool_rig){ 0 };
	snprintf(rig->directory, sizeof(rig->directory), "%s/spool%u",
	    suite_directory(), count++);
	ck_assert_int_eq(mkdir(rig->directory, 0700), 0);
	rig->options = (struct store_options){
		.directory = rig->directory,
		.now_ms = 1700000000000,
		.message = note_message,
		.message_arg = rig,
	};
}

struct store *
rig_open(struct spool_rig *rig)
{
	rig->messages[0] = '\0';
	rig->store = store_open(&rig->options, &rig->error);
	return rig->store;
}

void
rig_close(struct spool_rig *rig)
{
	store_close(rig->store);
	rig->store = NULL;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
rig_remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
rig_free(struct spool_rig *rig)
{
	rig_close(rig);
	rig_remove_tree(rig->directory);
}

const char *
rig_path(const struct spool_rig *rig, const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	return path;
}

unsigned int
rig_entries(const struct spool_rig *rig, const char *name)
{
	DIR *dir = opendir(rig_path(rig, name));
	struct dirent *entry;
	unsigned int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return n;
}

/* ---- answers --------------------------------------------------------- */

void
rig_wait(struct spool_rig *rig)
{
	struct pollfd mail = { .fd = store_fd(rig->store), .events = POLLIN };

	while (poll(&mail, 1, -1) == -1)
		ck_assert_int_eq(errno, EINTR);
	store_poll(rig->store);
}

static int
await(struct spool_rig *rig, int submitted, struct answer *answer)
{
	ck_assert_int_eq(submitted, 0);
	while (!answer->here)
		rig_wait(rig);
	return answer->error;
}

static void
done(void *arg, int error)
{
	struct answer *answer = arg;

	answer->here = true;
	answer->error = error;
}

static void
got(struct answer *answer, int error, void *result)
{
	ck_assert((result != NULL) == (error == 0));
	answer->here = true;
	answer->error = error;
	answer->result = result;
}

static void
got_job(void *arg, int error, struct job *job)
{
	got(arg, error, job);
}

static void
got_list(void *arg, int error, struct job_list *list)
{
	got(arg, error, list);
}

static void
got_records(void *arg, int error, struct job_record_list *list)
{
	got(arg, error, list);
}

static void
got_notes(void *arg, int error, struct store_note_list *list)
{
	got(arg, error, list);
}

static void
got_expired(void *arg, int error, unsigned int removed)
{
	struct answer *answer = arg;

	answer->here = true;
	answer->error = error;
	answer->number = removed;
}

static void
got_document(void *arg, int error, int fd, uint64_t size)
{
	struct answer *answer = arg;

	ck_assert((fd >= 0) == (error == 0));
	answer->here = true;
	answer->error = error;
	answer->fd = fd;
	answer->number = size;
}

/* ---- jobs come in ---------------------------------------------------- */

void
rig_fill(unsigned char *bytes, size_t len, unsigned int seed)
{
	uint32_t x = seed * 2654435761U + 1;
	size_t i;

	for (i = 0; i < len; i++) {
		x = x * 1664525U + 1013904223U;
		bytes[i] = (unsigned char)(x >> 24);
	}
}

/* Room is asked for again after each delivery. */
void
rig_room(void *arg)
{
	(void)arg;
}

int
rig_write(struct spool_rig *rig, struct incoming *in, const void *bytes,
    size_t len)
{
	size_t n = 0;

	while (n < len && incoming_error(in) == 0) {
		n += incoming_write(in, (const char *)bytes + n, len - n);
		if (n < len && incoming_error(in) == 0)
			rig_wait(rig);
	}
	return incoming_error(in);
}

int
rig_commit(struct spool_rig *rig, struct incoming *in, struct job **job)
{
	struct answer answer = { 0 };
	int error;

	incoming_commit(in, got_job, &answer);
	error = await(rig, 0, &answer);
	*job = answer.result;
	return error;
}

static int
write_documents(struct spool_rig *rig, struct incoming *in, unsigned int n,
    size_t len)
{
	struct job_about_document about = {
		.format = "application/octet-stream", .name = "a name",
	};
	unsigned char *bytes = malloc(len + 1);
	unsigned int i;
	int error = 0;

	ck_assert_ptr_nonnull(bytes);
	for (i = 1; i <= n && error == 0; i++) {
		rig_fill(bytes, len, (unsigned)incoming_id(in) + i);
		if (incoming_document(in, &about) == -1)
			error = -errno;
		if (error == 0)
			error = rig_write(rig, in, bytes, len);
	}
	free(bytes);
	return error;
}

int
rig_job(struct spool_rig *rig, const char *queue, unsigned int n, size_t len,
    uint64_t *id)
{
	struct job_about about = {
		.queue = queue, .user = "alice", .host = "10.0.0.5",
		.title = "a title, \"quoted\"", .created_ms = 1700000000123,
	};
	struct incoming *in;
	struct job *job;
	int error;

	in = incoming_begin(rig->store, &about, 0, rig_room, NULL);
	if (in == NULL)
		return -errno;
	*id = incoming_id(in);
	error = write_documents(rig, in, n, len);
	if (error != 0) {
		incoming_abort(in);
		return error;
	}
	error = rig_commit(rig, in, &job);
	job_free(job);
	return error;
}

/* ---- changes --------------------------------------------------------- */

int
rig_step_as(struct spool_rig *rig, uint64_t id, const struct job_step *step)
{
	struct answer answer = { 0 };

	return await(rig, store_step(rig->store, id, step, done, &answer),
	    &answer);
}

int
rig_step(struct spool_rig *rig, uint64_t id, enum job_state state)
{
	struct job_step step = {
		.state = state, .port = "lobby-laser",
		.now_ms = 1700000001000,
	};

	return rig_step_as(rig, id, &step);
}

int
rig_change(struct spool_rig *rig, uint64_t id, const char *queue,
    uint32_t priority)
{
	struct answer answer = { 0 };

	return await(rig, store_change(rig->store, id, queue, priority, done,
	    &answer), &answer);
}

int
rig_expire(struct spool_rig *rig, const struct store_retention *what,
    unsigned int *removed)
{
	struct answer answer = { 0 };
	int error;

	error = await(rig, store_expire(rig->store, what, got_expired,
	    &answer), &answer);
	*removed = (unsigned)answer.number;
	return error;
}

int
rig_note(struct spool_rig *rig, const char *name, const char *value)
{
	struct answer answer = { 0 };

	return await(rig, store_note(rig->store, "queue", name, "paused",
	    value, done, &answer), &answer);
}

int
rig_probe(struct spool_rig *rig)
{
	struct answer answer = { 0 };

	return await(rig, store_probe(rig->store, done, &answer), &answer);
}

int
rig_check(struct spool_rig *rig)
{
	struct answer answer = { 0 };

	return await(rig, store_check(rig->store, done, &answer), &answer);
}

int
rig_look(struct spool_rig *rig)
{
	struct answer answer = { 0 };

	return await(rig, store_look(rig->store, done, &answer), &answer);
}

/* ---- reading --------------------------------------------------------- */

int
rig_get(struct spool_rig *rig, uint64_t id, struct job **job)
{
	struct answer answer = { 0 };
	int error;

	error = await(rig, store_get(rig->store, id, got_job, &answer),
	    &answer);
	*job = answer.result;
	return error;
}

int
rig_list(struct spool_rig *rig, const struct store_filter *filter,
    struct job_list **list)
{
	struct answer answer = { 0 };
	int error;

	error = await(rig, store_list(rig->store, filter, got_list, &answer),
	    &answer);
	*list = answer.result;
	return error;
}

int
rig_records(struct spool_rig *rig, const struct store_period *period,
    struct job_record_list **list)
{
	struct answer answer = { 0 };
	int error;

	error = await(rig, store_records(rig->store, period, got_records,
	    &answer), &answer);
	*list = answer.result;
	return error;
}

int
rig_notes(struct spool_rig *rig, struct store_note_list **list)
{
	struct answer answer = { 0 };
	int error;

	error = await(rig, store_notes(rig->store, got_notes, &answer),
	    &answer);
	*list = answer.result;
	return error;
}

int
rig_document(struct spool_rig *rig, uint64_t id, unsigned int number, int *fd,
    uint64_t *size)
{
	struct answer answer = { 0 };
	int error;

	error = await(rig, store_document(rig->store, id, number,
	    got_document, &answer), &answer);
	*fd = answer.fd;
	*size = answer.number;
	return error;
}

bool
rig_intact(struct spool_rig *rig, uint64_t id, unsigned int number, size_t len)
{
	unsigned char *is = malloc(len + 1);
	unsigned char *should = malloc(len + 1);
	uint64_t size;
	bool same;
	int fd;

	ck_assert(is != NULL && should != NULL);
	same = rig_document(rig, id, number, &fd, &size) == 0;
	if (same) {
		rig_fill(should, len, (unsigned)id + number);
		same = size == len &&
		    pread(fd, is, len + 1, 0) == (ssize_t)len &&
		    memcmp(is, should, len) == 0;
		close(fd);
	}
	free(is);
	free(should);
	return same;
}

int
rig_state(struct spool_rig *rig, uint64_t id)
{
	struct job *job;
	int error = rig_get(rig, id, &job);

	if (error == 0)
		error = (int)job->state;
	job_free(job);
	return error;
}
