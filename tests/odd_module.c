/*
 * odd_module.c - a monitor for tests, whose table and answers can be wrong.
 *
 * PRINTPORT_ODD_NAME is the name it gives itself ("odd"); PRINTPORT_ODD what
 * is odd about it:
 *
 *	null		init returns no table and no code
 *	abi		the table is of another ABI
 *	small		the table is smaller than any that was in use
 *	first		the table is the smallest, and the page ends behind it
 *	long		the table is longer than today's
 *	kinds		it is no kind of monitor
 *	lacks:MEMBER	MEMBER is NULL
 *	lies		it works, but each answer is impossible
 *
 * Without it, it is a small port and language monitor with two ports.
 */
#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/monitor_util.h"

struct pp_monitor {
	const struct pp_host	*host;
	int			 lies;
	void			*pages;		/* of "first" */
	struct {
		struct pp_monitor2	 table;
		char			 more[64];
	} made;
};

struct pp_port {
	int	 lies;
};

static const char *const port_names[] = { "odd-first", "odd-second" };
static const struct pp_setting_decl odd_settings[] = { { .key = NULL } };

static const char *
oddity(void)
{
	const char *odd = getenv("PRINTPORT_ODD");

	return odd != NULL ? odd : "";
}

static const char *
own_name(void)
{
	const char *name = getenv("PRINTPORT_ODD_NAME");

	return name != NULL ? name : "odd";
}

/* ---- ports --------------------------------------------------------------- */

static int
odd_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	struct pp_monitor2 table = { .name = "odd", .summary = "of odd" };
	char *end;
	uint32_t i;

	*needed = 256;
	*count = 0;
	if (level != 1 && level != 2)
		return PP_INVALID_LEVEL;
	if (size < *needed)
		return PP_BUFFER_TOO_SMALL;
	end = (char *)buf + size;
	for (i = 0; i < 2; i++)
		pp_util_pack_port(&table, PP_PORT_TYPE_WRITE, level, buf, i,
		    &end, port_names[i]);
	*count = 2;
	if (monitor->lies)
		((struct pp_port_info_1 *)buf)->name = port_names[0];
	return PP_OK;
}

static int
odd_open_port(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	if (strcmp(name, "nothing") == 0)
		return PP_OK;			/* and no port */
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return PP_NO_MEMORY;
	(*out)->lies = monitor->lies;
	return PP_OK;
}

static int
odd_open_port_ex(struct pp_monitor *monitor, struct pp_monitor *pm,
    const char *name, const char *queue, struct pp_port **out,
    const struct pp_monitor2 *pm_table)
{
	(void)pm;
	(void)queue;
	(void)pm_table;
	return odd_open_port(monitor, name, out);
}

static int
odd_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	(void)queue;
	(void)level;
	(void)doc_info;
	return port->lies && job == 13 ? 13 : PP_OK;
}

static int
odd_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	(void)buf;
	*written = port->lies ? len + 1 : len;
	return PP_OK;
}

static int
odd_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	(void)port;
	(void)fd;
	moved->written = max;
	moved->source = (enum pp_source)17;
	return PP_OK;
}

static int
odd_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	(void)buf;
	*len = port->lies ? size + 1 : 0;
	return PP_OK;
}

static int
odd_end_doc_port(struct pp_port *port)
{
	return port->lies ? 1 : PP_OK;
}

static int
odd_close_port(struct pp_port *port)
{
	free(port);
	return PP_OK;
}

/* ---- management, questions ----------------------------------------------- */

static int
odd_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	static const struct pp_monitor2 none;

	return pp_util_xcv_open(monitor->host, &none, NULL, monitor, object,
	    access, out);
}

/* "More" answers that all is well and that the buffer is too small. */
static int
odd_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	(void)in;
	(void)in_len;
	(void)out;
	xcv->host->log(xcv->host->cookie, PP_LOG_INFO, "odd was asked: %s",
	    name);
	*needed = strcmp(name, "More") == 0 ? out_size + 1 : 0;
	return strcmp(name, "Less") == 0 ? PP_BUFFER_TOO_SMALL : PP_OK;
}

static int
odd_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

static int
odd_send_recv_bidi(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi *request, struct pp_bidi **response)
{
	(void)port;
	(void)access;
	(void)action;
	(void)request;
	*response = NULL;			/* and all is well */
	return PP_OK;
}

/* ---- life ---------------------------------------------------------------- */

static void
odd_shutdown(struct pp_monitor *monitor)
{
	monitor->host->log(monitor->host->cookie, PP_LOG_INFO,
	    "odd is shut down");
	if (monitor->pages != NULL)
		munmap(monitor->pages, 2 * (size_t)getpagesize());
	free(monitor);
}

static const struct pp_monitor2 odd_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.summary		= "Odd, for tests",
	.kinds			= PP_PORT_MONITOR | PP_LANGUAGE_MONITOR,
	.settings		= odd_settings,
	.enum_ports		= odd_enum_ports,
	.open_port		= odd_open_port,
	.open_port_ex		= odd_open_port_ex,
	.start_doc_port		= odd_start_doc_port,
	.write_port		= odd_write_port,
	.read_port		= odd_read_port,
	.end_doc_port		= odd_end_doc_port,
	.close_port		= odd_close_port,
	.xcv_open_port		= odd_xcv_open_port,
	.xcv_data_port		= odd_xcv_data_port,
	.xcv_close_port		= odd_xcv_close_port,
	.send_recv_bidi_data_from_port	= odd_send_recv_bidi,
	.shutdown		= odd_shutdown,
	.write_port_from_fd	= odd_write_port_from_fd,
};

#define MEMBER(name)	{ #name, offsetof(struct pp_monitor2, name) }

static void
take_away(struct pp_monitor2 *table, const char *name)
{
	static const struct {
		const char	*name;
		size_t		 offset;
	} members[] = {
		MEMBER(enum_ports), MEMBER(open_port), MEMBER(open_port_ex),
		MEMBER(start_doc_port), MEMBER(write_port), MEMBER(read_port),
		MEMBER(end_doc_port), MEMBER(close_port),
		MEMBER(xcv_open_port), MEMBER(xcv_data_port),
		MEMBER(xcv_close_port), MEMBER(shutdown), MEMBER(summary),
		MEMBER(name),
	};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i].name, name) == 0)
			memset((char *)table + members[i].offset, 0,
			    sizeof(void (*)(void)));
}

/* The smallest table, so that the byte behind it cannot be read. */
static const struct pp_monitor2 *
at_the_edge(struct pp_monitor *monitor)
{
	size_t page = (size_t)getpagesize();
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	monitor->pages = pages;
	mprotect(pages + page, page, PROT_NONE);
	pages += page - PP_MONITOR2_SIZE_MIN;
	monitor->made.table.size = PP_MONITOR2_SIZE_MIN;
	memcpy(pages, &monitor->made.table, PP_MONITOR2_SIZE_MIN);
	return (const struct pp_monitor2 *)(void *)pages;
}

static const struct pp_monitor2 *
make_table(struct pp_monitor *monitor, const char *odd)
{
	struct pp_monitor2 *table = &monitor->made.table;

	*table = odd_monitor;
	table->name = own_name();
	memset(monitor->made.more, 0xff, sizeof(monitor->made.more));
	if (strcmp(odd, "abi") == 0)
		table->abi++;
	else if (strcmp(odd, "small") == 0)
		table->size = PP_MONITOR2_SIZE_MIN - 1;
	else if (strcmp(odd, "long") == 0)
		table->size = sizeof(monitor->made);
	else if (strcmp(odd, "kinds") == 0)
		table->kinds = 0;
	else if (strncmp(odd, "lacks:", 6) == 0)
		take_away(table, odd + 6);
	else if (strcmp(odd, "first") == 0)
		return at_the_edge(monitor);
	return table;
}

const struct pp_monitor2 *
pp_initialize_print_monitor2(const struct pp_host *host,
    struct pp_monitor **monitor, int *error)
{
	static struct pp_monitor never_freed;
	const char *odd = oddity();

	(void)error;
	if (strcmp(odd, "null") == 0)
		return NULL;
	*monitor = &never_freed;		/* its shutdown is not called */
	if (strcmp(odd, "abi") != 0 && strcmp(odd, "small") != 0)
		*monitor = calloc(1, sizeof(**monitor));
	if (*monitor == NULL)
		return NULL;
	(*monitor)->host = host;
	(*monitor)->lies = strcmp(odd, "lies") == 0;
	host->log(host->cookie, PP_LOG_INFO, "odd is initialised");
	return make_table(*monitor, odd);
}
