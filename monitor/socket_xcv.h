/*
 * socket_xcv - inside of the module `socket`: the calls of TCPMON.
 *
 * Contract is that of xcv_data_port, and of tcpmon.h; calls that are not there
 * are answered as monitor_util.h has them.
 */
#ifndef SOCKET_XCV_H
#define SOCKET_XCV_H

#include <stddef.h>

struct pp_xcv;

int socket_xcv_data(const struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed);

#endif /* SOCKET_XCV_H */
