/*
 * rig.c - see rig.h.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/rig.h"
#include "tests/suite.h"

static void
before(void *arg, enum wire_call call)
{
	struct rig *rig = arg;

	ck_assert_int_eq(rig->depth, 0);
	rig->depth++;
	rig->n_calls++;
	rig->last_call = call;
}

static void
after(void *arg)
{
	struct rig *rig = arg;

	rig->depth--;
	ck_assert_int_eq(rig->depth, 0);
}

/* ---- files --------------------------------------------------------------- */

const char *
rig_path(const struct rig *rig, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	return path;
}

static void
copy_file(const char *from, const char *to)
{
	char block[65536];
	int in = open(from, O_RDONLY), out;
	ssize_t n;

	if (in == -1)
		ck_abort_msg("cannot open %s; is PRINTPORT_MODULES right?",
		    from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0755);
	ck_assert_int_ne(out, -1);
	while ((n = read(in, block, sizeof(block))) > 0)
		ck_assert_int_eq(write(out, block, (size_t)n), n);
	ck_assert_int_eq(n, 0);
	close(in);
	ck_assert_int_eq(fchmod(out, 0755), 0);
	ck_assert_int_eq(close(out), 0);
}

void
rig_module(struct rig *rig, const char *built, const char *name)
{
	const char *modules = getenv("PRINTPORT_MODULES");
	char from[512], to[64];

	if (modules == NULL)
		ck_abort_msg("PRINTPORT_MODULES is not set");
	snprintf(from, sizeof(from), "%s/%s.so", modules, built);
	snprintf(to, sizeof(to), "%s.so", name);
	copy_file(from, rig_path(rig, to));
}

const char *
rig_read(struct rig *rig, const char *name)
{
	FILE *in = fopen(rig_path(rig, name), "r");
	size_t n = 0;

	if (in != NULL) {
		n = fread(rig->text, 1, sizeof(rig->text) - 1, in);
		fclose(in);
	}
	rig->text[n] = '\0';
	return rig->text;
}

/* ---- life ---------------------------------------------------------------- */

struct rig *
rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct fault fault;

	ck_assert_ptr_nonnull(rig);
	snprintf(rig->directory, sizeof(rig->directory), "%s/rig-XXXXXX",
	    suite_directory());
	ck_assert_ptr_nonnull(mkdtemp(rig->directory));
	rig->host = fake_host_new();
	rig->directories[0] = rig->directory;
	rig->rules = (struct loader_rules){ rig->directories, 1, geteuid() };
	rig->hooks = (struct session_hooks){ before, after, rig };
	rig->session = session_new(&rig->host->api, &rig->rules, &rig->hooks);
	ck_assert_ptr_nonnull(rig->session);
	rig_module(rig, "mock", "mock");
	if (session_load(rig->session, "mock", &rig->mock, &fault) != 0)
		ck_abort_msg("%s", fault.text);
	rig->host->declared = session_table(rig->session, rig->mock)->settings;
	rig_port(rig, "lobby");
	return rig;
}

void
rig_free(struct rig *rig)
{
	session_free(rig->session);
	fake_host_free(rig->host);
	free(rig);
}

/* ---- ports --------------------------------------------------------------- */

void
rig_port(struct rig *rig, const char *name)
{
	char file[128];

	snprintf(file, sizeof(file), "%s.output", name);
	fake_host_set(rig->host, name, "output", rig_path(rig, file));
	snprintf(file, sizeof(file), "%s.trace", name);
	fake_host_set(rig->host, name, "trace", rig_path(rig, file));
}

static handle
open_through(struct rig *rig, const char *name, handle lm)
{
	handle port;

	ck_assert_int_eq(session_open_port(rig->session, rig->mock, lm, name,
	    "queue", &port), 0);
	ck_assert_uint_ne(port, 0);
	return port;
}

handle
rig_open(struct rig *rig, const char *name)
{
	return open_through(rig, name, 0);
}

handle
rig_open_lm(struct rig *rig, const char *name)
{
	return open_through(rig, name, rig->mock);
}

int
rig_start(struct rig *rig, handle port, uint64_t job)
{
	struct pp_doc_info_1 info = { .doc_name = "a title" };

	rig->host->job.id = job;
	return session_start_doc_port(rig->session, port, "queue", job, 1,
	    &info);
}

int
rig_write(struct rig *rig, handle port, const char *text)
{
	size_t len = strlen(text), at = 0, n;
	int code = 0;

	while (code == 0 && at < len) {
		code = session_write_port(rig->session, port, text + at,
		    len - at, &n);
		at += n;
	}
	return code;
}
