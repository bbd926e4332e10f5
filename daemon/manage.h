/*
 * manage - ports by hand: the DDI's Xcv calls and EnumPorts from the shell.
 *
 * Each runs in a port host of its own, with the configuration of the ini file;
 * a daemon that is running learns of changes by a reload.
 *
 * The daemon's side of the contract is here: names are unique over all
 * monitors, a port that a queue uses is not deleted, what the administrator's
 * file defines is not changed, and only root and the daemon's user may change
 * anything.
 *
 * Errors     Said on standard error; the result is an exit status.
 */
#ifndef MANAGE_H
#define MANAGE_H

#include "conf/conf.h"

/* List the ports of all monitors that the configuration uses. */
int manage_enum_ports(const struct conf *conf);

/*
 * One Xcv call.  object: "XcvMonitor NAME" or "XcvPort NAME", with or without
 * the comma in front.  The input is the words, each with its NUL.
 */
int manage_xcv(const struct conf *conf, const char *object, const char *name,
    char *const *words, size_t n_words);

/* Remove every port that was added to a monitor at run time. */
int manage_remove_monitor(const struct conf *conf, const char *monitor);

#endif /* MANAGE_H */
