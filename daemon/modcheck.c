/*
 * modcheck.c - see modcheck.h.
 */
#include <string.h>

#include "hostcall.h"
#include "modcheck.h"

static void
add_problem(struct hostcall *call, const struct conf *conf,
    struct conf_errors *errors)
{
	const char *name = wire_get_str(&call->wire);
	const char *key = wire_get_str(&call->wire);
	int line = (int)wire_get_u32(&call->wire);
	const char *text = wire_get_str(&call->wire);
	ssize_t i = conf_find_port(conf, name);

	(void)key;		/* the text names it */
	if (i < 0 || wire_done(&call->wire) == -1)
		return;
	conf_errors_add(errors, conf->ports[i].file,
	    line > 0 ? line : conf->ports[i].line, "[port %s] %s", name, text);
}

static int
ask(struct hostcall *call, const struct conf *conf,
    struct conf_errors *errors, struct fault *fault)
{
	int type;

	wire_begin(&call->wire, WIRE_CHECK);
	if (hostcall_send(call, fault) == -1)
		return -1;
	for (;;) {
		type = hostcall_receive(call, fault);
		if (type == WIRE_RESULT)
			return 0;
		if (type != WIRE_PROBLEM)
			return -1;
		add_problem(call, conf, errors);
	}
}

/* All ports with the modules of this one, which is the first of them. */
static void
check_like(const struct conf *conf, const struct conf_port *port, bool strict,
    struct conf_errors *errors)
{
	struct fault fault = { .text = "" };
	struct hostcall *call;

	call = hostcall_start(conf, port->monitor, port->language_monitor,
	    MODCHECK_WAIT_MS, &fault);
	if (call != NULL && ask(call, conf, errors, &fault) == 0)
		fault.code = 0;
	if (call != NULL)
		hostcall_end(call);
	if (fault.code != 0 && strict)
		conf_errors_add(errors, port->file, port->line,
		    "[port %s] %s", port->name, fault.text);
}

static bool
is_first_of_its_kind(const struct conf *conf, size_t i)
{
	const struct conf_port *port = &conf->ports[i];
	size_t k;

	for (k = 0; k < i; k++)
		if (hostcall_uses(&conf->ports[k], port->monitor,
		    port->language_monitor))
			return false;
	return true;
}

int
modcheck_run(const struct conf *conf, bool strict, struct conf_errors *errors)
{
	size_t i, before = errors->n;

	for (i = 0; i < conf->n_ports; i++)
		if (is_first_of_its_kind(conf, i))
			check_like(conf, &conf->ports[i], strict, errors);
	return errors->n == before ? 0 : -1;
}
