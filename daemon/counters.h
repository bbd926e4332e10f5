/*
 * counters - how often things happened since the start.
 *
 * One global struct, written by the loop's thread only; the log's closing line
 * shows it.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdint.h>

struct counters {
	uint64_t	accepted;	/* connections */
	uint64_t	refused;	/* over a limit */
	uint64_t	probes;		/* closed without a job */
	uint64_t	guarded;	/* HTTP or TLS, refused */
	uint64_t	printed;	/* jobs */
	uint64_t	failed;		/* jobs that were not */
	uint64_t	accept_errors;
};

extern struct counters counters;

#endif /* COUNTERS_H */
