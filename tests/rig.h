/*
 * rig - a session with the mock monitor and a fake host, for tests.
 *
 * Lifecycle  rig_new() .. rig_free(), for each test its own.
 * Ownership  Owns all it points to.
 * Errors     What a test does not expect aborts it.
 *
 * The rig has a directory of its own, with modules in it; built ones come from
 * $PRINTPORT_MODULES.  The port "lobby" of mock is set up with `output` and
 * `trace` there.
 */
#ifndef RIG_H
#define RIG_H

#include "monitor/session.h"
#include "tests/fake_host.h"

struct rig {
	struct fake_host	*host;
	char			 directory[256];
	char			*directories[1];	/* for rules */
	struct loader_rules	 rules;
	struct session_hooks	 hooks;
	struct session		*session;
	handle			 mock;		/* monitor, loaded */

	size_t			 n_calls;	/* into modules */
	int			 depth;		/* inside of one: 1 */
	enum wire_call		 last_call;
	char			 text[65536];	/* of rig_read() */
};

struct rig *rig_new(void);
void rig_free(struct rig *rig);

/* Put a built module into the rig's directory under another name. */
void rig_module(struct rig *rig, const char *built, const char *name);
/* "DIRECTORY/name"; good until the next call. */
const char *rig_path(const struct rig *rig, const char *name);
/* What is in a file there; "" if there is none. */
const char *rig_read(struct rig *rig, const char *name);

/* Make a port of mock with output and trace of its own name. */
void rig_port(struct rig *rig, const char *name);
/* Open it, directly or through the mock as language monitor. */
handle rig_open(struct rig *rig, const char *name);
handle rig_open_lm(struct rig *rig, const char *name);
int rig_start(struct rig *rig, handle port, uint64_t job);
/* Write all of text, however short the writes; the first failure's code. */
int rig_write(struct rig *rig, handle port, const char *text);

#endif /* RIG_H */
