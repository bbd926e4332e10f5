/*
 * device_tty.c - see device_tty.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "device_tty.h"

/* Transmitter empty, of TIOCSERGETLSR; some libraries have it, some not. */
#ifndef TIOCSER_TEMT
#define TIOCSER_TEMT	0x01
#endif

static const struct {
	int	 baud;
	speed_t	 speed;
} rates[] = {
	{ 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 }, { 150, B150 },
	{ 200, B200 }, { 300, B300 }, { 600, B600 }, { 1200, B1200 },
	{ 1800, B1800 }, { 2400, B2400 }, { 4800, B4800 }, { 9600, B9600 },
	{ 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 },
	{ 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 },
	{ 500000, B500000 }, { 576000, B576000 }, { 921600, B921600 },
	{ 1000000, B1000000 }, { 1152000, B1152000 }, { 1500000, B1500000 },
	{ 2000000, B2000000 }, { 2500000, B2500000 }, { 3000000, B3000000 },
	{ 3500000, B3500000 }, { 4000000, B4000000 },
};
#define RATES	(sizeof(rates) / sizeof(rates[0]))

static size_t
nearest(int speed)
{
	size_t i, best = 0;

	for (i = 1; i < RATES; i++)
		if (abs(rates[i].baud - speed) < abs(rates[best].baud - speed))
			best = i;
	return best;
}

int
device_tty_nearest(int speed)
{
	return rates[nearest(speed)].baud;
}

int
device_tty_claim(int fd)
{
	return ioctl(fd, TIOCEXCL) == -1 ? -errno : 0;
}

void
device_tty_release(int fd)
{
	(void)ioctl(fd, TIOCNXCL);
}

static tcflag_t
frame_bits(const struct device_line *line)
{
	static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };
	static const tcflag_t parities[] = {
		[DEVICE_PARITY_NONE]	= 0,
		[DEVICE_PARITY_EVEN]	= PARENB,
		[DEVICE_PARITY_ODD]	= PARENB | PARODD,
		[DEVICE_PARITY_MARK]	= PARENB | PARODD | CMSPAR,
		[DEVICE_PARITY_SPACE]	= PARENB | CMSPAR,
	};

	return sizes[line->data_bits - 5] | parities[line->parity] |
	    (line->stop_bits == 2 ? CSTOPB : 0) |
	    (line->flow == DEVICE_FLOW_RTSCTS ? CRTSCTS : 0);
}

/*
 * No HUPCL: a printer that sees the line drop between two jobs may forget
 * what it was told.  CLOCAL: it need not pretend to be a modem.
 */
static void
make_wanted(const struct device_line *line, struct termios *wanted)
{
	cfmakeraw(wanted);
	wanted->c_iflag &= ~(tcflag_t)(IXOFF | IXANY);
	wanted->c_iflag |= IGNBRK |
	    (line->flow == DEVICE_FLOW_XONXOFF ? IXON : 0);
	wanted->c_cflag &= ~(tcflag_t)(CSIZE | PARENB | PARODD | CMSPAR |
	    CSTOPB | CRTSCTS | HUPCL);
	wanted->c_cflag |= CREAD | CLOCAL | frame_bits(line);
	wanted->c_cc[VMIN] = 1;
	wanted->c_cc[VTIME] = 0;
	wanted->c_cc[VSTART] = 0x11;
	wanted->c_cc[VSTOP] = 0x13;
	(void)cfsetspeed(wanted, rates[nearest(line->speed)].speed);
}

/* tcsetattr() is content with less than it was asked for. */
static const char *
find_refused(const struct termios *wanted, const struct termios *got)
{
	tcflag_t differ = wanted->c_cflag ^ got->c_cflag;

	if (cfgetospeed(wanted) != cfgetospeed(got))
		return "speed";
	if (differ & CSIZE)
		return "data_bits";
	if (differ & (PARENB | PARODD | CMSPAR))
		return "parity";
	if (differ & CSTOPB)
		return "stop_bits";
	if ((differ & CRTSCTS) ||
	    ((wanted->c_iflag ^ got->c_iflag) & IXON))
		return "flow";
	return NULL;
}

int
device_tty_set(int fd, const struct device_line *line, const char **refused)
{
	struct termios wanted, got;

	*refused = NULL;
	if (tcgetattr(fd, &wanted) == -1)
		return -errno;
	make_wanted(line, &wanted);
	if (tcsetattr(fd, TCSANOW, &wanted) == -1 ||
	    tcgetattr(fd, &got) == -1)
		return -errno;
	*refused = find_refused(&wanted, &got);
	return *refused == NULL ? 0 : -EINVAL;
}

/*
 * First what the driver keeps, then what the chip does.  tcdrain() would wait
 * for both, and nobody could wake it.
 */
int
device_tty_pending(int fd)
{
	int pending = 0;
	unsigned int state = TIOCSER_TEMT;

	if (ioctl(fd, TIOCOUTQ, &pending) == -1)
		return errno == EIO || errno == ENODEV ? -errno : 0;
	if (pending > 0)
		return pending;
	if (ioctl(fd, TIOCSERGETLSR, &state) == -1)
		return 0;			/* few drivers know */
	return state & TIOCSER_TEMT ? 0 : 1;
}

bool
device_tty_held(int fd)
{
	int lines = 0;

	return ioctl(fd, TIOCMGET, &lines) == 0 && !(lines & TIOCM_CTS);
}

void
device_tty_drop_input(int fd)
{
	(void)tcflush(fd, TCIFLUSH);
}

void
device_tty_drop_output(int fd)
{
	(void)tcflush(fd, TCOFLUSH);
}
