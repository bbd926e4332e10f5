/*
 * inifile.c - see inifile.h.
 *
 *	file --load--> bytes --take_line--> one line, judged --feed-->
 *	    "[3]" or "key=<piece>" --inih--> on_piece --> sections, entries
 *
 * inih sees a section as its index, and a value in pieces that fit its lines.
 * The marks around a piece keep its white space, and on_piece() joins those
 * that come from one line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "grow.h"
#include "inifile.h"
#include "text.h"

#define BLANKS	" \t"

struct reader {
	struct inifile		*file;
	struct conf_errors	*errors;
	const char		*rest;		/* of the file's bytes */
	const char		*end;
	int			 line;		/* number of the line in text */
	char			 text[INIFILE_LINE_LEN + 1];
	char			*key;		/* in text */
	char			*value;		/* in text; NULL: all is fed */
	bool			 no_memory;
};

/* ---- the file's bytes ---- */

static int
check_file(const char *path, const struct stat *st, struct conf_errors *errors)
{
	if (!S_ISREG(st->st_mode)) {
		conf_errors_add(errors, path, 0, "is no regular file");
		return -1;
	}
	if (st->st_size > INIFILE_SIZE) {
		conf_errors_add(errors, path, 0,
		    "is larger than %d MiB; this is no configuration",
		    INIFILE_SIZE >> 20);
		return -1;
	}
	if (geteuid() == 0 && (st->st_mode & S_IWOTH) != 0) {
		conf_errors_add(errors, path, 0, "can be written by anyone, "
		    "which would make anyone root; run: chmod o-w '%s'", path);
		return -1;
	}
	return 0;
}

/* Up to size bytes, as many as there are; -1 with errno. */
static ssize_t
read_all(int fd, char *bytes, size_t size)
{
	size_t len = 0;
	ssize_t n = 0;

	while (len < size &&
	    ((n = read(fd, bytes + len, size - len)) > 0 ||
	    (n == -1 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	return n == -1 ? -1 : (ssize_t)len;
}

/* The whole file; NULL with an error. */
static char *
load(const char *path, size_t *len, struct conf_errors *errors)
{
	struct stat st;
	char *bytes = NULL;
	ssize_t n;
	int fd;

	/* Non-blocking, or a FIFO under this name would hold us up. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		goto fail;
	if (check_file(path, &st, errors) == -1)
		goto refused;
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes == NULL ||
	    (n = read_all(fd, bytes, (size_t)st.st_size)) == -1)
		goto fail;
	close(fd);
	*len = (size_t)n;
	return bytes;

fail:
	conf_errors_add(errors, path, 0, "cannot be read: %s",
	    strerror(errno));
refused:
	free(bytes);
	if (fd != -1)
		close(fd);
	return NULL;
}

/* ---- what the lines become ---- */

/* type NULL: keys up to the next section belong to nothing. */
static void
add_section(struct reader *reader, const char *type, const char *name)
{
	struct inifile *file = reader->file;
	struct inifile_section *grown, *section;

	grown = grow(file->sections, file->n_sections, sizeof(*grown));
	if (grown == NULL) {
		reader->no_memory = true;
		return;
	}
	file->sections = grown;
	section = &grown[file->n_sections++];
	*section = (struct inifile_section){ .line = reader->line,
	    .first = file->n_entries };
	if ((type != NULL && (section->type = strdup(type)) == NULL) ||
	    (name != NULL && (section->name = strdup(name)) == NULL))
		reader->no_memory = true;
}

static void
add_entry(struct reader *reader, struct inifile_section *section,
    const char *key, const char *value)
{
	struct inifile *file = reader->file;
	struct inifile_entry *grown, *entry;

	grown = grow(file->entries, file->n_entries, sizeof(*grown));
	if (grown == NULL) {
		reader->no_memory = true;
		return;
	}
	file->entries = grown;
	entry = &grown[file->n_entries++];
	*entry = (struct inifile_entry){ .line = reader->line,
	    .key = strdup(key), .value = strdup(value) };
	section->n++;
	if (entry->key == NULL || entry->value == NULL)
		reader->no_memory = true;
}

static void
append_piece(struct reader *reader, struct inifile_entry *entry,
    const char *piece)
{
	size_t len = strlen(entry->value);
	char *grown = realloc(entry->value, len + strlen(piece) + 1);

	if (grown == NULL) {
		reader->no_memory = true;
		return;
	}
	memcpy(grown + len, piece, strlen(piece) + 1);
	entry->value = grown;
}

/* inih: a piece of a value, between its two marks.  Returns 0 to give up. */
static int
on_piece(void *arg, const char *token, const char *key, const char *marked)
{
	struct reader *reader = arg;
	struct inifile *file = reader->file;
	struct inifile_entry *last = NULL;
	char *piece;

	piece = strndup(marked + 1, strlen(marked) - 2);
	if (file->n_entries > 0)
		last = &file->entries[file->n_entries - 1];
	if (piece == NULL)
		reader->no_memory = true;
	else if (last != NULL && last->line == reader->line)
		append_piece(reader, last, piece);
	else
		add_entry(reader, &file->sections[strtoul(token, NULL, 10)],
		    key, piece);
	free(piece);
	return !reader->no_memory;
}

/* ---- lines ---- */

/* Where a comment starts: at a ';' after white space.  Else the end. */
static char *
find_comment(char *s)
{
	for (char *p = s; (p = strchr(p, ';')) != NULL; p++) {
		if (p > s && strchr(BLANKS, p[-1]) != NULL)
			return p;
	}
	return s + strlen(s);
}

static void
strip_right(char *s)
{
	size_t len = strlen(s);

	while (len > 0 && strchr(BLANKS, s[len - 1]) != NULL)
		len--;
	s[len] = '\0';
}

/* Is the line in text fit to be read at all? */
static bool
check_bytes(struct reader *reader, size_t len)
{
	const char *p = reader->text;
	const char *end = p + len;
	size_t n;

	while (p < end && (n = text_char(p, (size_t)(end - p))) > 0)
		p += n;
	if (p == end)
		return true;
	conf_errors_add(reader->errors, reader->file->path, reader->line,
	    "byte 0x%02x at column %td is %s; expected text in UTF-8",
	    (unsigned char)*p, p - reader->text + 1,
	    (unsigned char)*p < 0x80 ? "a control character" :
	    "not part of any character");
	return false;
}

/*
 * The next line, without its end, to text.  False if it cannot be read; if it
 * was meant to start a section, then what follows must not be taken for part
 * of the section before.
 */
static bool
copy_line(struct reader *reader, const char *start, size_t len)
{
	char *text = reader->text;
	size_t kept;

	if (len > 0 && start[len - 1] == '\r')
		len--;
	kept = len <= INIFILE_LINE_LEN ? len : INIFILE_LINE_LEN;
	memcpy(text, start, kept);
	text[kept] = '\0';
	if (kept == len && check_bytes(reader, len))
		return true;
	if (kept != len)
		conf_errors_add(reader->errors, reader->file->path,
		    reader->line, "line of %zu bytes; expected %d at most",
		    len, INIFILE_LINE_LEN);
	if (text[strspn(text, BLANKS)] == '[')
		add_section(reader, NULL, NULL);
	return false;
}

/* False at the end of the file. */
static bool
take_line(struct reader *reader)
{
	const char *start, *end;

	do {
		if (reader->rest == reader->end || reader->no_memory)
			return false;
		start = reader->rest;
		end = memchr(start, '\n', (size_t)(reader->end - start));
		if (end == NULL)
			end = reader->end;
		reader->rest = end == reader->end ? end : end + 1;
		reader->line++;
	} while (!copy_line(reader, start, (size_t)(end - start)));
	return true;
}

/* "[type name]" at s.  What the words mean is for others to judge. */
static void
take_section(struct reader *reader, char *s)
{
	char *type = s + 1 + strspn(s + 1, BLANKS);
	char *end, *name;

	*find_comment(s) = '\0';
	end = strchr(s, ']');
	if (end == NULL || end[1 + strspn(end + 1, BLANKS)] != '\0') {
		conf_errors_add(reader->errors, reader->file->path,
		    reader->line, "section %s; expected [section NAME] alone",
		    end == NULL ? "without \"]\"" :
		    "with text behind its \"]\"");
		add_section(reader, NULL, NULL);
		return;
	}
	*end = '\0';
	strip_right(type);
	name = type + strcspn(type, BLANKS);
	if (*name != '\0') {
		*name++ = '\0';
		name += strspn(name, BLANKS);
	}
	add_section(reader, type, *name != '\0' ? name : NULL);
}

/* What is wrong with the pair at s, whose separator was sought; or NULL. */
static const char *
judge_pair(const struct reader *reader, const char *s, const char *separator)
{
	if (reader->file->n_sections == 0)
		return "stands before the first section; expected one, such "
		    "as [daemon], above it";
	if (*separator == '\0')
		return "has no \"=\"; expected key = value";
	if (separator == s)
		return "has no key; expected key = value";
	return NULL;
}

/* "key = value" at s, to key and value; or an error. */
static void
take_pair(struct reader *reader, char *s)
{
	char quoted[TEXT_QUOTE_LEN];
	const char *problem;
	char *separator;

	*find_comment(s) = '\0';
	strip_right(s);
	separator = s + strcspn(s, "=:");
	problem = judge_pair(reader, s, separator);
	if (problem != NULL) {
		conf_errors_add(reader->errors, reader->file->path,
		    reader->line, "%s %s", text_quote(s, quoted), problem);
		/* Said once is enough: let a section start that is skipped. */
		if (reader->file->n_sections == 0)
			add_section(reader, NULL, NULL);
		return;
	}
	*separator = '\0';
	strip_right(s);
	if (strlen(s) > INIFILE_KEY_LEN) {
		conf_errors_add(reader->errors, reader->file->path,
		    reader->line, "unknown key %s; no key has more than %d "
		    "bytes", text_quote(s, quoted), INIFILE_KEY_LEN);
		return;
	}
	reader->key = s;
	reader->value = separator + 1 + strspn(separator + 1, BLANKS);
}

/* Hand a piece of the value to inih.  Between the marks any byte is safe. */
static void
feed_piece(struct reader *reader, char *out, size_t size)
{
	size_t room = size - strlen(reader->key) - sizeof("=<>\n");
	size_t len = strnlen(reader->value, room);

	snprintf(out, size, "%s=<%.*s>\n", reader->key, (int)len,
	    reader->value);
	reader->value += len;
	if (*reader->value == '\0')
		reader->value = NULL;
}

/* inih: its next line, or NULL at the end. */
static char *
feed(char *out, int size, void *arg)
{
	struct reader *reader = arg;
	char *s;

	while (reader->value == NULL) {
		if (!take_line(reader))
			return NULL;
		s = reader->text + strspn(reader->text, BLANKS);
		if (*s == '[') {
			take_section(reader, s);
			snprintf(out, (size_t)size, "[%zu]\n",
			    reader->file->n_sections - 1);
			return reader->no_memory ? NULL : out;
		}
		if (*s != '\0' && *s != ';' && *s != '#')
			take_pair(reader, s);
	}
	feed_piece(reader, out, (size_t)size);
	return out;
}

/* ---- life ---- */

static int
set_paths(struct inifile *file, const char *path)
{
	char *cwd = path[0] == '/' ? strdup("/") : getcwd(NULL, 0);
	char *slash;

	if (cwd == NULL)
		return -1;
	file->path = strdup(path);
	file->absolute = text_path(cwd, path);
	free(cwd);
	if (file->path == NULL || file->absolute == NULL)
		return -1;
	slash = strrchr(file->absolute, '/');
	file->directory = strndup(file->absolute,
	    slash == file->absolute ? 1 : (size_t)(slash - file->absolute));
	return file->directory == NULL ? -1 : 0;
}

struct inifile *
inifile_read(const char *path, struct conf_errors *errors)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader *reader = calloc(1, sizeof(*reader));
	struct inifile *file = calloc(1, sizeof(*file));
	char *bytes = NULL;
	size_t len;

	if (reader == NULL || file == NULL || set_paths(file, path) == -1) {
		conf_errors_add(errors, path, 0, "cannot be read: %s",
		    strerror(errno));
		goto fail;
	}
	bytes = load(path, &len, errors);
	if (bytes == NULL)
		goto fail;
	*reader = (struct reader){ .file = file, .errors = errors,
	    .rest = bytes, .end = bytes + len };
	if (len >= sizeof(bom) - 1 && memcmp(bytes, bom, sizeof(bom) - 1) == 0)
		reader->rest += sizeof(bom) - 1;
	if (ini_parse_stream(feed, reader, on_piece, reader) != 0 ||
	    reader->no_memory) {
		conf_errors_add(errors, path, 0, "cannot be read: %s",
		    strerror(ENOMEM));
		goto fail;
	}
	free(bytes);
	free(reader);
	return file;

fail:
	free(bytes);
	free(reader);
	inifile_free(file);
	return NULL;
}

void
inifile_free(struct inifile *file)
{
	if (file == NULL)
		return;
	for (size_t i = 0; i < file->n_entries; i++) {
		free(file->entries[i].key);
		free(file->entries[i].value);
	}
	for (size_t i = 0; i < file->n_sections; i++) {
		free(file->sections[i].type);
		free(file->sections[i].name);
	}
	free(file->entries);
	free(file->sections);
	free(file->directory);
	free(file->absolute);
	free(file->path);
	free(file);
}

const struct inifile_entry *
inifile_find(const struct inifile *file, const struct inifile_section *section,
    const char *key)
{
	size_t end = section->first + section->n;

	for (size_t i = section->first; i < end; i++) {
		if (strcmp(file->entries[i].key, key) == 0)
			return &file->entries[i];
	}
	return NULL;
}

const char *
inifile_title(const struct inifile_section *section,
    char buf[INIFILE_TITLE_LEN])
{
	const char *name = section->name;

	if (name != NULL && strlen(name) > CONF_NAME_LEN)
		name = "...";
	snprintf(buf, INIFILE_TITLE_LEN, "[%s%s%s]",
	    strlen(section->type) > 16 ? "..." : section->type,
	    name != NULL ? " " : "", name != NULL ? name : "");
	return buf;
}
