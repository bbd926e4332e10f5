/*
 * check_device_line - the module `device` at serial lines, and its settings.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/device_rig.h"

#define HOST	(rig.module.host)
#define TABLE	(rig.module.table)

/*
 * ---- What is set -----------------------------------------------------------
 */

/* Of the line, as its other end sees it. */
static struct termios
line_settings(void)
{
	struct termios line;

	ck_assert_int_eq(tcgetattr(rig.master, &line), 0);
	return line;
}

static const struct {
	const char	*text;
	speed_t		 speed;
} speeds[] = {
	{ "300", B300 }, { "9600", B9600 }, { "19200", B19200 },
	{ "38400", B38400 }, { "115200", B115200 }, { "921600", B921600 },
	{ "4000000", B4000000 },
};
#define SPEEDS	((int)(sizeof(speeds) / sizeof(speeds[0])))

START_TEST(test_speed)
{
	struct termios line;

	rig_set("speed", speeds[_i].text);
	rig_open_node();
	line = line_settings();
	ck_assert_uint_eq(cfgetospeed(&line), speeds[_i].speed);
	ck_assert_uint_eq(cfgetispeed(&line), speeds[_i].speed);
}
END_TEST

START_TEST(test_a_line_is_raw_and_9600_8n1_by_default)
{
	struct termios line = line_settings();

	/* Whatever was before. */
	line.c_cflag |= HUPCL | CSTOPB | CRTSCTS;
	line.c_iflag |= IXON | IXOFF | IXANY | ISTRIP | INLCR;
	ck_assert_int_eq(tcsetattr(rig.master, TCSANOW, &line), 0);
	rig_open_node();
	line = line_settings();
	ck_assert_uint_eq(cfgetospeed(&line), B9600);
	ck_assert_uint_eq(line.c_cflag & (CSIZE | PARENB | CSTOPB | CRTSCTS |
	    CREAD | CLOCAL | HUPCL), CS8 | CREAD | CLOCAL);
	ck_assert_uint_eq(line.c_oflag & OPOST, 0);
	ck_assert_uint_eq(line.c_lflag & (ICANON | ECHO | ISIG | IEXTEN), 0);
	ck_assert_uint_eq(line.c_iflag & (IXON | IXOFF | ICRNL | INLCR |
	    IGNCR | ISTRIP | INPCK), 0);
}
END_TEST

static const struct {
	const char	*key, *value;
	tcflag_t	 mask, flags;
} frames[] = {
	{ "data_bits", "5", CSIZE, CS5 }, { "data_bits", "6", CSIZE, CS6 },
	{ "data_bits", "7", CSIZE, CS7 }, { "data_bits", "8", CSIZE, CS8 },
	{ "parity", "even", PARENB | PARODD | CMSPAR, PARENB },
	{ "parity", "odd", PARENB | PARODD | CMSPAR, PARENB | PARODD },
	{ "parity", "mark", PARENB | PARODD | CMSPAR,
	    PARENB | PARODD | CMSPAR },
	{ "parity", "space", PARENB | PARODD | CMSPAR, PARENB | CMSPAR },
	{ "stop_bits", "1", CSTOPB, 0 }, { "stop_bits", "2", CSTOPB, CSTOPB },
	{ "flow", "rtscts", CRTSCTS, CRTSCTS },
	{ "flow", "xonxoff", CRTSCTS, 0 },
};
#define FRAMES	((int)(sizeof(frames) / sizeof(frames[0])))

START_TEST(test_frame)
{
	fake.takes_all = true;
	rig_set(frames[_i].key, frames[_i].value);
	rig_open_node();
	ck_assert_uint_eq(fake.line.c_cflag & frames[_i].mask,
	    frames[_i].flags);
	ck_assert_uint_eq(fake.line.c_iflag & (IXON | IXANY),
	    strcmp(frames[_i].value, "xonxoff") == 0 ? IXON : 0);
}
END_TEST

/* A pty has 8 bits and no parity, and does not complain. */
static const struct {
	const char	*key, *value;
} refused[] = { { "data_bits", "7" }, { "parity", "odd" } };

START_TEST(test_a_line_that_cannot_is_named)
{
	rig_set(refused[_i].key, refused[_i].value);
	rig_set("path", rig.node);
	ck_assert_int_eq(rig_open(), -EINVAL);
	ck_assert(fake_host_logged(HOST, rig.node));
	ck_assert(fake_host_logged(HOST, refused[_i].key));
}
END_TEST

START_TEST(test_the_setting_lasts_over_documents)
{
	struct termios line;

	rig_set("speed", "57600");
	rig_open_node();
	rig_print(1, "x");
	rig_start(2);
	ck_assert_int_eq(rig_end_deleted(), PP_OK);
	rig_print(3, "x");
	line = line_settings();
	ck_assert_uint_eq(cfgetospeed(&line), B57600);
}
END_TEST

/*
 * ---- Flow control ----------------------------------------------------------
 */

/* Until the kernel has passed on what the printer said. */
static void
await_room(short events)
{
	struct pollfd fd = { .fd = HOST->watched_fd, .events = POLLOUT };
	int tries;

	for (tries = 0; tries < 6000; tries++) {
		(void)ppoll(&fd, 1, &(struct timespec){ 0 }, NULL);
		if ((fd.revents & POLLOUT) == events)
			return;
		(void)ppoll(NULL, 0, &(struct timespec){
		    .tv_nsec = 10000000 }, NULL);
	}
	ck_abort_msg("the line did not hear it");
}

START_TEST(test_xoff_stops_and_xon_starts)
{
	size_t written;

	rig_set("read", "yes");
	rig_set("flow", "xonxoff");
	rig_open_node();
	rig_start(1);
	rig_put("one ");
	ck_assert_str_eq(rig_printed(4), "one ");
	rig_answer("\023");
	await_room(0);
	ck_assert_int_eq(rig_write("two", 3, &written), PP_TIMEOUT);
	ck_assert_uint_eq(written, 0);
	rig_answer("\021");
	await_room(POLLOUT);
	rig_put("two");
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_str_eq(rig_printed(3), "two");
}
END_TEST

/* Signs that nobody reads would fill the line's buffer, and XOFF not get in. */
START_TEST(test_a_talkative_printer_is_still_heard)
{
	char noise[256];
	uint32_t again_ms;
	int i, fd, waiting;

	memset(noise, 'n', sizeof(noise) - 1);
	noise[sizeof(noise) - 1] = '\0';
	rig_set("flow", "xonxoff");
	rig_open_node();
	fd = open(rig.node, O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (_i == 0)
		rig_start(1);
	for (i = 0; i < 100; i++) {
		rig_answer(noise);
		if (_i == 0)
			rig_put("x");
		else
			ck_assert_int_eq(TABLE->service_port(rig.port,
			    &again_ms), PP_OK);
		ck_assert_int_eq(ioctl(fd, FIONREAD, &waiting), 0);
		ck_assert_int_lt(waiting, 1024);
	}
	close(fd);
}
END_TEST

static void
hold_and_release(void)
{
	if (rig.waited_ms > 20000) {
		fake.modem = TIOCM_CTS;
		fake.full = false;
		fake.write_errors = 0;
	}
}

START_TEST(test_a_printer_that_holds_cts_down_is_offline)
{
	size_t written;

	rig_set("flow", "rtscts");
	rig_open_node();
	rig_start(1);
	fake.modem = TIOCM_DSR;
	fake.full = true;
	fake.write_error = EAGAIN;
	fake.write_errors = -1;
	/* A moment of that is how such lines work. */
	ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	ck_assert_int_ne(rig_status()->status, PP_STATUS_OFFLINE);
	rig.on_wait = hold_and_release;
	while (rig_write("x", 1, &written) == PP_TIMEOUT)
		if (rig.waited_ms > 6000 && rig.waited_ms < 20000)
			ck_assert_int_eq(rig_status()->status,
			    PP_STATUS_OFFLINE);
	ck_assert_uint_eq(written, 1);
	ck_assert_int_eq(rig_status()->status, PP_STATUS_CLEAR);
	ck_assert_int_eq(rig_end(), PP_OK);
}
END_TEST

/* Its tail stands in the line for longer than one write would wait. */
static const int long_tail[250] = { [0 ... 248] = 10 };

/* As real hosts, which give up a document that stalls for 10 seconds. */
static int (*config_number)(struct pp_spooler *, const char *, const char *,
    int64_t *);

static int
config_with_stall_timeout(struct pp_spooler *cookie, const char *port,
    const char *key, int64_t *value)
{
	if (strcmp(key, "stall_timeout") != 0)
		return config_number(cookie, port, key, value);
	*value = 10000;
	return PP_OK;
}

static void
release(void)
{
	if (rig.waited_ms > 20000)
		fake.modem = TIOCM_CTS;
}

START_TEST(test_the_tail_waits_for_cts)
{
	static const struct pp_timeouts patient = { .size = sizeof(patient),
		.write_ms = 60000 };

	rig_set("flow", "rtscts");
	config_number = HOST->api.config_number;
	HOST->api.config_number = config_with_stall_timeout;
	rig_open_node();
	ck_assert_int_eq(TABLE->set_port_timeouts(rig.port, &patient), PP_OK);
	rig_start(1);
	rig_put("tail");
	fake.modem = TIOCM_DSR;
	fake.queued = long_tail;
	rig.on_wait = release;
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_int_eq(*fake.queued, 0);
	ck_assert_int_eq(HOST->statuses[0].status, PP_STATUS_OFFLINE);
	ck_assert_int_eq(rig_status()->status, PP_STATUS_CLEAR);
}
END_TEST

/*
 * ---- Settings --------------------------------------------------------------
 */

struct setting {
	const char	*key, *value;
};

static const struct {
	struct setting	 settings[3];
	const char	*text;		/* NULL: all is well */
} judged[] = {
	{ { { "path", "/dev/usb/lp0" } }, NULL },
	{ { { "usb", "03f0:2b17" } }, NULL },
	{ { { "usb", "3f0:2b17:00:CN-1" } }, NULL },
	{ { { "usb_id", "MFG:HP;MDL:LaserJet 1020;SN:1" } }, NULL },
	{ { { "usb_id", "LaserJet" } }, NULL },
	{ { { "path", "/dev/lp0" }, { "speed", "115200" } }, NULL },
	{ { { "read", "yes" } }, "set one of path, usb, usb_id" },
	{ { { "path", "/dev/lp0" }, { "usb", "1:2" } },
	    "set one of path, usb, usb_id" },
	{ { { "usb", "1:2" }, { "usb_id", "x" } },
	    "set one of path, usb, usb_id" },
	{ { { "path", "/dev/lp0" }, { "speed", "9601" } },
	    "speed = 9601: there is no such baud rate; the nearest is 9600" },
	{ { { "path", "/dev/lp0" }, { "speed", "128000" } },
	    "the nearest is 115200" },
	{ { { "path", "/dev/lp0" }, { "on_attach", "/no/such/file" } },
	    "on_attach = /no/such/file: No such file" },
	{ { { "path", "/dev/lp0" }, { "on_attach", "/dev" } },
	    "on_attach = /dev: it is no regular file" },
	{ { { "usb", "03f0" } }, "usb = 03f0: expected VENDOR:PRODUCT" },
	{ { { "usb", "03f0:2b17:" } }, "expected VENDOR:PRODUCT" },
	{ { { "usb", "03f0:xyz" } }, "expected VENDOR:PRODUCT" },
	{ { { "usb", "0x3f0:2b17" } }, "expected VENDOR:PRODUCT" },
	{ { { "usb", "103f0:2b17" } }, "expected VENDOR:PRODUCT" },
	{ { { "usb_id", "MFG:HP;LaserJet" } }, "expected KEY:VALUE" },
	{ { { "usb_id", "MFG:" } }, "expected KEY:VALUE" },
	{ { { "usb_id", " ; " } }, "expected a part" },
};
#define JUDGED	((int)(sizeof(judged) / sizeof(judged[0])))

START_TEST(test_settings_are_judged_together)
{
	const struct setting *setting = judged[_i].settings;

	for (; setting->key != NULL; setting++)
		rig_set(setting->key, setting->value);
	ck_assert_int_eq(TABLE->check_port(rig.module.monitor, "till"),
	    judged[_i].text == NULL ? PP_OK : PP_INVALID_DATA);
	if (judged[_i].text != NULL)
		ck_assert(fake_host_logged(HOST, judged[_i].text));
	else
		ck_assert_uint_eq(HOST->n_logs, 0);
}
END_TEST

/* The same for a port that does not exist yet. */
START_TEST(test_settings_are_judged_before_they_are_stored)
{
	const struct setting *setting = judged[_i].settings;
	char in[1000] = "new";
	size_t len = 4, needed;
	struct pp_xcv *xcv;

	for (; setting->key != NULL; setting++)
		len += (size_t)snprintf(in + len, sizeof(in) - len, "%s=%s",
		    setting->key, setting->value) + 1;
	ck_assert_int_eq(TABLE->xcv_open_port(rig.module.monitor, "",
	    PP_ACCESS_ADMINISTER, &xcv), PP_OK);
	ck_assert_int_eq(TABLE->xcv_data_port(xcv, "AddPort", in, len, NULL,
	    0, &needed), judged[_i].text == NULL ? PP_OK : PP_INVALID_DATA);
	ck_assert_int_eq(fake_host_has_port(HOST, "new"),
	    judged[_i].text == NULL);
	ck_assert_int_eq(TABLE->xcv_close_port(xcv), PP_OK);
}
END_TEST

static const struct {
	struct setting	first, second;
	bool		same;
} pairs[] = {
	{ { "path", "/dev/lp0" }, { "path", "/dev/lp0" }, true },
	{ { "path", "/dev/lp0" }, { "path", "/dev/lp1" }, false },
	{ { "usb", "03f0:2b17" }, { "usb", "03F0:2B17" }, true },
	{ { "usb", "03f0:2b17:A" }, { "usb", "03f0:2b17:B" }, false },
	{ { "usb_id", "LaserJet" }, { "usb_id", "laserjet" }, true },
	{ { "path", "/dev/lp0" }, { "usb", "03f0:2b17" }, false },
};
#define PAIRS	((int)(sizeof(pairs) / sizeof(pairs[0])))

START_TEST(test_a_device_is_in_one_port_only)
{
	fake_host_remove_port(HOST, "till");
	fake_host_set(HOST, "first", pairs[_i].first.key,
	    pairs[_i].first.value);
	rig_set(pairs[_i].second.key, pairs[_i].second.value);
	ck_assert_int_eq(TABLE->check_port(rig.module.monitor, "first"),
	    PP_OK);
	ck_assert_int_eq(TABLE->check_port(rig.module.monitor, "till"),
	    pairs[_i].same ? PP_INVALID_DATA : PP_OK);
	ck_assert_int_eq(fake_host_logged(HOST, "port first has the same "
	    "device"), pairs[_i].same);
}
END_TEST

/*
 * ---- The suite -------------------------------------------------------------
 */

static Suite *
line_suite(void)
{
	const struct rig_test line_tests[] = {
		{ test_speed, SPEEDS },
		{ test_a_line_is_raw_and_9600_8n1_by_default, 1 },
		{ test_frame, FRAMES },
		{ test_a_line_that_cannot_is_named, 2 },
		{ test_the_setting_lasts_over_documents, 1 },
		{ NULL, 0 }
	};
	const struct rig_test flow_tests[] = {
		{ test_xoff_stops_and_xon_starts, 1 },
		{ test_a_talkative_printer_is_still_heard, 2 },
		{ test_a_printer_that_holds_cts_down_is_offline, 1 },
		{ test_the_tail_waits_for_cts, 1 },
		{ NULL, 0 }
	};
	const struct rig_test setting_tests[] = {
		{ test_settings_are_judged_together, JUDGED },
		{ test_settings_are_judged_before_they_are_stored, JUDGED },
		{ test_a_device_is_in_one_port_only, PAIRS },
		{ NULL, 0 }
	};
	Suite *suite = suite_create("device_line");

	rig_case(suite, "line", line_tests);
	rig_case(suite, "flow", flow_tests);
	rig_case(suite, "settings", setting_tests);
	return suite;
}

int
main(void)
{
	return suite_main(line_suite());
}
