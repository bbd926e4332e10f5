/*
 * conf_rules - keys that contradict each other.
 *
 * Each of the values is right by itself, but together they say something that
 * cannot be, or that would silently have no effect.  A value that is wrong by
 * itself has its error already, and is not held against another.
 *
 * Errors     Added to errors, at the line of the key that has to change.
 * Threads    Any; pure.
 */
#ifndef CONF_RULES_H
#define CONF_RULES_H

#include "conf.h"
#include "inifile.h"

/*
 * The file is the main one, and conf what was made of it, by conf_check_links()
 * too: its queue sections are those of conf, in the same order.
 */
void conf_rules_check(const struct conf *conf, const struct inifile *file,
    struct conf_errors *errors);

#endif /* CONF_RULES_H */
