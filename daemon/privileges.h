/*
 * privileges - from root to the configured user, for good.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include "monitor/fault.h"

/*
 * Become user and group (NULL or "": the user's own), with its supplementary
 * groups and without capabilities.  Does nothing unless root, or if user is
 * root.  Fails if anything of root is left.
 */
int privileges_drop(const char *user, const char *group, struct fault *fault)
    __attribute__((warn_unused_result));

#endif /* PRIVILEGES_H */
