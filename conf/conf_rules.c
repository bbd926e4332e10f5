/*
 * conf_rules.c - see conf_rules.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "conf_keys.h"
#include "conf_rules.h"
#include "text.h"
#include "words.h"

/* A section that is judged, and what it was made into. */
struct subject {
	const struct conf		*conf;
	const struct inifile		*file;
	const struct inifile_section	*section;
	enum conf_section		 type;
	union {
		const void			*object;
		const struct conf_daemon	*daemon;
		const struct conf_listener	*listener;
		const struct conf_queue		*queue;
	};
	struct conf_errors		*errors;
};

/* Any object of a section, all zero. */
union scratch {
	struct conf_daemon	daemon;
	struct conf_listener	listener;
	struct conf_queue	queue;
};

/* ---- tools --------------------------------------------------------------- */

static const struct inifile_entry *
entry_of(const struct subject *subject, const char *key)
{
	return inifile_find(subject->file, subject->section, key);
}

static void report(const struct subject *subject, const char *key,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* "key: ..." at the line of the key, or of the section that lacks it. */
static void
report(const struct subject *subject, const char *key, const char *fmt, ...)
{
	const struct inifile_entry *entry = entry_of(subject, key);
	char text[CONF_PROBLEM_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	conf_errors_add(subject->errors, subject->file->path,
	    entry != NULL ? entry->line : subject->section->line, "%s: %s",
	    key, text);
}

/* Is the key what the file says, or a default that it does not mention? */
static bool
is_sound(const struct subject *subject, const char *name)
{
	const struct conf_key *key = conf_keys_find(subject->type, name);
	const struct inifile_entry *entry = entry_of(subject, name);
	union scratch scratch = { 0 };
	char problem[CONF_PROBLEM_LEN];
	bool sound;

	if (entry == NULL)
		return true;
	sound = conf_keys_set(key, &scratch, entry->value, "/", true,
	    problem) == 0;
	conf_keys_clear(subject->type, &scratch);
	return sound;
}

/* "7d", or "7d, the default,". */
static const char *
describe_time(const struct subject *subject, const char *key, int64_t ms,
    char text[2 * WORDS_TEXT_LEN])
{
	char time[WORDS_TEXT_LEN];

	words_print(WORDS_TIME, ms, time);
	snprintf(text, 2 * WORDS_TEXT_LEN, "%s%s", time,
	    entry_of(subject, key) == NULL ? ", the default," : "");
	return text;
}

/* ---- [daemon] ------------------------------------------------------------ */

/* Data is found by its job: it cannot be kept any longer. */
static void
check_keeping(const struct subject *subject)
{
	const struct conf_daemon *daemon = subject->daemon;
	char data[2 * WORDS_TEXT_LEN], jobs[2 * WORDS_TEXT_LEN];
	char most[WORDS_TEXT_LEN];

	if (!is_sound(subject, "keep_data") || !is_sound(subject, "keep_jobs"))
		return;
	if (daemon->keep_jobs_ms == 0 ||
	    daemon->keep_data_ms <= daemon->keep_jobs_ms)
		return;
	describe_time(subject, "keep_data", daemon->keep_data_ms, data);
	describe_time(subject, "keep_jobs", daemon->keep_jobs_ms, jobs);
	words_print(WORDS_TIME, daemon->keep_jobs_ms, most);
	if (entry_of(subject, "keep_data") != NULL)
		report(subject, "keep_data", "%s is longer than keep_jobs = "
		    "%s and data without its job is of no use; expected %s at "
		    "most, or a longer keep_jobs", data, jobs, most);
	else
		report(subject, "keep_jobs", "%s is shorter than keep_data = "
		    "%s and data without its job is of no use; expected "
		    "keep_data = %s at most beside it, or a longer keep_jobs",
		    jobs, data, most);
}

/* A default that is too long is no fault of the file. */
static void
check_socket(const struct subject *subject)
{
	size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const char *path = subject->daemon->control_socket;
	char quoted[TEXT_QUOTE_LEN];

	if (entry_of(subject, "control_socket") == NULL || path == NULL ||
	    strlen(path) <= most || strcmp(path, PP_RUNDIR "/control.sock") == 0)
		return;
	report(subject, "control_socket", "%s has %zu bytes; expected a path "
	    "of %zu at most, as for any socket", text_quote(path, quoted),
	    strlen(path), most);
}

/* ---- [listener] ---------------------------------------------------------- */

static void
check_protocol_key(const struct subject *subject, const struct conf_key *key,
    const struct conf_listener *presets)
{
	bool lpd = subject->listener->protocol == CONF_PROTOCOL_LPD;
	const struct inifile_entry *entry = entry_of(subject, key->name);
	char quoted[TEXT_QUOTE_LEN];

	if (entry == NULL || !(lpd ? key->raw_only : key->lpd_only) ||
	    conf_keys_equal(key, subject->listener, presets))
		return;
	if (key->required)
		report(subject, key->name, "%s: LPD clients say the queue "
		    "themselves; expected default_queue, for those that name "
		    "none of ours, or no such key", text_quote(entry->value,
		    quoted));
	else
		report(subject, key->name, "%s needs protocol = %s; [listener "
		    "%s] has %s: leave the key out, or change protocol",
		    text_quote(entry->value, quoted), lpd ? "raw" : "lpd",
		    subject->listener->name, lpd ? "lpd" : "raw");
}

static void
check_default_queue(const struct subject *subject)
{
	const char *name = subject->listener->default_queue;
	ssize_t index = name == NULL ? -1 :
	    conf_find_queue(subject->conf, name);

	if (index >= 0 && subject->conf->queues[index].delivery ==
	    CONF_DELIVERY_STREAM)
		report(subject, "default_queue", "[queue %s] has delivery = "
		    "stream, which keeps no jobs; expected a queue with "
		    "delivery = spool", name);
}

static void
check_listener(const struct subject *subject)
{
	struct conf_listener presets = { 0 };

	if (!is_sound(subject, "protocol"))
		return;
	if (conf_keys_preset(CONF_SECTION_LISTENER, &presets) == -1) {
		report(subject, "protocol", "cannot be checked: %s",
		    strerror(ENOMEM));
	} else {
		for (const struct conf_key *key = conf_keys; key->name != NULL;
		    key++) {
			if (key->section == CONF_SECTION_LISTENER)
				check_protocol_key(subject, key, &presets);
		}
	}
	conf_keys_clear(CONF_SECTION_LISTENER, &presets);
	check_default_queue(subject);
}

/* ---- [queue] ------------------------------------------------------------- */

static void
check_stream_key(const struct subject *subject, const struct conf_key *key,
    const struct conf_queue *presets)
{
	const struct inifile_entry *entry = entry_of(subject, key->name);
	char quoted[TEXT_QUOTE_LEN];

	if (entry == NULL || conf_keys_equal(key, subject->queue, presets))
		return;
	report(subject, key->name, "%s needs delivery = spool; [queue %s] has "
	    "delivery = stream, which keeps no jobs: leave the key out, or "
	    "change delivery", text_quote(entry->value, quoted),
	    subject->queue->name);
}

/* What is streamed never waits in a queue, nor is it printed twice. */
static void
check_stream(const struct subject *subject)
{
	const struct conf_queue *queue = subject->queue;
	struct conf_queue presets = { 0 };

	if (queue->ports.n > 1)
		report(subject, "ports", "[queue %s] has %zu; delivery = "
		    "stream takes exactly one", queue->name, queue->ports.n);
	if (conf_keys_preset(CONF_SECTION_QUEUE, &presets) == -1) {
		report(subject, "delivery", "cannot be checked: %s",
		    strerror(ENOMEM));
	} else {
		for (const struct conf_key *key = conf_keys; key->name != NULL;
		    key++) {
			if (key->spool_only)
				check_stream_key(subject, key, &presets);
		}
	}
	conf_keys_clear(CONF_SECTION_QUEUE, &presets);
}

/* The queue that gets expired jobs; that there is one is known already. */
static void
check_divert_target(const struct subject *subject)
{
	const struct conf_queue *queue = subject->queue;
	ssize_t index = conf_find_queue(subject->conf, queue->divert_to);
	const struct conf_queue *target;

	if (index < 0)
		return;
	target = &subject->conf->queues[index];
	if (target == queue)
		report(subject, "divert_to", "\"%s\" is this queue itself; "
		    "expected another one", queue->divert_to);
	else if (target->delivery != CONF_DELIVERY_SPOOL)
		report(subject, "divert_to", "[queue %s] has delivery = "
		    "stream, which keeps no jobs; expected a queue with "
		    "delivery = spool", target->name);
}

static void
check_divert(const struct subject *subject)
{
	const struct conf_queue *queue = subject->queue;

	if (queue->divert_to == NULL) {
		if (queue->on_expire == CONF_ON_EXPIRE_DIVERT &&
		    entry_of(subject, "divert_to") == NULL)
			report(subject, "on_expire", "\"divert\" needs to "
			    "know where to; expected divert_to = the name of "
			    "another queue beside it");
		return;
	}
	check_divert_target(subject);
	if (queue->on_expire != CONF_ON_EXPIRE_DIVERT &&
	    is_sound(subject, "on_expire"))
		report(subject, "divert_to", "\"%s\" would never get a job; "
		    "expected on_expire = divert beside it", queue->divert_to);
	if (queue->expire_ms == 0 && is_sound(subject, "expire"))
		report(subject, "divert_to", "\"%s\" would never get a job, "
		    "as none expires with expire = 0; expected a time such as "
		    "expire = 2h", queue->divert_to);
}

/* A repeat is known by its last byte, when half of it may be on paper. */
static void
check_duplicates(const struct subject *subject)
{
	const struct conf_queue *queue = subject->queue;
	const struct inifile_entry *entry = entry_of(subject, "duplicates");
	char quoted[TEXT_QUOTE_LEN];

	if (queue->duplicates == CONF_DUPLICATES_OFF ||
	    queue->start_printing != CONF_START_IMMEDIATE)
		return;
	report(subject, "duplicates", "%s needs start_printing = spooled, as "
	    "a job must be whole before it can be known for a repeat; [queue "
	    "%s] has immediate", text_quote(entry != NULL ? entry->value : "",
	    quoted), queue->name);
}

/* The page says what is known when the job is whole, and comes before it. */
static void
check_banner(const struct subject *subject)
{
	static const char *const keys[] = { "banner_file", "banner_format" };
	const struct conf_queue *queue = subject->queue;
	const struct inifile_entry *entry = entry_of(subject, "banner");
	char quoted[TEXT_QUOTE_LEN];
	size_t i;

	if (!is_sound(subject, "banner"))
		return;
	if (queue->banner != CONF_BANNER_NO &&
	    queue->start_printing == CONF_START_IMMEDIATE)
		report(subject, "banner", "%s needs start_printing = spooled, "
		    "as a job must be whole before its page can be made; "
		    "[queue %s] has immediate", text_quote(entry != NULL ?
		    entry->value : "", quoted), queue->name);
	for (i = 0; queue->banner == CONF_BANNER_NO && i < 2; i++)
		if ((entry = entry_of(subject, keys[i])) != NULL &&
		    *entry->value != '\0')
			report(subject, keys[i], "%s would never be used; "
			    "expected banner = asked or banner = always "
			    "beside it", text_quote(entry->value, quoted));
}

/*
 * A name that another queue has, or says that it has.  Of two that say so the
 * second is at fault.
 */
static bool
is_taken(const struct conf_queue *queue, const struct conf_queue *other,
    const char *alias)
{
	size_t i;

	if (strcasecmp(other->name, alias) == 0)
		return true;
	for (i = 0; other < queue && i < other->aliases.n; i++)
		if (strcasecmp(other->aliases.v[i], alias) == 0)
			return true;
	return false;
}

static void
check_alias(const struct subject *subject, const char *alias)
{
	const struct conf *conf = subject->conf;
	char quoted[TEXT_QUOTE_LEN];
	size_t i;

	if (!conf_name_valid(alias))
		report(subject, "aliases", "%s is no name of a queue; "
		    "expected 1 to %d bytes without \"/\", \"]\" and \";\"",
		    text_quote(alias, quoted), CONF_NAME_LEN);
	for (i = 0; i < conf->n_queues; i++)
		if (&conf->queues[i] != subject->queue &&
		    is_taken(subject->queue, &conf->queues[i], alias))
			report(subject, "aliases", "%s is [queue %s] already; "
			    "expected a name of its own",
			    text_quote(alias, quoted), conf->queues[i].name);
}

static void
check_aliases(const struct subject *subject)
{
	size_t i;

	for (i = 0; i < subject->queue->aliases.n; i++)
		check_alias(subject, subject->queue->aliases.v[i]);
}

/* ---- all of them --------------------------------------------------------- */

static bool
is_section(const struct inifile_section *section, enum conf_section type)
{
	return section->type != NULL &&
	    strcmp(section->type, conf_section_names[type]) == 0;
}

static void
check_queue(const struct subject *subject)
{
	if (subject->queue->delivery == CONF_DELIVERY_STREAM) {
		check_stream(subject);
		return;
	}
	check_divert(subject);
	check_duplicates(subject);
	check_banner(subject);
	check_aliases(subject);
}

void
conf_rules_check(const struct conf *conf, const struct inifile *file,
    struct conf_errors *errors)
{
	const struct conf_listener *listener = conf->listeners;
	const struct conf_queue *queue = conf->queues;

	for (size_t i = 0; i < file->n_sections; i++) {
		struct subject subject = { .conf = conf, .file = file,
		    .section = &file->sections[i], .errors = errors };

		if (is_section(subject.section, CONF_SECTION_DAEMON)) {
			subject.type = CONF_SECTION_DAEMON;
			subject.daemon = &conf->daemon;
			check_keeping(&subject);
			check_socket(&subject);
		} else if (is_section(subject.section, CONF_SECTION_LISTENER)) {
			subject.type = CONF_SECTION_LISTENER;
			subject.listener = listener++;
			check_listener(&subject);
		} else if (is_section(subject.section, CONF_SECTION_QUEUE)) {
			subject.type = CONF_SECTION_QUEUE;
			subject.queue = queue++;
			check_queue(&subject);
		}
	}
}
