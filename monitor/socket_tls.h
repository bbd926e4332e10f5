/*
 * socket_tls - inside of the module `socket`: TLS to a printer.
 *
 * The printer is known by a certificate of a known issuer for its name, or by
 * the fingerprint of its very certificate, or (tls_verify = no) not at all.
 *
 * Lifecycle  socket_tls_new() .. socket_tls_free(); in between, one connection
 *            at a time: socket_tls_handshake() .. socket_tls_end().
 * Ownership  Owns keys and the state of the connection; borrows its socket,
 *            which is non-blocking.
 * Errors     -EAGAIN: wait until the socket is ready for *want, and call
 *            again.  -ECONNABORTED, -EKEYREJECTED: socket_tls_why() says it in
 *            words.  Else the negative errno of a broken connection.
 */
#ifndef SOCKET_TLS_H
#define SOCKET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SOCKET_TLS_DIGEST_LEN	32

struct pp_host;
struct socket_settings;
struct socket_tls;

/* Parse "sha256:" and 64 hexadecimal digits, maybe with colons between. */
bool socket_tls_digest(const char *text,
    unsigned char digest[SOCKET_TLS_DIGEST_LEN]);

/*
 * Read the files that are named in the settings.  PP_INVALID_DATA: the log
 * says what is wrong with them.
 */
int socket_tls_new(const struct pp_host *host,
    const struct socket_settings *set, struct socket_tls **out);
void socket_tls_free(struct socket_tls *tls);

/* Begin a connection, or go on beginning. */
int socket_tls_handshake(struct socket_tls *tls, int fd, uint32_t *want);
/* A count, 0 for the other side's end (receive), or an error. */
ssize_t socket_tls_send(struct socket_tls *tls, const void *buf, size_t len,
    uint32_t *want);
ssize_t socket_tls_receive(struct socket_tls *tls, void *buf, size_t size);
/* Nothing said or broken since?  Takes no bytes. */
bool socket_tls_alive(struct socket_tls *tls);
/* Say that nothing more will come; what the other side says can be read on. */
int socket_tls_goodbye(struct socket_tls *tls, uint32_t *want);
/* Forget the connection. */
void socket_tls_end(struct socket_tls *tls);

const char *socket_tls_why(const struct socket_tls *tls);

#endif /* SOCKET_TLS_H */
