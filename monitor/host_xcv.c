/*
 * host_xcv.c - what a host does that has no port open: it judges settings,
 * lists ports, and carries Xcv calls to the monitor.
 *
 * Each request is answered by one RESULT (CHECK: by any number of PROBLEMs
 * before it).
 */
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "settings.h"

/* Most that an Xcv call may answer; it must fit a message. */
#define XCV_OUT_LEN	(WIRE_MSG_LEN - 1024)

static void
begin_result(struct host *host, int code)
{
	wire_begin(&host->out, WIRE_RESULT);
	wire_put_u32(&host->out, (uint32_t)code);
	wire_put_str(&host->out, code == 0 ? "" : fault_code_text(code));
}

static void
result(struct host *host, int code)
{
	begin_result(host, code);
	host_send(host);
}

/* ---- CHECK -------------------------------------------------------------- */

static void
problem(struct host *host, const char *port, const char *key, uint32_t line,
    const char *text)
{
	wire_begin(&host->out, WIRE_PROBLEM);
	wire_put_str(&host->out, port);
	wire_put_str(&host->out, key);
	wire_put_u32(&host->out, line);
	wire_put_str(&host->out, text);
	host_send(host);
}

static int
check_port(struct host *host, const struct host_port *port,
    const struct pp_setting_decl *decls)
{
	struct fault fault;
	size_t i;
	int bad = 0;

	for (i = 0; i < port->n_settings; i++) {
		const struct pp_setting *s = &port->settings[i];

		if (settings_check(decls, s->key, s->value, &fault) == 0)
			continue;
		problem(host, port->name, s->key, port->lines[i], fault.text);
		bad++;
	}
	if (settings_check_complete(decls, port->settings, port->n_settings,
	    &fault) != 0) {
		problem(host, port->name, "", 0, fault.text);
		bad++;
	}
	return bad;
}

/* What the module says against settings that are right one by one. */
static int
check_together(struct host *host, const struct host_port *port,
    handle module)
{
	int code;

	host->reason[0] = '\0';
	host->judging = true;
	code = session_check_port(host->session, module, port->name);
	host->judging = false;
	if (code == 0)
		return 0;
	problem(host, port->name, "", 0, host_reason(host, code));
	return 1;
}

static void
check(struct host *host)
{
	const struct host_port *port;
	size_t i;
	int bad = 0, wrong;

	for (i = 0; i < host->n_ports; i++) {
		port = &host->ports[i];
		wrong = check_port(host, port, host->declared);
		if (wrong == 0)
			wrong = check_together(host, port, host->monitor);
		if (wrong == 0 && host->lm != 0)
			wrong = check_together(host, port, host->lm);
		bad += wrong;
	}
	result(host, bad == 0 ? 0 : PP_INVALID_DATA);
}

/* ---- ENUM --------------------------------------------------------------- */

static void
put_ports(struct host *host, const struct pp_port_info_2 *ports, uint32_t n)
{
	uint32_t i;

	begin_result(host, 0);
	wire_put_u32(&host->out, n);
	for (i = 0; i < n; i++) {
		wire_put_str(&host->out, ports[i].name);
		wire_put_str(&host->out, ports[i].monitor);
		wire_put_str(&host->out, ports[i].description);
	}
}

static void
enumerate(struct host *host)
{
	struct pp_port_info_2 *ports = NULL;
	size_t needed = 0;
	uint32_t n = 0;
	int code;

	code = session_enum_ports(host->session, 2, NULL, 0, &needed, &n);
	if (code == PP_BUFFER_TOO_SMALL) {
		ports = malloc(needed);
		code = ports == NULL ? PP_NO_MEMORY :
		    session_enum_ports(host->session, 2, ports, needed,
		    &needed, &n);
	}
	if (code == 0)
		put_ports(host, ports, ports == NULL ? 0 : n);
	if (code != 0 || host->out.bad)		/* more than a message holds */
		begin_result(host, code != 0 ? code : PP_BUFFER_TOO_SMALL);
	host_send(host);
	free(ports);
}

/* ---- Xcv ---------------------------------------------------------------- */

static void
xcv_open(struct host *host)
{
	const char *object = wire_get_str(&host->in);
	uint32_t access = wire_get_u32(&host->in);
	handle xcv = 0;
	int code = PP_INVALID_DATA;

	if (wire_done(&host->in) == 0)
		code = session_xcv_open(host->session, host->monitor, object,
		    access, &xcv);
	begin_result(host, code);
	wire_put_u64(&host->out, xcv);
	host_send(host);
}

/*
 * The request is copied out of host->in: the module's callbacks may wait for
 * the daemon's answer, which arrives there.
 */
struct request {
	handle		 xcv;
	char		*name;
	void		*in;
	size_t		 in_len;
	size_t		 out_size;
};

static int
get_request(struct host *host, struct request *request)
{
	const void *in;

	request->xcv = wire_get_u64(&host->in);
	request->name = strdup(wire_get_str(&host->in));
	in = wire_get_bytes(&host->in, &request->in_len);
	request->in = malloc(request->in_len + 1);
	request->out_size = wire_get_u32(&host->in);
	if (request->name == NULL || request->in == NULL)
		return PP_NO_MEMORY;
	memcpy(request->in, in, request->in_len);
	if (request->out_size > XCV_OUT_LEN)
		request->out_size = XCV_OUT_LEN;
	return wire_done(&host->in) == 0 ? 0 : PP_INVALID_DATA;
}

static void
xcv_data(struct host *host)
{
	struct request request = { 0 };
	char *out = NULL;
	size_t needed = 0;
	int code;

	code = get_request(host, &request);
	if (code == 0 && request.out_size > 0) {
		out = calloc(1, request.out_size);
		code = out == NULL ? PP_NO_MEMORY : 0;
	}
	if (code == 0)
		code = session_xcv_data(host->session, request.xcv,
		    request.name, request.in, request.in_len, out,
		    request.out_size, &needed);
	begin_result(host, code);
	wire_put_u32(&host->out, (uint32_t)needed);
	wire_put_bytes(&host->out, out, code == 0 && out != NULL ? needed : 0);
	host_send(host);
	free(out);
	free(request.name);
	free(request.in);
}

static void
xcv_close(struct host *host)
{
	handle xcv = wire_get_u64(&host->in);
	int code = PP_INVALID_DATA;

	if (wire_done(&host->in) == 0)
		code = session_xcv_close(host->session, xcv);
	result(host, code);
}

void
host_manage(struct host *host, enum wire_type type)
{
	switch (type) {
	case WIRE_CHECK:
		check(host);
		return;
	case WIRE_ENUM:
		enumerate(host);
		return;
	case WIRE_XCV_OPEN:
		xcv_open(host);
		return;
	case WIRE_XCV_DATA:
		xcv_data(host);
		return;
	default:
		xcv_close(host);
	}
}
