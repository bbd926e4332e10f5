/*
 * manage.c - see manage.h.
 */
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "hostcall.h"
#include "manage.h"
#include "modcheck.h"
#include "monitor/monitor.h"
#include "monitor/registry.h"
#include "privileges.h"

#define IN_LEN	16384
#define OUT_LEN	32768

/* What an Xcv call is about. */
struct target {
	const struct conf	*conf;
	const char		*monitor;
	const char		*language_monitor;
	const char		*object;	/* port, or "" */
	char			 ports_directory[4096];
};

static int
complain(const struct fault *fault)
{
	fprintf(stderr, "printportd: %s (%s)\n", fault->text,
	    fault_code_name(fault->code));
	return fault->code == PP_ACCESS_DENIED ? EX_NOPERM : EXIT_FAILURE;
}

/* ---- who may, and what may be changed ----------------------------------- */

static uint32_t
granted(const struct conf *conf)
{
	struct passwd *passwd = getpwnam(conf->daemon.user);
	uid_t uid = getuid();

	if (uid == 0 || (passwd != NULL && passwd->pw_uid == uid))
		return PP_ACCESS_ADMINISTER | PP_ACCESS_ENUMERATE;
	return PP_ACCESS_ENUMERATE;
}

static int
check_access(const struct conf *conf, struct fault *fault)
{
	if (granted(conf) & PP_ACCESS_ADMINISTER)
		return 0;
	return fault_set(fault, PP_ACCESS_DENIED, "only root and %s may do "
	    "that", conf->daemon.user);
}

/*
 * Root works as the daemon's user: what it stores must be the daemon's to read,
 * and no module runs as root.
 */
static int
become_user(const struct conf *conf, struct fault *fault)
{
	return privileges_drop(conf->daemon.user, conf->daemon.group, fault);
}

static bool
queue_uses(const struct conf *conf, size_t port)
{
	size_t i;

	for (i = 0; i < conf->n_queues; i++)
		if (conf->queues[i].port == port)
			return true;
	return false;
}

/* Is this one of the administrator's own? */
static bool
is_in_main_file(const struct target *target, size_t port)
{
	return strcmp(target->conf->ports[port].file, target->conf->path) == 0;
}

static int
judge_change(const struct target *target, const char *port,
    struct fault *fault)
{
	ssize_t i = conf_find_port(target->conf, port);

	if (i < 0)
		return 0;
	if (is_in_main_file(target, (size_t)i))
		return fault_set(fault, -EROFS, "port %s is defined at %s:%d; "
		    "change it there", port, target->conf->ports[i].file,
		    target->conf->ports[i].line);
	if (strcmp(target->conf->ports[i].monitor, target->monitor) != 0)
		return fault_set(fault, PP_ALREADY_EXISTS,
		    "port %s belongs to monitor %s", port,
		    target->conf->ports[i].monitor);
	return 0;
}

/* Before the monitor is asked at all. */
static int
judge_call(const struct target *target, const char *name, const char *port,
    struct fault *fault)
{
	bool add = strcmp(name, "AddPort") == 0;
	bool remove = strcmp(name, "DeletePort") == 0;
	ssize_t i = conf_find_port(target->conf, port);

	if ((add || remove || strcmp(name, "ConfigPort") == 0) &&
	    check_access(target->conf, fault) != 0)
		return fault->code;
	if (add && i >= 0)
		return fault_set(fault, PP_ALREADY_EXISTS,
		    "there is a port %s already, at %s:%d", port,
		    target->conf->ports[i].file, target->conf->ports[i].line);
	if (!remove)
		return 0;
	if (i < 0)
		return fault_set(fault, PP_NOT_FOUND, "there is no port %s",
		    port);
	if (queue_uses(target->conf, (size_t)i))
		return fault_set(fault, PP_BUSY, "port %s is used by a queue; "
		    "take it out of the queue first", port);
	return 0;
}

/* ---- the host's requests ------------------------------------------------ */

/* The first port to be stored makes the directory. */
static int
make_directory(const char *path, struct fault *fault)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return fault_set(fault, -errno, "%s cannot be created: %s", path,
	    strerror(errno));
}

static int
store(const struct target *target, struct hostcall *call, struct fault *fault)
{
	struct pp_setting settings[256];
	char port[PP_PORT_NAME_LEN + 1];
	uint32_t n, i;
	int code;

	snprintf(port, sizeof(port), "%s", wire_get_str(&call->wire));
	n = wire_get_u32(&call->wire);
	for (i = 0; i < n && i < 256; i++) {
		settings[i].key = wire_get_str(&call->wire);
		settings[i].value = wire_get_str(&call->wire);
	}
	if (n > 256 || wire_done(&call->wire) == -1)
		return fault_set(fault, PP_INVALID_DATA,
		    "the monitor sent nonsense");
	code = judge_change(target, port, fault);
	if (code == 0)
		code = make_directory(target->ports_directory, fault);
	return code != 0 ? code : registry_store(target->ports_directory,
	    port, target->monitor, settings, n, fault);
}

static int
remove_port(const struct target *target, struct hostcall *call,
    struct fault *fault)
{
	const char *port = wire_get_str(&call->wire);
	int code;

	if (wire_done(&call->wire) == -1)
		return fault_set(fault, PP_INVALID_DATA,
		    "the monitor sent nonsense");
	code = judge_change(target, port, fault);
	return code != 0 ? code : registry_remove(target->ports_directory,
	    port, fault);
}

static int
answer(struct hostcall *call, int code, struct fault *fault)
{
	struct fault ignored;

	wire_begin(&call->wire, WIRE_ANSWER);
	wire_put_u32(&call->wire, (uint32_t)code);
	return hostcall_send(call, fault != NULL ? fault : &ignored);
}

/* Serve the host until its RESULT; the text of a refusal stays in fault. */
static int
await_result(const struct target *target, struct hostcall *call,
    struct fault *fault)
{
	int type, code;

	for (;;) {
		type = hostcall_receive(call, fault);
		switch (type) {
		case WIRE_RESULT:
			return 0;
		case WIRE_STORE:
			code = store(target, call, fault);
			break;
		case WIRE_REMOVE:
			code = remove_port(target, call, fault);
			break;
		case WIRE_EXISTS:
			code = conf_find_port(target->conf,
			    wire_get_str(&call->wire)) >= 0;
			break;
		default:
			return -1;
		}
		if (answer(call, code, NULL) == -1)
			return -1;
	}
}

/* ---- one call ----------------------------------------------------------- */

/* The code of a RESULT; a text that says more stays. */
static int
result_code(struct hostcall *call, struct fault *fault)
{
	int code = (int32_t)wire_get_u32(&call->wire);
	const char *text = wire_get_str(&call->wire);

	if (code != 0 && (fault->text[0] == '\0' || fault->code != code))
		(void)fault_set(fault, code, "%s", text);
	return code;
}

static int
xcv_open(const struct target *target, struct hostcall *call, uint64_t *xcv,
    struct fault *fault)
{
	int code;

	wire_begin(&call->wire, WIRE_XCV_OPEN);
	wire_put_str(&call->wire, target->object);
	wire_put_u32(&call->wire, granted(target->conf));
	if (hostcall_send(call, fault) == -1 ||
	    await_result(target, call, fault) == -1)
		return fault->code;
	code = result_code(call, fault);
	*xcv = wire_get_u64(&call->wire);
	return code;
}

static void
show(const char *name, const char *bytes, size_t len)
{
	uint32_t number;
	size_t i;

	if (strcmp(name, "PortExists") == 0 && len == sizeof(number)) {
		memcpy(&number, bytes, sizeof(number));
		puts(number != 0 ? "yes" : "no");
		return;
	}
	for (i = 0; i < len; i++)
		if (isprint((unsigned char)bytes[i]) || bytes[i] == '\n')
			putchar(bytes[i]);
	if (len > 0 && bytes[len - 1] != '\n')
		putchar('\n');
}

static int
xcv_data(const struct target *target, struct hostcall *call, uint64_t xcv,
    const char *name, const char *in, size_t in_len, struct fault *fault)
{
	const char *out;
	size_t len;
	int code;

	wire_begin(&call->wire, WIRE_XCV_DATA);
	wire_put_u64(&call->wire, xcv);
	wire_put_str(&call->wire, name);
	wire_put_bytes(&call->wire, in, in_len);
	wire_put_u32(&call->wire, OUT_LEN);
	if (hostcall_send(call, fault) == -1 ||
	    await_result(target, call, fault) == -1)
		return fault->code;
	code = result_code(call, fault);
	(void)wire_get_u32(&call->wire);
	out = wire_get_bytes(&call->wire, &len);
	if (code == 0)
		show(name, out, len);
	return code;
}

static size_t
join(char *const *words, size_t n, char in[IN_LEN])
{
	size_t i, part, len = 0;

	for (i = 0; i < n; i++) {
		part = strlen(words[i]) + 1;
		if (part > IN_LEN - len)
			return 0;
		memcpy(in + len, words[i], part);
		len += part;
	}
	return len;
}

static int
call_monitor(const struct target *target, const char *name,
    char *const *words, size_t n_words, struct fault *fault)
{
	struct hostcall *call;
	char in[IN_LEN];
	uint64_t xcv = 0;
	size_t len = join(words, n_words, in);
	int code;

	if (len == 0 && n_words > 0)
		return fault_set(fault, PP_INVALID_DATA, "too much input");
	call = hostcall_start(target->conf, target->monitor,
	    target->language_monitor, MODCHECK_WAIT_MS, fault);
	if (call == NULL)
		return fault->code;
	code = xcv_open(target, call, &xcv, fault);
	if (code == 0)
		code = xcv_data(target, call, xcv, name, in, len, fault);
	hostcall_end(call);
	return code;
}

static int
find_target(struct target *target, const char *object, struct fault *fault)
{
	ssize_t i;

	if (*object == ',')
		object++;
	target->object = "";
	if (strncmp(object, "XcvMonitor ", 11) == 0) {
		target->monitor = object + 11;
		target->language_monitor = HOSTCALL_ANY;
		return 0;
	}
	if (strncmp(object, "XcvPort ", 8) != 0)
		return fault_set(fault, PP_INVALID_PARAMETER, "\"%s\" is no "
		    "object; expected \"XcvMonitor NAME\" or \"XcvPort NAME\"",
		    object);
	i = conf_find_port(target->conf, object + 8);
	if (i < 0)
		return fault_set(fault, PP_NOT_FOUND, "there is no port %s",
		    object + 8);
	target->object = target->conf->ports[i].name;
	target->monitor = target->conf->ports[i].monitor;
	target->language_monitor = target->conf->ports[i].language_monitor;
	return 0;
}

int
manage_xcv(const struct conf *conf, const char *object, const char *name,
    char *const *words, size_t n_words)
{
	struct target target = { .conf = conf };
	struct fault fault = { .text = "" };
	int code;

	snprintf(target.ports_directory, sizeof(target.ports_directory),
	    "%s/ports.d", conf->daemon.spool_directory);
	code = become_user(conf, &fault);
	if (code == 0)
		code = find_target(&target, object, &fault);
	if (code == 0)
		code = judge_call(&target, name, n_words > 0 ? words[0] : "",
		    &fault);
	if (code == 0)
		code = call_monitor(&target, name, words, n_words, &fault);
	return code == 0 ? EXIT_SUCCESS : complain(&fault);
}

/* ---- the others --------------------------------------------------------- */

static int
list_ports(struct hostcall *call, struct fault *fault)
{
	uint32_t n;
	int code;

	wire_begin(&call->wire, WIRE_ENUM);
	if (hostcall_send(call, fault) == -1 ||
	    hostcall_receive(call, fault) != WIRE_RESULT)
		return fault->code;
	code = result_code(call, fault);
	if (code != 0)
		return code;
	for (n = wire_get_u32(&call->wire); n > 0 && !call->wire.bad; n--) {
		printf("%s\t", wire_get_str(&call->wire));
		printf("%s\t", wire_get_str(&call->wire));
		printf("%s\n", wire_get_str(&call->wire));
	}
	return 0;
}

/* Is it the monitor of one of the first n ports? */
static bool
is_monitor_of(const struct conf *conf, size_t n, const char *monitor)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(conf->ports[i].monitor, monitor) == 0)
			return true;
	return false;
}

static int
list_ports_of(const struct conf *conf, const char *monitor,
    struct fault *fault)
{
	struct hostcall *call = hostcall_start(conf, monitor, HOSTCALL_ANY,
	    MODCHECK_WAIT_MS, fault);
	int code;

	if (call == NULL)
		return fault->code;
	code = list_ports(call, fault);
	hostcall_end(call);
	return code;
}

int
manage_enum_ports(const struct conf *conf)
{
	struct fault fault = { .text = "" };
	int status = EXIT_SUCCESS;
	size_t i;

	if (become_user(conf, &fault) != 0)
		return complain(&fault);
	for (i = 0; i < conf->n_ports; i++)
		if (!is_monitor_of(conf, i, conf->ports[i].monitor) &&
		    list_ports_of(conf, conf->ports[i].monitor, &fault) != 0)
			status = complain(&fault);
	return status;
}

/* A queue whose port is gone would make the configuration a bad one. */
static int
judge_removal(const struct conf *conf, const char *monitor,
    struct fault *fault)
{
	size_t i;

	for (i = 0; i < conf->n_ports; i++)
		if (strcmp(conf->ports[i].monitor, monitor) == 0 &&
		    strcmp(conf->ports[i].file, conf->path) != 0 &&
		    queue_uses(conf, i))
			return fault_set(fault, PP_BUSY, "port %s is used by "
			    "a queue; take it out of the queue first",
			    conf->ports[i].name);
	return 0;
}

int
manage_remove_monitor(const struct conf *conf, const char *monitor)
{
	struct fault fault = { .text = "" };
	char directory[4096];
	size_t n = 0;
	int code;

	snprintf(directory, sizeof(directory), "%s/ports.d",
	    conf->daemon.spool_directory);
	code = check_access(conf, &fault);
	if (code == 0)
		code = become_user(conf, &fault);
	if (code == 0)
		code = judge_removal(conf, monitor, &fault);
	if (code == 0)
		code = registry_remove_monitor(directory, monitor, &n, &fault);
	if (code != 0 && code != -ENOENT)	/* nothing was ever stored */
		return complain(&fault);
	printf("%zu ports of monitor %s removed\n", n, monitor);
	return EXIT_SUCCESS;
}
