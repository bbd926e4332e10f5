/*
 * shared_conf.c - see shared_conf.h.
 */
#include <stdlib.h>

#include "shared_conf.h"

struct shared_conf *
shared_conf_new(struct conf *conf)
{
	struct shared_conf *shared = calloc(1, sizeof(*shared));

	if (shared == NULL) {
		conf_free(conf);
		return NULL;
	}
	shared->conf = conf;
	shared->uses = 1;
	return shared;
}

struct shared_conf *
shared_conf_use(struct shared_conf *shared)
{
	shared->uses++;
	return shared;
}

void
shared_conf_release(struct shared_conf *shared)
{
	if (shared == NULL || --shared->uses > 0)
		return;
	conf_free(shared->conf);
	free(shared);
}
