/*
 * conf_check.c - see conf_check.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf_check.h"
#include "conf_keys.h"
#include "text.h"
#include "words.h"

#define LETTERS		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS		"0123456789"

/* Longest host name and interface, brackets, colon, port. */
#define ADDRESS_LEN	300

/* ---- sections ---- */

static bool
is_section(const struct inifile_section *section, enum conf_section type)
{
	return section->type != NULL &&
	    strcmp(section->type, conf_section_names[type]) == 0;
}

/* One error for a section that stands in the file already. */
static void
check_section_once(const struct inifile *file, size_t index,
    struct conf_errors *errors)
{
	const struct inifile_section *section = &file->sections[index];
	const struct inifile_section *other = file->sections;
	const char *name = section->name != NULL ? section->name : "";
	char title[INIFILE_TITLE_LEN];

	for (; other < section; other++) {
		if (other->type == NULL ||
		    strcmp(other->type, section->type) != 0 ||
		    strcasecmp(other->name != NULL ? other->name : "",
		    name) != 0)
			continue;
		conf_errors_add(errors, file->path, section->line,
		    "second section %s; the first is in line %d",
		    inifile_title(section, title), other->line);
		return;
	}
}

/* A key of the section that may be a misspelling of the one that is missed. */
static const struct inifile_entry *
find_misspelt(const struct inifile *file,
    const struct inifile_section *section, const struct conf_key *missed)
{
	for (size_t i = section->first; i < section->first + section->n; i++) {
		const struct inifile_entry *entry = &file->entries[i];

		if (conf_keys_find(missed->section, entry->key) == NULL &&
		    words_nearest(entry->key, &missed->name, 1) != NULL)
			return entry;
	}
	return NULL;
}

static void
check_required(const struct inifile *file,
    const struct inifile_section *section, const struct conf_key *key,
    struct conf_errors *errors)
{
	const struct inifile_entry *entry;
	char quoted[TEXT_QUOTE_LEN], title[INIFILE_TITLE_LEN];

	if (!is_section(section, key->section) || !key->required ||
	    inifile_find(file, section, key->name) != NULL)
		return;
	inifile_title(section, title);
	entry = find_misspelt(file, section, key);
	if (entry != NULL && key->section != CONF_SECTION_PORT)
		return;			/* reported as an unknown key */
	if (entry != NULL)
		conf_errors_add(errors, file->path, entry->line,
		    "unknown key %s in %s; did you mean \"%s\"?",
		    text_quote(entry->key, quoted), title, key->name);
	else
		conf_errors_add(errors, file->path, section->line,
		    "%s has no \"%s\"; expected %s", title, key->name,
		    key->help);
}

/* ---- monitors ---- */

/* Monitors are loaded by file name, so their names are plain. */
static void
check_monitor(const struct inifile *file,
    const struct inifile_section *section, const char *key,
    struct conf_errors *errors)
{
	const struct inifile_entry *entry = inifile_find(file, section, key);
	char quoted[TEXT_QUOTE_LEN];
	size_t len;

	if (entry == NULL || *entry->value == '\0')
		return;
	len = strlen(entry->value);
	if (len > CONF_NAME_LEN ||
	    strspn(entry->value, LETTERS DIGITS "_-") != len)
		conf_errors_add(errors, file->path, entry->line,
		    "%s: %s is no name of a monitor; expected 1 to %d letters, "
		    "digits, \"-\" and \"_\"", key,
		    text_quote(entry->value, quoted), CONF_NAME_LEN);
}

/* ---- addresses ---- */

/* ":0" to ":65535" at the end of an address. */
static bool
check_port(const char *text, unsigned int *port)
{
	size_t len = strlen(text);

	if (text[0] != ':' || len < 2 || len > 6 ||
	    strspn(text + 1, DIGITS) != len - 1)
		return false;
	*port = (unsigned int)strtoul(text + 1, NULL, 10);
	return *port <= 65535;
}

/* "[v6]" or "[v6%interface]" of len bytes, to one of its spellings. */
static bool
check_v6(const char *text, size_t len, char spelling[ADDRESS_LEN])
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE];
	struct in6_addr address;
	char *scope;

	if (len < 3 || len - 2 >= sizeof(host) || text[len - 1] != ']')
		return false;
	memcpy(host, text + 1, len - 2);
	host[len - 2] = '\0';
	scope = strchr(host, '%');
	if (scope != NULL)
		*scope++ = '\0';
	if (inet_pton(AF_INET6, host, &address) != 1 ||
	    (scope != NULL && *scope == '\0'))
		return false;
	inet_ntop(AF_INET6, &address, host, INET6_ADDRSTRLEN);
	snprintf(spelling, ADDRESS_LEN, "[%s%s%s]", host,
	    scope != NULL ? "%" : "", scope != NULL ? scope : "");
	return true;
}

/* "*", an IPv4 address or a host name of len bytes. */
static bool
check_host(const char *text, size_t len, char spelling[ADDRESS_LEN])
{
	struct in_addr address;

	if (len < 1 || len > 253)
		return false;
	memcpy(spelling, text, len);
	spelling[len] = '\0';
	if (strcmp(spelling, "*") == 0)
		return true;
	if (strspn(spelling, DIGITS ".") == len)
		return inet_pton(AF_INET, spelling, &address) == 1;
	return strspn(spelling, LETTERS DIGITS "-._") == len &&
	    spelling[0] != '.' && spelling[0] != '-';
}

static bool
check_systemd(const char *name, char spelling[ADDRESS_LEN])
{
	if (strlen(name) < 1 || strlen(name) > 255 || strchr(name, ':') != NULL)
		return false;
	snprintf(spelling, ADDRESS_LEN, "systemd:%s", name);
	return true;
}

/*
 * Is the address well formed?  *spelling is the same for all ways to write an
 * address; empty for port 0, any free port, of which there may be many.
 */
static bool
check_address(const char *text, char spelling[ADDRESS_LEN])
{
	const char *colon = strrchr(text, ':');
	unsigned int port;
	size_t len;
	bool valid;

	if (strncmp(text, "systemd:", 8) == 0)
		return check_systemd(text + 8, spelling);
	if (colon == NULL || !check_port(colon, &port))
		return false;
	len = (size_t)(colon - text);
	valid = *text == '[' ? check_v6(text, len, spelling) :
	    check_host(text, len, spelling);
	if (!valid)
		return false;
	len = strlen(spelling);
	snprintf(spelling + len, ADDRESS_LEN - len, ":%u", port);
	if (port == 0)
		spelling[0] = '\0';
	return true;
}

struct address {
	char	spelling[ADDRESS_LEN];
	int	line;
};

struct addresses {
	struct address	*v;
	size_t		 n;
};

static const char *
address_hint(const char *text)
{
	const char *colon = strchr(text, ':');

	if (*text != '[' && colon != NULL && strchr(colon + 1, ':') != NULL)
		return "; an IPv6 address stands in brackets";
	if (colon == NULL)
		return "; the port is missing";
	return "";
}

static void
check_item(const struct inifile *file, const struct inifile_entry *entry,
    const char *text, struct addresses *seen, struct conf_errors *errors)
{
	struct address *address = &seen->v[seen->n];
	char quoted[TEXT_QUOTE_LEN];

	if (!check_address(text, address->spelling)) {
		conf_errors_add(errors, file->path, entry->line,
		    "listen: %s is no address; expected one such as "
		    "[::]:9100, 10.0.0.5:9100, *:9100 or systemd:NAME%s",
		    text_quote(text, quoted), address_hint(text));
		return;
	}
	for (size_t i = 0; i < seen->n; i++) {
		if (strcasecmp(seen->v[i].spelling, address->spelling) != 0)
			continue;
		conf_errors_add(errors, file->path, entry->line,
		    "listen: %s stands in line %d already; expected an address "
		    "of its own", text_quote(text, quoted), seen->v[i].line);
		return;
	}
	address->line = entry->line;
	if (address->spelling[0] != '\0')
		seen->n++;
}

static void
check_listen(const struct inifile *file, const struct inifile_entry *entry,
    struct addresses *seen, struct conf_errors *errors)
{
	struct conf_list list = { 0 };
	struct address *grown = NULL;

	if (conf_list_add(&list, entry->value, NULL) == 0)
		grown = reallocarray(seen->v, seen->n + list.n + 1,
		    sizeof(*grown));
	else if (errno == EINVAL)
		return;			/* reported when it was read */
	if (grown == NULL) {
		conf_errors_add(errors, file->path, entry->line,
		    "listen: cannot be checked: %s", strerror(ENOMEM));
	} else {
		seen->v = grown;
		for (size_t i = 0; i < list.n; i++)
			check_item(file, entry, list.v[i], seen, errors);
	}
	conf_list_clear(&list);
}

static void
check_addresses(const struct inifile *file, struct conf_errors *errors)
{
	struct addresses seen = { 0 };

	for (size_t i = 0; i < file->n_sections; i++) {
		const struct inifile_section *section = &file->sections[i];

		if (!is_section(section, CONF_SECTION_LISTENER))
			continue;
		for (size_t j = 0; j < section->n; j++) {
			const struct inifile_entry *entry =
			    &file->entries[section->first + j];

			if (strcmp(entry->key, "listen") == 0)
				check_listen(file, entry, &seen, errors);
		}
	}
	free(seen.v);
}

void
conf_check_file(const struct inifile *file, struct conf_errors *errors)
{
	const struct inifile_section *section = file->sections;

	for (size_t i = 0; i < file->n_sections; i++, section++) {
		if (section->type == NULL)
			continue;
		check_section_once(file, i, errors);
		for (const struct conf_key *key = conf_keys; key->name != NULL;
		    key++)
			check_required(file, section, key, errors);
		if (is_section(section, CONF_SECTION_PORT)) {
			check_monitor(file, section, "monitor", errors);
			check_monitor(file, section, "language_monitor",
			    errors);
		}
	}
	check_addresses(file, errors);
}

/* ---- links ---- */

static bool
list_holds(const char *text, const char *item)
{
	struct conf_list list = { 0 };
	bool found = false;

	if (conf_list_add(&list, text, NULL) == -1)
		return false;
	for (size_t i = 0; i < list.n; i++)
		found = found || strcmp(list.v[i], item) == 0;
	conf_list_clear(&list);
	return found;
}

/* The line that says `key = name`, be it one of several. */
static int
line_of(const struct inifile *file, const struct inifile_section *section,
    const char *key, const char *name)
{
	int line = section->line;

	for (size_t i = section->first; i < section->first + section->n; i++) {
		const struct inifile_entry *entry = &file->entries[i];

		if (strcmp(entry->key, key) != 0)
			continue;
		line = entry->line;
		if (list_holds(entry->value, name))
			break;
	}
	return line;
}

/* The error for a name that is none of the n names, which are freed. */
static void
report_dangling(const struct inifile *file, int line, const char *what,
    const char *name, const char **names, size_t n,
    struct conf_errors *errors)
{
	const char *nearest = names == NULL ? NULL :
	    words_nearest(name, names, n);
	char quoted[TEXT_QUOTE_LEN];

	conf_errors_add(errors, file->path, line,
	    "there is no %s %s; expected the name of a section [%s NAME]"
	    "%s%s%s", what, text_quote(name, quoted), what,
	    nearest != NULL ? "; did you mean \"" : "",
	    nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
	free(names);
}

static void
link_listener(struct conf *conf, struct conf_listener *listener,
    const struct inifile *file, const struct inifile_section *section,
    struct conf_errors *errors)
{
	const char **names;
	ssize_t index;

	if (listener->queue_name == NULL)
		return;
	index = conf_find_queue(conf, listener->queue_name);
	if (index >= 0) {
		listener->queue = (size_t)index;
		return;
	}
	names = calloc(conf->n_queues + 1, sizeof(*names));
	for (size_t i = 0; names != NULL && i < conf->n_queues; i++)
		names[i] = conf->queues[i].name;
	report_dangling(file, line_of(file, section, "queue",
	    listener->queue_name), "queue", listener->queue_name, names,
	    conf->n_queues, errors);
}

static void
link_port(struct conf *conf, struct conf_queue *queue, const char *port,
    const struct inifile *file, const struct inifile_section *section,
    struct conf_errors *errors)
{
	ssize_t index = conf_find_port(conf, port);
	const char **names;

	if (index >= 0) {
		queue->port = (size_t)index;
		return;
	}
	names = calloc(conf->n_ports + 1, sizeof(*names));
	for (size_t i = 0; names != NULL && i < conf->n_ports; i++)
		names[i] = conf->ports[i].name;
	report_dangling(file, line_of(file, section, "ports", port), "port",
	    port, names, conf->n_ports, errors);
}

static void
link_queue(struct conf *conf, struct conf_queue *queue,
    const struct inifile *file, const struct inifile_section *section,
    struct conf_errors *errors)
{
	const struct conf_list *ports = &queue->ports;

	for (size_t i = 0; i < ports->n; i++)
		link_port(conf, queue, ports->v[i], file, section, errors);
	if (queue->delivery == CONF_DELIVERY_STREAM && ports->n > 1)
		conf_errors_add(errors, file->path, line_of(file, section,
		    "ports", ports->v[1]), "ports: [queue %s] has %zu; "
		    "delivery = stream takes exactly one", queue->name,
		    ports->n);
}

void
conf_check_links(struct conf *conf, const struct inifile *file,
    struct conf_errors *errors)
{
	struct conf_listener *listener = conf->listeners;
	struct conf_queue *queue = conf->queues;

	for (size_t i = 0; i < file->n_sections; i++) {
		const struct inifile_section *section = &file->sections[i];

		if (is_section(section, CONF_SECTION_LISTENER))
			link_listener(conf, listener++, file, section, errors);
		else if (is_section(section, CONF_SECTION_QUEUE))
			link_queue(conf, queue++, file, section, errors);
	}
}
