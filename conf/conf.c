/*
 * conf.c - see conf.h.
 *
 *	inifile_read --> load_section for each --> conf_check_file
 *	    the same for each file in ports.d  --> conf_check_links
 *	                                       --> conf_rules_check
 *
 * The struct is made even of a file with errors, so that all of them are
 * found; it is only given away if there are none.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "banner.h"
#include "conf.h"
#include "conf_check.h"
#include "conf_keys.h"
#include "conf_rules.h"
#include "grow.h"
#include "inifile.h"
#include "text.h"
#include "words.h"

/* ---- errors ---- */

/* What is said when there is not even memory to say it; never written to. */
static char no_text[] = "no memory";
static struct conf_error no_memory = { no_text, 0, no_text };

static int add_error(struct conf_errors *errors, const char *file, int line,
    const char *fmt, va_list args) __attribute__((format(printf, 4, 0)));

static int
add_error(struct conf_errors *errors, const char *file, int line,
    const char *fmt, va_list args)
{
	struct conf_error error = { .line = line };
	struct conf_error *grown;

	error.file = strdup(file);
	if (error.file == NULL || vasprintf(&error.text, fmt, args) == -1) {
		free(error.file);
		return -1;
	}
	grown = grow(errors->v, errors->n, sizeof(*grown));
	if (grown == NULL) {
		free(error.file);
		free(error.text);
		return -1;
	}
	errors->v = grown;
	errors->v[errors->n++] = error;
	return 0;
}

void
conf_errors_add(struct conf_errors *errors, const char *file, int line,
    const char *fmt, ...)
{
	va_list args;
	int error;

	if (errors->v == &no_memory)
		return;
	va_start(args, fmt);
	error = add_error(errors, file, line, fmt, args);
	va_end(args);
	/* Whatever happens, one that failed must not look like success. */
	if (error == -1 && errors->n == 0)
		*errors = (struct conf_errors){ &no_memory, 1 };
}

void
conf_errors_free(struct conf_errors *errors)
{
	if (errors->v != &no_memory) {
		for (size_t i = 0; i < errors->n; i++) {
			free(errors->v[i].file);
			free(errors->v[i].text);
		}
		free(errors->v);
	}
	*errors = (struct conf_errors){ 0 };
}

/* The main file first, then the others by name; by line in each. */
static bool
comes_before(const struct conf_error *a, const struct conf_error *b,
    const char *main_file)
{
	bool a_main = strcmp(a->file, main_file) == 0;
	bool b_main = strcmp(b->file, main_file) == 0;
	int order;

	if (a_main != b_main)
		return a_main;
	order = strcmp(a->file, b->file);
	return order != 0 ? order < 0 : a->line < b->line;
}

/* Those of one line stay as they are; most are in order already. */
static void
sort_errors(struct conf_errors *errors, const char *main_file)
{
	for (size_t i = 1; i < errors->n; i++) {
		struct conf_error error = errors->v[i];
		size_t j = i;

		for (; j > 0 && comes_before(&error, &errors->v[j - 1],
		    main_file); j--)
			errors->v[j] = errors->v[j - 1];
		errors->v[j] = error;
	}
}

/* ---- names ---- */

bool
conf_name_valid(const char *name)
{
	size_t len = strlen(name);
	size_t n;

	if (len < 1 || len > CONF_NAME_LEN ||
	    strchr(". ", name[0]) != NULL || name[len - 1] == ' ')
		return false;
	for (const char *p = name; *p != '\0'; p += n) {
		n = text_char(p, strlen(p));
		if (n == 0 || strchr("\t/];", *p) != NULL)
			return false;
	}
	return true;
}

/* Things with names: an array of any of the structs that begin with one. */
struct named {
	const char	*first;
	size_t		 size;
};

static const char *
name_of(const struct named *named, size_t i)
{
	char *name;

	memcpy(&name, named->first + i * named->size, sizeof(name));
	return name;
}

static int
compare_named(const void *a, const void *b, void *arg)
{
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	int order = strcasecmp(name_of(arg, i), name_of(arg, j));

	return order != 0 ? order : (i > j) - (i < j);
}

/* Without memory for it names are found all the same, one by one. */
static void
make_index(struct conf_index *index, const void *first, size_t n, size_t size)
{
	struct named named = { first, size };

	index->v = calloc(n + 1, sizeof(*index->v));
	if (index->v == NULL)
		return;
	index->n = n;
	for (size_t i = 0; i < n; i++)
		index->v[i] = i;
	qsort_r(index->v, n, sizeof(*index->v), compare_named, &named);
}

static void
make_indices(struct conf *conf)
{
	make_index(&conf->listener_names, conf->listeners, conf->n_listeners,
	    sizeof(*conf->listeners));
	make_index(&conf->queue_names, conf->queues, conf->n_queues,
	    sizeof(*conf->queues));
	make_index(&conf->port_names, conf->ports, conf->n_ports,
	    sizeof(*conf->ports));
}

/* The first of that name, by its index or one by one; -1: there is none. */
static ssize_t
find(const struct conf_index *index, const void *first, size_t n, size_t size,
    const char *name)
{
	struct named named = { first, size };
	size_t low = 0, high = index->v != NULL ? index->n : 0;

	for (size_t i = 0; index->v == NULL && i < n; i++) {
		if (strcasecmp(name_of(&named, i), name) == 0)
			return (ssize_t)i;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcasecmp(name_of(&named, index->v[middle]), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (index->v == NULL || low == index->n ||
	    strcasecmp(name_of(&named, index->v[low]), name) != 0)
		return -1;
	return (ssize_t)index->v[low];
}

ssize_t
conf_find_listener(const struct conf *conf, const char *name)
{
	return find(&conf->listener_names, conf->listeners, conf->n_listeners,
	    sizeof(*conf->listeners), name);
}

ssize_t
conf_find_queue(const struct conf *conf, const char *name)
{
	return find(&conf->queue_names, conf->queues, conf->n_queues,
	    sizeof(*conf->queues), name);
}

ssize_t
conf_find_port(const struct conf *conf, const char *name)
{
	return find(&conf->port_names, conf->ports, conf->n_ports,
	    sizeof(*conf->ports), name);
}

_Static_assert(offsetof(struct conf_listener, name) == 0 &&
    offsetof(struct conf_queue, name) == 0 &&
    offsetof(struct conf_port, name) == 0, "name_of() takes the first member");

/* ---- sections into the struct ---- */

/* What the functions below work on. */
struct loader {
	struct conf		*conf;
	const struct inifile	*file;		/* the one at hand */
	struct conf_errors	*errors;
};

/* The section's object, with its defaults; NULL: no memory. */
static void *
add_listener(struct conf *conf, const char *name, int line)
{
	struct conf_listener *listener;

	listener = grow(conf->listeners, conf->n_listeners, sizeof(*listener));
	if (listener == NULL)
		return NULL;
	conf->listeners = listener;
	listener += conf->n_listeners;
	*listener = (struct conf_listener){ .name = strdup(name),
	    .line = line };
	if (listener->name == NULL)
		return NULL;
	conf->n_listeners++;
	return listener;
}

static void *
add_queue(struct conf *conf, const char *name, int line)
{
	struct conf_queue *queue;

	queue = grow(conf->queues, conf->n_queues, sizeof(*queue));
	if (queue == NULL)
		return NULL;
	conf->queues = queue;
	queue += conf->n_queues;
	*queue = (struct conf_queue){ .name = strdup(name), .line = line };
	if (queue->name == NULL)
		return NULL;
	conf->n_queues++;
	return queue;
}

static void *
add_port(struct conf *conf, const char *name, const char *file, int line)
{
	struct conf_port *port;

	port = grow(conf->ports, conf->n_ports, sizeof(*port));
	if (port == NULL)
		return NULL;
	conf->ports = port;
	port += conf->n_ports;
	*port = (struct conf_port){ .name = strdup(name),
	    .file = strdup(file), .line = line };
	if (port->name == NULL || port->file == NULL) {
		free(port->name);
		free(port->file);
		return NULL;
	}
	conf->n_ports++;
	return port;
}

static void *
add_object(struct loader *loader, enum conf_section type,
    const struct inifile_section *section)
{
	struct conf *conf = loader->conf;
	const char *name = section->name != NULL ? section->name : "";
	void *object = NULL;

	switch (type) {
	case CONF_SECTION_LISTENER:
		object = add_listener(conf, name, section->line);
		break;
	case CONF_SECTION_QUEUE:
		object = add_queue(conf, name, section->line);
		break;
	case CONF_SECTION_PORT:
		object = add_port(conf, name, loader->file->absolute,
		    section->line);
		break;
	default:
		return &conf->daemon;		/* has its defaults already */
	}
	if (object == NULL || conf_keys_preset(type, object) == -1)
		return NULL;
	return object;
}

static int
add_setting(struct conf_port *port, const struct inifile_entry *entry)
{
	struct conf_setting *setting;

	setting = grow(port->settings, port->n_settings, sizeof(*setting));
	if (setting == NULL)
		return -1;
	port->settings = setting;
	setting += port->n_settings++;
	*setting = (struct conf_setting){ strdup(entry->key),
	    strdup(entry->value), entry->line };
	return setting->key == NULL || setting->value == NULL ? -1 : 0;
}

/* What may be meant by a key that the section does not know. */
static void
hint_at_key(enum conf_section type, const char *name, char *hint, size_t size)
{
	const char *nearest = conf_keys_nearest(type, name);

	hint[0] = '\0';
	for (int other = 0; other < CONF_SECTIONS; other++) {
		if (conf_keys_find((enum conf_section)other, name) == NULL)
			continue;
		snprintf(hint, size, "; it belongs to [%s%s]",
		    conf_section_names[other],
		    other == CONF_SECTION_DAEMON ? "" : " NAME");
		return;
	}
	if (nearest != NULL)
		snprintf(hint, size, "; did you mean \"%s\"?", nearest);
}

static void
report_unknown_key(struct loader *loader, enum conf_section type,
    const struct inifile_section *section, const struct inifile_entry *entry)
{
	char quoted[TEXT_QUOTE_LEN], title[INIFILE_TITLE_LEN];
	char hint[128];

	hint_at_key(type, entry->key, hint, sizeof(hint));
	conf_errors_add(loader->errors, loader->file->path, entry->line,
	    "unknown key %s in %s%s", text_quote(entry->key, quoted),
	    inifile_title(section, title), hint);
}

/* What can only go wrong later wants the line then. */
static void
note_line(enum conf_section type, void *object,
    const struct inifile_entry *entry)
{
	struct conf_listener *listener = object;
	struct conf_queue *queue = object;

	if (type == CONF_SECTION_LISTENER && listener->listen_line == 0 &&
	    strcmp(entry->key, "listen") == 0)
		listener->listen_line = entry->line;
	if (type == CONF_SECTION_QUEUE && strcmp(entry->key, "notify") == 0)
		queue->notify_line = entry->line;
	if (type == CONF_SECTION_QUEUE &&
	    strcmp(entry->key, "banner_file") == 0)
		queue->banner_file_line = entry->line;
}

static void
load_entry(struct loader *loader, enum conf_section type, void *object,
    const struct inifile_section *section, const struct inifile_entry *entry)
{
	const struct inifile *file = loader->file;
	const struct conf_key *key = conf_keys_find(type, entry->key);
	const struct inifile_entry *first;
	char problem[CONF_PROBLEM_LEN];
	char where[INIFILE_TITLE_LEN], quoted[TEXT_QUOTE_LEN];

	note_line(type, object, entry);
	first = inifile_find(file, section, entry->key);
	if (first != entry && (key == NULL || !conf_keys_is_list(key))) {
		conf_errors_add(loader->errors, file->path, entry->line,
		    "second %s in %s; the first is in line %d",
		    text_quote(entry->key, quoted),
		    inifile_title(section, where), first->line);
	} else if (key != NULL) {
		if (conf_keys_set(key, object, entry->value, file->directory,
		    first == entry, problem) == -1)
			conf_errors_add(loader->errors, file->path,
			    entry->line, "%s", problem);
	} else if (type != CONF_SECTION_PORT) {
		report_unknown_key(loader, type, section, entry);
	} else if (add_setting(object, entry) == -1) {
		conf_errors_add(loader->errors, file->path, entry->line,
		    "cannot be kept: %s", strerror(ENOMEM));
	}
}

/* Errors of the name in "[type name]". */
static void
check_name(struct loader *loader, enum conf_section type,
    const struct inifile_section *section)
{
	const char *path = loader->file->path;
	char quoted[TEXT_QUOTE_LEN];

	if (type == CONF_SECTION_DAEMON) {
		if (section->name != NULL)
			conf_errors_add(loader->errors, path, section->line,
			    "[daemon] with a name, %s; expected [daemon]",
			    text_quote(section->name, quoted));
	} else if (section->name == NULL) {
		conf_errors_add(loader->errors, path, section->line,
		    "[%s] without a name; expected [%s NAME]", section->type,
		    section->type);
	} else if (!conf_name_valid(section->name)) {
		conf_errors_add(loader->errors, path, section->line,
		    "[%s]: %s is no name; expected 1 to %d bytes without "
		    "\"/\", \"]\" and \";\", and no dot in front",
		    section->type, text_quote(section->name, quoted),
		    CONF_NAME_LEN);
	}
}

/* -1: no memory, and the struct is not what the file says. */
static int
load_section(struct loader *loader, const struct inifile_section *section)
{
	char quoted[TEXT_QUOTE_LEN];
	const char *nearest;
	int type = 0;
	void *object;

	while (type < CONF_SECTIONS &&
	    strcmp(section->type, conf_section_names[type]) != 0)
		type++;
	if (type == CONF_SECTIONS) {
		nearest = words_nearest(section->type, conf_section_names,
		    CONF_SECTIONS);
		conf_errors_add(loader->errors, loader->file->path,
		    section->line, "unknown section %s; expected [daemon], "
		    "[listener NAME], [queue NAME] or [port NAME]%s%s%s",
		    text_quote(section->type, quoted),
		    nearest != NULL ? "; did you mean \"" : "",
		    nearest != NULL ? nearest : "",
		    nearest != NULL ? "\"?" : "");
		return 0;
	}
	check_name(loader, (enum conf_section)type, section);
	object = add_object(loader, (enum conf_section)type, section);
	if (object == NULL) {
		conf_errors_add(loader->errors, loader->file->path,
		    section->line, "cannot be kept: %s", strerror(ENOMEM));
		return -1;
	}
	for (size_t i = 0; i < section->n; i++)
		load_entry(loader, (enum conf_section)type, object, section,
		    &loader->file->entries[section->first + i]);
	return 0;
}

/* ---- ports that were added at run time ---- */

static int
is_ini(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && entry->d_name[0] != '.' &&
	    strcmp(entry->d_name + len - 4, ".ini") == 0;
}

/* Does the file hold what one in ports.d must, and a port that is new? */
static bool
check_added_port(struct loader *loader, const char *name)
{
	const struct inifile *file = loader->file;
	const struct inifile_section *section = file->sections;
	const struct conf_port *port;
	ssize_t index;

	if (file->n_sections != 1 || section->type == NULL ||
	    section->name == NULL || strcmp(section->name, name) != 0 ||
	    strcmp(section->type, "port") != 0) {
		conf_errors_add(loader->errors, file->path,
		    file->n_sections == 0 ? 0 :
		    file->sections[file->n_sections - 1].line,
		    "expected [port %s] and no other section in this file",
		    name);
		return false;
	}
	index = conf_find_port(loader->conf, name);
	if (index == -1)
		return true;
	port = &loader->conf->ports[index];
	conf_errors_add(loader->errors, file->path, section->line,
	    "second section [port %s]; the first is in %s, line %d", name,
	    port->file, port->line);
	return false;
}

static void
load_added_port(struct loader *main_loader, const char *directory,
    const char *file_name)
{
	struct loader loader = *main_loader;
	struct inifile *file = NULL;
	char *name = strndup(file_name, strlen(file_name) - 4);
	char *path = text_path(directory, file_name);

	if (name == NULL || path == NULL) {
		conf_errors_add(loader.errors, directory, 0,
		    "cannot be read: %s", strerror(ENOMEM));
		goto out;
	}
	file = inifile_read(path, loader.errors);
	if (file == NULL)
		goto out;
	loader.file = file;
	if (check_added_port(&loader, name) &&
	    load_section(&loader, &file->sections[0]) == 0)
		conf_check_file(file, loader.errors);

out:
	inifile_free(file);
	free(path);
	free(name);
}

static void
load_added_ports(struct loader *loader)
{
	struct dirent **names = NULL;
	char *directory = text_path(loader->conf->daemon.spool_directory,
	    "ports.d");
	int n = directory == NULL ? -1 :
	    scandir(directory, &names, is_ini, alphasort);

	if (n == -1 && errno != ENOENT && errno != ENOTDIR)
		conf_errors_add(loader->errors, directory != NULL ? directory :
		    loader->file->path, 0, "cannot be read: %s",
		    strerror(errno));
	for (int i = 0; i < n; i++) {
		load_added_port(loader, directory, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	free(directory);
}

/* ---- life ---- */

struct conf *
conf_defaults(void)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (conf != NULL &&
	    conf_keys_preset(CONF_SECTION_DAEMON, &conf->daemon) == -1) {
		conf_free(conf);
		return NULL;
	}
	return conf;
}

static void
load_file(struct loader *loader)
{
	const struct inifile *file = loader->file;

	for (size_t i = 0; i < file->n_sections; i++) {
		if (file->sections[i].type != NULL &&
		    load_section(loader, &file->sections[i]) == -1)
			return;
	}
	conf_check_file(file, loader->errors);
	load_added_ports(loader);
	make_indices(loader->conf);
	conf_check_links(loader->conf, file, loader->errors);
	conf_rules_check(loader->conf, file, loader->errors);
}

struct conf *
conf_load(const char *path, struct conf_errors *errors)
{
	struct conf_errors found = { 0 };
	struct conf *conf = conf_defaults();
	struct inifile *file;

	*errors = found;
	file = inifile_read(path, errors);
	if (file != NULL && conf != NULL &&
	    (conf->path = strdup(file->absolute)) != NULL)
		load_file(&(struct loader){ conf, file, errors });
	else if (errors->n == 0)
		conf_errors_add(errors, path, 0, "cannot be kept: %s",
		    strerror(ENOMEM));
	inifile_free(file);
	sort_errors(errors, path);
	if (errors->n == 0)
		return conf;
	conf_free(conf);
	return NULL;
}

static void
free_port(struct conf_port *port)
{
	for (size_t i = 0; i < port->n_settings; i++) {
		free(port->settings[i].key);
		free(port->settings[i].value);
	}
	free(port->settings);
	conf_keys_clear(CONF_SECTION_PORT, port);
	free(port->file);
	free(port->name);
}

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	for (size_t i = 0; i < conf->n_ports; i++)
		free_port(&conf->ports[i]);
	for (size_t i = 0; i < conf->n_queues; i++) {
		conf_keys_clear(CONF_SECTION_QUEUE, &conf->queues[i]);
		banner_free(conf->queues[i].banner_page);
		free(conf->queues[i].name);
	}
	for (size_t i = 0; i < conf->n_listeners; i++) {
		conf_keys_clear(CONF_SECTION_LISTENER, &conf->listeners[i]);
		free(conf->listeners[i].name);
	}
	conf_keys_clear(CONF_SECTION_DAEMON, &conf->daemon);
	free(conf->port_names.v);
	free(conf->queue_names.v);
	free(conf->listener_names.v);
	free(conf->ports);
	free(conf->queues);
	free(conf->listeners);
	free(conf->path);
	free(conf);
}
