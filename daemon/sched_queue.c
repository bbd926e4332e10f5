/*
 * sched_queue.c - queues, ports, and who waits for which.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sched.h"
#include "sched_internal.h"

static int
compare_names(const struct queue *a, const struct queue *b)
{
	return strcmp(a->name, b->name);
}

static int
compare_due(const struct queue *a, const struct queue *b)
{
	int order = COMPARE(a->due_ms, b->due_ms);

	return order != 0 ? order : COMPARE(a->number, b->number);
}

static int
compare_port_names(const struct port *a, const struct port *b)
{
	return strcmp(a->name, b->name);
}

/* Two ports may be open for one queue: then any order will do. */
static int
compare_open(const struct port *a, const struct port *b)
{
	int order = COMPARE(a->turn, b->turn);

	return order != 0 ? order : COMPARE((uintptr_t)a, (uintptr_t)b);
}

/* No two queues have one turn; a queue may name a port twice. */
static int
compare_turns(const struct link *a, const struct link *b)
{
	int order = COMPARE(a->queue->turn, b->queue->turn);

	return order != 0 ? order : COMPARE((uintptr_t)a, (uintptr_t)b);
}

RB_GENERATE(queues, queue, by_name, compare_names)
RB_GENERATE(due, queue, by_due, compare_due)
RB_GENERATE(ports, port, by_name, compare_port_names)
RB_GENERATE(open_ports, port, by_turn, compare_open)
RB_GENERATE(hungry, link, by_turn, compare_turns)

/* ---- records ------------------------------------------------------------- */

/* Configured or not. */
static struct queue *
lookup_queue(const struct sched *sched, const char *name)
{
	struct queue key = { .name = (char *)name };

	return RB_FIND(queues, (struct queues *)&sched->queues, &key);
}

struct queue *
sched_find_queue(const struct sched *sched, const char *name)
{
	struct queue *queue = lookup_queue(sched, name);

	return queue != NULL && queue->configured ? queue : NULL;
}

static struct queue *
new_queue(struct sched *sched, const char *name)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL || (queue->name = strdup(name)) == NULL) {
		free(queue);
		return NULL;
	}
	queue->number = ++sched->numbers;
	queue->due_ms = NEVER;
	queue->down_since_ms = NEVER;
	RB_INSERT(queues, &sched->queues, queue);
	return queue;
}

struct queue *
sched_ref_queue(struct sched *sched, const char *name)
{
	struct queue *queue = lookup_queue(sched, name);

	if (queue == NULL)
		queue = new_queue(sched, name);
	if (queue != NULL)
		queue->refs++;
	return queue;
}

void
sched_unref_queue(struct sched *sched, struct queue *queue)
{
	if (--queue->refs > 0)
		return;
	sched_set_due(sched, queue, NEVER);
	RB_REMOVE(queues, &sched->queues, queue);
	free(queue->name);
	free(queue);
}

static struct port *
lookup_port(const struct sched *sched, const char *name)
{
	struct port key = { .name = (char *)name };

	return RB_FIND(ports, (struct ports *)&sched->ports, &key);
}

static struct port *
new_port(struct sched *sched, const char *name)
{
	struct port *port = calloc(1, sizeof(*port));

	if (port == NULL || (port->name = strdup(name)) == NULL) {
		free(port);
		return NULL;
	}
	RB_INSERT(ports, &sched->ports, port);
	return port;
}

/* Made if there is none; not counted yet. */
static struct port *
get_port(struct sched *sched, const char *name)
{
	struct port *port = lookup_port(sched, name);

	return port != NULL ? port : new_port(sched, name);
}

void
sched_unref_port(struct sched *sched, struct port *port)
{
	if (--port->refs > 0)
		return;
	RB_REMOVE(ports, &sched->ports, port);
	free(port->name);
	free(port);
}

/* ---- the sets that sched_run() looks at ---------------------------------- */

void
sched_set_due(struct sched *sched, struct queue *queue, int64_t due_ms)
{
	if (queue->due_ms == due_ms)
		return;
	if (queue->due_ms != NEVER)
		RB_REMOVE(due, &sched->due, queue);
	queue->due_ms = due_ms;
	if (due_ms != NEVER)
		RB_INSERT(due, &sched->due, queue);
}

void
sched_touch(struct sched *sched, struct queue *queue)
{
	sched_set_due(sched, queue, AT_ONCE);
}

bool
sched_has_room(const struct port *port)
{
	return port->health != SCHED_DOWN && port->room > 0;
}

/* A port's room, health or first hungry link may be another now. */
static void
refile_port(struct sched *sched, struct port *port)
{
	const struct link *first = RB_MIN(hungry, &port->hungry);

	if (port->is_open)
		RB_REMOVE(open_ports, &sched->open, port);
	port->is_open = first != NULL && sched_has_room(port);
	if (!port->is_open)
		return;
	port->turn = first->queue->turn;
	RB_INSERT(open_ports, &sched->open, port);
}

void
sched_take_room(struct sched *sched, struct port *port)
{
	port->room--;
	refile_port(sched, port);
}

void
sched_set_hungry(struct sched *sched, struct queue *queue, size_t n)
{
	struct link *link;

	while (queue->n_hungry > n) {
		link = &queue->links[--queue->n_hungry];
		RB_REMOVE(hungry, &link->port->hungry, link);
		refile_port(sched, link->port);
	}
	while (queue->n_hungry < n) {
		link = &queue->links[queue->n_hungry++];
		RB_INSERT(hungry, &link->port->hungry, link);
		refile_port(sched, link->port);
	}
}

/* ---- queues -------------------------------------------------------------- */

static void
free_links(struct sched *sched, struct link *links, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sched_unref_port(sched, links[i].port);
	free(links);
}

/* Links that no port knows of yet.  -1: no memory. */
static int
new_links(struct sched *sched, struct queue *queue,
    const struct sched_queue *is, struct link **result)
{
	size_t n = is->n_ports + is->n_backups;
	struct link *links = calloc(n, sizeof(*links));

	if (links == NULL && n > 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		links[i].queue = queue;
		links[i].port = get_port(sched, is->ports[i]);
		if (links[i].port == NULL) {
			free_links(sched, links, i);
			return -1;
		}
		links[i].port->refs++;
	}
	*result = links;
	return 0;
}

static void
detach_links(struct sched *sched, struct queue *queue)
{
	size_t n = queue->is.n_ports + queue->is.n_backups;

	sched_set_hungry(sched, queue, 0);
	for (size_t i = 0; i < n; i++)
		LIST_REMOVE(&queue->links[i], of_port);
	free_links(sched, queue->links, n);
	queue->links = NULL;
}

static void
attach_links(struct queue *queue, struct link *links)
{
	size_t n = queue->is.n_ports + queue->is.n_backups;

	queue->links = links;
	for (size_t i = 0; i < n; i++) {
		LIST_INSERT_HEAD(&links[i].port->links, &links[i], of_port);
		if (i < queue->is.n_ports &&
		    links[i].port->health == SCHED_HEALTHY)
			queue->down_since_ms = NEVER;
	}
}

/* Takes over links and divert. */
static void
set_up(struct sched *sched, struct queue *queue, const struct sched_queue *is,
    struct link *links, char *divert)
{
	detach_links(sched, queue);
	free((char *)queue->is.divert);
	queue->is = *is;
	queue->is.name = NULL;
	queue->is.ports = NULL;
	queue->is.divert = divert;
	attach_links(queue, links);
	sched_touch(sched, queue);
}

int
sched_set_queue(struct sched *sched, const struct sched_queue *is)
{
	struct queue *queue = sched_ref_queue(sched, is->name);
	struct link *links = NULL;
	char *divert = NULL;

	if (queue == NULL)
		return -1;
	if (is->divert != NULL && (divert = strdup(is->divert)) == NULL)
		goto fail;
	if (new_links(sched, queue, is, &links) == -1)
		goto fail;
	set_up(sched, queue, is, links, divert);
	if (queue->configured) {
		sched_unref_queue(sched, queue);
	} else {
		queue->configured = true;
		queue->turn = ++sched->turns;
	}
	return 0;

fail:
	free(divert);
	sched_unref_queue(sched, queue);
	errno = ENOMEM;
	return -1;
}

void
sched_remove_queue(struct sched *sched, const char *name)
{
	static const struct sched_queue nothing;
	struct queue *queue = sched_find_queue(sched, name);

	if (queue == NULL)
		return;
	set_up(sched, queue, &nothing, NULL, NULL);
	queue->down_since_ms = NEVER;
	queue->configured = false;
	sched_unref_queue(sched, queue);
}

size_t
sched_waiting(const struct sched *sched, const char *name)
{
	const struct queue *queue = lookup_queue(sched, name);

	return queue != NULL ? queue->n_waiting : 0;
}

/* ---- ports --------------------------------------------------------------- */

static bool
is_backup(const struct link *link)
{
	return link >= link->queue->links + link->queue->is.n_ports;
}

/* Only a change of health means anything to a queue; room does not. */
static void
tell_queues(struct sched *sched, const struct port *port)
{
	struct link *link;

	LIST_FOREACH(link, &port->links, of_port) {
		if (port->health == SCHED_HEALTHY && !is_backup(link))
			link->queue->down_since_ms = NEVER;
		if (link->queue->n_waiting > 0)
			sched_touch(sched, link->queue);
	}
}

static void
change_port(struct sched *sched, struct port *port, unsigned int room,
    enum sched_health health)
{
	enum sched_health before = port->health;

	port->room = room;
	port->health = health;
	refile_port(sched, port);
	if (health != before)
		tell_queues(sched, port);
}

int
sched_set_port(struct sched *sched, const char *name, unsigned int room,
    enum sched_health health)
{
	struct port *port = get_port(sched, name);

	if (port == NULL)
		return -1;
	if (!port->configured)
		port->refs++;
	port->configured = true;
	change_port(sched, port, room, health);
	return 0;
}

void
sched_remove_port(struct sched *sched, const char *name)
{
	struct port *port = lookup_port(sched, name);

	if (port == NULL || !port->configured)
		return;
	port->configured = false;
	change_port(sched, port, 0, SCHED_DOWN);
	sched_unref_port(sched, port);
}
