/*
 * modcheck - the settings of ports, judged by their modules.
 *
 * The daemon never loads module code; a port host does, one for each monitor
 * that is used, and says what it thinks of the [port] sections.
 *
 * Errors     Added to errors, with the file and line of the section.
 * Threads    Any; blocks, at most MODCHECK_WAIT_MS a host.
 */
#ifndef MODCHECK_H
#define MODCHECK_H

#include <stdbool.h>

#include "conf/conf.h"

#define MODCHECK_WAIT_MS	10000

/*
 * strict: a monitor that cannot be loaded is an error of the file too;
 * otherwise it is for its ports to report when they are used.
 * 0, or -1 if there was at least one error.
 */
int modcheck_run(const struct conf *conf, bool strict,
    struct conf_errors *errors) __attribute__((warn_unused_result));

#endif /* MODCHECK_H */
