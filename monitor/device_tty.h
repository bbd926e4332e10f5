/*
 * device_tty - serial lines.
 *
 * Errors     Negative errno.
 */
#ifndef DEVICE_TTY_H
#define DEVICE_TTY_H

#include <stdbool.h>

enum device_parity {
	DEVICE_PARITY_NONE, DEVICE_PARITY_EVEN, DEVICE_PARITY_ODD,
	DEVICE_PARITY_MARK, DEVICE_PARITY_SPACE
};

enum device_flow { DEVICE_FLOW_NONE, DEVICE_FLOW_RTSCTS, DEVICE_FLOW_XONXOFF };

struct device_line {
	int			 speed;		/* baud */
	int			 data_bits;	/* 5 to 8 */
	enum device_parity	 parity;
	int			 stop_bits;	/* 1 or 2 */
	enum device_flow	 flow;
};

/* The rate that is nearest to this one; itself, if there is such. */
int device_tty_nearest(int speed);

/* Keep others from opening it, and let them again. */
int device_tty_claim(int fd);
void device_tty_release(int fd);

/*
 * Set the line up for bytes as they are.  -EINVAL with the name of a setting:
 * the line does not take that one.
 */
int device_tty_set(int fd, const struct device_line *line,
    const char **refused);

/* Bytes that have not left yet, or about; 0: all have. */
int device_tty_pending(int fd);

/* Does the other side hold us back by its wire?  Not where there is none. */
bool device_tty_held(int fd);

/* Forget what came in, or what has not gone out. */
void device_tty_drop_input(int fd);
void device_tty_drop_output(int fd);

#endif /* DEVICE_TTY_H */
