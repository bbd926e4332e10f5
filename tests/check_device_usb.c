/*
 * check_device_usb - the module `device` and USB printers: which one is meant,
 * what is plugged in, and what each needs first.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/device_rig.h"
#include "tests/usb_tree.h"

#define HOST	(rig.module.host)
#define TABLE	(rig.module.table)

static const struct usb_printer laser = { "03f0", "2b17", "A1", "HP",
	"HP LaserJet 1020", "MFG:Hewlett-Packard;MDL:HP LaserJet 1020;"
	"CMD:ACL;CLS:PRINTER;SN:00A1;" };
static const struct usb_printer label = { "0a5f", "0081", NULL, "Zebra",
	"ZTC GK420d", NULL };

/* As the tests begin: a tree with nothing in it, which the port looks at. */
static void
begin(void)
{
	usb_tree_new(suite_directory());
	rig_set("sysfs", usb_tree_sysfs());
	rig_set("devices", usb_tree_devices());
}

/* The pty is plugged in as this. */
static void
plug(const char *entry, const struct usb_printer *printer)
{
	usb_tree_plug(entry, rig.node, printer);
}

/*
 * ---- Which one -------------------------------------------------------------
 */

static const struct {
	const char	*key, *value;
	bool		 found;
} meant[] = {
	{ "usb", "03f0:2b17", true },
	{ "usb", "3F0:2B17", true },
	{ "usb", "03f0:2b17:A1", true },
	{ "usb", "03f0:2b17:a1", false },
	{ "usb", "03f0:2b17:A", false },
	{ "usb", "03f0:2b18", false },
	{ "usb", "04f0:2b17", false },
	{ "usb_id", "LaserJet 1020", true },
	{ "usb_id", "laserjet", true },
	{ "usb_id", "Hewlett-Packard HP LaserJet 1020 00A1", true },
	{ "usb_id", "LaserJet 1021", false },
	{ "usb_id", "MDL:HP LaserJet 1020", true },
	{ "usb_id", "MODEL:HP LaserJet 1020", true },
	{ "usb_id", "MDL:LaserJet 1020", false },
	{ "usb_id", "MFG:Hewlett-Packard; MDL:hp laserjet 1020", true },
	{ "usb_id", "MANUFACTURER:Hewlett-Packard;SN:00A1", true },
	{ "usb_id", "SERIALNUMBER:00A1;CLS:PRINTER;", true },
	{ "usb_id", "MFG:Hewlett-Packard;SN:00A2", false },
	{ "usb_id", "CMD:PCL", false },
	{ "usb_id", "XYZ:1", false },
};
#define MEANT	((int)(sizeof(meant) / sizeof(meant[0])))

START_TEST(test_a_printer_is_known_by_what_it_is)
{
	begin();
	plug("lp0", &laser);
	usb_tree_plug("lp1", "/dev/null", &label);
	rig_set(meant[_i].key, meant[_i].value);
	if (!meant[_i].found) {
		ck_assert_int_eq(rig_open(), -ENODEV);
		ck_assert(fake_host_logged(HOST, meant[_i].value));
		ck_assert(fake_host_logged(HOST, "plug it in"));
		return;
	}
	ck_assert_int_eq(rig_open(), PP_OK);
	rig_print(1, "x");
	ck_assert_str_eq(rig_printed(1), "x");
}
END_TEST

/* What the device says under USB stands in for a device id. */
START_TEST(test_a_printer_without_a_device_id)
{
	static const struct usb_printer plain = { "03f0", "2b17", "A1", "HP",
		"LaserJet", NULL };

	begin();
	plug("lp0", &plain);
	rig_set("usb_id", "MFG:HP;MDL:LaserJet;SN:A1");
	ck_assert_int_eq(rig_open(), PP_OK);
}
END_TEST

/* A driver that says nothing in sysfs is asked for it. */
START_TEST(test_the_device_id_is_asked_for)
{
	static const struct usb_printer plain = { "03f0", "2b17", NULL, NULL,
		NULL, NULL };

	begin();
	plug("lp0", &plain);
	rig_set("usb_id", "MDL:LaserJet 9;SN:77");
	ck_assert_int_eq(rig_open(), -ENODEV);
	fake.id = "MFG:HP;MDL:LaserJet 9;SERN:77;";
	ck_assert_int_eq(rig_open(), PP_OK);
}
END_TEST

START_TEST(test_two_of_the_same_kind_must_be_told_apart)
{
	struct usb_printer other = laser;

	other.serial = "A2";
	begin();
	plug("lp0", &laser);
	usb_tree_plug("lp1", "/dev/null", &other);
	rig_set("usb", "03f0:2b17");
	ck_assert_int_eq(rig_open(), -ENOTUNIQ);
	ck_assert(fake_host_logged(HOST, "several printers are"));
	ck_assert(fake_host_logged(HOST, "VENDOR:PRODUCT:SERIAL"));
	rig_set("usb", "03f0:2b17:A1");
	ck_assert_int_eq(rig_open(), PP_OK);
	rig_print(1, "x");
	ck_assert_str_eq(rig_printed(1), "x");
}
END_TEST

START_TEST(test_a_printer_is_found_again_under_another_number)
{
	uint32_t again_ms;

	begin();
	plug("lp0", &laser);
	rig_set("usb", "03f0:2b17:A1");
	ck_assert_int_eq(rig_open(), PP_OK);
	rig_print(1, "one");
	ck_assert_str_eq(rig_printed(3), "one");
	rig_unplug();
	usb_tree_unplug("lp0");
	if (_i == 0) {
		ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms),
		    PP_OK);
		ck_assert_int_eq(rig_status()->status, PP_STATUS_OFFLINE);
	}
	/* Another one has its number now. */
	usb_tree_plug("lp0", "/dev/null", &label);
	rig_plug();
	plug("lp5", &laser);
	if (_i == 0) {
		ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms),
		    PP_OK);
		ck_assert_int_eq(rig_status()->status, PP_STATUS_CLEAR);
	}
	rig_print(2, "two");
	ck_assert_str_eq(rig_printed(3), "two");
}
END_TEST

/* The node is another device's by the time that it is open. */
START_TEST(test_a_node_that_changed_hands_is_not_used)
{
	begin();
	plug("lp0", &laser);
	usb_tree_change("lp0", "dev", "180:15");
	rig_set("usb", "03f0:2b17");
	ck_assert_int_eq(rig_open(), -ENODEV);
}
END_TEST

START_TEST(test_a_kernel_that_names_no_node)
{
	static const char *const words[] = { NULL, "DEVNAME=../../etc/passwd",
		"DEVNAME=", "MINOR=0" };

	begin();
	plug("lp0", &laser);
	usb_tree_change("lp0", "uevent", words[_i]);
	rig_set("usb", "03f0:2b17");
	ck_assert_int_eq(rig_open(), PP_OK);
}
END_TEST

/* Three steps up from its tty, and no printer to whoever looks for names. */
START_TEST(test_a_serial_adapter)
{
	static const struct usb_printer adapter = { "0403", "6001", "FT1",
		"FTDI", "FT232R", NULL };

	begin();
	plug(_i == 0 ? "ttyUSB0" : "ttyACM3", &adapter);
	rig_set("usb", "0403:6001:FT1");
	ck_assert_int_eq(rig_open(), PP_OK);
	rig_print(1, "x");
	rig_close();
	rig_set("usb", "");
	rig_set("usb_id", "FT232R");
	ck_assert_int_eq(rig_open(), -ENODEV);
}
END_TEST

START_TEST(test_no_usb_at_all)
{
	begin();
	rig_set("usb", "03f0:2b17");
	ck_assert_int_eq(rig_open(), -ENODEV);
	rig_set("sysfs", "/no/such/sysfs");
	ck_assert_int_eq(rig_open(), -ENODEV);
}
END_TEST

/*
 * ---- What is plugged in ----------------------------------------------------
 */

static struct pp_port_info_2 ports[64];

static uint32_t
enumerate(void)
{
	size_t needed, again;
	uint32_t count;

	ck_assert_int_eq(TABLE->enum_ports(rig.module.monitor, 2, NULL, 0,
	    &needed, &count), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_le(needed, sizeof(ports));
	ck_assert_int_eq(TABLE->enum_ports(rig.module.monitor, 2, ports,
	    needed - 1, &again, &count), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(TABLE->enum_ports(rig.module.monitor, 2, ports,
	    needed, &again, &count), PP_OK);
	ck_assert_uint_eq(again, needed);
	return count;
}

START_TEST(rule_11_what_is_plugged_in_and_not_configured_is_listed)
{
	begin();
	rig_set("path", "/dev/null");
	plug("lp0", &laser);
	usb_tree_plug("lp1", "/dev/null", &label);
	ck_assert_uint_eq(enumerate(), 3);
	ck_assert_str_eq(ports[0].name, "till");
	ck_assert_str_eq(ports[1].name,
	    "usb-Hewlett-Packard_HP_LaserJet_1020-A1");
	ck_assert_str_eq(ports[1].description, "Hewlett-Packard HP LaserJet "
	    "1020 (usb = 03f0:2b17:A1)");
	ck_assert_str_eq(ports[1].monitor, "device");
	/* Without a serial number it is told by its plug. */
	ck_assert_str_eq(ports[2].name, "usb-Zebra_ZTC_GK420d-1-2");
	ck_assert_str_eq(ports[2].description,
	    "Zebra ZTC GK420d (usb = 0a5f:0081)");
	ck_assert_uint_eq(fake.writes, 0);
}
END_TEST

START_TEST(rule_19_what_is_only_plugged_in_cannot_be_opened)
{
	begin();
	rig_set("path", "/dev/null");
	plug("lp0", &laser);
	ck_assert_uint_eq(enumerate(), 2);
	ck_assert_int_eq(TABLE->open_port(rig.module.monitor, ports[1].name,
	    &rig.port), PP_NOT_FOUND);
}
END_TEST

START_TEST(rule_60_the_list_of_devices_says_its_size)
{
	struct pp_xcv *xcv;
	size_t needed = 0, again = 0;
	char text[1000] = "untouched";

	begin();
	rig_set("path", "/dev/null");
	plug("lp0", &laser);
	usb_tree_plug("lp1", "/dev/null", &label);
	ck_assert_int_eq(TABLE->xcv_open_port(rig.module.monitor, "", 0,
	    &xcv), PP_OK);
	ck_assert_int_eq(TABLE->xcv_data_port(xcv, "ListDevices", NULL, 0,
	    NULL, 0, &needed), PP_BUFFER_TOO_SMALL);
	ck_assert_int_eq(TABLE->xcv_data_port(xcv, "ListDevices", NULL, 0,
	    text, needed - 1, &again), PP_BUFFER_TOO_SMALL);
	ck_assert_str_eq(text, "untouched");
	ck_assert_int_eq(TABLE->xcv_data_port(xcv, "ListDevices", NULL, 0,
	    text, needed, &again), PP_OK);
	ck_assert_uint_eq(again, needed);
	ck_assert_uint_eq(strlen(text) + 1, needed);
	ck_assert_str_eq(text, "usb-Hewlett-Packard_HP_LaserJet_1020-A1  "
	    "Hewlett-Packard HP LaserJet 1020 (usb = 03f0:2b17:A1)\n"
	    "usb-Zebra_ZTC_GK420d-1-2  Zebra ZTC GK420d (usb = 0a5f:0081)\n");
	ck_assert_int_eq(TABLE->xcv_close_port(xcv), PP_OK);
}
END_TEST

START_TEST(test_what_is_configured_is_listed_once)
{
	static const struct {
		const char *key, *value;
	} known[] = {
		{ "usb", "03f0:2b17" }, { "usb", "03f0:2b17:A1" },
		{ "usb_id", "LaserJet" }, { "path", NULL },
	};
	char node[PATH_MAX];

	begin();
	plug("lp0", &laser);
	snprintf(node, sizeof(node), "%s/usb/lp0", usb_tree_devices());
	rig_set(known[_i].key, known[_i].value != NULL ? known[_i].value :
	    node);
	ck_assert_uint_eq(enumerate(), 1);
	usb_tree_unplug("lp0");
	ck_assert_uint_eq(enumerate(), 1);
}
END_TEST

START_TEST(test_ports_that_look_at_one_place_find_a_printer_once)
{
	begin();
	rig_set("path", "/dev/null");
	fake_host_set(HOST, "second", "path", "/dev/zero");
	fake_host_set(HOST, "second", "sysfs", usb_tree_sysfs());
	fake_host_set(HOST, "second", "devices", usb_tree_devices());
	plug("lp0", &laser);
	ck_assert_uint_eq(enumerate(), 3);
}
END_TEST

static const struct {
	struct usb_printer	 printer;
	const char		*name, *description;
} described[] = {
	{ { "03f0", "2b17", "A1", NULL, NULL, NULL }, "usb-03f0-2b17-A1",
	  "USB printer (usb = 03f0:2b17:A1)" },
	{ { "03f0", "2b17", "A1", "HP", "HP Laser", NULL }, "usb-HP_Laser-A1",
	  "HP Laser (usb = 03f0:2b17:A1)" },
	{ { "1", "2", "../x;y]", "Ma/ke", "a\001\xff\x80 b", NULL },
	  "usb-Ma_ke_a_b-.._x_y_", "Ma/ke a??? b (usb = 1:2:../x;y])" },
	{ { "1", "2", "SERIALSERIALSERIALSERIALSERIALSERIAL",
	  "A maker with a name that is rather long for a port, is it not",
	  "Model", NULL },
	  "usb-A_maker_with_a_name_that_is_-SERIALSERIALSERIALSERIALSERIAL",
	  "A maker with a name" },
};
#define DESCRIBED	((int)(sizeof(described) / sizeof(described[0])))

START_TEST(test_names_are_fit_for_ports)
{
	begin();
	rig_set("path", "/dev/null");
	plug("lp0", &described[_i].printer);
	ck_assert_uint_eq(enumerate(), 2);
	ck_assert_str_eq(ports[1].name, described[_i].name);
	ck_assert_uint_le(strlen(ports[1].name), PP_PORT_NAME_LEN);
	ck_assert_ptr_eq(strstr(ports[1].description,
	    described[_i].description), ports[1].description);
}
END_TEST

/*
 * ---- What it needs first ---------------------------------------------------
 */

static char firmware[PATH_MAX];

static void
begin_with_firmware(const char *content)
{
	FILE *file;

	begin();
	snprintf(firmware, sizeof(firmware), "%s/firmware",
	    suite_directory());
	file = fopen(firmware, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(content, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	rig_set("on_attach", firmware);
	rig_set("usb", "03f0:2b17");
	plug("lp0", &laser);
	ck_assert_int_eq(rig_open(), PP_OK);
}

START_TEST(test_firmware_goes_before_the_first_document_only)
{
	begin_with_firmware("FIRMWARE.");
	ck_assert_str_eq(rig_printed(0), "");
	rig_print(1, "one.");
	rig_print(2, "two.");
	ck_assert_str_eq(rig_printed(17), "FIRMWARE.one.two.");
	ck_assert(fake_host_logged(HOST, "9 bytes"));
}
END_TEST

START_TEST(test_firmware_is_not_sent_again_to_a_port_opened_anew)
{
	begin_with_firmware("FIRMWARE.");
	rig_print(1, "one.");
	rig_close();
	ck_assert_int_eq(rig_open(), PP_OK);
	rig_print(2, "two.");
	ck_assert_str_eq(rig_printed(17), "FIRMWARE.one.two.");
}
END_TEST

START_TEST(test_firmware_goes_again_after_the_next_plug_in)
{
	begin_with_firmware("FIRMWARE.");
	rig_print(1, "one.");
	ck_assert_str_eq(rig_printed(13), "FIRMWARE.one.");
	rig_unplug();
	usb_tree_unplug("lp0");
	rig_plug();
	plug("lp0", &laser);
	rig_print(2, "two.");
	ck_assert_str_eq(rig_printed(13), "FIRMWARE.two.");
}
END_TEST

/* By its node, where nothing is known of a plug. */
START_TEST(test_firmware_for_a_path)
{
	char node[PATH_MAX];

	begin_with_firmware("FIRMWARE.");
	rig_close();
	rig_set("usb", "");
	snprintf(node, sizeof(node), "%s/usb/lp0", usb_tree_devices());
	rig_set("path", node);
	ck_assert_int_eq(rig_open(), PP_OK);
	rig_print(1, "one.");
	rig_print(2, "two.");
	ck_assert_str_eq(rig_printed(17), "FIRMWARE.one.two.");
	rig_unplug();
	ck_assert_int_eq(unlink(node), 0);
	rig_plug();
	ck_assert_int_eq(symlink(rig.node, node), 0);
	rig_print(3, "three.");
	ck_assert_str_eq(rig_printed(15), "FIRMWARE.three.");
}
END_TEST

/* A pty takes some thousand bytes while nobody reads. */
START_TEST(test_firmware_that_is_not_taken)
{
	char content[60001];
	const char *printed;
	size_t i;

	for (i = 0; i < 60000; i++)
		content[i] = (char)('!' + i * 7 % 90);
	content[60000] = '\0';
	begin_with_firmware(content);
	ck_assert_int_eq(rig_try_start(1), PP_TIMEOUT);
	ck_assert(fake_host_logged(HOST, "did not take on_attach"));
	/* What the kernel still had was thrown away: maybe all of it. */
	printed = rig_printed(0);
	ck_assert_mem_eq(printed, content, strlen(printed));
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_uint_eq(HOST->n_events, 0);
}
END_TEST

/* What the printer has got so far, while the module waits. */
static char got[100000];
static size_t n_got;

static void
keep_reading(void)
{
	const char *more = rig_printed(0);

	ck_assert_uint_le(n_got + strlen(more), sizeof(got));
	memcpy(got + n_got, more, strlen(more));
	n_got += strlen(more);
}

START_TEST(test_firmware_waits_for_a_slow_printer)
{
	char content[60001];
	size_t i;

	for (i = 0; i < 60000; i++)
		content[i] = (char)('!' + i * 7 % 90);
	content[60000] = '\0';
	begin_with_firmware(content);
	rig.on_wait = keep_reading;
	rig.patience_ms = 60000;
	rig_start(1);
	while (n_got < 60000)
		keep_reading();
	ck_assert_uint_eq(n_got, 60000);
	ck_assert_mem_eq(got, content, 60000);
	ck_assert_int_eq(rig_end(), PP_OK);
}
END_TEST

/* A failed one is none: it goes again, whole. */
START_TEST(test_firmware_that_failed_is_sent_again)
{
	begin_with_firmware("FIRMWARE.");
	fake.write_error = EIO;
	fake.write_errors = 1;
	ck_assert_int_eq(rig_try_start(1), -EIO);
	ck_assert_int_eq(rig_end(), PP_OK);
	rig_print(1, "one.");
	ck_assert_str_eq(rig_printed(13), "FIRMWARE.one.");
}
END_TEST

static void
cancel(void)
{
	HOST->canceled = true;
}

START_TEST(rule_49_cancel_ends_the_sending_of_firmware)
{
	begin_with_firmware("FIRMWARE.");
	fake.full = true;
	fake.write_error = EAGAIN;
	fake.write_errors = -1;
	rig.on_wait = cancel;
	ck_assert_int_eq(rig_try_start(1), PP_CANCELED);
	ck_assert_uint_eq(rig.waits, 1);
	HOST->canceled = false;
	rig.on_wait = NULL;
	fake.full = false;
	fake.write_errors = 0;
	rig_print(2, "two.");
	ck_assert_str_eq(rig_printed(13), "FIRMWARE.two.");
}
END_TEST

START_TEST(test_a_printer_that_has_its_firmware_gets_none)
{
	fake.id = "MFG:HP;MDL:LaserJet 1020;FWVER:20041129;";
	begin_with_firmware("FIRMWARE.");
	rig_print(1, "one.");
	ck_assert_str_eq(rig_printed(4), "one.");
	ck_assert(fake_host_logged(HOST, "FWVER:20041129"));
}
END_TEST

START_TEST(test_firmware_that_is_gone_is_named)
{
	begin_with_firmware("FIRMWARE.");
	ck_assert_int_eq(unlink(firmware), 0);
	ck_assert_int_eq(rig_try_start(1), -ENOENT);
	ck_assert(fake_host_logged(HOST, firmware));
	ck_assert_str_eq(rig_printed(0), "");
}
END_TEST

/* Nothing that stands in a shared directory is believed or written through. */
START_TEST(test_a_memory_that_is_not_ours)
{
	char memory[PATH_MAX], victim[PATH_MAX];
	struct stat st;

	snprintf(memory, sizeof(memory), "%s/test-till.attached",
	    suite_directory());
	snprintf(victim, sizeof(victim), "%s/victim", suite_directory());
	ck_assert_int_ne(close(open(victim, O_CREAT | O_WRONLY, 0600)), -1);
	if (_i == 0)
		ck_assert_int_eq(symlink(victim, memory), 0);
	else
		ck_assert_int_eq(mkfifo(memory, 0666), 0);
	begin_with_firmware("FIRMWARE.");
	rig_print(1, "one.");
	rig_print(2, "two.");
	ck_assert_str_eq(rig_printed(17), "FIRMWARE.one.two.");
	ck_assert(fake_host_logged(HOST, "cannot be remembered"));
	ck_assert_int_eq(stat(victim, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
}
END_TEST

/*
 * ---- The suite -------------------------------------------------------------
 */

static Suite *
usb_suite(void)
{
	const struct rig_test identity_tests[] = {
		{ test_a_printer_is_known_by_what_it_is, MEANT },
		{ test_a_printer_without_a_device_id, 1 },
		{ test_the_device_id_is_asked_for, 1 },
		{ test_two_of_the_same_kind_must_be_told_apart, 1 },
		{ test_a_printer_is_found_again_under_another_number, 2 },
		{ test_a_node_that_changed_hands_is_not_used, 1 },
		{ test_a_kernel_that_names_no_node, 4 },
		{ test_a_serial_adapter, 2 },
		{ test_no_usb_at_all, 1 },
		{ NULL, 0 }
	};
	const struct rig_test list_tests[] = {
		{ rule_11_what_is_plugged_in_and_not_configured_is_listed, 1 },
		{ rule_19_what_is_only_plugged_in_cannot_be_opened, 1 },
		{ rule_60_the_list_of_devices_says_its_size, 1 },
		{ test_what_is_configured_is_listed_once, 4 },
		{ test_ports_that_look_at_one_place_find_a_printer_once, 1 },
		{ test_names_are_fit_for_ports, DESCRIBED },
		{ NULL, 0 }
	};
	const struct rig_test firmware_tests[] = {
		{ test_firmware_goes_before_the_first_document_only, 1 },
		{ test_firmware_is_not_sent_again_to_a_port_opened_anew, 1 },
		{ test_firmware_goes_again_after_the_next_plug_in, 1 },
		{ test_firmware_for_a_path, 1 },
		{ test_firmware_that_is_not_taken, 1 },
		{ test_firmware_waits_for_a_slow_printer, 1 },
		{ test_firmware_that_failed_is_sent_again, 1 },
		{ rule_49_cancel_ends_the_sending_of_firmware, 1 },
		{ test_a_printer_that_has_its_firmware_gets_none, 1 },
		{ test_firmware_that_is_gone_is_named, 1 },
		{ test_a_memory_that_is_not_ours, 2 },
		{ NULL, 0 }
	};
	Suite *suite = suite_create("device_usb");

	rig_case(suite, "identity", identity_tests);
	rig_case(suite, "list", list_tests);
	rig_case(suite, "firmware", firmware_tests);
	return suite;
}

int
main(void)
{
	return suite_main(usb_suite());
}
