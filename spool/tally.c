/*
 * tally.c - see tally.h.  A name without jobs takes no memory.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "tally.h"

struct named {
	const char		*name;		/* points to text, or a key */
	struct tally_count	 count;
	char			 text[];
};

struct tally {
	void	*tree;		/* of struct named, by name */
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name,
	    ((const struct named *)b)->name);
}

struct tally *
tally_new(void)
{
	return calloc(1, sizeof(struct tally));
}

void
tally_free(struct tally *tally)
{
	if (tally == NULL)
		return;
	tdestroy(tally->tree, free);
	free(tally);
}

static struct named *
find(const struct tally *tally, const char *name)
{
	struct named key = { .name = name };
	void *found = tfind(&key, &tally->tree, compare);

	return found != NULL ? *(struct named **)found : NULL;
}

static struct named *
add(struct tally *tally, const char *name)
{
	size_t len = strlen(name) + 1;
	struct named *entry = calloc(1, sizeof(*entry) + len);

	if (entry == NULL)
		return NULL;
	memcpy(entry->text, name, len);
	entry->name = entry->text;
	if (tsearch(entry, &tally->tree, compare) == NULL) {
		free(entry);
		return NULL;
	}
	return entry;
}

/* A finished job is none here, as one that does not exist. */
static enum job_state
counted(enum job_state state)
{
	return job_finished(state) ? (enum job_state)0 : state;
}

static void
subtract(struct tally_count *count, enum job_state state, uint64_t bytes)
{
	if (state == 0 || count->jobs[state] == 0)
		return;
	count->jobs[state]--;
	count->total--;
	/* One that could not be counted may leave in the place of another. */
	count->bytes -= bytes < count->bytes ? bytes : count->bytes;
}

static void
increase(struct tally_count *count, enum job_state state, uint64_t bytes)
{
	if (state == 0)
		return;
	count->jobs[state]++;
	count->total++;
	count->bytes += bytes;
}

void
tally_move(struct tally *tally, const char *name, enum job_state from,
    enum job_state to, uint64_t bytes)
{
	struct named *entry = find(tally, name);

	if (counted(from) == counted(to) ||
	    (entry == NULL && (entry = add(tally, name)) == NULL))
		return;
	subtract(&entry->count, counted(from), bytes);
	increase(&entry->count, counted(to), bytes);
	if (entry->count.total == 0) {
		tdelete(entry, &tally->tree, compare);
		free(entry);
	}
}

const struct tally_count *
tally_get(const struct tally *tally, const char *name)
{
	static const struct tally_count none;
	const struct named *entry = find(tally, name);

	return entry != NULL ? &entry->count : &none;
}
