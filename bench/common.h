/*
 * common - what the programs of the benchmarks share.
 *
 * Errors     All of these end the program with a message: a benchmark that
 *            cannot do its own part has nothing to say about others.
 * Units      In the name: _ns is nanoseconds.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S	INT64_C(1000000000)

int64_t now_ns(void);

/* All descriptors that the hard limit allows. */
void raise_descriptor_limit(void);

/*
 * Listen on a port of 127.0.0.1, 0 leaves it to the kernel, and say on
 * standard output which it is.  The socket does not block.
 */
int open_listener(in_port_t port);

/* Bind fd to one of the addresses from 127.0.0.2 on; its port comes later. */
void bind_source(int fd, size_t number);

/* "9100"; 0 is one, too. */
in_port_t parse_port(const char *word);

/* A number with K, M or G behind it, at least min. */
uint64_t parse_number(const char *word, uint64_t min);

void sort_ns(int64_t *list, size_t n);

/*
 * In a sorted list: the value that percent of all do not exceed, in ms.
 * Of an empty list it is infinite.
 */
double percentile_ms(const int64_t *sorted, size_t n, size_t percent);

#endif /* BENCH_COMMON_H */
