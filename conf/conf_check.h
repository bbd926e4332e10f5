/*
 * conf_check - what no single value shows: sections against each other.
 *
 * Pure functions on a file that has been read and the struct made of it; all
 * that they find is added to the errors.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf.h"
#include "inifile.h"

/* Judge a file by itself: names, addresses, what is missing or there twice. */
void conf_check_file(const struct inifile *file, struct conf_errors *errors);

/*
 * Tie listeners to queues, and queues to ports and to queues they divert to.
 * The file is the main one: its listener and queue sections are those of conf,
 * in the same order.
 */
void conf_check_links(struct conf *conf, const struct inifile *file,
    struct conf_errors *errors);

#endif /* CONF_CHECK_H */
