/*
 * printportctl.c - the command line of printportd's control socket.
 *
 * Each command is a line in a table: its words, its options, its function.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "show.h"
#include "table.h"
#include "wire.h"

#define SOCKET_PATH	PP_RUNDIR "/control.sock"
#define PAGE		"500"		/* jobs at a time */

/* The exit status: more than one thing may go wrong, the highest counts. */
enum status { DONE, REFUSED, USAGE, UNREACHABLE };

/* Options that a command may have; others are everybody's. */
enum choice { ALL = 1, JSON = 2, CSV = 4, PERIOD = 8, PRIORITY = 16 };

struct wish {
	struct wire	*wire;
	const char	*socket_path;
	unsigned int	 options;	/* that were given */
	const char	*from, *to, *priority;
	char		**words;	/* behind the command */
	int		 n_words;
	const char	*verb;		/* the command's name */
};

struct command {
	const char	*name;
	const char	*words;		/* for the usage */
	int		 least, most;	/* of them */
	unsigned int	 options;
	enum status	(*run)(const struct wish *wish);
	const char	*help;
};

/* ---- answers ------------------------------------------------------------ */

static enum status
worse(enum status a, enum status b)
{
	return a > b ? a : b;
}

/* The daemon's words, which name thing and remedy. */
static enum status
refused(struct answer *answer)
{
	const char *error = show_text(answer->json, "error");
	const char *remedy = show_text(answer->json, "remedy");
	char *text = NULL, *clean = NULL;

	if (asprintf(&text, "%s%s%s", error, remedy[0] != '\0' ? "; " : "",
	    remedy) == -1)
		text = NULL;
	if (text != NULL)
		clean = table_clean(text, isatty(STDERR_FILENO));
	if (error[0] == '\0')
		fprintf(stderr, "printportctl: refused with status %ld of "
		    "HTTP\n", answer->status);
	else
		fprintf(stderr, "printportctl: %s\n",
		    clean != NULL ? clean : "no memory");
	free(text);
	free(clean);
	answer_free(answer);
	return REFUSED;
}

static enum status
not_known(struct answer *answer)
{
	fprintf(stderr, "printportctl: cannot show this answer: memory is "
	    "short, or printportd is of another version than this %s; try "
	    "--json\n", PP_VERSION);
	answer_free(answer);
	return REFUSED;
}

/* As it came; on a terminal in lines, and nothing but ASCII. */
static void
print_raw(const json_t *json)
{
	bool terminal = isatty(STDOUT_FILENO);

	(void)json_dumpf(json, stdout, terminal ?
	    JSON_INDENT(2) | JSON_ENSURE_ASCII : JSON_COMPACT);
	putchar('\n');
}

static enum status
show(const struct wish *wish, struct answer *answer,
    int (*as)(const json_t *json, FILE *out))
{
	if (!answer_is_good(answer))
		return refused(answer);
	if (answer->json == NULL)
		return not_known(answer);
	if (wish->options & JSON)
		print_raw(answer->json);
	else if (as(answer->json, stdout) != 0)
		return not_known(answer);
	answer_free(answer);
	return DONE;
}

static enum status
look(const struct wish *wish, const char *path,
    int (*as)(const json_t *json, FILE *out))
{
	struct answer answer;

	if (wire_get(wish->wire, path, &answer) == -1)
		return UNREACHABLE;
	return show(wish, &answer, as);
}

/* ---- paths -------------------------------------------------------------- */

static enum status
no_memory(void)
{
	fprintf(stderr, "printportctl: no memory\n");
	return REFUSED;
}

/* "/v1/jobs/17/hold"; NULL: no memory, and that was said. */
static char *
path_of(const struct wish *wish, const char *kind, const char *name,
    const char *verb)
{
	char *escaped = wire_escape(wish->wire, name);
	char *path;

	if (escaped == NULL || asprintf(&path, "/v1/%s/%s%s%s", kind, escaped,
	    verb[0] != '\0' ? "/" : "", verb) == -1) {
		(void)no_memory();
		path = NULL;
	}
	free(escaped);
	return path;
}

/* Adds "?key=value" or "&key=value"; frees path.  value NULL: adds nothing. */
static char *
with(const struct wish *wish, char *path, const char *key, const char *value)
{
	char *escaped, *longer = NULL;

	if (path == NULL || value == NULL)
		return path;
	escaped = wire_escape(wish->wire, value);
	if (escaped == NULL || asprintf(&longer, "%s%c%s=%s", path,
	    strchr(path, '?') == NULL ? '?' : '&', key, escaped) == -1) {
		(void)no_memory();
		longer = NULL;
	}
	free(escaped);
	free(path);
	return longer;
}

/* A number, so that a slip of the finger is not taken for a path. */
static bool
is_job(const char *word)
{
	if (word[0] != '\0' && strspn(word, "0123456789") == strlen(word))
		return true;
	fprintf(stderr, "printportctl: \"%s\" is no number of a job; see "
	    "printportctl jobs\n", word);
	return false;
}

/* ---- jobs --------------------------------------------------------------- */

/* One page of the list, added to all; *next: there is more behind it. */
static enum status
list_page(const struct wish *wish, json_t *all, json_int_t *next)
{
	char *path = strdup("/v1/jobs?limit=" PAGE);
	struct answer answer;
	char after[32];
	int rc;

	if (path == NULL)
		return no_memory();
	snprintf(after, sizeof(after), "%lld", (long long)*next);
	path = with(wish, path, "which", wish->options & ALL ? "all" : NULL);
	path = with(wish, path, "queue", wish->n_words > 0 ?
	    wish->words[0] : NULL);
	path = with(wish, path, "after", *next != 0 ? after : NULL);
	if (path == NULL)
		return REFUSED;
	rc = wire_get(wish->wire, path, &answer);
	free(path);
	if (rc == -1)
		return UNREACHABLE;
	if (!answer_is_good(&answer))
		return refused(&answer);
	if (json_array_extend(all, json_object_get(answer.json, "jobs")) ==
	    -1)
		return not_known(&answer);
	*next = json_integer_value(json_object_get(answer.json, "next"));
	answer_free(&answer);
	return DONE;
}

static enum status
print_list(const struct wish *wish, json_t *all)
{
	json_t *object;

	if (wish->options & JSON) {
		object = json_object();
		if (json_object_set(object, "jobs", all) == 0)
			print_raw(object);
		json_decref(object);
	} else if (json_array_size(all) > 0) {
		if (show_jobs(all, stdout) != 0)
			return no_memory();
	} else {
		puts(wish->options & ALL ? "no jobs" : "no unfinished jobs");
	}
	return DONE;
}

static enum status
run_jobs(const struct wish *wish)
{
	json_t *all = json_array();
	json_int_t next = 0;
	enum status status;

	do
		status = list_page(wish, all, &next);
	while (status == DONE && next != 0);
	if (status == DONE)
		status = print_list(wish, all);
	json_decref(all);
	return status;
}

static enum status
run_job(const struct wish *wish)
{
	enum status status = REFUSED;
	char *path;

	if (!is_job(wish->words[0]))
		return USAGE;
	path = path_of(wish, "jobs", wish->words[0], "");
	if (path != NULL)
		status = look(wish, path, show_job);
	free(path);
	return status;
}

/* One line on how the job is now. */
static int
say_state(const json_t *job, FILE *out)
{
	const char *why = show_text(job, "why");
	const char *queue = show_text(job, "queue");
	json_t *id = json_object_get(job, "id");
	char *clean = table_clean(why, isatty(fileno(out)));

	if (!json_is_integer(id) || clean == NULL) {
		free(clean);
		return -1;
	}
	fprintf(out, "job %lld in queue %s: %s%s%s%s\n",
	    (long long)json_integer_value(id), queue,
	    show_text(job, "state"), clean[0] != '\0' ? " (" : "", clean,
	    clean[0] != '\0' ? ")" : "");
	free(clean);
	return 0;
}

static enum status
act(const struct wish *wish, const char *word, const json_t *body)
{
	struct answer answer;
	char *path;
	int rc;

	path = path_of(wish, "jobs", word, wish->verb);
	if (path == NULL)
		return REFUSED;
	rc = wire_post(wish->wire, path, body, &answer);
	free(path);
	return rc == -1 ? UNREACHABLE : show(wish, &answer, say_state);
}

/* All of them, also when one is refused. */
static enum status
run_act(const struct wish *wish)
{
	enum status status = DONE;
	int i;

	for (i = 0; i < wish->n_words; i++)
		if (!is_job(wish->words[i]))
			return USAGE;
	for (i = 0; i < wish->n_words && status != UNREACHABLE; i++)
		status = worse(status, act(wish, wish->words[i], NULL));
	return status;
}

static enum status
run_move(const struct wish *wish)
{
	const char *queue = wish->n_words > 1 ? wish->words[1] : NULL;
	json_t *body = json_object();
	enum status status = REFUSED;
	long priority = 0;
	char *end = NULL;
	int rc = 0;

	if (!is_job(wish->words[0]))
		goto usage;
	if (wish->priority != NULL)
		priority = strtol(wish->priority, &end, 10);
	if ((queue == NULL && wish->priority == NULL) ||
	    (end != NULL && (*end != '\0' || priority < 1 ||
	    priority > 100))) {
		fprintf(stderr, "printportctl: move needs a queue, a "
		    "--priority from 1 to 100, or both\n");
		goto usage;
	}
	if (queue != NULL)
		rc |= json_object_set_new(body, "queue", json_string(queue));
	if (priority != 0)
		rc |= json_object_set_new(body, "priority",
		    json_integer(priority));
	status = rc != 0 ? no_memory() : act(wish, wish->words[0], body);
	json_decref(body);
	return status;

usage:
	json_decref(body);
	return USAGE;
}

/* ---- queues, ports and the daemon --------------------------------------- */

static enum status
run_queues(const struct wish *wish)
{
	return look(wish, "/v1/queues", show_queues);
}

static enum status
run_ports(const struct wish *wish)
{
	return look(wish, "/v1/ports", show_ports);
}

static enum status
run_status(const struct wish *wish)
{
	return look(wish, "/v1/status", show_status);
}

/* ---- what they do and take ---------------------------------------------- */

static int
say_paused(const json_t *answer, FILE *out)
{
	fprintf(out, "%s: %s\n", show_text(answer, "name"),
	    json_is_true(json_object_get(answer, "paused")) ? "paused" :
	    "goes on");
	return 0;
}

/* To the thing that the first word names. */
static enum status
tell(const struct wish *wish, const char *kind, const char *verb,
    const json_t *body, int (*as)(const json_t *json, FILE *out))
{
	struct answer answer;
	char *path = path_of(wish, kind, wish->words[0], verb);
	int rc;

	if (path == NULL)
		return REFUSED;
	rc = wire_post(wish->wire, path, body, &answer);
	free(path);
	return rc == -1 ? UNREACHABLE : show(wish, &answer, as);
}

static enum status
run_pause(const struct wish *wish)
{
	return tell(wish, "queues", "pause", NULL, say_paused);
}

static enum status
run_resume(const struct wish *wish)
{
	return tell(wish, "queues", "resume", NULL, say_paused);
}

static enum status
run_pause_port(const struct wish *wish)
{
	return tell(wish, "ports", "pause", NULL, say_paused);
}

static enum status
run_resume_port(const struct wish *wish)
{
	return tell(wish, "ports", "resume", NULL, say_paused);
}

static int
say_intake(const json_t *answer, FILE *out)
{
	char *why = table_clean(show_text(answer, "why"),
	    isatty(fileno(out)));

	if (why == NULL)
		return -1;
	fprintf(out, "%s: %s%s%s\n", show_text(answer, "name"),
	    json_is_true(json_object_get(answer, "accepting")) ?
	    "takes jobs" : "takes no jobs", why[0] != '\0' ? ": " : "", why);
	free(why);
	return 0;
}

static enum status
run_reject(const struct wish *wish)
{
	json_t *body = json_object();
	enum status status;

	if (body == NULL || (wish->n_words > 1 && json_object_set_new(body,
	    "why", json_string(wish->words[1])) != 0)) {
		fprintf(stderr, "printportctl: the reason is no UTF-8\n");
		status = REFUSED;
	} else {
		status = tell(wish, "queues", "reject", body, say_intake);
	}
	json_decref(body);
	return status;
}

static enum status
run_accept(const struct wish *wish)
{
	return tell(wish, "queues", "accept", NULL, say_intake);
}

static enum status
run_accounting(const struct wish *wish)
{
	char *path = strdup("/v1/accounting");
	struct answer answer;
	int rc;

	if (path == NULL)
		return no_memory();
	path = with(wish, path, "format", wish->options & JSON ? "json" :
	    "csv");
	path = with(wish, path, "from", wish->from);
	path = with(wish, path, "to", wish->to);
	if (path == NULL)
		return REFUSED;
	rc = wire_copy(wish->wire, path, stdout, isatty(STDOUT_FILENO),
	    &answer);
	free(path);
	if (rc == -1)
		return UNREACHABLE;
	if (!answer_is_good(&answer))
		return refused(&answer);
	answer_free(&answer);
	return DONE;
}

/* ---- the table ---------------------------------------------------------- */

static const struct command commands[] = {
	{ "jobs", "[-a] [QUEUE]", 0, 1, ALL | JSON, run_jobs,
	    "what waits and prints, and why; -a: also what is over" },
	{ "job", "JOB", 1, 1, JSON, run_job, "all about one job" },
	{ "hold", "JOB...", 1, 1000, JSON, run_act, "keep it from printing" },
	{ "release", "JOB...", 1, 1000, JSON, run_act, "let it print" },
	{ "cancel", "JOB...", 1, 1000, JSON, run_act,
	    "end it, also in the middle of a page" },
	{ "reprint", "JOB...", 1, 1000, JSON, run_act,
	    "print once more what is over" },
	{ "move", "JOB [QUEUE] [--priority P]", 1, 2, PRIORITY | JSON,
	    run_move, "to the end of another queue; P is from 1 to 100" },
	{ "queues", "", 0, 0, JSON, run_queues, "what they have and do" },
	{ "ports", "", 0, 0, JSON, run_ports, "how they are" },
	{ "pause", "QUEUE", 1, 1, JSON, run_pause,
	    "start no more of its jobs; they are still taken in" },
	{ "resume", "QUEUE", 1, 1, JSON, run_resume, "go on" },
	{ "reject", "QUEUE [REASON]", 1, 2, JSON, run_reject,
	    "take no more jobs; those that are in go on" },
	{ "accept", "QUEUE", 1, 1, JSON, run_accept, "take jobs again" },
	{ "pause-port", "PORT", 1, 1, JSON, run_pause_port,
	    "start no more jobs there" },
	{ "resume-port", "PORT", 1, 1, JSON, run_resume_port, "go on" },
	{ "accounting", "[--from T] [--to T] [--csv|--json]", 0, 0,
	    PERIOD | CSV | JSON, run_accounting,
	    "what was printed; T is 2026-03-01 or 2026-03-01T09:30:00Z" },
	{ "status", "", 0, 0, JSON, run_status, "how the daemon is" },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const struct option_name {
	unsigned int	 option;
	const char	*name;
} option_names[] = {
	{ ALL, "--all" }, { JSON, "--json" }, { CSV, "--csv" },
	{ PERIOD, "--from and --to" }, { PRIORITY, "--priority" },
};

static void
print_usage(FILE *out)
{
	size_t i;

	fputs("usage: printportctl [--socket PATH] [--json] COMMAND ...\n\n",
	    out);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %s%s%s\n\t%s\n", commands[i].name,
		    commands[i].words[0] != '\0' ? " " : "",
		    commands[i].words, commands[i].help);
	fputs("\n  -a, --all        jobs that are over, too\n"
	    "      --csv        accounting as CSV (default)\n"
	    "      --from T     accounting: finished at this time or later\n"
	    "      --to T       ... and before this time\n"
	    "      --json       as the daemon says it, for programs\n"
	    "      --priority P of the job, 1 to 100; the highest is first\n"
	    "      --socket PATH of the daemon (default: " SOCKET_PATH ")\n"
	    "      --version    print the version\n"
	    "      --help       print this\n", out);
}

static enum status usage(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

static enum status
usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("printportctl: ", stderr);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("\n"
	    "usage: printportctl [--socket PATH] [--json] COMMAND ...; "
	    "printportctl --help says more\n", stderr);
	return USAGE;
}

static const struct command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char *
name_of(unsigned int options)
{
	size_t i;

	for (i = 0; i < sizeof(option_names) / sizeof(option_names[0]); i++)
		if (options & option_names[i].option)
			return option_names[i].name;
	return "";
}

static enum status
check(const struct command *command, const struct wish *wish)
{
	if (wish->options & ~command->options)
		return usage("%s has no %s", command->name,
		    name_of(wish->options & ~command->options));
	if ((wish->options & (CSV | JSON)) == (CSV | JSON))
		return usage("either --csv or --json");
	if (wish->n_words < command->least || wish->n_words > command->most) {
		fprintf(stderr, "usage: printportctl %s %s\n", command->name,
		    command->words);
		return USAGE;
	}
	return DONE;
}

/* ---- options ------------------------------------------------------------ */

enum { OPTION_CSV = 256, OPTION_FROM, OPTION_JSON, OPTION_PRIORITY,
    OPTION_SOCKET, OPTION_TO, OPTION_HELP, OPTION_VERSION };

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "csv", no_argument, NULL, OPTION_CSV },
	{ "from", required_argument, NULL, OPTION_FROM },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "priority", required_argument, NULL, OPTION_PRIORITY },
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "to", required_argument, NULL, OPTION_TO },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* Notes one option; -1: it is not known, or ends the program. */
static int
take_option(struct wish *wish, int option)
{
	switch (option) {
	case 'a':
		wish->options |= ALL;
		return 0;
	case OPTION_CSV:
		wish->options |= CSV;
		return 0;
	case OPTION_JSON:
		wish->options |= JSON;
		return 0;
	case OPTION_FROM:
		wish->options |= PERIOD;
		wish->from = optarg;
		return 0;
	case OPTION_TO:
		wish->options |= PERIOD;
		wish->to = optarg;
		return 0;
	case OPTION_PRIORITY:
		wish->options |= PRIORITY;
		wish->priority = optarg;
		return 0;
	case OPTION_SOCKET:
		wish->socket_path = optarg;
		return 0;
	default:
		return -1;
	}
}

/* What was printed must have been written. */
static enum status
flush(enum status status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "printportctl: cannot write: %s\n", strerror(errno));
	return worse(status, REFUSED);
}

static enum status
run(struct wish *wish)
{
	const struct command *command = find_command(wish->verb);
	enum status status;

	if (command == NULL)
		return usage("there is no command \"%s\"", wish->verb);
	status = check(command, wish);
	if (status != DONE)
		return status;
	wish->wire = wire_open(wish->socket_path);
	if (wish->wire == NULL)
		return REFUSED;
	status = command->run(wish);
	wire_close(wish->wire);
	return flush(status);
}

int
main(int argc, char **argv)
{
	struct wish wish = { .socket_path = SOCKET_PATH };
	int option;

	(void)setlocale(LC_ALL, "");
	while ((option = getopt_long(argc, argv, "a", long_options, NULL)) !=
	    -1) {
		if (option == OPTION_HELP) {
			print_usage(stdout);
			return (int)flush(DONE);
		}
		if (option == OPTION_VERSION) {
			puts("printportctl " PP_VERSION);
			return (int)flush(DONE);
		}
		if (take_option(&wish, option) == -1)
			return USAGE;		/* getopt said why */
	}
	if (optind == argc)
		return (int)usage("what shall be done?");
	wish.verb = argv[optind];
	wish.words = argv + optind + 1;
	wish.n_words = argc - optind - 1;
	return (int)run(&wish);
}
