/*
 * lpd_queue.c - see lpd_queue.h.
 */
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "lpd_parse.h"
#include "lpd_queue.h"

static bool
is_called(const struct conf_queue *queue, const char *name, bool any_case)
{
	size_t i;

	if (lpd_queue_is(name, queue->name, any_case))
		return true;
	for (i = 0; i < queue->aliases.n; i++)
		if (lpd_queue_is(name, queue->aliases.v[i], any_case))
			return true;
	return false;
}

static const struct conf_queue *
find_named(const struct conf *conf, const char *name, bool any_case)
{
	size_t i;

	for (i = 0; i < conf->n_queues; i++)
		if (is_called(&conf->queues[i], name, any_case))
			return &conf->queues[i];
	return NULL;
}

/* The n-th queue of the file that keeps jobs, from 1. */
static const struct conf_queue *
nth_queue(const struct conf *conf, unsigned int n)
{
	size_t i;

	for (i = 0; i < conf->n_queues; i++)
		if (conf->queues[i].delivery == CONF_DELIVERY_SPOOL &&
		    --n == 0)
			return &conf->queues[i];
	return NULL;
}

/*
 * Print servers call the queues of their ports "raw1", "raw2", or "text1" for
 * plain text; without a digit it is the first.
 */
static const struct conf_queue *
find_jetdirect(const struct conf *conf, const char *name)
{
	static const char *const names[] = { "raw", "text", "auto", "binps" };
	size_t len, i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		len = strlen(names[i]);
		if (strncasecmp(name, names[i], len) != 0)
			continue;
		if (name[len] == '\0')
			return nth_queue(conf, 1);
		if (name[len] >= '1' && name[len] <= '9' &&
		    name[len + 1] == '\0')
			return nth_queue(conf, (unsigned int)(name[len] -
			    '0'));
	}
	return NULL;
}

static const struct conf_queue *
find(const struct conf *conf, const struct conf_listener *listener,
    const char *name)
{
	const struct conf_queue *queue;

	queue = find_named(conf, name, listener->any_case);
	if (queue == NULL && listener->jetdirect_names)
		queue = find_jetdirect(conf, name);
	return queue;
}

const struct conf_queue *
lpd_queue_find(const struct conf *conf, const struct conf_listener *listener,
    const char *name, struct lpd_options *options)
{
	struct lpd_queue parsed = { .name = name };
	const struct conf_queue *queue = find(conf, listener, name);

	*options = (struct lpd_options){ 0 };
	if (queue == NULL && listener->queue_options) {
		if (lpd_queue_parse(name, &parsed) != LPD_OK)
			return NULL;
		queue = find(conf, listener, parsed.name);
		options->copies = parsed.copies;
		options->hold = parsed.hold;
	}
	if (queue == NULL && listener->default_queue != NULL)
		queue = find_named(conf, listener->default_queue, true);
	return queue;
}
