/*
 * sandbox - a port host gives away what its module does not need.
 *
 * Called once, after the modules have been loaded and before a port is opened.
 * Where the system has no such means it does what it can: the files
 * sandbox_seccomp.c and sandbox_none.c stand behind this header, and the build
 * chooses.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdint.h>

#include "fault.h"

/* needs: PP_NEEDS_* of all modules loaded.  0, or a code and a fault. */
int sandbox_enter(uint32_t needs, struct fault *fault)
    __attribute__((warn_unused_result));

/* One word for the log: "seccomp", "none". */
const char *sandbox_name(void);

#endif /* SANDBOX_H */
