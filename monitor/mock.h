/*
 * mock - a monitor for tests, which fails on command; what its files share.
 *
 * It is both a port monitor, whose settings say how it misbehaves, and a
 * language monitor, which goes over any port monitor and behaves.  Never
 * installed.
 *
 *	mock.c		the table, which is one for both, and management
 *	mock_lm.c	"<lm>" in front of each document; the last page is out
 *			at its end, or when a file or the printer says so; the
 *			rest goes to
 *	mock_pm.c	which traces, fails, or writes to `output`
 */
#ifndef MOCK_H
#define MOCK_H

#include <stdio.h>

#include "monitor.h"

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* open, of the port monitor */
};

/* A port of either; below tells which. */
struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	struct pp_port		*next;
	char			 name[PP_PORT_NAME_LEN + 1];
	uint64_t		 job;		/* in work; 0: no document */

	/* of the language monitor */
	struct pp_port		*below;		/* NULL: a port monitor's */
	struct pp_monitor2	 pm;		/* copy of its table */
	size_t			 preamble_at;	/* bytes of it that are out */
	int			 eject;		/* when its last page is out */
	uint64_t		 last_job;	/* that was ended */
	FILE			*ejected;	/* owned; file of eject, or NULL */

	/* of the port monitor */
	char			 fail[128];
	char			 hang[16], crash[16], nonsense[16];
	size_t			 short_len;	/* most bytes of one write */
	uint32_t		 zero;		/* every n-th write is empty */
	int			 delay_ms;
	int			 leak, echo, fd_write, warn, about;
	int			 verdict;	/* code of calls that fail */
	uint64_t		 pages;
	char			 supply[64];
	int			 out_fd, trace_fd, quiet_fd;
	int			 read_fd;	/* -1: cannot be read */
	int			 echo_fds[2];
	uint32_t		 starts, writes, ends;
	uint32_t		 write_ms, next_write_ms; /* time-outs */
	struct pp_port_info_3	 wanted, told;	/* status */
};

/* A port without anything open yet; NULL: no memory. */
struct pp_port *mock_port_new(struct pp_monitor *monitor, const char *name);

/* ---- mock_pm.c --------------------------------------------------------- */

extern const struct pp_setting_decl mock_settings[];

/* Choices of the setting eject, of the language monitor. */
enum { MOCK_EJECT_END, MOCK_EJECT_FILE, MOCK_EJECT_READ, MOCK_EJECT_NEVER };

/* Never returns, and cannot be ended with SIGTERM. */
void mock_hang(void);

int mock_pm_open(struct pp_monitor *monitor, const char *name,
    struct pp_port **out);
int mock_pm_close(struct pp_port *port);
int mock_pm_start(struct pp_port *port, uint64_t job);
int mock_pm_write(struct pp_port *port, const void *buf, size_t len,
    size_t *written);
int mock_pm_write_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved);
int mock_pm_read(struct pp_port *port, void *buf, size_t size, size_t *len);
int mock_pm_end(struct pp_port *port);
int mock_pm_printer_data(const struct pp_port *port, uint32_t control,
    const void *in, size_t in_len, void *out, size_t out_size, size_t *len);
int mock_pm_bidi(const struct pp_port *port, const char *action,
    const struct pp_bidi *request, struct pp_bidi **response);
int mock_pm_set_timeouts(struct pp_port *port,
    const struct pp_timeouts *timeouts);
int mock_pm_service(struct pp_port *port, uint32_t *again_ms);

/* ---- mock_lm.c --------------------------------------------------------- */

int mock_lm_open(struct pp_monitor *monitor, struct pp_monitor *pm,
    const char *name, const char *queue, struct pp_port **out,
    const struct pp_monitor2 *pm_table);
int mock_lm_close(struct pp_port *port);
int mock_lm_start(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info);
int mock_lm_write(struct pp_port *port, const void *buf, size_t len,
    size_t *written);
int mock_lm_write_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved);
int mock_lm_end(struct pp_port *port);
int mock_lm_printer_data(struct pp_port *port, uint32_t control,
    const char *value_name, const void *in, size_t in_len, void *out,
    size_t out_size, size_t *len);
int mock_lm_service(struct pp_port *port, uint32_t *again_ms);
int mock_lm_read(struct pp_port *port, void *buf, size_t size, size_t *len);
int mock_lm_set_timeouts(struct pp_port *port,
    const struct pp_timeouts *timeouts);
int mock_lm_bidi(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi *request, struct pp_bidi **response);

#endif /* MOCK_H */
