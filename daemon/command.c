/*
 * command.c - see command.h.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "command.h"
#include "conf/conf.h"
#include "loading.h"
#include "manage.h"
#include "modcheck.h"
#include "report.h"
#include "server.h"

#define DEFAULT_CONFIG	PP_SYSCONFDIR "/printportd.ini"

static const char usage[] =
    "usage: printportd [--config FILE]                 serve, in the foreground\n"
    "       printportd [--config FILE] --check-config  all errors of the file\n"
    "       printportd [--config FILE] --print-config  what is in force\n"
    "       printportd [--config FILE] --enum-ports    the ports of its monitors\n"
    "       printportd [--config FILE] --xcv OBJECT NAME [INPUT...]\n"
    "           OBJECT is \"XcvMonitor MONITOR\" or \"XcvPort PORT\", NAME is\n"
    "           AddPort, ConfigPort, DeletePort, PortExists, MonitorUI, ...\n"
    "       printportd [--config FILE] --remove-monitor MONITOR\n"
    "       printportd --version | --help\n"
    "FILE is " DEFAULT_CONFIG " unless given; see printportd(8).\n";

enum mode { MODE_SERVE, MODE_CHECK_CONFIG, MODE_PRINT_CONFIG, MODE_ENUM_PORTS, MODE_XCV,
    MODE_REMOVE_MONITOR, MODE_VERSION, MODE_HELP };

static const struct option options[] = {
	{ "config",	    required_argument,	NULL, 'c' },
	{ "check-config",   no_argument,	NULL, MODE_CHECK_CONFIG },
	{ "print-config",   no_argument,	NULL, MODE_PRINT_CONFIG },
	{ "enum-ports",	    no_argument,	NULL, MODE_ENUM_PORTS },
	{ "xcv",	    no_argument,	NULL, MODE_XCV },
	{ "remove-monitor", no_argument,	NULL, MODE_REMOVE_MONITOR },
	{ "version",	    no_argument,	NULL, MODE_VERSION },
	{ "help",	    no_argument,	NULL, MODE_HELP },
	{ NULL, 0, NULL, 0 },
};

/* What did not get out is an error too. */
static int
flushed(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? status : EX_IOERR;
}

static int
with_config(enum mode mode, const char *path, char **words, int n)
{
	struct conf_errors errors = { NULL, 0 };
	struct conf *conf = conf_load(path, &errors);
	int status = EX_CONFIG;

	if (conf != NULL && mode == MODE_CHECK_CONFIG) {
		loading_check(conf, &errors);
		(void)!conf_read_banners(conf, &errors);
	}
	if (conf != NULL && mode == MODE_CHECK_CONFIG &&
	    modcheck_run(conf, true, &errors) == 0 && errors.n == 0) {
		printf("%s: no errors\n", path);
		status = EXIT_SUCCESS;
	} else if (conf != NULL && mode == MODE_PRINT_CONFIG) {
		conf_print(conf, stdout);
		status = EXIT_SUCCESS;
	} else if (conf != NULL && mode == MODE_ENUM_PORTS)
		status = manage_enum_ports(conf);
	else if (conf != NULL && mode == MODE_XCV)
		status = manage_xcv(conf, words[0], words[1], words + 2,
		    (size_t)n - 2);
	else if (conf != NULL && mode == MODE_REMOVE_MONITOR)
		status = manage_remove_monitor(conf, words[0]);
	report_conf_errors(&errors);
	conf_errors_free(&errors);
	conf_free(conf);
	return flushed(status);
}

int
command_run(int argc, char **argv)
{
	const char *path = DEFAULT_CONFIG;
	enum mode mode = MODE_SERVE;
	int c, n;

	while ((c = getopt_long(argc, argv, "+c:", options, NULL)) != -1) {
		if (c == 'c')
			path = optarg;
		else if (c == '?')
			mode = MODE_HELP;
		else
			mode = (enum mode)c;
		if (c == '?')
			return fputs(usage, stderr), EX_USAGE;
	}
	n = argc - optind;
	if (mode == MODE_HELP)
		return fputs(usage, stdout), flushed(EXIT_SUCCESS);
	if (mode == MODE_VERSION)
		return puts("printportd " PP_VERSION), flushed(EXIT_SUCCESS);
	if ((mode == MODE_XCV && n < 2) || (mode == MODE_REMOVE_MONITOR && n != 1) ||
	    (mode != MODE_XCV && mode != MODE_REMOVE_MONITOR && n != 0))
		return fputs(usage, stderr), EX_USAGE;
	if (mode == MODE_SERVE)
		return server_run(path);
	return with_config(mode, path, argv + optind, n);
}
