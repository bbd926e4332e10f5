/*
 * fuzz_lpd.c - what an LPD client sends: lines, names and control files.
 *
 * The input is a connection, and the same bytes are a control file, the name
 * of a queue and the name of a file too.  Whatever they hold: limits are kept,
 * and nothing that is refused elsewhere comes through.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"
#include "tests/lpd_talk.h"

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
check_queue(const char *name)
{
	must(*name != '\0' && strlen(name) <= LPD_NAME_LEN);
	must(strchr(name, '/') == NULL && strstr(name, "..") == NULL);
	must(strpbrk(name, "\n\r\t\033\177") == NULL);
}

static void
check_text(const char *text)
{
	must(text == NULL || (*text != '\0' && strlen(text) <= LPD_TEXT_LEN &&
	    strchr(text, '\n') == NULL));
}

static void
check_others(const char *others)
{
	size_t len = strlen(others);

	must(len == 0 || others[len - 1] == '\n');
	must(strstr(others, "\n\n") == NULL && *others != '\n');
}

static void
check_control(const struct lpd_control *control)
{
	uint64_t copies = 0;
	size_t i, j;

	must(control->user != NULL && control->title != NULL);
	must(control->n_files <= LPD_FILES_MAX);
	check_text(control->host);
	check_text(control->user);
	check_text(control->job_name);
	check_text(control->banner);
	for (i = 0; i < control->n_files; i++) {
		must(strlen(control->files[i].name) <= LPD_NAME_LEN);
		must(control->files[i].copies > 0);
		copies += control->files[i].copies;
		check_text(control->files[i].name);
		check_text(control->files[i].source);
		check_text(control->files[i].title);
		must(*lpd_format(control->files[i].format, false) != '\0');
		for (j = 0; j < i; j++)
			must(strcmp(control->files[i].name,
			    control->files[j].name) != 0);
	}
	must(copies <= LPD_PRINT_LINES_MAX);
	check_others(control->others);
}

static void
parse_control(const char *bytes, size_t n)
{
	struct lpd_control *control;
	enum lpd_verdict verdict = lpd_control_parse(bytes, n, &control);

	must((verdict == LPD_OK) == (control != NULL));
	must(n <= LPD_CONTROL_LEN || verdict == LPD_TOO_LARGE);
	must(*lpd_verdict_text(verdict) != '\0');
	if (control != NULL)
		check_control(control);
	lpd_control_free(control);
}

static void
check_command(const struct lpd_command *command)
{
	size_t i;

	check_queue(command->queue);
	must((command->verb == LPD_REMOVE) == (command->agent != NULL));
	must(command->n_items <= LPD_LIST_MAX);
	for (i = 0; i < command->n_items; i++)
		must(*command->items[i].text != '\0');
}

static void
parse_connection(const char *bytes, size_t n)
{
	static struct lpd_talk talk;
	size_t i;

	lpd_talk_parse(bytes, n, &talk);
	if (talk.is_command)
		check_command(&talk.command);
	for (i = 0; i < talk.n_parts; i++)
		if (talk.parts[i].control != NULL)
			check_control(talk.parts[i].control);
	lpd_talk_free(&talk);
}

/* Without the octet of a command, where there is one. */
static void
parse_names(const char *bytes, size_t n)
{
	struct lpd_queue queue;
	struct lpd_name name;
	char *text = calloc(1, n + 1);

	must(text != NULL);
	memcpy(text, bytes, n);
	if (lpd_queue_parse(text, &queue) == LPD_OK) {
		check_queue(queue.name);
		must(queue.copies <= LPD_COPIES_MAX);
		must(strchr(queue.name, '+') == NULL);
	}
	lpd_name_parse(text, &name);
	must(name.number <= 999999);
	must(name.host + strlen(name.host) == text + strlen(text) ||
	    (!name.formed && *name.host == '\0'));
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;

	parse_connection(bytes, size);
	parse_control(bytes, size);
	parse_names(bytes, size);
	return 0;
}
