/*
 * check_null - the module `null`: takes everything, and keeps the contract.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/module.h"
#include "tests/suite.h"

static struct module null;
static struct pp_port *port;

static const struct pp_doc_info_1 doc = { "Report", NULL, "" };

static void
setup(void)
{
	module_open(&null, "null");
	fake_host_set(null.host, "nowhere", NULL, NULL);
	ck_assert_int_eq(null.table->open_port(null.monitor, "nowhere", &port),
	    PP_OK);
}

static void
teardown(void)
{
	ck_assert_int_eq(null.table->close_port(port), PP_OK);
	module_close(&null);
}

static void
start(uint64_t job)
{
	null.host->job.id = job;
	ck_assert_int_eq(null.table->start_doc_port(port, "lobby", job, 1,
	    &doc), PP_OK);
}

START_TEST(rule_17_a_second_open_is_busy)
{
	struct pp_port *second;

	ck_assert_int_eq(null.table->open_port(null.monitor, "nowhere",
	    &second), PP_BUSY);
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(rule_18_documents_follow_one_another_on_one_handle)
{
	uint64_t job;

	for (job = 1; job <= 3; job++) {
		start(job);
		ck_assert_int_eq(null.table->end_doc_port(port), PP_OK);
		ck_assert_uint_eq(fake_host_events(null.host, job,
		    PP_JOB_SENT), 1);
	}
}
END_TEST

START_TEST(rule_19_an_unknown_name_is_not_found)
{
	struct pp_port *other;

	ck_assert_int_eq(null.table->open_port(null.monitor, "Nowhere",
	    &other), PP_NOT_FOUND);
}
END_TEST

START_TEST(rule_30_a_nested_start_is_busy)
{
	start(1);
	ck_assert_int_eq(null.table->start_doc_port(port, "lobby", 2, 1, &doc),
	    PP_BUSY);
	ck_assert_int_eq(null.table->end_doc_port(port), PP_OK);
	ck_assert_uint_eq(fake_host_events(null.host, 1, PP_JOB_SENT), 1);
	ck_assert_uint_eq(null.host->n_events, 1);
}
END_TEST

START_TEST(rule_33_an_unknown_level_is_refused)
{
	ck_assert_int_eq(null.table->start_doc_port(port, "lobby", 1, 2, &doc),
	    PP_INVALID_LEVEL);
	ck_assert_int_eq(null.table->start_doc_port(port, "lobby", 1, 1, NULL),
	    PP_INVALID_PARAMETER);
}
END_TEST

START_TEST(rule_35_a_write_of_any_size_is_taken)
{
	static const char bytes[70000];
	size_t len, written;

	start(1);
	for (len = 0; len <= sizeof(bytes); len = len * 3 + 1) {
		written = 99;
		ck_assert_int_eq(null.table->write_port(port, bytes, len,
		    &written), PP_OK);
		ck_assert_uint_eq(written, len);
	}
	ck_assert_int_eq(null.table->end_doc_port(port), PP_OK);
}
END_TEST

START_TEST(test_bytes_of_a_descriptor_are_taken)
{
	struct pp_moved moved;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fd), 0);
	ck_assert_int_eq(send(fd[1], "bytes", 5, 0), 5);
	ck_assert_int_eq(null.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_NO_DOCUMENT);
	start(1);
	ck_assert_int_eq(null.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 5);
	ck_assert_uint_eq(null.host->n_transfers, 1);
	ck_assert_int_eq(null.table->end_doc_port(port), PP_OK);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

START_TEST(test_nothing_can_be_read)
{
	char buf[10];
	size_t len = 99;

	ck_assert_int_eq(null.table->read_port(port, buf, sizeof(buf), &len),
	    PP_NOT_SUPPORTED);
	ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(rule_42_an_end_without_a_document_is_harmless)
{
	size_t written = 99;

	ck_assert_int_eq(null.table->end_doc_port(port), PP_OK);
	ck_assert_uint_eq(null.host->n_events, 0);
	ck_assert_int_eq(null.table->write_port(port, "x", 1, &written),
	    PP_NO_DOCUMENT);
	ck_assert_uint_eq(written, 0);
}
END_TEST

START_TEST(rule_48_a_deleted_job_is_not_reported_as_sent)
{
	start(1);
	null.host->job.flags = PP_JOB_DELETING;
	ck_assert_int_eq(null.table->end_doc_port(port), PP_OK);
	ck_assert_uint_eq(null.host->n_events, 0);
}
END_TEST

static Suite *
null_suite(void)
{
	Suite *suite = suite_create("null");
	TCase *contract = tcase_create("contract");

	tcase_add_checked_fixture(contract, setup, teardown);
	tcase_add_test(contract, rule_17_a_second_open_is_busy);
	tcase_add_test(contract,
	    rule_18_documents_follow_one_another_on_one_handle);
	tcase_add_test(contract, rule_19_an_unknown_name_is_not_found);
	tcase_add_test(contract, rule_30_a_nested_start_is_busy);
	tcase_add_test(contract, rule_33_an_unknown_level_is_refused);
	tcase_add_test(contract, rule_35_a_write_of_any_size_is_taken);
	tcase_add_test(contract, test_bytes_of_a_descriptor_are_taken);
	tcase_add_test(contract, test_nothing_can_be_read);
	tcase_add_test(contract,
	    rule_42_an_end_without_a_document_is_harmless);
	tcase_add_test(contract,
	    rule_48_a_deleted_job_is_not_reported_as_sent);
	suite_add_tcase(suite, contract);
	return suite;
}

int
main(void)
{
	return suite_main(null_suite());
}
