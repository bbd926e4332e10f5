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

static const char *
name_of(const struct inifile_section *section)
{
	return section->name != NULL ? section->name : "";
}

/* Those of one type and name, without regard to case, by their place. */
static int
compare_sections(const void *a, const void *b)
{
	const struct inifile_section *x = *(const struct inifile_section *
	    const *)a;
	const struct inifile_section *y = *(const struct inifile_section *
	    const *)b;
	int order = strcmp(x->type, y->type);

	if (order == 0)
		order = strcasecmp(name_of(x), name_of(y));
	return order != 0 ? order : (x > y) - (x < y);
}

static bool
same_section(const struct inifile_section *a, const struct inifile_section *b)
{
	return strcmp(a->type, b->type) == 0 &&
	    strcasecmp(name_of(a), name_of(b)) == 0;
}

/* One error for each section that stands in the file already. */
static void
check_sections_once(const struct inifile *file, struct conf_errors *errors)
{
	const struct inifile_section **sorted =
	    calloc(file->n_sections + 1, sizeof(*sorted));
	const struct inifile_section *first = NULL;
	char title[INIFILE_TITLE_LEN];
	size_t n = 0;

	if (sorted == NULL) {
		conf_errors_add(errors, file->path, 0, "cannot be checked: %s",
		    strerror(ENOMEM));
		return;
	}
	for (size_t i = 0; i < file->n_sections; i++)
		if (file->sections[i].type != NULL)
			sorted[n++] = &file->sections[i];
	qsort(sorted, n, sizeof(*sorted), compare_sections);
	for (size_t i = 0; i < n; i++) {
		if (first != NULL && same_section(first, sorted[i]))
			conf_errors_add(errors, file->path, sorted[i]->line,
			    "second section %s; the first is in line %d",
			    inifile_title(sorted[i], title), first->line);
		else
			first = sorted[i];
	}
	free(sorted);
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

/* What a RAW listener must have is nothing to an LPD one. */
static bool
is_lpd(const struct inifile *file, const struct inifile_section *section)
{
	const struct inifile_entry *entry = inifile_find(file, section,
	    "protocol");

	return is_section(section, CONF_SECTION_LISTENER) && entry != NULL &&
	    strcmp(entry->value, "lpd") == 0;
}

static void
check_required(const struct inifile *file,
    const struct inifile_section *section, const struct conf_key *key,
    struct conf_errors *errors)
{
	const struct inifile_entry *entry;
	char quoted[TEXT_QUOTE_LEN], title[INIFILE_TITLE_LEN];

	if (!is_section(section, key->section) || !key->required ||
	    (key->raw_only && is_lpd(file, section)) ||
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

	check_sections_once(file, errors);
	for (size_t i = 0; i < file->n_sections; i++, section++) {
		if (section->type == NULL)
			continue;
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

/* A section of the file, and where to say what is wrong with it. */
struct place {
	const struct inifile		*file;
	const struct inifile_section	*section;
	struct conf_errors		*errors;
};

static size_t
count_items(const char *text)
{
	struct conf_list list = { 0 };
	size_t n;

	if (conf_list_add(&list, text, NULL) == -1)
		return 0;		/* reported, and in no list */
	n = list.n;
	conf_list_clear(&list);
	return n;
}

/* The line of an item of a list, which may stand in several entries. */
static int
line_of(const struct place *place, const char *key, size_t index)
{
	const struct inifile_section *section = place->section;
	const struct inifile_entry *entry;
	int line = section->line;
	size_t seen = 0;

	for (size_t i = 0; i < section->n && seen <= index; i++) {
		entry = &place->file->entries[section->first + i];
		if (strcmp(entry->key, key) != 0)
			continue;
		line = entry->line;
		seen += count_items(entry->value);
	}
	return line;
}

/* The error for a name that is none of the n names, which are freed. */
static void
report_dangling(const struct place *place, int line, const char *what,
    const char *name, const char **names, size_t n)
{
	const char *nearest = names == NULL ? NULL :
	    words_nearest(name, names, n);
	char quoted[TEXT_QUOTE_LEN];

	conf_errors_add(place->errors, place->file->path, line,
	    "there is no %s %s; expected the name of a section [%s NAME]"
	    "%s%s%s", what, text_quote(name, quoted), what,
	    nearest != NULL ? "; did you mean \"" : "",
	    nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
	free(names);
}

/*
 * The index of a section, whose spelling the name takes over, so that nobody
 * else has to ignore case.  -1, and an error: there is none.
 */
static ssize_t
link_to_queue(const struct conf *conf, char *name, int line,
    const struct place *place)
{
	ssize_t index = conf_find_queue(conf, name);
	const char **names;

	if (index >= 0) {
		memcpy(name, conf->queues[index].name, strlen(name));
		return index;
	}
	names = calloc(conf->n_queues + 1, sizeof(*names));
	for (size_t i = 0; names != NULL && i < conf->n_queues; i++)
		names[i] = conf->queues[i].name;
	report_dangling(place, line, "queue", name, names, conf->n_queues);
	return -1;
}

static ssize_t
link_to_port(const struct conf *conf, char *name, int line,
    const struct place *place)
{
	ssize_t index = conf_find_port(conf, name);
	const char **names;

	if (index >= 0) {
		memcpy(name, conf->ports[index].name, strlen(name));
		return index;
	}
	names = calloc(conf->n_ports + 1, sizeof(*names));
	for (size_t i = 0; names != NULL && i < conf->n_ports; i++)
		names[i] = conf->ports[i].name;
	report_dangling(place, line, "port", name, names, conf->n_ports);
	return -1;
}

static void
link_listener(const struct conf *conf, struct conf_listener *listener,
    const struct place *place)
{
	ssize_t index = -1;

	if (listener->queue_name != NULL)
		index = link_to_queue(conf, listener->queue_name,
		    line_of(place, "queue", 0), place);
	if (index >= 0)
		listener->queue = (size_t)index;
	if (listener->default_queue != NULL)
		(void)link_to_queue(conf, listener->default_queue,
		    line_of(place, "default_queue", 0), place);
}

/* Both lists of ports of a queue. */
struct port_list {
	const char		*key;
	struct conf_list	*list;
};

#define PORT_LISTS	2

/* One error for a port that stands in front of this item already. */
static void
check_port_once(const struct port_list *lists, size_t which, size_t item,
    const struct place *place)
{
	const char *name = lists[which].list->v[item];

	for (size_t i = 0; i <= which; i++) {
		size_t n = i < which ? lists[i].list->n : item;

		for (size_t j = 0; j < n; j++) {
			if (strcmp(lists[i].list->v[j], name) != 0)
				continue;
			conf_errors_add(place->errors, place->file->path,
			    line_of(place, lists[which].key, item),
			    "%s: \"%s\" stands in %s already, line %d; "
			    "expected each port once", lists[which].key, name,
			    lists[i].key, line_of(place, lists[i].key, j));
			return;
		}
	}
}

static void
link_queue(const struct conf *conf, struct conf_queue *queue,
    const struct place *place)
{
	const struct port_list lists[PORT_LISTS] = {
		{ "ports", &queue->ports },
		{ "backup_ports", &queue->backup_ports },
	};

	for (size_t i = 0; i < PORT_LISTS; i++) {
		for (size_t j = 0; j < lists[i].list->n; j++) {
			ssize_t index = link_to_port(conf, lists[i].list->v[j],
			    line_of(place, lists[i].key, j), place);

			if (index < 0)
				continue;
			check_port_once(lists, i, j, place);
			if (i == 0 && j == 0)
				queue->port = (size_t)index;
		}
	}
	if (queue->divert_to != NULL)
		(void)link_to_queue(conf, queue->divert_to,
		    line_of(place, "divert_to", 0), place);
}

void
conf_check_links(struct conf *conf, const struct inifile *file,
    struct conf_errors *errors)
{
	struct conf_listener *listener = conf->listeners;
	struct conf_queue *queue = conf->queues;

	for (size_t i = 0; i < file->n_sections; i++) {
		struct place place = { file, &file->sections[i], errors };

		if (is_section(place.section, CONF_SECTION_LISTENER))
			link_listener(conf, listener++, &place);
		else if (is_section(place.section, CONF_SECTION_QUEUE))
			link_queue(conf, queue++, &place);
	}
}
