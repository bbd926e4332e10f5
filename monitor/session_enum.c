/*
 * session_enum.c - EnumPorts over all port monitors, in one buffer.
 *
 *	each monitor -> a block of its own -> measured -> packed into the
 *	caller's buffer: structures from the start, strings from the end
 *
 * The blocks are measured by what is in them, so that the size asked for is
 * exact whatever the modules say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session_internal.h"

/* A monitor that needs more than this for its ports is broken. */
#define BLOCK_MAX	((size_t)16 << 20)

/* What one monitor has answered. */
struct block {
	char		*bytes;		/* owned */
	size_t		 size;
	uint32_t	 count;
};

/* A buffer being packed. */
struct packing {
	char		*next;		/* structure */
	char		*end;		/* strings start here, going down */
};

static size_t
info_size(uint32_t level)
{
	return level == 1 ? sizeof(struct pp_port_info_1) :
	    sizeof(struct pp_port_info_2);
}

/* ---- one monitor's answer ------------------------------------------------ */

static int
call_enum(const struct session *session,
    const struct session_monitor *monitor, uint32_t level, struct block *block,
    size_t *needed)
{
	int code;

	*needed = 0;
	block->count = 0;
	session_enter(session, WIRE_CALL_ENUM);
	code = module_table(monitor->module)->enum_ports(
	    module_instance(monitor->module), level, block->bytes,
	    block->size, needed, &block->count);
	return session_leave(session, code);
}

/* Ask until the block is large enough: ports may be added in between. */
static int
fetch(const struct session *session, const struct session_monitor *monitor,
    uint32_t level, struct block *block)
{
	size_t needed;
	char *bytes;
	int code;

	while ((code = call_enum(session, monitor, level, block,
	    &needed)) == PP_BUFFER_TOO_SMALL) {
		if (needed <= block->size || needed > BLOCK_MAX)
			return -EPROTO;
		bytes = realloc(block->bytes, needed);
		if (bytes == NULL)
			return PP_NO_MEMORY;
		block->bytes = bytes;
		block->size = needed;
	}
	if (code == 0 && block->count > block->size / info_size(level))
		return -EPROTO;
	return code;
}

/* Does this string begin and end within the block? */
static bool
is_inside(const struct block *block, const char *text)
{
	uintptr_t at = (uintptr_t)text - (uintptr_t)block->bytes;

	return (uintptr_t)text >= (uintptr_t)block->bytes &&
	    at < block->size && memchr(text, '\0', block->size - at) != NULL;
}

/* The index-th structure, made one of level 2. */
static struct pp_port_info_2
info_at(const struct block *block, uint32_t level, uint32_t index)
{
	struct pp_port_info_2 info = { .monitor = "", .description = "" };
	const char *at = block->bytes + index * info_size(level);

	memcpy(&info, at, info_size(level));
	return info;
}

/* Check one monitor's answer and add up what it needs. */
static int
measure(const struct block *block, uint32_t level, size_t *needed)
{
	struct pp_port_info_2 info;
	uint32_t i;

	for (i = 0; i < block->count; i++) {
		info = info_at(block, level, i);
		if (!is_inside(block, info.name) || (level == 2 &&
		    (!is_inside(block, info.monitor) ||
		    !is_inside(block, info.description))))
			return -EPROTO;
		*needed += info_size(level) + strlen(info.name) + 1;
		if (level == 2)
			*needed += strlen(info.monitor) + 1 +
			    strlen(info.description) + 1;
	}
	return 0;
}

/* ---- all together -------------------------------------------------------- */

static const char *
pack_text(struct packing *packing, const char *text)
{
	size_t size = strlen(text) + 1;

	packing->end -= size;
	memcpy(packing->end, text, size);
	return packing->end;
}

static void
pack(struct packing *packing, const struct block *block, uint32_t level)
{
	struct pp_port_info_2 info;
	uint32_t i;

	for (i = 0; i < block->count; i++) {
		info = info_at(block, level, i);
		info.name = pack_text(packing, info.name);
		if (level == 2) {
			info.monitor = pack_text(packing, info.monitor);
			info.description = pack_text(packing,
			    info.description);
		}
		memcpy(packing->next, &info, info_size(level));
		packing->next += info_size(level);
	}
}

static size_t
count_monitors(const struct session *session)
{
	const struct session_monitor *monitor;
	size_t n = 0;

	for (monitor = session->monitors; monitor != NULL;
	    monitor = monitor->next)
		n++;
	return n;
}

static int
fetch_all(const struct session *session, uint32_t level, struct block *blocks,
    size_t *n, size_t *needed)
{
	const struct session_monitor *monitor;
	int code = 0;

	for (monitor = session->monitors; monitor != NULL && code == 0;
	    monitor = monitor->next) {
		if ((module_table(monitor->module)->kinds &
		    PP_PORT_MONITOR) == 0)
			continue;
		code = fetch(session, monitor, level, &blocks[*n]);
		if (code == 0)
			code = measure(&blocks[*n], level, needed);
		(*n)++;
	}
	return code;
}

static void
pack_all(const struct block *blocks, size_t n, uint32_t level, void *buf,
    size_t size, uint32_t *count)
{
	struct packing packing = { .next = buf };
	size_t i;

	if (buf != NULL)
		packing.end = packing.next + size;
	for (i = 0; i < n; i++) {
		pack(&packing, &blocks[i], level);
		*count += blocks[i].count;
	}
}

int
session_enum_ports(struct session *session, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	struct block *blocks;
	size_t i, n = 0;
	int code;

	*needed = 0;
	*count = 0;
	if (level != 1 && level != 2)
		return PP_INVALID_LEVEL;
	blocks = calloc(count_monitors(session) + 1, sizeof(*blocks));
	if (blocks == NULL)
		return PP_NO_MEMORY;
	code = fetch_all(session, level, blocks, &n, needed);
	if (code == 0 && (size < *needed || (buf == NULL && *needed > 0)))
		code = PP_BUFFER_TOO_SMALL;
	if (code == 0)
		pack_all(blocks, n, level, buf, size, count);
	for (i = 0; i < n; i++)
		free(blocks[i].bytes);
	free(blocks);
	return code;
}
