/*
 * check_socket_status - a printer's SNMP report in the words of a port.
 */
#include "monitor/socket_status.h"
#include "tests/suite.h"

#define BIT(fault)	(1u << (fault))

static const struct {
	uint32_t		faults;
	enum pp_port_status	status;
	enum pp_severity	severity, when_down;
} rows[] = {
	{ BIT(SOCKET_LOW_PAPER), PP_STATUS_PAPER_PROBLEM,
	  PP_SEVERITY_WARNING, PP_SEVERITY_WARNING },
	{ BIT(SOCKET_NO_PAPER), PP_STATUS_PAPER_OUT,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_LOW_TONER), PP_STATUS_TONER_LOW,
	  PP_SEVERITY_WARNING, PP_SEVERITY_WARNING },
	{ BIT(SOCKET_NO_TONER), PP_STATUS_NO_TONER,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_DOOR_OPEN), PP_STATUS_DOOR_OPEN,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_JAMMED), PP_STATUS_PAPER_JAM,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_OFFLINE), PP_STATUS_OFFLINE,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_SERVICE_REQUESTED), PP_STATUS_USER_INTERVENTION,
	  PP_SEVERITY_WARNING, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_INPUT_TRAY_MISSING), PP_STATUS_PAPER_PROBLEM,
	  PP_SEVERITY_WARNING, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_OUTPUT_TRAY_MISSING), PP_STATUS_OUTPUT_BIN_FULL,
	  PP_SEVERITY_WARNING, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_MARKER_SUPPLY_MISSING), PP_STATUS_NO_TONER,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_OUTPUT_NEAR_FULL), PP_STATUS_OUTPUT_BIN_FULL,
	  PP_SEVERITY_WARNING, PP_SEVERITY_WARNING },
	{ BIT(SOCKET_OUTPUT_FULL), PP_STATUS_OUTPUT_BIN_FULL,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_INPUT_TRAY_EMPTY), PP_STATUS_PAPER_PROBLEM,
	  PP_SEVERITY_WARNING, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_OVERDUE_MAINTENANCE), PP_STATUS_USER_INTERVENTION,
	  PP_SEVERITY_INFO, PP_SEVERITY_INFO },
	{ 0, PP_STATUS_CLEAR, PP_SEVERITY_NONE, PP_SEVERITY_WARNING },
	/* The worst of several. */
	{ BIT(SOCKET_LOW_TONER) | BIT(SOCKET_NO_PAPER), PP_STATUS_PAPER_OUT,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_JAMMED) | BIT(SOCKET_NO_PAPER), PP_STATUS_PAPER_JAM,
	  PP_SEVERITY_ERROR, PP_SEVERITY_ERROR },
	{ BIT(SOCKET_OVERDUE_MAINTENANCE) | BIT(SOCKET_LOW_TONER),
	  PP_STATUS_TONER_LOW, PP_SEVERITY_WARNING, PP_SEVERITY_WARNING },
	/* Bits that nobody has defined. */
	{ 1u << SOCKET_FAULTS | 1u << 31, PP_STATUS_CLEAR, PP_SEVERITY_NONE,
	  PP_SEVERITY_WARNING },
};
#define ROWS	((int)(sizeof(rows) / sizeof(rows[0])))

START_TEST(rule_76_reports_map_to_status_and_severity)
{
	struct socket_report report = { .device = 2,
	    .faults = rows[_i].faults };
	struct pp_port_info_3 info = socket_status_of(&report);

	ck_assert_int_eq(info.status, rows[_i].status);
	ck_assert_int_eq(info.severity, rows[_i].severity);
	ck_assert(info.severity == PP_SEVERITY_NONE || info.text != NULL);
	report.device = SOCKET_DEVICE_DOWN;
	info = socket_status_of(&report);
	ck_assert_int_eq(info.severity, rows[_i].when_down);
	ck_assert_int_eq(info.status, rows[_i].status == PP_STATUS_CLEAR ?
	    PP_STATUS_OFFLINE : rows[_i].status);
}
END_TEST

START_TEST(rule_76_every_fault_has_a_status)
{
	struct socket_report report = { .device = 2 };
	int fault;

	for (fault = 0; fault < SOCKET_FAULTS; fault++) {
		report.faults = BIT(fault);
		ck_assert_int_ne(socket_status_of(&report).status,
		    PP_STATUS_CLEAR);
	}
}
END_TEST

START_TEST(test_warming_up_is_no_trouble)
{
	struct socket_report report = { .device = 2,
	    .printer = SOCKET_PRINTER_WARMUP };
	struct pp_port_info_3 info = socket_status_of(&report);

	ck_assert_int_eq(info.status, PP_STATUS_WARMING_UP);
	ck_assert_int_eq(info.severity, PP_SEVERITY_INFO);
	report.printer = SOCKET_PRINTER_PRINTING;
	ck_assert_int_eq(socket_status_of(&report).status, PP_STATUS_CLEAR);
}
END_TEST

START_TEST(test_a_silent_printer_has_no_status)
{
	const struct socket_report nothing = { 0 };

	ck_assert_int_eq(socket_status_of(&nothing).status, PP_STATUS_CLEAR);
	ck_assert_int_eq(socket_status_of(&nothing).severity,
	    PP_SEVERITY_NONE);
}
END_TEST

static Suite *
socket_status_suite(void)
{
	Suite *suite = suite_create("socket_status");
	TCase *tcase = tcase_create("reports");

	tcase_add_loop_test(tcase, rule_76_reports_map_to_status_and_severity,
	    0, ROWS);
	tcase_add_test(tcase, rule_76_every_fault_has_a_status);
	tcase_add_test(tcase, test_warming_up_is_no_trouble);
	tcase_add_test(tcase, test_a_silent_printer_has_no_status);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(socket_status_suite());
}
