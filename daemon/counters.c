/*
 * counters.c - see counters.h.
 */
#include "counters.h"

struct counters counters;
