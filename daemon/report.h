/*
 * report - for the person at the terminal, on standard error.
 */
#ifndef REPORT_H
#define REPORT_H

#include "conf/conf.h"

/* One line each: file:line: text. */
void report_conf_errors(const struct conf_errors *errors);

#endif /* REPORT_H */
