/*
 * frontend.c - see frontend.h.
 */
#include "addresses.h"
#include "conf/conf.h"
#include "frontend.h"
#include "lpd.h"
#include "raw.h"

static const struct frontend_ops *const protocols[] = {
	[CONF_PROTOCOL_RAW] = &raw_frontend,
	[CONF_PROTOCOL_LPD] = &lpd_frontend,
};

static size_t total;

struct frontend *
frontend_new(struct intake_house *house, struct shared_conf *shared,
    const struct conf_listener *conf, struct port *const *ports)
{
	return protocols[conf->protocol]->make(house, shared, conf, ports);
}

bool
frontend_speaks(const struct frontend *frontend,
    const struct conf_listener *conf)
{
	return frontend->ops == protocols[conf->protocol];
}

int
frontend_configure(struct frontend *frontend, struct shared_conf *shared,
    const struct conf_listener *conf, struct port *const *ports)
{
	return frontend->ops->configure(frontend, shared, conf, ports);
}

void
frontend_accept(struct frontend *frontend, int fd,
    const union document_peer *peer)
{
	frontend->ops->accept(frontend, fd, peer);
}

void
frontend_close_idle(struct frontend *frontend)
{
	frontend->ops->close_idle(frontend);
}

bool
frontend_make_room(struct frontend *frontend)
{
	return frontend->ops->make_room != NULL &&
	    frontend->ops->make_room(frontend);
}

void
frontend_retire(struct frontend *frontend)
{
	if (frontend != NULL)
		frontend->ops->retire(frontend);
}

size_t
frontend_connections(const struct frontend *frontend)
{
	return frontend->n_connections;
}

size_t
frontend_connections_total(void)
{
	return total;
}

void
frontend_opened(struct frontend *frontend, const union document_peer *peer)
{
	addresses_enter(peer);
	frontend->n_connections++;
	total++;
}

void
frontend_closed(struct frontend *frontend, const union document_peer *peer)
{
	addresses_leave(peer);
	frontend->n_connections--;
	total--;
}
