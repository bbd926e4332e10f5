/*
 * suite - runs one Check suite and speaks TAP on standard output.
 *
 * Every check_x.c has one main(): return suite_main(x_suite()).
 * One test alone: CK_RUN_CASE=case ./check_x; without a fork, for a debugger:
 * CK_FORK=no ./check_x.
 */
#ifndef SUITE_H
#define SUITE_H

#include <check.h>

/* Runs and frees the suite; the exit status for main(). */
int suite_main(Suite *suite);

/* A fresh directory below $TMPDIR, gone when the test process ends. */
const char *suite_directory(void);

/* A name of this machine that is no dotted quad; a bare system may know none. */
const char *suite_loopback(void);

#endif /* SUITE_H */
