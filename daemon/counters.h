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
	uint64_t	refused_store;	/* no space, the store is not well, or
					 * the daemon ends */
	uint64_t	probes;		/* closed without a job */
	uint64_t	guarded;	/* HTTP or TLS, refused */
	uint64_t	incomplete;	/* broken off on their way to the store */
	uint64_t	kept;		/* jobs in the store */
	uint64_t	repeated;	/* of them, taken for repeats */
	uint64_t	printed;	/* jobs */
	uint64_t	failed;		/* attempts, or jobs of a stream */
	uint64_t	canceled;	/* jobs, by people */
	uint64_t	accept_errors;
};

extern struct counters counters;

#endif /* COUNTERS_H */
