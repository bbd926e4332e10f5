/*
 * transfer - bytes from one descriptor to another, without a copy if possible.
 *
 * Behind transfer() of pp_host.  socket -> anything goes by splice through a
 * pipe that is kept; file -> file by copy_file_range, file -> socket or pipe by
 * sendfile; what the kernel refuses (EINVAL, EXDEV, ENOSYS) by read and write.
 *
 * Lifecycle  transfer_new() .. transfer_free().  One per port host.
 * Ownership  Owns its pipe and buffer; borrows the descriptors.
 * Errors     As write_port_from_fd: the code speaks of `to`, moved->source of
 *            `from`.  Bytes taken from `from` that `to` has not taken yet stay
 *            inside, go first at the next call, and are dropped by
 *            transfer_reset(), which is due before each document: until then
 *            both ends stay the same, and an end or error of `from`, once
 *            seen, stays what it was.
 * Threads    None.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stddef.h>
#include <stdint.h>

#include "monitor.h"

struct transfer;

/* wait_fd of pp_host; arg is handed back. */
typedef int transfer_wait_fn(void *arg, int fd, uint32_t events,
    int timeout_ms);

struct transfer *transfer_new(transfer_wait_fn *wait, void *arg);
void transfer_free(struct transfer *transfer);

/*
 * Codes and bounds as in pp_host.transfer.  It waits for `to` at most once, and
 * only while nothing has been written; PP_TIMEOUT means that nothing was.  It
 * returns with PP_SOURCE_MORE now and then, to give the caller a turn.
 */
int transfer_run(struct transfer *transfer, int from, int to, uint64_t max,
    int timeout_ms, struct pp_moved *moved);

/* Forget what is inside; returns how many bytes that were. */
size_t transfer_reset(struct transfer *transfer);

#endif /* TRANSFER_H */
