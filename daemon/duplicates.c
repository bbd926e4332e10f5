/*
 * duplicates.c - see duplicates.h.
 *
 * Jobs are the same whose keys are: a digest of all that makes them so.  They
 * stand in a tree by key, and in a list by age for when there are too many.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <bsd/sys/tree.h>
#include <openssl/evp.h>

#include "duplicates.h"
#include "spool/job.h"

#define KEY_LEN		JOB_SHA256_LEN

struct entry {
	RB_ENTRY(entry)	  by_key;
	TAILQ_ENTRY(entry) by_age;
	uint8_t		  key[KEY_LEN];
	uint64_t	  turn;		/* none has the same */
	uint64_t	  job;
	int64_t		  at_ms;
};

RB_HEAD(duplicates_tree, entry);
TAILQ_HEAD(list, entry);

struct duplicates {
	struct duplicates_tree tree;
	struct list	list;		/* the oldest first */
	size_t		n;
	uint64_t	turns;
};

/* The same job may have been cut off twice: the older one is first. */
static int
compare(const struct entry *a, const struct entry *b)
{
	int order = memcmp(a->key, b->key, KEY_LEN);

	if (order != 0)
		return order;
	return a->turn < b->turn ? -1 : a->turn > b->turn;
}

RB_PROTOTYPE(duplicates_tree, entry, by_key, );
RB_GENERATE(duplicates_tree, entry, by_key, compare)

/* ---- keys --------------------------------------------------------------- */

/* With its NUL, so that no two fields can be taken for two others. */
static bool
add_text(EVP_MD_CTX *digest, const char *text)
{
	return EVP_DigestUpdate(digest, text, strlen(text) + 1) == 1;
}

static bool
add_document(EVP_MD_CTX *digest, const struct job_document *doc)
{
	return EVP_DigestUpdate(digest, &doc->size, sizeof(doc->size)) == 1 &&
	    EVP_DigestUpdate(digest, &doc->copies, sizeof(doc->copies)) == 1 &&
	    EVP_DigestUpdate(digest, doc->sha256, sizeof(doc->sha256)) == 1;
}

static bool
add_job(EVP_MD_CTX *digest, const struct job *job)
{
	size_t i;

	if (EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 ||
	    !add_text(digest, job->host) || !add_text(digest, job->queue))
		return false;
	/* A page of ours has the job's number on it. */
	for (i = job->covered ? 1 : 0; i < job->n_documents; i++)
		if (!add_document(digest, &job->documents[i]))
			return false;
	return true;
}

static bool
make_key(const struct job *job, uint8_t key[KEY_LEN])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool made = digest != NULL && add_job(digest, job) &&
	    EVP_DigestFinal_ex(digest, key, NULL) == 1;

	EVP_MD_CTX_free(digest);
	return made;
}

/* ---- the table ---------------------------------------------------------- */

struct duplicates *
duplicates_new(void)
{
	struct duplicates *duplicates = calloc(1, sizeof(*duplicates));

	if (duplicates == NULL)
		return NULL;
	RB_INIT(&duplicates->tree);
	TAILQ_INIT(&duplicates->list);
	return duplicates;
}

static void
forget(struct duplicates *duplicates, struct entry *entry)
{
	RB_REMOVE(duplicates_tree, &duplicates->tree, entry);
	TAILQ_REMOVE(&duplicates->list, entry, by_age);
	duplicates->n--;
	free(entry);
}

void
duplicates_free(struct duplicates *duplicates)
{
	struct entry *entry;

	if (duplicates == NULL)
		return;
	while ((entry = TAILQ_FIRST(&duplicates->list)) != NULL)
		forget(duplicates, entry);
	free(duplicates);
}

void
duplicates_remember(struct duplicates *duplicates, const struct job *job,
    int64_t now_ms)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL || !make_key(job, entry->key)) {
		free(entry);
		return;
	}
	if (duplicates->n == DUPLICATES_MAX)
		forget(duplicates, TAILQ_FIRST(&duplicates->list));
	entry->turn = ++duplicates->turns;
	entry->job = job->id;
	entry->at_ms = now_ms;
	RB_INSERT(duplicates_tree, &duplicates->tree, entry);
	TAILQ_INSERT_TAIL(&duplicates->list, entry, by_age);
	duplicates->n++;
}

/* The first at or behind the wanted one that has its key. */
static struct entry *
find(struct duplicates *duplicates, struct entry *wanted)
{
	struct entry *entry = RB_NFIND(duplicates_tree, &duplicates->tree,
	    wanted);

	return entry != NULL && memcmp(entry->key, wanted->key, KEY_LEN) == 0 ?
	    entry : NULL;
}

uint64_t
duplicates_match(struct duplicates *duplicates, const struct job *job,
    int64_t window_ms, int64_t now_ms)
{
	struct entry wanted = { .turn = 0 }, *entry;
	uint64_t id = 0;

	if (TAILQ_EMPTY(&duplicates->list) || !make_key(job, wanted.key))
		return 0;
	while (id == 0 && (entry = find(duplicates, &wanted)) != NULL) {
		if (now_ms - entry->at_ms <= window_ms)
			id = entry->job;
		forget(duplicates, entry);
	}
	return id;
}
