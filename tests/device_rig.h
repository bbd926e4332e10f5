/*
 * device_rig - the module `device` over a pty, with a system that fails on
 * command and a clock that a test drives.
 *
 * Functions of the C library are replaced in the module by those of this file:
 * the pty can be a printer with status wires, a full one, one that is gone.
 * Time passes only while the module waits for it.
 *
 * Errors     Whatever fails ends the test.
 */
#ifndef DEVICE_RIG_H
#define DEVICE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include <check.h>

#include "tests/module.h"
#include "tests/suite.h"

/* Status wires of a printer that is well and not busy. */
#define RIG_WELL	0xd8

struct device_rig {
	struct module	 module;
	struct pp_port	*port;		/* closed at the end, if open */
	int		 master;	/* the printer's end; -1: unplugged */
	char		 node[64];
	int64_t		 now_ms;
	int64_t		 waited_ms;	/* in all */
	size_t		 waits;
	void		(*on_wait)(void); /* before each of them */
	int		 patience_ms;	/* of real time, for the kernel */
};
extern struct device_rig rig;

/* What the system says of the device; all zero: what is so. */
struct device_system {
	bool	 printer;	/* no tty */
	bool	 parallel;	/* ... but of the driver lp */
	bool	 gone;		/* ioctl: ENODEV */
	int	 wires;		/* of LPGETSTATUS; 0: it has none, -1: low */
	size_t	 asked;		/* ... so often */
	const char *id;		/* IEEE-1284 device id */
	bool	 full;		/* poll: no room */
	bool	 ready;		/* poll: room, whether there is or not */
	int	 write_error;	/* errno ... */
	int	 write_errors;	/* of the next so many writes; -1: of all */
	size_t	 write_max;	/* of one write; 0: any */
	size_t	 writes;	/* how many there were */
	bool	 silent;	/* reads give 0 bytes */
	int	 open_error;
	const int *queued;	/* TIOCOUTQ, one after the other, to a 0 */
	const int *sending;	/* TIOCSERGETLSR: so often not yet */
	int	 modem;		/* TIOCMGET; 0: no wires; -1: all are down */
	bool	 takes_all;	/* termios: a line that can all */
	struct termios line;	/* ... as it was set */
	size_t	 flushed;	/* outputs thrown away */
};
extern struct device_system fake;

void rig_setup(void);
void rig_teardown(void);

/* A new pty; node is its name. */
void rig_plug(void);
void rig_unplug(void);

void rig_set(const char *key, const char *value);
int rig_open(void);
/* With path = node. */
void rig_open_node(void);
void rig_close(void);

int rig_try_start(uint64_t job);
void rig_start(uint64_t job);
int rig_write(const void *bytes, size_t len, size_t *written);
void rig_put(const char *text);
int rig_end(void);
int rig_end_deleted(void);
void rig_print(uint64_t job, const char *text);

/* What the printer has got, whole; at least len bytes are awaited. */
const char *rig_printed(size_t len);
void rig_answer(const char *text);

const struct fake_status *rig_status(void);

struct rig_test {
	const TTest	*test;
	int		 loops;
};

/* Add tests, up to one that is NULL, each on a rig of its own. */
void rig_case(Suite *suite, const char *name, const struct rig_test *tests);

#endif /* DEVICE_RIG_H */
