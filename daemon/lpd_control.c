/*
 * lpd_control.c - see lpd_control.h.
 *
 * The text is cut into lines where it stands.  A line is taken by its letter:
 * a text (H, P, J ...), a number (I, W), a name of the next or last file (N,
 * T), a file to print, or else one of the others.
 */
#include <stdlib.h>
#include <string.h>

#include "lpd_control.h"

/* What is known while the lines are read. */
struct reading {
	struct lpd_control *control;
	size_t		 others_len;
	size_t		 print_lines, unlink_lines;
	struct lpd_file	*last;		/* that a line was about */
	const char	*source, *title; /* for the next */
	bool		 names_first;	/* N stands before its file */
};

/* ---- files -------------------------------------------------------------- */

static struct lpd_file *
find(struct lpd_control *control, const char *name)
{
	size_t i;

	for (i = 0; i < control->n_files; i++)
		if (strcmp(control->files[i].name, name) == 0)
			return &control->files[i];
	return NULL;
}

/*
 * The same file again is one more copy of it: that is how clients ask for
 * copies (BSD, CUPS, SAP, VMS).
 */
static enum lpd_verdict
print(struct reading *reading, char format, const char *name)
{
	struct lpd_control *control = reading->control;
	struct lpd_file *file = find(control, name);

	if (++reading->print_lines > LPD_PRINT_LINES_MAX ||
	    (file == NULL && control->n_files == LPD_FILES_MAX))
		return LPD_TOO_MANY;
	if (strlen(name) > LPD_NAME_LEN)
		return LPD_TOO_LONG;
	if (file == NULL) {
		file = &control->files[control->n_files++];
		*file = (struct lpd_file){ .name = name, .format = format };
	}
	file->copies++;
	if (file->source == NULL)
		file->source = reading->source;
	if (file->title == NULL)
		file->title = reading->title;
	reading->source = reading->title = NULL;
	reading->last = file;
	return LPD_OK;
}

/* A letter of the RFC; another one only with what must be a data file. */
static bool
is_print_line(char letter, const char *operand)
{
	struct lpd_name name;

	if (letter < 'a' || letter > 'z' || *operand == '\0')
		return false;
	if (strchr("cdfgklnoprtvz", letter) != NULL)
		return true;
	lpd_name_parse(operand, &name);
	return name.formed && !name.is_control;
}

/*
 * It is not for us to remove a file, but what follows is about this one.  More
 * such lines than files are no client's: they would be a lot of work.
 */
static void
unlink_file(struct reading *reading, const char *name)
{
	struct lpd_file *file;

	if (++reading->unlink_lines > LPD_FILES_MAX)
		return;
	file = find(reading->control, name);
	if (file != NULL)
		reading->last = file;
}

/*
 * Names stand behind the lines of their file, with BSD and all who took after
 * it; or before them, and then the first one is before the first file.
 */
static void
name_source(struct reading *reading, const char *source)
{
	if (reading->control->n_files == 0)
		reading->names_first = true;
	if (reading->names_first)
		reading->source = source;
	else if (reading->last->source == NULL)
		reading->last->source = source;
}

/* ---- lines -------------------------------------------------------------- */

/* Where a text of this letter goes; NULL: it is none. */
static const char **
field_of(struct lpd_control *control, char letter)
{
	switch (letter) {
	case 'H':
		return &control->host;
	case 'P':
		return &control->user;
	case 'J':
		return &control->job_name;
	case 'C':
		return &control->job_class;
	case 'L':
		return &control->banner;
	case 'M':
		return &control->mail;
	case 'S':
		return &control->link;
	case '1':
	case '2':
	case '3':
	case '4':
		return &control->fonts[letter - '1'];
	default:
		return NULL;
	}
}

/* Nonsense is as good as nothing. */
static uint32_t
columns(const char *digits)
{
	char *end;
	unsigned long n = strtoul(digits, &end, 10);

	return *end == '\0' && n <= UINT16_MAX ? (uint32_t)n : 0;
}

static void
keep(struct reading *reading, const char *line)
{
	char *others = reading->control->others + reading->others_len;
	size_t len = strlen(line);

	memcpy(others, line, len);
	memcpy(others + len, "\n", 2);
	reading->others_len += len + 1;
}

static enum lpd_verdict
take(struct reading *reading, const char *line)
{
	const char *operand = line + 1 + strspn(line + 1, " \t\v\f\r");
	const char **field = field_of(reading->control, line[0]);

	if (is_print_line(line[0], operand))
		return print(reading, line[0], operand);
	if (field != NULL) {
		if (*operand != '\0')
			*field = operand;
	} else if (line[0] == 'N') {
		if (*operand != '\0')
			name_source(reading, operand);
	} else if (line[0] == 'T') {
		if (*operand != '\0')
			reading->title = operand;
	} else if (line[0] == 'I') {
		reading->control->indent = columns(operand);
	} else if (line[0] == 'W') {
		reading->control->width = columns(operand);
	} else if (line[0] == 'U') {
		unlink_file(reading, operand);
	} else {
		keep(reading, line);
	}
	return LPD_OK;
}

/* Too long a text is cut; too long a name is for print() to see. */
static void
trim(char *line)
{
	size_t len = strlen(line);

	if (len > LPD_TEXT_LEN + 1)
		len = LPD_TEXT_LEN + 1;
	while (len > 0 && strchr(" \t\v\f\r", line[len - 1]) != NULL)
		len--;
	line[len] = '\0';
}

static enum lpd_verdict
take_all(struct reading *reading)
{
	char *rest = reading->control->text, *line;
	enum lpd_verdict verdict = LPD_OK;

	while (verdict == LPD_OK && (line = strsep(&rest, "\n")) != NULL) {
		trim(line);
		if (*line != '\0')
			verdict = take(reading, line);
	}
	return verdict;
}

/* ---- the whole ---------------------------------------------------------- */

/* What was not said, from what was. */
static void
fill_in(struct reading *reading)
{
	struct lpd_control *control = reading->control;
	const char *title = NULL, *source = NULL;
	size_t i;

	if (reading->last != NULL && reading->last->title == NULL)
		reading->last->title = reading->title;
	for (i = 0; i < control->n_files; i++) {
		if (title == NULL)
			title = control->files[i].title;
		if (source == NULL)
			source = control->files[i].source;
	}
	control->title = control->job_name != NULL ? control->job_name :
	    title != NULL ? title : source != NULL ? source : "";
	if (control->user == NULL)
		control->user = "anonymous";
}

static size_t
copy_without_nuls(char *to, const char *bytes, size_t n)
{
	size_t i, len = 0;

	for (i = 0; i < n; i++)
		if (bytes[i] != '\0')
			to[len++] = bytes[i];
	to[len] = '\0';
	return len;
}

/* The last of the others may get an LF that it had not. */
static struct lpd_control *
alloc(const char *bytes, size_t n)
{
	struct lpd_control *control = calloc(1, sizeof(*control));
	size_t len;

	if (control == NULL)
		return NULL;
	control->text = malloc(n + 1);
	if (control->text != NULL) {
		len = copy_without_nuls(control->text, bytes, n);
		control->others = malloc(len + 2);
	}
	if (control->others == NULL) {
		lpd_control_free(control);
		return NULL;
	}
	control->others[0] = '\0';
	return control;
}

void
lpd_control_free(struct lpd_control *control)
{
	if (control == NULL)
		return;
	free(control->others);
	free(control->text);
	free(control);
}

enum lpd_verdict
lpd_control_parse(const char *bytes, size_t n, struct lpd_control **control)
{
	struct reading reading = { 0 };
	enum lpd_verdict verdict;

	*control = NULL;
	if (n > LPD_CONTROL_LEN)
		return LPD_TOO_LARGE;
	reading.control = alloc(bytes, n);
	if (reading.control == NULL)
		return LPD_NO_MEMORY;
	verdict = take_all(&reading);
	if (verdict != LPD_OK) {
		lpd_control_free(reading.control);
		return verdict;
	}
	fill_in(&reading);
	*control = reading.control;
	return LPD_OK;
}

const char *
lpd_format(char letter, bool text_is_raw)
{
	switch (letter) {
	case 'f':
		return text_is_raw ? "application/octet-stream" : "text/plain";
	case 'p':
		return "text/plain";
	case 'o':
		return "application/postscript";
	case 'r':
		return "text/x-asa";
	default:
		return "application/octet-stream";
	}
}
