/*
 * handle.c - see handle.h.
 *
 *	bits of a handle:  kind (8) | generation (24) | index (32)
 *
 * A slot's generation goes up when its handle dies, so the handle that comes
 * next in the same slot is another number.  Free slots form a queue, not a
 * stack: that makes the wait for a generation to come around as long as it can
 * be.
 */
#include <stdlib.h>

#include "handle.h"

#define INDEX_BITS	32
#define GENERATION_BITS	24
#define GENERATION_MAX	((UINT32_C(1) << GENERATION_BITS) - 1)
#define NONE		UINT32_MAX
#define FIRST_SLOTS	16

struct slot {
	void		*object;	/* borrowed */
	uint64_t	 born;		/* order of opening */
	uint32_t	 generation;	/* 1..GENERATION_MAX */
	uint32_t	 next_free;
	enum handle_kind kind;		/* 0: free */
};

struct handle_table {
	struct slot	*slots;		/* owned */
	uint32_t	 n_slots;
	uint32_t	 first_free, last_free;
	uint64_t	 births;
};

struct handle_table *
handle_table_new(void)
{
	struct handle_table *table = calloc(1, sizeof(*table));

	if (table != NULL)
		table->first_free = table->last_free = NONE;
	return table;
}

void
handle_table_free(struct handle_table *table)
{
	if (table == NULL)
		return;
	free(table->slots);
	free(table);
}

static void
put_free(struct handle_table *table, uint32_t index)
{
	table->slots[index].kind = 0;
	table->slots[index].object = NULL;
	table->slots[index].next_free = NONE;
	if (table->last_free == NONE)
		table->first_free = index;
	else
		table->slots[table->last_free].next_free = index;
	table->last_free = index;
}

static uint32_t
take_free(struct handle_table *table)
{
	uint32_t index = table->first_free;

	table->first_free = table->slots[index].next_free;
	if (table->first_free == NONE)
		table->last_free = NONE;
	return index;
}

static int
grow(struct handle_table *table)
{
	uint32_t old_n = table->n_slots;
	uint32_t new_n = old_n == 0 ? FIRST_SLOTS : old_n * 2;
	struct slot *slots;
	uint32_t i;

	if (new_n < old_n)
		return -1;
	slots = reallocarray(table->slots, new_n, sizeof(*slots));
	if (slots == NULL)
		return -1;
	table->slots = slots;
	table->n_slots = new_n;
	for (i = old_n; i < new_n; i++) {
		slots[i].generation = 1;
		put_free(table, i);
	}
	return 0;
}

static handle
number_of(const struct slot *slot, uint32_t index)
{
	return (uint64_t)slot->kind << (INDEX_BITS + GENERATION_BITS) |
	    (uint64_t)slot->generation << INDEX_BITS | index;
}

handle
handle_open(struct handle_table *table, enum handle_kind kind, void *object)
{
	struct slot *slot;
	uint32_t index;

	if (table->first_free == NONE && grow(table) == -1)
		return 0;
	index = take_free(table);
	slot = &table->slots[index];
	slot->object = object;
	slot->kind = kind;
	slot->born = ++table->births;
	return number_of(slot, index);
}

static struct slot *
slot_find(const struct handle_table *table, enum handle_kind kind,
    handle number)
{
	uint32_t index = (uint32_t)number;
	struct slot *slot;

	if (index >= table->n_slots)
		return NULL;
	slot = &table->slots[index];
	if (slot->kind != kind || number_of(slot, index) != number)
		return NULL;
	return slot;
}

void *
handle_get(const struct handle_table *table, enum handle_kind kind,
    handle number)
{
	const struct slot *slot = slot_find(table, kind, number);

	return slot != NULL ? slot->object : NULL;
}

void *
handle_close(struct handle_table *table, enum handle_kind kind, handle number)
{
	struct slot *slot = slot_find(table, kind, number);
	void *object;

	if (slot == NULL)
		return NULL;
	object = slot->object;
	slot->generation++;
	if (slot->generation > GENERATION_MAX)
		slot->generation = 1;		/* 0 is in no handle */
	put_free(table, (uint32_t)(slot - table->slots));
	return object;
}

handle
handle_last(const struct handle_table *table, enum handle_kind kind)
{
	uint64_t born = 0;
	handle last = 0;
	uint32_t i;

	for (i = 0; i < table->n_slots; i++) {
		const struct slot *slot = &table->slots[i];

		if (slot->kind != kind || slot->born <= born)
			continue;
		born = slot->born;
		last = number_of(slot, i);
	}
	return last;
}
