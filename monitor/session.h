/*
 * session - the spooler's side of the monitor contract, in one process.
 *
 * It loads monitors, hands out handles, and enforces the order of calls
 *
 *	CLOSED -- open_port --> OPEN -- start_doc_port --> IN_DOC
 *	   ^                     |  ^                        | write, read
 *	   +---- close_port -----+  +----- end_doc_port -----+
 *
 * on every path: a successful start has exactly one end, an open exactly one
 * close, and a module is never called with a dead handle, an entry it does not
 * have, or out of order.
 *
 * Lifecycle  session_new() .. session_free(), which ends documents, closes
 *            Xcv handles and ports, and unloads, in that order.
 * Ownership  Borrows host and hooks, which must outlive it.
 * Errors     The codes of monitor.h.  PP_INVALID_HANDLE for a handle that is
 *            not live, PP_NO_DOCUMENT outside of a document, PP_BUSY inside.
 * Threads    None.
 */
#ifndef SESSION_H
#define SESSION_H

#include "handle.h"
#include "loader.h"
#include "wire.h"

struct session;

/* Called around each call into a module. */
struct session_hooks {
	void	(*before)(void *arg, enum wire_call call);
	void	(*after)(void *arg);
	void	*arg;
};

struct session *session_new(const struct pp_host *host,
    const struct loader_rules *rules, const struct session_hooks *hooks);
void session_free(struct session *session);

/* Load and initialise a monitor; one already loaded gives its old handle. */
int session_load(struct session *session, const char *name, handle *monitor,
    struct fault *fault);
/* The same with other callbacks for it than those of the session. */
int session_load_with(struct session *session, const char *name,
    const struct pp_host *host, handle *monitor, struct fault *fault);
/* PP_BUSY while a port or Xcv handle of it is open. */
int session_unload(struct session *session, handle monitor);
/* Its table, for declarations and for tests; NULL for a dead handle. */
const struct pp_monitor2 *session_table(const struct session *session,
    handle monitor);

/*
 * EnumPorts over all port monitors loaded, merged in one buffer: array first,
 * strings at the end.  Size and codes as in enum_ports of monitor.h.
 */
int session_enum_ports(struct session *session, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count);

/*
 * Open a port by its monitor, through language monitor lm if that is not 0.
 * PP_BUSY if a port of this name (no case) is open.
 */
int session_open_port(struct session *session, handle monitor, handle lm,
    const char *name, const char *queue, handle *port);
int session_start_doc_port(struct session *session, handle port,
    const char *queue, uint64_t job, uint32_t level, const void *doc_info);
int session_write_port(struct session *session, handle port, const void *buf,
    size_t len, size_t *written);
/* PP_NOT_SUPPORTED if the module has no such entry; use session_write_port. */
int session_write_port_from_fd(struct session *session, handle port, int fd,
    uint64_t max, struct pp_moved *moved);
int session_read_port(struct session *session, handle port, void *buf,
    size_t size, size_t *len);
int session_end_doc_port(struct session *session, handle port);
/* Ends an open document first. */
int session_close_port(struct session *session, handle port);

/* 1 if a document is open on the port, 0 if not, or PP_INVALID_HANDLE. */
int session_in_document(const struct session *session, handle port);

int session_get_printer_data(struct session *session, handle port,
    uint32_t control, const char *value_name, const void *in, size_t in_len,
    void *out, size_t out_size, size_t *len);
int session_set_port_timeouts(struct session *session, handle port,
    const struct pp_timeouts *timeouts);
int session_send_recv_bidi(struct session *session, handle port,
    uint32_t access, const char *action, const struct pp_bidi *request,
    struct pp_bidi **response);
/*
 * Let the monitor judge the settings of a port, which is not open.  0 if it
 * has no opinion.
 */
int session_check_port(struct session *session, handle monitor,
    const char *name);
int session_service_port(struct session *session, handle port,
    uint32_t *again_ms);

int session_xcv_open(struct session *session, handle monitor,
    const char *object, uint32_t access, handle *xcv);
int session_xcv_data(struct session *session, handle xcv, const char *name,
    const void *in, size_t in_len, void *out, size_t out_size, size_t *needed);
int session_xcv_close(struct session *session, handle xcv);

#endif /* SESSION_H */
