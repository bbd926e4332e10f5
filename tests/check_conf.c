/*
 * check_conf.c - the ini file: what is read, what is refused, and in which
 * words; and the sample and the manual against the table of keys.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/banner.h"
#include "conf/conf.h"
#include "conf/conf_keys.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))

/* Two lines, so that no port of this machine gets in. */
#define PROLOGUE	"[daemon]\nspool_directory = spool\n"
#define PROLOGUE_LINES	2

#define PORT	"[port p]\nmonitor = file\n"
#define QUEUE	"[queue q]\nports = p\n" PORT

static const char rich[] =
    "\xef\xbb\xbf# everything that a file may hold\r\n"
    "[daemon]\r\n"
    "  user = nobody   ; a comment\n"
    "group : nogroup\n"
    "monitor_directory = /usr/lib/a, /usr/lib/b\n"
    "\tmonitor_directory = \"my monitors\" c\n"
    "spool_directory = spool\n"
    "host_program = ./../bin/host\n"
    "log_level = debug\n"
    "log_to = stderr\n"
    "drain_timeout = 2h\n"
    "max_connections = 17\n"
    "control_socket = run/control\n"
    "min_free_space = 1G\n"
    "client_max_jobs = 100\n"
    "client_max_bytes = 2T\n"
    "after_crash = hold\n"
    "keep_data = 36h\n"
    "keep_jobs = 0\n"
    "keep_accounting = 36500d\n"
    "\n"
    "[listener Front Desk]\n"
    "protocol = raw\n"
    "listen = [::1]:9100 127.0.0.1:9100\n"
    "listen = printer.example.org:0, *:0\n"
    "listen = systemd:printportd.socket\n"
    "queue = LOBBY\n"
    "max_connections = 4\n"
    "min_job_bytes = 4K\n"
    "guard = off\n"
    "[queue lobby]\n"
    "ports = \"second port\"\n"
    "delivery = stream\n"
    "idle_timeout = 0\n"
    "idle_ends_job = true\n"
    "on_reset = finish\n"
    "answers = 0\n"
    "[queue Labels]\n"
    "ports = \"SECOND port\" first\n"
    "backup_ports = THIRD\n"
    "backup_ports = fourth\n"
    "failover_after = 0\n"
    "delivery = spool\n"
    "start_printing = spooled\n"
    "order = fast\n"
    "priority = 100\n"
    "expire = 2d\n"
    "on_expire = divert\n"
    "divert_to = LEFTOVERS\n"
    "retries = 0\n"
    "retry_after = 90\n"
    "notify = ../bin/tell\n"
    "duplicates = hold\n"
    "duplicate_window = 1h\n"
    "max_job_size = 10M\n"
    "max_jobs = 7\n"
    "max_bytes = 1G\n"
    "[queue leftovers]\n"
    "ports = first\n"
    "start_printing = immediate\n"
    "expire = 1d\n"
    "on_expire = drop\n"
    "[port third]\n"
    "monitor = null\n"
    "[port Fourth]\n"
    "monitor = null\n"
    "[port first]\n"
    "monitor = null\n"
    "[port Second Port]\n"
    "monitor = file\n"
    "language_monitor = pjl\n"
    "idle_close = 0\n"
    "call_timeout = 1500ms\n"
    "write_timeout = 1d\n"
    "stall_timeout = 10\n"
    "answer_wait = 1\n"
    "max_waiting = 1\n"
    "directory = ../out\n"
    "name =;not=a:comment\n"
    "empty =\n"
    "caf\xc3\xa9 = \xe2\x82\xac 5\n";

/* ---- tools ---- */

static const char *
test_path(const char *name)
{
	static char path[4200];

	snprintf(path, sizeof(path), "%s/%s", suite_directory(), name);
	return path;
}

static void
write_file(const char *name, const char *bytes, size_t len)
{
	FILE *file = fopen(test_path(name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *bytes = calloc(1, 1 << 16);

	ck_assert_msg(file != NULL, "%s cannot be read", path);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_uint_gt(fread(bytes, 1, (1 << 16) - 1, file), 0);
	fclose(file);
	return bytes;
}

static struct conf *
load_bytes(const char *bytes, size_t len, struct conf_errors *errors)
{
	write_file("test.ini", bytes, len);
	return conf_load(test_path("test.ini"), errors);
}

/* Loads what must be right. */
static struct conf *
load_good(const char *text)
{
	struct conf_errors errors;
	struct conf *conf = load_bytes(text, strlen(text), &errors);

	ck_assert_msg(conf != NULL, "line %d: %s",
	    errors.n > 0 ? errors.v[0].line : -1,
	    errors.n > 0 ? errors.v[0].text : "no error");
	ck_assert_uint_eq(errors.n, 0);
	return conf;
}

static char *
print(const struct conf *conf)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(out);
	conf_print(conf, out);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

static bool
has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = text; (p = strstr(p, line)) != NULL; p++) {
		if ((p == text || p[-1] == '\n') &&
		    (p[len] == '\n' || p[len] == '\0'))
			return true;
	}
	return false;
}

static void
assert_round_trip(const struct conf *conf)
{
	char *text = print(conf);
	struct conf *again = load_good(text);
	char *text_again = print(again);

	ck_assert_str_eq(text, text_again);
	free(text_again);
	conf_free(again);
	free(text);
}

/* ---- the table, the sample, the manual ---- */

/* The part of a text from a heading to the next one; freed by the caller. */
static char *
part_of(const char *text, const char *heading, const char *next)
{
	const char *start = strstr(text, heading);
	const char *end;

	ck_assert_msg(start != NULL, "there is no %s", heading);
	start += strlen(heading);
	end = strstr(start, next);
	return end == NULL ? strdup(start) :
	    strndup(start, (size_t)(end - start));
}

static void
assert_in_sample(const char *part, const struct conf_key *key)
{
	char line[512];

	if (key->preset != NULL)
		snprintf(line, sizeof(line), ";%s = %s", key->name,
		    key->preset);
	else
		snprintf(line, sizeof(line), "; %s =", key->name);
	if (!key->required) {
		ck_assert_msg(has_line(part, line), "no line \"%s\"", line);
		return;
	}
	snprintf(line, sizeof(line), "\n%s = ", key->name);
	ck_assert_msg(strstr(part, line) != NULL, "no line \"%s\"", line + 1);
}

START_TEST(sample_shows_every_key_with_its_default)
{
	char *sample = read_file(SAMPLE);

	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		char heading[32];
		char *part;

		snprintf(heading, sizeof(heading), "\n[%s",
		    conf_section_names[key->section]);
		part = part_of(sample, heading, "\n[");
		assert_in_sample(part, key);
		free(part);
	}
	free(sample);
}
END_TEST

static void
assert_in_manual(const char *part, const struct conf_key *key)
{
	char item[128], preset[512];
	char *text;

	snprintf(item, sizeof(item), "\n.It Cm %s\n", key->name);
	text = part_of(part, item, "\n.It ");
	if (key->required)
		ck_assert_ptr_nonnull(strstr(text, "Required."));
	else
		ck_assert_msg(strstr(text, "Default:") != NULL,
		    "the manual gives no default of %s", key->name);
	/* Paths depend on where it is installed. */
	if (key->preset != NULL && key->preset[0] != '/') {
		snprintf(preset, sizeof(preset), ".Ql %s .", key->preset);
		ck_assert_msg(strstr(text, preset) != NULL,
		    "the manual has another default of %s", key->name);
	}
	ck_assert_msg((strstr(text, "restart") == NULL &&
	    strstr(text, "Restart") == NULL) == !key->restart,
	    "%s: restart or not?", key->name);
	ck_assert_msg((strstr(text, ".Em Spool .") == NULL) ==
	    !key->spool_only, "%s: with delivery = spool only?", key->name);
	free(text);
}

START_TEST(manual_has_every_key_with_its_default)
{
	static const char *const headings[CONF_SECTIONS] = { "\n.Sh DAEMON\n",
	    "\n.Sh LISTENER\n", "\n.Sh QUEUE\n", "\n.Sh PORT\n" };
	char *manual = read_file(TOP_SRCDIR "/man/printportd.ini.5");

	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		char *part = part_of(manual, headings[key->section], "\n.Sh ");

		assert_in_manual(part, key);
		free(part);
	}
	free(manual);
}
END_TEST

START_TEST(every_key_is_whole)
{
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		ck_assert_ptr_eq(conf_keys_find(key->section, key->name), key);
		ck_assert_msg(key->help != NULL && strlen(key->help) < 60,
		    "%s: one line of help", key->name);
		ck_assert_msg(!key->required || key->preset == NULL,
		    "%s: required, with a default", key->name);
		ck_assert_int_eq(key->type == CONF_CHOICE,
		    key->choices != NULL);
		if (key->type == CONF_NUMBER || key->type == CONF_SIZE ||
		    key->type == CONF_TIME)
			ck_assert_int_lt(key->min, key->max);
		/* What is waited for fits 32 bits; what is kept need not. */
		if (key->type == CONF_TIME && strncmp(key->name, "keep_", 5))
			ck_assert_int_lt(key->max, UINT32_MAX);
		ck_assert_msg(!key->spool_only || (!key->required &&
		    key->section == CONF_SECTION_QUEUE), "%s: of a spooling "
		    "queue only", key->name);
	}
}
END_TEST

static void
assert_same_daemon(const struct conf *a, const struct conf *b)
{
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (key->section == CONF_SECTION_DAEMON)
			ck_assert_msg(conf_keys_equal(key, &a->daemon,
			    &b->daemon), "%s differs", key->name);
	}
}

/* All that the keys of the sample's sections are besides the required ones. */
static void
assert_defaults(const struct conf *conf)
{
	struct conf *defaults = conf_defaults();
	struct conf_listener listener = { 0 };
	struct conf_queue queue = { 0 };
	struct conf_port port = { 0 };
	const void *of_conf[] = { &conf->daemon, conf->listeners,
	    conf->queues, conf->ports };
	void *of_table[] = { &defaults->daemon, &listener, &queue, &port };

	ck_assert_ptr_nonnull(defaults);
	for (int i = CONF_SECTION_LISTENER; i < CONF_SECTIONS; i++)
		ck_assert_int_eq(conf_keys_preset((enum conf_section)i,
		    of_table[i]), 0);
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (!key->required)
			ck_assert_msg(conf_keys_equal(key,
			    of_conf[key->section], of_table[key->section]),
			    "%s differs", key->name);
	}
	assert_same_daemon(conf, defaults);
	for (int i = CONF_SECTION_LISTENER; i < CONF_SECTIONS; i++)
		conf_keys_clear((enum conf_section)i, of_table[i]);
	conf_free(defaults);
}

static void
assert_is_sample(const struct conf *conf)
{
	assert_defaults(conf);
	ck_assert_uint_eq(conf->n_listeners, 1);
	ck_assert_uint_eq(conf->n_queues, 1);
	ck_assert_str_eq(conf->listeners[0].listen.v[0], "[::]:9100");
	ck_assert_str_eq(conf->listeners[0].queue_name, "lobby");
	ck_assert_str_eq(conf->ports[conf->queues[0].port].name, "archive");
	ck_assert_str_eq(conf->ports[0].monitor, "file");
	ck_assert_uint_eq(conf->ports[0].n_settings, 1);
	ck_assert_str_eq(conf->ports[0].settings[0].key, "directory");
}

START_TEST(sample_equals_the_defaults)
{
	struct conf_errors errors;
	struct conf *conf = conf_load(SAMPLE, &errors);

	ck_assert_msg(conf != NULL, "%d: %s", errors.v[0].line,
	    errors.v[0].text);
	assert_is_sample(conf);
	conf_free(conf);
}
END_TEST

/* Takes the ';' away from every line that is ";key = value". */
START_TEST(sample_taken_at_its_word_equals_the_defaults)
{
	char *sample = read_file(SAMPLE);
	int keys = 0;

	for (char *p = sample; (p = strstr(p, "\n;")) != NULL; p++) {
		if (p[2] == ' ')
			continue;
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
		keys++;
	}
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++)
		keys -= key->preset != NULL;
	ck_assert_int_eq(keys, 0);

	struct conf *conf = load_good(sample);
	assert_is_sample(conf);
	conf_free(conf);
	free(sample);
}
END_TEST

START_TEST(demo_loads_and_stays_in_the_checkout)
{
	struct conf_errors errors;
	struct conf *conf = conf_load(TOP_SRCDIR "/conf/demo.ini", &errors);

	ck_assert_msg(conf != NULL, "%d: %s", errors.v[0].line,
	    errors.v[0].text);
	ck_assert_str_eq(conf->daemon.host_program,
	    TOP_SRCDIR "/build/printport-host");
	ck_assert_str_eq(conf->daemon.monitor_directory.v[0],
	    TOP_SRCDIR "/build/.libs");
	ck_assert_str_eq(conf->daemon.spool_directory,
	    TOP_SRCDIR "/demo-output/spool");
	ck_assert_str_eq(conf->daemon.control_socket,
	    TOP_SRCDIR "/demo-output/control.sock");
	ck_assert_str_eq(conf->listeners[0].listen.v[0], "127.0.0.1:9100");
	ck_assert_str_eq(conf->ports[0].file, TOP_SRCDIR "/conf/demo.ini");
	ck_assert_int_eq(conf->queues[0].delivery, CONF_DELIVERY_SPOOL);
	conf_free(conf);
}
END_TEST

/* ---- what is read ---- */

START_TEST(reads_all_that_a_file_may_hold)
{
	struct conf *conf = load_good(rich);
	const struct conf_listener *listener = &conf->listeners[0];
	const struct conf_queue *queue = &conf->queues[0];
	const struct conf_port *port = &conf->ports[3];

	ck_assert_str_eq(conf->path, test_path("test.ini"));
	ck_assert_str_eq(conf->daemon.user, "nobody");
	ck_assert_str_eq(conf->daemon.group, "nogroup");
	ck_assert_uint_eq(conf->daemon.monitor_directory.n, 4);
	ck_assert_str_eq(conf->daemon.monitor_directory.v[1], "/usr/lib/b");
	ck_assert_str_eq(conf->daemon.monitor_directory.v[2],
	    test_path("my monitors"));
	ck_assert_ptr_null(conf->daemon.monitor_directory.v[4]);
	ck_assert_int_eq(conf->daemon.log_level, CONF_LOG_DEBUG);
	ck_assert_int_eq(conf->daemon.log_to, CONF_LOG_TO_STDERR);
	ck_assert_int_eq(conf->daemon.drain_timeout_ms, 7200000);
	ck_assert_int_eq(conf->daemon.max_connections, 17);
	ck_assert_str_eq(listener->name, "Front Desk");
	ck_assert_int_eq(listener->line, 22);
	ck_assert_uint_eq(listener->listen.n, 5);
	ck_assert_str_eq(listener->listen.v[4], "systemd:printportd.socket");
	ck_assert_uint_eq(listener->queue, 0);
	ck_assert_int_eq(listener->min_job_bytes, 4096);
	ck_assert(!listener->guard);
	ck_assert_uint_eq(queue->port, 3);
	ck_assert_int_eq(queue->delivery, CONF_DELIVERY_STREAM);
	ck_assert_int_eq(queue->idle_timeout_ms, 0);
	ck_assert(queue->idle_ends_job);
	ck_assert_int_eq(queue->on_reset, CONF_ON_RESET_FINISH);
	ck_assert(!queue->answers);
	ck_assert_str_eq(port->language_monitor, "pjl");
	ck_assert_int_eq(port->call_timeout_ms, 1500);
	ck_assert_int_eq(port->stall_timeout_ms, 10000);
	ck_assert_uint_eq(port->n_settings, 4);
	ck_assert_str_eq(port->settings[0].value, "../out");
	ck_assert_int_eq(port->settings[0].line, 78);
	ck_assert_str_eq(port->settings[1].value, ";not=a:comment");
	ck_assert_str_eq(port->settings[2].value, "");
	ck_assert_str_eq(port->settings[3].key, "caf\xc3\xa9");
	conf_free(conf);
}
END_TEST

START_TEST(reads_what_is_kept_and_for_how_long)
{
	struct conf *conf = load_good(rich);
	const struct conf_daemon *daemon = &conf->daemon;

	ck_assert_str_eq(daemon->control_socket, test_path("run/control"));
	ck_assert_int_eq(daemon->min_free_bytes, 1073741824);
	ck_assert_int_eq(daemon->client_max_jobs, 100);
	ck_assert_int_eq(daemon->client_max_bytes, INT64_C(2) << 40);
	ck_assert_int_eq(daemon->after_crash, CONF_AFTER_CRASH_HOLD);
	ck_assert_int_eq(daemon->keep_data_ms, 129600000);
	ck_assert_int_eq(daemon->keep_jobs_ms, 0);
	ck_assert_int_eq(daemon->keep_records_ms, INT64_C(3153600000000));
	conf_free(conf);
}
END_TEST

START_TEST(reads_all_of_a_queue_that_spools)
{
	struct conf *conf = load_good(rich);
	const struct conf_queue *queue = &conf->queues[1];

	ck_assert_int_eq(queue->failover_after_ms, 0);
	ck_assert_int_eq(queue->delivery, CONF_DELIVERY_SPOOL);
	ck_assert_int_eq(queue->start_printing, CONF_START_SPOOLED);
	ck_assert_int_eq(queue->order, CONF_ORDER_FAST);
	ck_assert_int_eq(queue->priority, 100);
	ck_assert_int_eq(queue->expire_ms, 172800000);
	ck_assert_int_eq(queue->on_expire, CONF_ON_EXPIRE_DIVERT);
	ck_assert_int_eq(queue->retries, 0);
	ck_assert_int_eq(queue->retry_after_ms, 90000);
	ck_assert_int_eq(queue->notify_line, 52);
	ck_assert_int_eq(queue->duplicates, CONF_DUPLICATES_HOLD);
	ck_assert_int_eq(queue->duplicate_window_ms, 3600000);
	ck_assert_int_eq(queue->max_job_bytes, 10485760);
	ck_assert_int_eq(queue->max_jobs, 7);
	ck_assert_int_eq(queue->max_bytes, 1073741824);
	ck_assert_int_eq(conf->queues[2].start_printing, CONF_START_IMMEDIATE);
	ck_assert_int_eq(conf->queues[2].on_expire, CONF_ON_EXPIRE_DROP);
	conf_free(conf);
}
END_TEST

/* Others compare names byte by byte. */
START_TEST(names_are_spelt_as_their_sections)
{
	struct conf *conf = load_good(rich);
	const struct conf_queue *queue = &conf->queues[1];

	ck_assert_str_eq(conf->listeners[0].queue_name, "lobby");
	ck_assert_uint_eq(queue->port, 3);
	ck_assert_uint_eq(queue->ports.n, 2);
	ck_assert_str_eq(queue->ports.v[0], "Second Port");
	ck_assert_str_eq(queue->ports.v[1], "first");
	ck_assert_uint_eq(queue->backup_ports.n, 2);
	ck_assert_str_eq(queue->backup_ports.v[0], "third");
	ck_assert_str_eq(queue->backup_ports.v[1], "Fourth");
	ck_assert_str_eq(queue->divert_to, "leftovers");
	conf_free(conf);
}
END_TEST

/* All of a queue's keys but those that cannot stand there, at their defaults. */
START_TEST(a_stream_queue_may_name_defaults)
{
	struct conf *conf = load_good(PROLOGUE "[queue q]\nports = p\n"
	    "delivery = stream\nstart_printing = spooled\nexpire = 0s\n"
	    "duplicates = off\nretries = 3\nmax_bytes = 0\n" PORT);

	assert_round_trip(conf);
	conf_free(conf);
}
END_TEST

START_TEST(data_may_be_kept_as_long_as_its_job)
{
	static const char *const good[] = {
		"keep_data = 7d\n", "keep_data = 0\nkeep_jobs = 1s\n",
		"keep_data = 36500d\nkeep_jobs = 0\n", "keep_jobs = 24h\n",
		"keep_jobs = 0\nkeep_accounting = 1d\n",
		"keep_accounting = 1h\n",
	};
	char text[256];

	for (int i = 0; i < COUNT(good); i++) {
		snprintf(text, sizeof(text), PROLOGUE "%s", good[i]);
		conf_free(load_good(text));
	}
}
END_TEST

START_TEST(an_empty_file_is_all_defaults)
{
	struct conf *defaults = conf_defaults();
	struct conf *conf = load_good("");

	ck_assert_ptr_nonnull(defaults);
	assert_same_daemon(conf, defaults);
	ck_assert_uint_eq(conf->n_listeners, 0);
	conf_free(conf);
	conf_free(defaults);
}
END_TEST

START_TEST(relative_paths_start_at_the_file)
{
	static const struct {
		const char	*text;
		const char	*below;		/* below the directory above */
	} cases[] = {
		{ "host", "/sub/host" }, { "./host", "/sub/host" },
		{ "a/./../b", "/sub/a/./../b" }, { "../x/./host", "/x/./host" },
		{ "./.././/x/host", "/x/host" }, { "..host", "/sub/..host" },
		{ ".", "/sub" }, { "..", "" },
	};

	ck_assert_int_eq(mkdir(test_path("sub"), 0755), 0);
	for (int i = 0; i < COUNT(cases); i++) {
		struct conf_errors errors;
		struct conf *conf;
		char text[256];

		snprintf(text, sizeof(text), PROLOGUE "host_program = %s\n",
		    cases[i].text);
		write_file("sub/x.ini", text, strlen(text));
		conf = conf_load(test_path("sub/x.ini"), &errors);
		ck_assert_ptr_nonnull(conf);
		ck_assert_int_eq(strncmp(conf->daemon.host_program,
		    suite_directory(), strlen(suite_directory())), 0);
		ck_assert_str_eq(conf->daemon.host_program +
		    strlen(suite_directory()), cases[i].below);
		conf_free(conf);
	}
}
END_TEST

START_TEST(absolute_paths_stay_as_they_are)
{
	struct conf *conf = load_good(PROLOGUE "host_program = /a/../b\n");

	ck_assert_str_eq(conf->daemon.host_program, "/a/../b");
	conf_free(conf);
}
END_TEST

START_TEST(a_relative_file_has_an_absolute_directory)
{
	struct conf_errors errors;
	struct conf *conf;
	char cwd[4096];

	write_file("x.ini", PROLOGUE, strlen(PROLOGUE));
	ck_assert_int_eq(chdir(suite_directory()), 0);
	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	conf = conf_load("x.ini", &errors);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_ptr_nonnull(conf);
	ck_assert_str_eq(conf->daemon.spool_directory, test_path("spool"));
	ck_assert_str_eq(conf->path, test_path("x.ini"));
	conf_free(conf);
}
END_TEST

/* Every length around the limits of inih, with white space at every place. */
START_TEST(long_values_come_through_whole)
{
	size_t len = (size_t)_i;
	char value[4096], text[8192];
	struct conf *conf;

	for (size_t i = 0; i < len; i++)
		value[i] = "ab  cd;#e=f:\"<>"[i % 15];
	value[0] = ';';
	value[len - 1] = 'z';
	value[len] = '\0';
	snprintf(text, sizeof(text), PROLOGUE PORT "key=%s \t; comment\n"
	    "after = yes\n", value);
	conf = load_good(text);
	ck_assert_str_eq(conf->ports[0].settings[0].value, value);
	ck_assert_str_eq(conf->ports[0].settings[1].value, "yes");
	conf_free(conf);
}
END_TEST

START_TEST(names_of_63_bytes_are_whole)
{
	static const char name[] =
	    "a name of sixty-three bytes, which is more than inih's fifty ok";
	char text[512];
	struct conf *conf;

	ck_assert_uint_eq(strlen(name), CONF_NAME_LEN);
	snprintf(text, sizeof(text), PROLOGUE "[port  %s ]\nmonitor = null\n",
	    name);
	conf = load_good(text);
	ck_assert_str_eq(conf->ports[0].name, name);
	ck_assert_int_eq(conf_find_port(conf, "A NAME"), -1);
	ck_assert_int_eq(conf_find_port(conf, name), 0);
	conf_free(conf);
}
END_TEST

START_TEST(names_are_found_without_regard_to_case)
{
	struct conf *conf = load_good(rich);

	ck_assert_int_eq(conf_find_port(conf, "SECOND port"), 3);
	ck_assert_int_eq(conf_find_queue(conf, "Lobby"), 0);
	ck_assert_int_eq(conf_find_listener(conf, "front desk"), 0);
	ck_assert_int_eq(conf_find_port(conf, "fifth"), -1);
	ck_assert_int_eq(conf_find_queue(conf, ""), -1);
	ck_assert_int_eq(conf_find_listener(conf, "lobby"), -1);
	conf_free(conf);
}
END_TEST

START_TEST(knows_a_valid_name)
{
	static const char *const good[] = { "a", "LPT1:", "caf\xc3\xa9", "a.b",
	    "Front Desk", "a,b", "\"q\"" };
	static const char *const bad[] = { "", ".a", "a/b", "a\tb", "a\x7f",
	    " a", "a ", "a]", "a;b", "\xff", "\xc3", "\xc0\xaf", "\xc2\x85",
	    "\xed\xa0\x80",
	    "0123456789012345678901234567890123456789012345678901234567890123"
	};

	for (int i = 0; i < COUNT(good); i++)
		ck_assert_msg(conf_name_valid(good[i]), "%s", good[i]);
	for (int i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!conf_name_valid(bad[i]), "bad name %d", i);
}
END_TEST

/* ---- what is refused ---- */

/* A queue that streams, with its port in front; and a second queue. */
#define STREAM	PORT "[queue s]\nports = p\ndelivery = stream\n"
#define SPARE	"[queue spare]\nports = p\n"
#define TEN	"0123456789"

struct refusal {
	const char	*text;		/* behind the prologue */
	int		 line;		/* in text */
	const char	*says;
};

static const struct refusal refusals[] = {
	/* lines */
	{ "[listener raw\n", 1, "without \"]\"; expected [section NAME]" },
	{ "[port p] x\n", 1, "text behind its \"]\"" },
	{ "user\n", 1, "\"user\" has no \"=\"; expected key = value" },
	{ "user ; = x\n", 1, "\"user\" has no \"=\"" },
	{ "= x\n", 1, "\"= x\" has no key" },
	{ "user = a\x01z\n", 1, "byte 0x01 at column 9 is a control" },
	{ "user = \xff\n", 1, "byte 0xff at column 8 is not part of any" },
	{ "user = \xc0\xaf\n", 1, "UTF-8" },
	{ "user = a\rb\n", 1, "byte 0x0d" },
	{ "a_key_that_is_longer_than_any_key_that_there_ever_was = 1\n", 1,
	    "unknown key \"a_key_that_is_longer" },
	/* sections */
	{ "[]\n", 1, "unknown section \"\"; expected [daemon], [listener" },
	{ "[prot p]\n", 1, "unknown section \"prot\"" },
	{ "[prot p]\nno = error\n", 1, "did you mean \"port\"?" },
	{ "[Queue q]\n", 1, "did you mean \"queue\"?" },
	{ "[port]\nmonitor = x\n", 1, "[port] without a name; expected [port" },
	{ "[daemon]\n", 1, "second section [daemon]; the first is in line 1" },
	{ "[daemon x]\n", 1, "[daemon] with a name, \"x\"" },
	{ "[port a/b]\nmonitor = x\n", 1, "\"a/b\" is no name; expected 1 to" },
	{ PORT "[port P]\nmonitor = x\n", 3,
	    "second section [port P]; the first is in line 3" },
	/* keys */
	{ "usr = x\n", 1, "unknown key \"usr\" in [daemon]; did you mean "
	    "\"user\"?" },
	{ "fish = x\n", 1, "unknown key \"fish\" in [daemon]" },
	{ "idle_timeout = 1\n", 1, "it belongs to [queue NAME]" },
	{ "user = a\nlog_to = auto\nuser = b\n", 3,
	    "second \"user\" in [daemon]; the first is in line 3" },
	{ PORT "name = a\nname = a\n", 4, "second \"name\" in [port p]" },
	{ "[port lobby]\nmonitr = file\n", 2,
	    "unknown key \"monitr\" in [port lobby]; did you mean "
	    "\"monitor\"?" },
	{ "[port lobby]\nname = x\n", 1, "[port lobby] has no \"monitor\"" },
	{ "[queue q]\n", 1, "[queue q] has no \"ports\"" },
	{ QUEUE "[listener l]\nqueue = q\n", 5, "has no \"listen\"; expected "
	    "addresses such as" },
	/* values */
	{ "user =\n", 1, "user: no value; expected one" },
	{ "user = ; nobody\n", 1, "user: no value" },
	{ "drain_timeout = 5 parsecs\n", 1, "drain_timeout: \"5 parsecs\" is "
	    "no time; expected a time such as 500ms, 30s, 5m, 2h or 7d" },
	{ "drain_timeout = 25d\n", 1, "\"25d\" is too large; expected 0 to "
	    "24d" },
	{ "max_connections = 0\n", 1, "\"0\" is too small; expected 1 to "
	    "1000000" },
	{ "max_connections = many\n", 1, "is no number; expected a number" },
	{ "log_level = inf\n", 1, "log_level: \"inf\" is unknown; expected "
	    "error, warning, info or debug; did you mean \"info\"?" },
	{ "log_to = printer\n", 1, "expected auto, stderr or journal" },
	{ "monitor_directory = ,\n", 1, "holds nothing; expected a list" },
	{ "monitor_directory = \"a b\n", 1, "has a quote that does not end" },
	{ QUEUE "[listener l]\nqueue = q\nlisten = *:1\nguard = maybe\n", 8,
	    "guard: \"maybe\" is no truth value; expected yes or no" },
	{ QUEUE "[listener l]\nqueue = q\nlisten = *:1\nmin_job_bytes = 8K\n",
	    8, "\"8K\" is too large; expected 1 to 4K" },
	{ PORT "write_timeout = 9ms\n", 3, "too small; expected 10ms to 24d" },
	{ PORT "call_timeout = 999ms\n", 3, "expected 1s to 24d" },
	{ "[port p]\nmonitor = ../evil\n", 2, "monitor: \"../evil\" is no "
	    "name of a monitor; expected 1 to 63 letters" },
	{ PORT "language_monitor = a b\n", 3, "language_monitor: \"a b\"" },
	/* links */
	{ QUEUE "[listener l]\nlisten = *:1\nqueue = qq\n", 7,
	    "there is no queue \"qq\"; expected the name of a section [queue" },
	{ "[queue q]\nports = lobbi\n[port lobby]\nmonitor = null\n", 2,
	    "there is no port \"lobbi\"; expected the name of a section "
	    "[port NAME]; did you mean \"lobby\"?" },
	{ QUEUE "[queue r]\nports = p\nbackup_ports = q\n", 7,
	    "there is no port \"q\"; expected the name of a section [port" },
	{ "[queue r]\nports = p1, p2\nports = p3\n[port p1]\n"
	    "monitor = null\n[port p3]\nmonitor = null\n", 2,
	    "there is no port \"p2\"" },
	{ "[queue q]\nports = p1 p\nports = p2 P\n" PORT "[port p1]\n"
	    "monitor = null\n[port p2]\nmonitor = null\n", 3,
	    "ports: \"p\" stands in ports already, line 4; expected each port "
	    "once" },
	{ "[queue q]\nports = p\nbackup_ports = p1\nbackup_ports = p\n" PORT
	    "[port p1]\nmonitor = null\n", 4,
	    "backup_ports: \"p\" stands in ports already, line 4" },
	{ "[queue q]\nports = p\nbackup_ports = p1, P1\n" PORT "[port p1]\n"
	    "monitor = null\n", 3,
	    "\"p1\" stands in backup_ports already, line 5" },
	{ QUEUE SPARE "on_expire = divert\nexpire = 1h\ndivert_to = qu\n", 9,
	    "there is no queue \"qu\"" },
	/* rules of a stream */
	{ PORT "[port p2]\nmonitor = null\n[queue q]\nports = p\nports = p2\n"
	    "delivery = stream\n", 6,
	    "ports: [queue q] has 2; delivery = stream takes exactly one" },
	{ STREAM "backup_ports = p2\n[port p2]\nmonitor = null\n", 6,
	    "backup_ports: \"p2\" needs delivery = spool; [queue s] has "
	    "delivery = stream, which keeps no jobs: leave the key out" },
	{ STREAM "failover_after = 1m\n", 6, "failover_after: \"1m\" needs" },
	{ STREAM "start_printing = immediate\n", 6,
	    "start_printing: \"immediate\" needs delivery = spool" },
	{ STREAM "order = fast\n", 6, "order: \"fast\" needs" },
	{ STREAM "priority = 51\n", 6, "priority: \"51\" needs" },
	{ STREAM "expire = 1h\n", 6, "expire: \"1h\" needs" },
	{ STREAM "on_expire = drop\n", 6, "on_expire: \"drop\" needs" },
	{ STREAM "divert_to = S\n", 6, "divert_to: \"S\" needs" },
	{ STREAM "retries = 0\n", 6, "retries: \"0\" needs" },
	{ STREAM "retry_after = 1s\n", 6, "retry_after: \"1s\" needs" },
	{ STREAM "notify = /bin/true\n", 6, "notify: \"/bin/true\" needs" },
	{ STREAM "duplicates = drop\n", 6, "duplicates: \"drop\" needs" },
	{ STREAM "duplicate_window = 1m\n", 6, "duplicate_window: \"1m\"" },
	{ STREAM "max_job_size = 1G\n", 6, "max_job_size: \"1G\" needs" },
	{ STREAM "max_jobs = 1\n", 6, "max_jobs: \"1\" needs" },
	{ STREAM "max_bytes = 1\n", 6, "max_bytes: \"1\" needs" },
	{ STREAM "banner = always\n", 6, "banner: \"always\" needs delivery = "
	    "spool; [queue s] has delivery = stream, which keeps no jobs: "
	    "leave the key out, or change delivery" },
	{ STREAM "banner_file = x\n", 6, "banner_file: \"x\" needs" },
	{ STREAM "banner_format = x\n", 6, "banner_format: \"x\" needs" },
	/* rules of expiry */
	{ QUEUE "[queue r]\nports = p\nexpire = 1h\non_expire = divert\n", 8,
	    "on_expire: \"divert\" needs to know where to; expected divert_to "
	    "= the name of another queue" },
	{ QUEUE SPARE "expire = 1h\ndivert_to = q\n", 8, "divert_to: \"q\" "
	    "would never get a job; expected on_expire = divert beside it" },
	{ QUEUE SPARE "expire = 1h\non_expire = drop\ndivert_to = q\n", 9,
	    "expected on_expire = divert beside it" },
	{ QUEUE SPARE "on_expire = divert\ndivert_to = q\n", 8, "divert_to: "
	    "\"q\" would never get a job, as none expires with expire = 0; "
	    "expected a time such as expire = 2h" },
	{ QUEUE SPARE "on_expire = divert\nexpire = 1h\ndivert_to = SPARE\n",
	    9, "divert_to: \"spare\" is this queue itself; expected another" },
	{ STREAM SPARE "on_expire = divert\nexpire = 1h\ndivert_to = s\n", 10,
	    "divert_to: [queue s] has delivery = stream, which keeps no jobs; "
	    "expected a queue with delivery = spool" },
	{ QUEUE SPARE "on_expire = diverd\nexpire = 1h\ndivert_to = q\n", 7,
	    "did you mean \"divert\"?" },
	{ QUEUE SPARE "on_expire = divert\nexpire = late\ndivert_to = q\n", 8,
	    "expire: \"late\" is no time" },
	{ QUEUE SPARE "on_expire = divert\nexpire = 1h\ndivert_to =\n", 9,
	    "divert_to: no value" },
	/* rules of protocols */
	{ QUEUE "[listener l]\nlisten = *:1\nprotocol = lpd\nqueue = q\n", 8,
	    "queue: \"q\": LPD clients say the queue themselves; expected "
	    "default_queue" },
	{ QUEUE "[listener l]\nlisten = *:1\nprotocol = lpd\nguard = no\n", 8,
	    "guard: \"no\" needs protocol = raw; [listener l] has lpd" },
	{ QUEUE "[listener l]\nlisten = *:1\nqueue = q\nany_case = no\n", 8,
	    "any_case: \"no\" needs protocol = lpd; [listener l] has raw" },
	{ QUEUE "[listener l]\nlisten = *:1\nprotocol = lpd\nbanner = yes\n",
	    8, "unknown key \"banner\" in [listener l]; it belongs to [queue "
	    "NAME]" },
	{ QUEUE "[listener l]\nlisten = *:1\nprotocol = raw\n", 5,
	    "[listener l] has no \"queue\"" },
	{ QUEUE "[listener l]\nlisten = *:1\nprotocol = lpd\n"
	    "default_queue = qq\n", 8, "there is no queue \"qq\"" },
	{ QUEUE "delivery = stream\n[listener l]\nlisten = *:1\n"
	    "protocol = lpd\n[queue s]\nports = p\ndelivery = stream\n"
	    "[listener m]\nlisten = *:2\nprotocol = lpd\n"
	    "default_queue = s\n", 15,
	    "default_queue: [queue s] has delivery = stream" },
	{ QUEUE SPARE "aliases = a, Q\n", 7,
	    "aliases: \"Q\" is [queue q] already" },
	{ QUEUE SPARE "aliases = a/b\n", 7, "\"a/b\" is no name of a queue" },
	{ QUEUE SPARE "aliases = a\n[queue r]\nports = p\naliases = A\n", 10,
	    "\"A\" is [queue spare] already" },
	/* other rules */
	{ QUEUE SPARE "start_printing = immediate\nduplicates = hold\n", 8,
	    "duplicates: \"hold\" needs start_printing = spooled, as a job "
	    "must be whole before" },
	{ QUEUE SPARE "banner = asked\nstart_printing = immediate\n", 7,
	    "banner: \"asked\" needs start_printing = spooled, as a job must "
	    "be whole before its page can be made; [queue spare] has "
	    "immediate" },
	{ QUEUE SPARE "banner = yes\n", 7,
	    "banner: \"yes\" is unknown; expected no, asked or always" },
	{ QUEUE SPARE "banner_file = page.ps\n", 7, "banner_file: \"page.ps\" "
	    "would never be used; expected banner = asked or banner = always "
	    "beside it" },
	{ QUEUE SPARE "banner = no\nbanner_format = text/plain\n", 8,
	    "banner_format: \"text/plain\" would never be used" },
	{ "keep_data = 8d\n", 1, "keep_data: 8d is longer than keep_jobs = 7d, "
	    "the default, and data without its job is of no use; expected 7d "
	    "at most, or a longer keep_jobs" },
	{ "keep_jobs = 12h\n", 1, "keep_jobs: 12h is shorter than keep_data = "
	    "1d, the default, and data without its job is of no use; expected "
	    "keep_data = 12h at most beside it, or a longer keep_jobs" },
	{ "keep_data = 1w\nkeep_jobs = 12h\n", 1, "\"1w\" is no time" },
	{ "keep_data = 8d\nkeep_jobs = -1\n", 2, "\"-1\" is no time" },
	{ "keep_data = 36501d\nkeep_jobs = 0\n", 1, "expected 0 to 36500d" },
	{ "control_socket = /" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
	    "/control\n", 1, "has 109 bytes; expected a path of 107 at most" },
	{ "after_crash = repint\n", 1, "did you mean \"reprint\"?" },
	{ QUEUE SPARE "priority = 101\n", 7, "expected 1 to 100" },
	{ QUEUE SPARE "duplicate_window = 999ms\n", 7, "expected 1s to 24d" },
};

static bool
has_error(const struct conf_errors *errors, int line, const char *says)
{
	for (size_t i = 0; i < errors->n; i++) {
		if (errors->v[i].line == line &&
		    strstr(errors->v[i].text, says) != NULL)
			return true;
	}
	return false;
}

START_TEST(refuses_with_line_and_words)
{
	const struct refusal *refusal = &refusals[_i];
	struct conf_errors errors;
	char text[1024];

	snprintf(text, sizeof(text), "%s%s", PROLOGUE, refusal->text);
	ck_assert_ptr_null(load_bytes(text, strlen(text), &errors));
	ck_assert_uint_ge(errors.n, 1);
	ck_assert_str_eq(errors.v[0].file, test_path("test.ini"));
	ck_assert_msg(has_error(&errors, refusal->line + PROLOGUE_LINES,
	    refusal->says), "not \"%s\" but %d: \"%s\"", refusal->says,
	    errors.v[0].line, errors.v[0].text);
	ck_assert_msg(errors.n == 1, "and also: %s", errors.v[1].text);
	conf_errors_free(&errors);
	ck_assert_uint_eq(errors.n, 0);
}
END_TEST

START_TEST(judges_addresses)
{
	static const struct {
		const char	*address;
		const char	*says;		/* NULL: good */
	} cases[] = {
		{ "0.0.0.0:9100", NULL }, { "[fe80::1%eth0]:9100", NULL },
		{ "localhost:9100", NULL }, { "a-b.example.org:1", NULL },
		{ "*:65535", NULL }, { "systemd:x", NULL },
		{ "[::]:0", NULL },
		{ "9100", "the port is missing" },
		{ "localhost", "the port is missing" },
		{ "::1:9100", "an IPv6 address stands in brackets" },
		{ "[::1]", "is no address" }, { "[::1:9100", "is no address" },
		{ "[]:9100", "is no address" }, { "[::g]:1", "is no address" },
		{ "[::1%]:9100", "is no address" },
		{ ":9100", "expected one such as [::]:9100" },
		{ "*:65536", "is no address" }, { "*:-1", "is no address" },
		{ "*:", "is no address" }, { "*:91OO", "is no address" },
		{ "*:000001", "is no address" },
		{ "1.2.3:9100", "is no address" },
		{ "1.2.3.256:9100", "is no address" },
		{ "a_b!:9100", "is no address" },
		{ "systemd:", "is no address" },
		{ "systemd:a:b", "is no address" },
	};

	for (int i = 0; i < COUNT(cases); i++) {
		struct conf_errors errors;
		struct conf *conf;
		char text[512];

		snprintf(text, sizeof(text), PROLOGUE QUEUE
		    "[listener l]\nqueue = q\nlisten = %s\n",
		    cases[i].address);
		conf = load_bytes(text, strlen(text), &errors);
		ck_assert_msg((conf != NULL) == (cases[i].says == NULL),
		    "%s was %s", cases[i].address,
		    conf != NULL ? "taken" : errors.v[0].text);
		if (conf == NULL)
			ck_assert_msg(has_error(&errors, 9, cases[i].says),
			    "%s", errors.v[0].text);
		conf_free(conf);
		conf_errors_free(&errors);
	}
}
END_TEST

START_TEST(an_address_stands_once_in_the_file)
{
	static const char text[] = PROLOGUE QUEUE
	    "[listener a]\nqueue = q\nlisten = [::1]:9100, *:0\n"
	    "[listener b]\nqueue = q\nlisten = *:9100 *:0\n"
	    "listen = [0:0::1]:9100\n";
	struct conf_errors errors;

	ck_assert_ptr_null(load_bytes(text, strlen(text), &errors));
	ck_assert_uint_eq(errors.n, 1);
	ck_assert(has_error(&errors, 13,
	    "\"[0:0::1]:9100\" stands in line 9 already"));
	conf_errors_free(&errors);
}
END_TEST

START_TEST(all_errors_in_one_run_in_order_of_line)
{
	static const char text[] =
	    "stray = 1\n"
	    "stray = 2\n"
	    "[daemon]\n"
	    "spool_directory = spool\n"
	    "user = \n"
	    "[listener l]\n"
	    "listen = nowhere\n"
	    "queue = nothing\n"
	    "gard = no\n"
	    "what\n"
	    "[port p\n"
	    "not = looked at\n"
	    "[port q]\n"
	    "monitor = a.b\n";
	static const int lines[] = { 1, 5, 7, 8, 9, 10, 11, 14 };
	struct conf_errors errors;

	ck_assert_ptr_null(load_bytes(text, strlen(text), &errors));
	ck_assert_uint_eq(errors.n, COUNT(lines));
	for (int i = 0; i < COUNT(lines); i++)
		ck_assert_int_eq(errors.v[i].line, lines[i]);
	ck_assert_ptr_nonnull(strstr(errors.v[0].text, "before the first"));
	conf_errors_free(&errors);
}
END_TEST

START_TEST(errors_of_rules_come_all_in_one_run)
{
	static const char text[] =
	    "[daemon]\n"
	    "spool_directory = spool\n"
	    "keep_data = 8d\n"
	    "[queue a]\n"
	    "ports = p, q, P\n"
	    "delivery = stream\n"
	    "notify = /bin/true\n"
	    "max_jobs = many\n"
	    "divert_to = c\n"
	    "[queue b]\n"
	    "ports = p\n"
	    "backup_ports = p\n"
	    "divert_to = b\n"
	    "[port p]\n"
	    "monitor = null\n";
	static const int lines[] = { 3, 5, 5, 5, 7, 8, 9, 9, 12, 13, 13, 13 };
	struct conf_errors errors;

	ck_assert_ptr_null(load_bytes(text, strlen(text), &errors));
	for (size_t i = 0; i < errors.n && i < COUNT(lines); i++)
		ck_assert_msg(errors.v[i].line == lines[i], "line %d: %s",
		    errors.v[i].line, errors.v[i].text);
	ck_assert_uint_eq(errors.n, COUNT(lines));
	conf_errors_free(&errors);
}
END_TEST

START_TEST(refuses_nul_and_long_lines_by_number)
{
	static const char nul[] = PROLOGUE "user = a\0b\n";
	struct conf_errors errors;
	char text[8192] = PROLOGUE "; ";
	size_t len = strlen(text);

	ck_assert_ptr_null(load_bytes(nul, sizeof(nul) - 1, &errors));
	ck_assert(has_error(&errors, 3, "byte 0x00 at column 9"));
	conf_errors_free(&errors);

	memset(text + len, 'x', 4094);
	conf_free(load_good(text));
	memset(text + len, 'x', 4095);
	ck_assert_ptr_null(load_bytes(text, len + 4095, &errors));
	ck_assert(has_error(&errors, 3,
	    "line of 4097 bytes; expected 4096 at most"));
	conf_errors_free(&errors);
}
END_TEST

START_TEST(quotes_are_short_and_plain)
{
	struct conf_errors errors;
	char text[4096];

	snprintf(text, sizeof(text), PROLOGUE "log_level = %0500d\n", 1);
	ck_assert_ptr_null(load_bytes(text, strlen(text), &errors));
	ck_assert_ptr_nonnull(strstr(errors.v[0].text, "000...\" is unknown"));
	ck_assert_uint_lt(strlen(errors.v[0].text), 200);
	conf_errors_free(&errors);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_an_error)
{
	struct conf_errors errors;

	ck_assert_ptr_null(conf_load(test_path("none.ini"), &errors));
	ck_assert(has_error(&errors, 0, "No such file or directory"));
	ck_assert_str_eq(errors.v[0].file, test_path("none.ini"));
	conf_errors_free(&errors);
	ck_assert_ptr_null(conf_load(suite_directory(), &errors));
	ck_assert(has_error(&errors, 0, "is no regular file"));
	conf_errors_free(&errors);
	ck_assert_int_eq(mkfifo(test_path("fifo"), 0600), 0);
	ck_assert_ptr_null(conf_load(test_path("fifo"), &errors));
	ck_assert(has_error(&errors, 0, "is no regular file"));
	conf_errors_free(&errors);
}
END_TEST

START_TEST(root_reads_no_file_that_anyone_can_write)
{
	struct conf_errors errors;
	struct conf *conf;

	write_file("open.ini", PROLOGUE, strlen(PROLOGUE));
	ck_assert_int_eq(chmod(test_path("open.ini"), 0666), 0);
	conf = conf_load(test_path("open.ini"), &errors);
	ck_assert_int_eq(conf == NULL, geteuid() == 0);
	if (conf == NULL)
		ck_assert(has_error(&errors, 0, "run: chmod o-w '"));
	conf_free(conf);
	conf_errors_free(&errors);
}
END_TEST

/* ---- programs ---- */

/* A queue for each program, the first in line 6. */
static struct conf *
load_programs(void)
{
	return load_good(PROLOGUE PORT
	    "[queue a]\nports = p\nnotify = /bin/true\n"
	    "[queue b]\nports = p\n"
	    "[queue c]\nports = p\nnotify = none\n"
	    "[queue d]\nports = p\nnotify = .\n"
	    "[queue e]\nports = p\nnotify = plain\n"
	    "[queue f]\nports = p\nnotify = script\n");
}

START_TEST(programs_are_looked_for_when_asked)
{
	struct conf_errors errors = { 0 };
	struct conf *conf = load_programs();

	write_file("plain", "x", 1);
	ck_assert_int_eq(chmod(test_path("plain"), 0644), 0);
	write_file("script", "#!/bin/sh\n", 10);
	ck_assert_int_eq(chmod(test_path("script"), 0755), 0);
	conf_check_programs(conf, &errors);
	ck_assert_uint_eq(errors.n, 3);
	ck_assert_str_eq(errors.v[0].file, test_path("test.ini"));
	ck_assert(has_error(&errors, 12, "/none\" cannot be run: No such file"));
	ck_assert(has_error(&errors, 15, "\" cannot be run: it is no regular"));
	ck_assert(has_error(&errors, 18, "/plain\" cannot be run: it is not "
	    "executable; expected the path of a program, without arguments"));
	conf_errors_free(&errors);
	conf_free(conf);
}
END_TEST

/* ---- banner pages ---- */

#define BANNER(name)	"[queue " name "]\nports = p\nbanner = always\n"

static struct conf *
load_pages(void)
{
	mkdir(test_path("dir.ps"), 0755);
	write_file("good.ps", "%!PS\n(${user}) show\n", 20);
	write_file("bad.ps", "%!PS\n\n(${usr}) show\n", 20);
	write_file("empty.ps", "", 0);
	return load_good(PROLOGUE PORT BANNER("a") "banner_file = good.ps\n"
	    BANNER("b") BANNER("c") "banner_format = text/plain; "
	    "charset=utf-8\n" "[queue none]\nports = p\n");
}

/* For a user with this name the page begins so. */
static void
assert_page(const struct conf_queue *queue, const char *user,
    const char *begins)
{
	const char *values[BANNER_FIELDS] = { [BANNER_USER] = user };
	size_t len;
	char *page = banner_print(queue->banner_page, values, &len);

	ck_assert_ptr_nonnull(page);
	ck_assert_msg(len >= strlen(begins) &&
	    memcmp(page, begins, strlen(begins)) == 0, "%.*s", (int)len, page);
	free(page);
}

START_TEST(pages_are_read_when_asked)
{
	struct conf_errors errors = { 0 };
	struct conf *conf = load_pages();

	ck_assert_int_eq(conf->queues[0].banner, CONF_BANNER_ALWAYS);
	ck_assert_int_eq(conf->queues[3].banner, CONF_BANNER_NO);
	ck_assert_ptr_null(conf->queues[0].banner_page);
	ck_assert_int_eq(conf_read_banners(conf, &errors), 0);
	/* What is read is kept, whatever becomes of the file. */
	write_file("good.ps", "another", 7);
	ck_assert_int_eq(conf_read_banners(conf, &errors), 0);
	ck_assert_uint_eq(errors.n, 0);
	assert_page(&conf->queues[0], "(b\xc3\xa4)", "%!PS\n(\\(b?\\)) show");
	assert_page(&conf->queues[1], "(b\xc3\xa4)", "\r\n\r\n  User   (b?)");
	assert_page(&conf->queues[2], "(b\xc3\xa4)",
	    "\r\n\r\n  User   (b\xc3\xa4)");
	ck_assert_ptr_null(conf->queues[3].banner_page);
	conf_free(conf);
}
END_TEST

START_TEST(bad_pages_are_told_with_file_and_line)
{
	char large[65600];
	struct conf_errors errors = { 0 };
	struct conf *conf;

	conf_free(load_pages());
	memset(large, 'x', sizeof(large));
	write_file("large.ps", large, sizeof(large));
	conf = load_good(PROLOGUE PORT BANNER("a") "banner_file = none.ps\n"
	    BANNER("b") "banner_file = dir.ps\n"
	    BANNER("c") "banner_file = bad.ps\n"
	    BANNER("d") "banner_file = empty.ps\n"
	    BANNER("e") "banner_file = large.ps\n");
	ck_assert_int_eq(conf_read_banners(conf, &errors), -1);
	ck_assert_uint_eq(errors.n, 5);
	ck_assert(has_error(&errors, 8, "none.ps\" cannot be used: No such "
	    "file or directory; expected a file with the page's text"));
	ck_assert(has_error(&errors, 12, "it is no regular file"));
	ck_assert(has_error(&errors, 3, "\"${usr}\" is no name of a value"));
	ck_assert_str_eq(errors.v[2].file, test_path("bad.ps"));
	ck_assert(has_error(&errors, 20, "it is empty"));
	ck_assert(has_error(&errors, 24, "it has more than 65536 bytes"));
	ck_assert_str_eq(errors.v[4].file, test_path("test.ini"));
	conf_errors_free(&errors);
	conf_free(conf);
}
END_TEST

/* ---- ports that were added at run time ---- */

static void
write_added(const char *spool, const char *name, const char *text)
{
	char path[256];

	mkdir(test_path(spool), 0755);
	snprintf(path, sizeof(path), "%s/ports.d", spool);
	mkdir(test_path(path), 0755);
	snprintf(path, sizeof(path), "%s/ports.d/%s", spool, name);
	write_file(path, text, strlen(text));
}

START_TEST(added_ports_are_ports_like_others)
{
	struct conf *conf;
	char *text;

	write_added("good", "late one.ini",
	    "[port late one]\nmonitor = file\nx = 1\n");
	write_added("good", "ignored.tmp", "half a fi");
	write_added("good", ".hidden.ini", "half a fi");
	conf = load_good("[daemon]\nspool_directory = good\n"
	    "[queue q]\nports = \"Late One\"\n" PORT);
	ck_assert_uint_eq(conf->n_ports, 2);
	ck_assert_uint_eq(conf->queues[0].port, 1);
	ck_assert_str_eq(conf->ports[0].file, test_path("test.ini"));
	ck_assert_str_eq(conf->ports[1].file,
	    test_path("good/ports.d/late one.ini"));
	ck_assert_str_eq(conf->ports[1].settings[0].value, "1");

	text = print(conf);
	ck_assert(has_line(text, "; [port late one]"));
	free(text);
	assert_round_trip(conf);
	conf_free(conf);
}
END_TEST

START_TEST(bad_added_ports_are_refused_by_their_own_name)
{
	static const struct {
		const char	*name;
		const char	*text;
		int		 line;
		const char	*says;
	} cases[] = {
		{ "a.ini", "", 0, "expected [port a]" },
		{ "b.ini", "\n[port c]\nmonitor = x\n", 2,
		    "expected [port b]" },
		{ "c.ini", "[port c]\nmonitor = x\n[daemon]\n", 3,
		    "no other section" },
		{ "d.ini", "[port d]\nmonitor = x\nanswer_wait = x\n", 3,
		    "\"x\" is no time" },
		{ "e.ini", "[port e]\n", 1, "has no \"monitor\"" },
		{ "f.ini", "[port f]\nmonitor = x/y\n", 2, "no name of a" },
		{ "p.ini", "[port p]\nmonitor = x\n", 1,
		    "/test.ini, line 3" },
		{ "q.ini", "[queue q]\nports = p\n", 1, "expected [port q]" },
	};
	static const char text[] = "[daemon]\nspool_directory = bad\n" PORT;
	struct conf_errors errors;

	for (int i = 0; i < COUNT(cases); i++)
		write_added("bad", cases[i].name, cases[i].text);
	ck_assert_ptr_null(load_bytes(text, strlen(text), &errors));
	ck_assert_uint_eq(errors.n, COUNT(cases));
	for (int i = 0; i < COUNT(cases); i++) {
		const struct conf_error *error = &errors.v[i];

		ck_assert_str_eq(strrchr(error->file, '/') + 1, cases[i].name);
		ck_assert_int_eq(error->line, cases[i].line);
		ck_assert_msg(strstr(error->text, cases[i].says) != NULL,
		    "%s: %s", cases[i].name, error->text);
	}
	conf_errors_free(&errors);
}
END_TEST

/* ---- what is in force ---- */

START_TEST(prints_what_it_reads)
{
	struct conf *conf = load_good(rich);

	assert_round_trip(conf);
	conf_free(conf);
	conf = load_good(PROLOGUE
	    "monitor_directory = \"/a b\" \"/c\"\"d,e\"\n"
	    "user =;x\n"
	    "[queue q]\n"
	    "ports = \",p\"\n"
	    "[port ,p]\n"
	    "monitor = null\n"
	    "x =;y\n");
	ck_assert_str_eq(conf->daemon.monitor_directory.v[0], "/a b");
	ck_assert_str_eq(conf->daemon.monitor_directory.v[1], "/c\"d,e");
	ck_assert_str_eq(conf->daemon.user, ";x");
	assert_round_trip(conf);
	conf_free(conf);
}
END_TEST

START_TEST(marks_defaults_and_what_is_unset)
{
	struct conf *conf = load_good(PROLOGUE "log_level = info\n"
	    "drain_timeout = 31s\n" QUEUE "x =;y ;z\n");
	char *text = print(conf);

	ck_assert(has_line(text,
	    "user              = printportd    ; default"));
	ck_assert(has_line(text, "log_level         = info    ; default"));
	ck_assert(has_line(text, "drain_timeout     = 31s"));
	ck_assert(has_line(text, "; group ="));
	ck_assert(has_line(text, "; language_monitor ="));
	ck_assert(has_line(text, "; backup_ports ="));
	ck_assert(has_line(text, "monitor           = file"));
	ck_assert(has_line(text, "x                 =;y"));
	free(text);
	assert_round_trip(conf);
	conf_free(conf);
}
END_TEST

START_TEST(the_defaults_alone_can_be_printed_and_read)
{
	struct conf *defaults = conf_defaults();
	struct conf *again;
	char *text;

	ck_assert_ptr_nonnull(defaults);
	ck_assert_uint_eq(defaults->n_ports, 0);
	text = print(defaults);
	again = load_good(text);
	assert_same_daemon(defaults, again);
	free(text);
	conf_free(again);
	conf_free(defaults);
}
END_TEST

START_TEST(days_are_printed_as_days)
{
	struct conf *conf = load_good(PROLOGUE "keep_jobs = 168h\n"
	    "keep_data = 36h\nkeep_accounting = 31536000\n");
	char *text = print(conf);

	ck_assert(has_line(text, "keep_jobs         = 7d    ; default"));
	ck_assert(has_line(text, "keep_data         = 36h"));
	ck_assert(has_line(text, "keep_accounting   = 365d"));
	free(text);
	conf_free(conf);
}
END_TEST

START_TEST(every_key_of_the_spool_that_needs_a_restart_says_so)
{
	static const char *const keys[] = { "control_socket", "min_free_space",
	    "after_crash" };
	static const char *const values[] = { "other", "1M", "hold" };
	struct conf *a = load_good(PROLOGUE);

	for (int i = 0; i < COUNT(keys); i++) {
		char text[256], buf[64];
		struct conf *b;

		snprintf(text, sizeof(text), PROLOGUE "%s = %s\n"
		    "keep_data = 1h\nclient_max_jobs = 1\n", keys[i],
		    values[i]);
		b = load_good(text);
		ck_assert_uint_eq(conf_needs_restart(a, b, buf, sizeof(buf)),
		    1);
		ck_assert_str_eq(buf, keys[i]);
		conf_free(b);
	}
	conf_free(a);
}
END_TEST

START_TEST(says_which_keys_need_a_restart)
{
	struct conf *a = load_good(PROLOGUE PORT);
	struct conf *b = load_good("[daemon]\nspool_directory = other\n"
	    "user = nobody\ndrain_timeout = 1s\n[port q]\nmonitor = null\n");
	char buf[64];

	ck_assert_uint_eq(conf_needs_restart(a, a, buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf, "");
	ck_assert_uint_eq(conf_needs_restart(a, b, buf, sizeof(buf)), 2);
	ck_assert_str_eq(buf, "user, spool_directory");
	ck_assert_uint_eq(conf_needs_restart(b, a, buf, 8), 2);
	ck_assert_str_eq(buf, "user, s");
	ck_assert_uint_eq(conf_needs_restart(a, b, NULL, 0), 2);
	conf_free(a);
	conf_free(b);
}
END_TEST

/* ---- mutated files ---- */

#define MUTANTS	1000

/* splitmix64: the same files on every machine. */
static uint64_t
random_number(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t
below(uint64_t *state, size_t limit)
{
	return limit == 0 ? 0 : (size_t)(random_number(state) % limit);
}

struct mutant {
	char	bytes[1 << 16];
	size_t	len;
};

/* Put n bytes in at a place, where there is room. */
static void
insert(struct mutant *m, size_t at, const char *bytes, size_t n)
{
	char copy[4096];

	if (n > sizeof(copy) || m->len + n > sizeof(m->bytes))
		return;
	memcpy(copy, bytes, n);
	memmove(m->bytes + at + n, m->bytes + at, m->len - at);
	memcpy(m->bytes + at, copy, n);
	m->len += n;
}

static void
take_out(struct mutant *m, size_t at, size_t n)
{
	n = n < m->len - at ? n : m->len - at;
	memmove(m->bytes + at, m->bytes + at + n, m->len - at - n);
	m->len -= n;
}

/* The line around a place. */
static size_t
line_around(const struct mutant *m, size_t at, size_t *len)
{
	const char *end;

	while (at > 0 && m->bytes[at - 1] != '\n')
		at--;
	end = memchr(m->bytes + at, '\n', m->len - at);
	*len = end == NULL ? m->len - at :
	    (size_t)(end - (m->bytes + at)) + 1;
	return at;
}

static void
mutate(struct mutant *m, uint64_t *state)
{
	static const char special[] = "[]=:;#\n\r\t \",\0\xff\xc3\xa9/.%*09KmM";
	size_t at = below(state, m->len);
	size_t line, len;
	char byte;

	line = line_around(m, at, &len);
	switch (below(state, 7)) {
	case 0:
		if (m->len > 0)
			m->bytes[at] ^= (char)(1 << below(state, 8));
		break;
	case 1:
		byte = special[below(state, sizeof(special) - 1)];
		insert(m, at, &byte, 1);
		break;
	case 2:
		take_out(m, at, 1 + below(state, 8));
		break;
	case 3:
		insert(m, line, m->bytes + line, len);
		break;
	case 4:
		take_out(m, line, len);
		break;
	case 5:		/* a piece of some length, once more elsewhere */
		len = below(state, 400);
		len = len < m->len - at ? len : m->len - at;
		insert(m, below(state, m->len), m->bytes + at, len);
		break;
	case 6:		/* two bytes change places */
		if (at + 1 < m->len) {
			byte = m->bytes[at];
			m->bytes[at] = m->bytes[at + 1];
			m->bytes[at + 1] = byte;
		}
		break;
	}
}

static void
assert_refused_well(const struct conf_errors *errors, int mutant)
{
	ck_assert_uint_ge(errors->n, 1);
	for (size_t i = 0; i < errors->n; i++) {
		ck_assert_msg(errors->v[i].line > 0, "mutant %d: %s", mutant,
		    errors->v[i].text);
		ck_assert_uint_gt(strlen(errors->v[i].text), 0);
		ck_assert_msg(i == 0 ||
		    errors->v[i].line >= errors->v[i - 1].line,
		    "mutant %d: out of order", mutant);
	}
}

START_TEST(mutated_files_load_or_are_refused_by_line)
{
	static struct mutant mutant;
	uint64_t state = 2026;
	char *sample = read_file(SAMPLE);
	int loaded = 0, refused = 0;

	for (int i = 0; i < MUTANTS; i++) {
		const char *seed = i % 3 == 0 ? sample : rich;
		struct conf_errors errors;
		struct conf *conf;

		mutant.len = strlen(seed);
		memcpy(mutant.bytes, seed, mutant.len);
		for (size_t n = 1 + below(&state, 4); n > 0; n--)
			mutate(&mutant, &state);
		conf = load_bytes(mutant.bytes, mutant.len, &errors);
		if (conf != NULL) {
			ck_assert_uint_eq(errors.n, 0);
			assert_round_trip(conf);
			loaded++;
		} else {
			assert_refused_well(&errors, i);
			refused++;
		}
		conf_free(conf);
		conf_errors_free(&errors);
	}
	ck_assert_int_gt(loaded, MUTANTS / 10);
	ck_assert_int_gt(refused, MUTANTS / 10);
	free(sample);
}
END_TEST

/* ---- suite ---- */

static void
add_case(Suite *suite, const char *name, const TTest *const *tests, int n)
{
	TCase *tcase = tcase_create(name);

	for (int i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
}

static void
add_loops(Suite *suite)
{
	TCase *tcase = tcase_create("loops");

	tcase_add_loop_test(tcase, long_values_come_through_whole, 120, 180);
	tcase_add_loop_test(tcase, long_values_come_through_whole, 4070, 4072);
	tcase_add_loop_test(tcase, refuses_with_line_and_words, 0,
	    COUNT(refusals));
	suite_add_tcase(suite, tcase);
}

static Suite *
conf_suite(void)
{
	const TTest *const table[] = { every_key_is_whole,
	    sample_shows_every_key_with_its_default,
	    manual_has_every_key_with_its_default,
	    sample_equals_the_defaults,
	    sample_taken_at_its_word_equals_the_defaults,
	    demo_loads_and_stays_in_the_checkout };
	const TTest *const reading[] = { reads_all_that_a_file_may_hold,
	    reads_what_is_kept_and_for_how_long,
	    reads_all_of_a_queue_that_spools,
	    names_are_spelt_as_their_sections,
	    a_stream_queue_may_name_defaults,
	    data_may_be_kept_as_long_as_its_job,
	    an_empty_file_is_all_defaults, relative_paths_start_at_the_file,
	    absolute_paths_stay_as_they_are,
	    a_relative_file_has_an_absolute_directory,
	    names_of_63_bytes_are_whole,
	    names_are_found_without_regard_to_case, knows_a_valid_name };
	const TTest *const refusing[] = { judges_addresses,
	    an_address_stands_once_in_the_file,
	    all_errors_in_one_run_in_order_of_line,
	    refuses_nul_and_long_lines_by_number, quotes_are_short_and_plain,
	    a_file_that_cannot_be_read_is_an_error,
	    root_reads_no_file_that_anyone_can_write,
	    errors_of_rules_come_all_in_one_run,
	    programs_are_looked_for_when_asked, pages_are_read_when_asked,
	    bad_pages_are_told_with_file_and_line };
	const TTest *const added[] = { added_ports_are_ports_like_others,
	    bad_added_ports_are_refused_by_their_own_name };
	const TTest *const printing[] = { prints_what_it_reads,
	    marks_defaults_and_what_is_unset,
	    the_defaults_alone_can_be_printed_and_read,
	    days_are_printed_as_days, says_which_keys_need_a_restart,
	    every_key_of_the_spool_that_needs_a_restart_says_so };
	const TTest *const mutants[] = {
	    mutated_files_load_or_are_refused_by_line };
	Suite *suite = suite_create("conf");

	add_case(suite, "table", table, COUNT(table));
	add_case(suite, "reading", reading, COUNT(reading));
	add_case(suite, "refusing", refusing, COUNT(refusing));
	add_case(suite, "added", added, COUNT(added));
	add_case(suite, "printing", printing, COUNT(printing));
	add_case(suite, "mutants", mutants, COUNT(mutants));
	add_loops(suite);
	return suite;
}

int
main(void)
{
	return suite_main(conf_suite());
}
