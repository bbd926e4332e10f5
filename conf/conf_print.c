/*
 * conf_print.c - what is in force, and what a reload would change of it.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "conf_keys.h"

union object {
	struct conf_daemon	daemon;
	struct conf_listener	listener;
	struct conf_queue	queue;
	struct conf_port	port;
};

/* The keys of a section; without memory, none is marked as a default. */
static void
print_keys(enum conf_section section, const void *object, const char *prefix,
    FILE *out)
{
	union object presets = { 0 };
	bool known = conf_keys_preset(section, &presets) == 0;

	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (key->section == section)
			conf_keys_print(key, object, known &&
			    key->preset != NULL &&
			    conf_keys_equal(key, object, &presets), prefix,
			    out);
	}
	conf_keys_clear(section, &presets);
}

/* A port that is not of the main file is shown, but not as part of it. */
static void
print_port(const struct conf *conf, const struct conf_port *port, FILE *out)
{
	bool own = strcmp(port->file, conf->path) == 0;
	const char *prefix = own ? "" : "; ";

	fputc('\n', out);
	if (!own)
		fprintf(out, "; %s holds:\n", port->file);
	fprintf(out, "%s[port %s]\n", prefix, port->name);
	print_keys(CONF_SECTION_PORT, port, prefix, out);
	for (size_t i = 0; i < port->n_settings; i++)
		conf_keys_print_text(port->settings[i].key,
		    port->settings[i].value, false, prefix, out);
}

void
conf_print(const struct conf *conf, FILE *out)
{
	fprintf(out, "[daemon]\n");
	print_keys(CONF_SECTION_DAEMON, &conf->daemon, "", out);
	for (size_t i = 0; i < conf->n_listeners; i++) {
		fprintf(out, "\n[listener %s]\n", conf->listeners[i].name);
		print_keys(CONF_SECTION_LISTENER, &conf->listeners[i], "",
		    out);
	}
	for (size_t i = 0; i < conf->n_queues; i++) {
		fprintf(out, "\n[queue %s]\n", conf->queues[i].name);
		print_keys(CONF_SECTION_QUEUE, &conf->queues[i], "", out);
	}
	for (size_t i = 0; i < conf->n_ports; i++)
		print_port(conf, &conf->ports[i], out);
}

size_t
conf_needs_restart(const struct conf *old_conf, const struct conf *new_conf,
    char *buf, size_t size)
{
	size_t at = 0, n = 0;

	if (size > 0)
		buf[0] = '\0';
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (key->section != CONF_SECTION_DAEMON || !key->restart ||
		    conf_keys_equal(key, &old_conf->daemon,
		    &new_conf->daemon))
			continue;
		if (at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%s",
			    n > 0 ? ", " : "", key->name);
		n++;
	}
	return n;
}
