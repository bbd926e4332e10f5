/*
 * registry - ports that were added at run time, kept on disk (MONITORREG).
 *
 * One ini file per port in a directory, DIR/NAME.ini, with one section
 * [port NAME], `monitor =` first.  A file is replaced as a whole: temporary
 * name, fsync, rename, fsync of the directory; so it is there after a power cut
 * if registry_store() returned 0, and the former state is if it did not.
 *
 * Lifecycle, ownership  Functions on a directory; nothing is kept open.
 * Errors     Codes of monitor.h and a fault.
 * Threads    None; blocks (fsync).
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "fault.h"
#include "monitor.h"

int registry_store(const char *dir, const char *port, const char *monitor,
    const struct pp_setting *settings, size_t count, struct fault *fault);
/* PP_NOT_FOUND if there is none. */
int registry_remove(const char *dir, const char *port, struct fault *fault);
/* Remove every port of a monitor; *count is how many there were. */
int registry_remove_monitor(const char *dir, const char *monitor,
    size_t *count, struct fault *fault);

#endif /* REGISTRY_H */
