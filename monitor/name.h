/*
 * name - what a port or a monitor may be called.
 *
 * Pure functions.  A name that passes can stand in a file name, in an ini
 * section, and in a log line.
 */
#ifndef NAME_H
#define NAME_H

#include <stdbool.h>

/* 1 to 63 bytes of UTF-8, no control character, no '/', no dot in front. */
bool name_port_valid(const char *name);

/* 1 to 63 of A-Z a-z 0-9 _ -. */
bool name_module_valid(const char *name);

#endif /* NAME_H */
