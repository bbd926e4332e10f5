/*
 * <printport/monitor.h> - what a print monitor is, and what it is given.
 *
 * A monitor is a module (a shared object) that moves the bytes of print jobs
 * to one kind of destination.  It exports one symbol,
 * pp_initialize_print_monitor2(), which returns a table of functions.  They
 * are the functions of the Windows print-monitor DDI (winsplp.h, MONITOR2) in
 * snake case, so that what is known of that interface holds here; the comment
 * at each names its DDI function.  Two are ours: write_port_from_fd and
 * service_port.
 *
 * A *port monitor* (PM) drives a destination.  A *language monitor* (LM) is
 * layered over one and speaks the printer's job language.  A module may be
 * both.
 *
 * Lifecycle  init -> enum_ports, xcv_*, open_port -> any number of documents
 *            (start_doc_port, write_port*, end_doc_port) -> close_port ->
 *            shutdown -> the code is unloaded.  Every successful open is
 *            closed once, every successful start has one end, also after a
 *            failure or a cancel; the host sees to that.
 * Process    Each open port runs in a process of its own (the port host).
 *            What a module does to its process, it does to its port only.
 * Threads    One thread calls the module, one call at a time.  A module needs
 *            no lock and starts no thread.
 * Blocking   Calls may block, but only in wait_fd() or for a bounded time.  A
 *            call that gives no sign of life for the port's call_timeout is
 *            ended together with its process.
 * Errors     0, or a negative code of the table below.  Success is judged by
 *            the code alone; counts come back through pointers.  On failure
 *            nothing stays allocated.
 * Ownership  Pointers handed to a function are borrowed for the call, unless
 *            the function says otherwise.  The pp_host of init stays valid
 *            until shutdown has returned.
 * Strings    UTF-8, NUL-terminated.  What came from a client is named so; it
 *            may hold any byte but NUL and must never be used as a path.
 * Units      In the name: _ms is milliseconds, _len and _size are bytes.
 */
#ifndef PRINTPORT_MONITOR_H
#define PRINTPORT_MONITOR_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Number of this interface.  It changes only when an old module could no
 * longer work; additions come at the end of the structures, whose sizes tell.
 */
#define PP_MONITOR_ABI		1u

#if defined(__GNUC__)
#define PP_PRINTF(fmt, args)	__attribute__((format(printf, fmt, args)))
#define PP_EXPORT		__attribute__((visibility("default")))
#else
#define PP_PRINTF(fmt, args)
#define PP_EXPORT
#endif

/*
 * ---- Codes ---------------------------------------------------------------
 *
 * Negative errno values under the names of the DDI's errors.  Any other
 * negative errno is fine where it says more (-ENOSPC, -EIO, -ECONNREFUSED).
 */
#define PP_OK			0
#define PP_INVALID_HANDLE	(-EBADF)	/* ERROR_INVALID_HANDLE */
#define PP_INVALID_PARAMETER	(-EINVAL)	/* ERROR_INVALID_PARAMETER */
#define PP_INVALID_NAME		(-EILSEQ)	/* ERROR_INVALID_NAME */
#define PP_INVALID_DATA		(-EBADMSG)	/* ERROR_INVALID_DATA */
#define PP_INVALID_LEVEL	(-EPROTONOSUPPORT) /* ERROR_INVALID_LEVEL */
#define PP_BUFFER_TOO_SMALL	(-ENOBUFS)	/* ERROR_INSUFFICIENT_BUFFER */
#define PP_ACCESS_DENIED	(-EACCES)	/* ERROR_ACCESS_DENIED */
#define PP_ALREADY_EXISTS	(-EEXIST)	/* ERROR_ALREADY_EXISTS */
#define PP_NOT_FOUND		(-ENOENT)	/* ERROR_UNKNOWN_PORT */
#define PP_BUSY			(-EBUSY)	/* ERROR_BUSY */
#define PP_NOT_SUPPORTED	(-EOPNOTSUPP)	/* ERROR_NOT_SUPPORTED */
#define PP_TIMEOUT		(-ETIMEDOUT)	/* ERROR_TIMEOUT */
#define PP_NO_MEMORY		(-ENOMEM)	/* ERROR_NOT_ENOUGH_MEMORY */
#define PP_CANCELED		(-ECANCELED)	/* ERROR_CANCELLED */
#define PP_INVALID_MONITOR	(-ENOEXEC)	/* ERROR_INVALID_PRINT_MONITOR */
#define PP_END_OF_DATA		(-ENODATA)	/* ERROR_HANDLE_EOF */
#define PP_NO_DOCUMENT		(-ENOTCONN)	/* ERROR_SPL_NO_STARTDOC */

/*
 * Verdicts of ours on a job, from start_doc_port, write_port* or end_doc_port.
 * Any other failure means that the port is in trouble: it is opened anew after
 * a while, and the job tried again.  What the module logged last, as an error,
 * is shown as the reason.
 */
#define PP_HOLD_JOB		(-4097)	/* not this job: hold it; go on */
#define PP_DROP_JOB		(-4098)	/* never this job: abort it; go on */
#define PP_STOP_PORT		(-4099)	/* pause the port; the job waits */

/*
 * A control of get_printer_data_from_port: the IEEE-1284 device id, as text
 * with a NUL, without the two bytes of its length.
 */
#define PP_CONTROL_DEVICE_ID	0x1284u

/* Verdicts of bidirectional requests: positive, the numbers of winspool.h. */
#define PP_BIDI_WARNING			13001	/* some entries failed */
#define PP_BIDI_SCHEMA_READ_ONLY	13002
#define PP_BIDI_SERVER_OFFLINE		13003
#define PP_BIDI_DEVICE_OFFLINE		13004
#define PP_BIDI_SCHEMA_NOT_SUPPORTED	13005

/* Longest port name, without NUL: 1 to 63 bytes, no control, no '/'. */
#define PP_PORT_NAME_LEN	63

/* Objects of the module; only the module knows what is in them. */
struct pp_monitor;
struct pp_port;
struct pp_xcv;

/* The host's own object, handed back to it with every callback. */
struct pp_spooler;

/*
 * ---- Status, jobs, settings ------------------------------------------------
 */

/* PORT_INFO_3.dwStatus: one value, not a set of bits. */
enum pp_port_status {
	PP_STATUS_CLEAR			= 0,
	PP_STATUS_OFFLINE		= 1,
	PP_STATUS_PAPER_JAM		= 2,
	PP_STATUS_PAPER_OUT		= 3,
	PP_STATUS_OUTPUT_BIN_FULL	= 4,
	PP_STATUS_PAPER_PROBLEM		= 5,
	PP_STATUS_NO_TONER		= 6,
	PP_STATUS_DOOR_OPEN		= 7,
	PP_STATUS_USER_INTERVENTION	= 8,
	PP_STATUS_OUT_OF_MEMORY		= 9,
	PP_STATUS_TONER_LOW		= 10,
	PP_STATUS_WARMING_UP		= 11,
	PP_STATUS_POWER_SAVE		= 12
};

/* PORT_INFO_3.dwSeverity.  ERROR stops new jobs to the port, others never. */
enum pp_severity {
	PP_SEVERITY_NONE	= 0,	/* goes with CLEAR */
	PP_SEVERITY_ERROR	= 1,
	PP_SEVERITY_WARNING	= 2,
	PP_SEVERITY_INFO	= 3
};

/* PORT_INFO_3.  text, if not NULL, is shown in place of the status. */
struct pp_port_info_3 {
	enum pp_port_status	 status;
	enum pp_severity	 severity;
	const char		*text;
};

/* SetJob() as monitors use it. */
enum pp_job_event {
	PP_JOB_SENT		= 6,	/* JOB_CONTROL_SENT_TO_PRINTER, by a PM */
	PP_JOB_LAST_PAGE_EJECTED = 7	/* JOB_CONTROL_LAST_PAGE_EJECTED, LM */
};

/* GetJob(): JOB_STATUS_*, the two that matter to a monitor. */
#define PP_JOB_DELETING		0x0004u	/* canceled, or given up as incomplete */
#define PP_JOB_RESTARTED	0x0800u	/* sent before, at least in part */

/* What the host knows of a job.  All strings but queue came from a client. */
struct pp_job_info {
	uint32_t	 size;		/* of this structure, set by the caller */
	uint32_t	 flags;		/* PP_JOB_* */
	uint64_t	 id;
	const char	*queue;
	const char	*user;		/* "" if unknown */
	const char	*host;		/* name or address of the client */
	const char	*title;		/* "" if unknown */
	int64_t		 submitted;	/* seconds since 1970 */

	/* Of the document that is being printed. */
	int64_t		 length;	/* -1: not known, it still arrives */
	const char	*document;	/* name that the client has for it */
	/*
	 * What else the client said, as lines that end in LF.  From LPD: the
	 * name of the control file, then its lines that stand nowhere else.
	 */
	const char	*extra;
};

/* Something that is used up: toner, paper in a tray. */
struct pp_supply {
	const char	*name;		/* as the printer calls it */
	int32_t		 percent;	/* of what it can hold; -1: not known */
};

/* Most of them that are kept of a port. */
#define PP_SUPPLIES_MAX		32

/* DOC_INFO_1 of start_doc_port. */
struct pp_doc_info_1 {
	const char	*doc_name;	/* title, from the client, or "" */
	const char	*output_file;	/* print to file: where to; else NULL */
	const char	*datatype;	/* document format, "" if unknown */
};

/* Levels of enum_ports (PORT_INFO_1, PORT_INFO_2). */
struct pp_port_info_1 {
	const char	*name;
};

#define PP_PORT_TYPE_WRITE		0x0001u
#define PP_PORT_TYPE_READ		0x0002u
#define PP_PORT_TYPE_REDIRECTED		0x0004u
#define PP_PORT_TYPE_NET_ATTACHED	0x0008u

struct pp_port_info_2 {
	const char	*name;
	const char	*monitor;
	const char	*description;
	uint32_t	 type;		/* PP_PORT_TYPE_* */
	uint32_t	 reserved;	/* 0 */
};

/* COMMTIMEOUTS of set_port_timeouts; 0 is "as configured". */
struct pp_timeouts {
	uint32_t	 size;		/* of this structure */
	uint32_t	 connect_ms;
	uint32_t	 write_ms;	/* longest wait of one write_port */
	uint32_t	 read_total_ms;	/* longest wait for the first byte */
	uint32_t	 read_gap_ms;	/* longest wait between two bytes */
};

/* Roles granted to the caller of an Xcv handle (ACCESS_MASK). */
#define PP_ACCESS_ADMINISTER	0x01u	/* SERVER_ACCESS_ADMINISTER */
#define PP_ACCESS_ENUMERATE	0x02u	/* SERVER_ACCESS_ENUMERATE */
#define PP_ACCESS_USE		0x08u	/* PRINTER_ACCESS_USE */
#define PP_ACCESS_JOB_ADMIN	0x10u	/* JOB_ACCESS_ADMINISTER */

/* A setting of a port, as text: what the ini file holds. */
struct pp_setting {
	const char	*key;
	const char	*value;
};

enum pp_setting_type {
	PP_TYPE_STRING	= 0,
	PP_TYPE_BOOL	= 1,	/* yes | no */
	PP_TYPE_NUMBER	= 2,	/* min..max */
	PP_TYPE_SIZE	= 3,	/* bytes, with K M G T */
	PP_TYPE_TIME	= 4,	/* milliseconds, with ms s m h d */
	PP_TYPE_MODE	= 5,	/* octal file mode */
	PP_TYPE_PATH	= 6,	/* relative ones start at the ini file's place */
	PP_TYPE_CHOICE	= 7	/* one of choices */
};

#define PP_SETTING_REQUIRED	0x0001u
#define PP_SETTING_SECRET	0x0002u	/* never shown */

/* Declaration of a setting.  The last of an array has key NULL. */
struct pp_setting_decl {
	const char		*key;
	enum pp_setting_type	 type;
	uint32_t		 flags;		/* PP_SETTING_* */
	const char		*preset;	/* default as text; NULL: unset */
	const char		*choices;	/* "a|b|c" of a CHOICE */
	int64_t			 min, max;	/* both 0: no bounds */
	const char		*help;		/* one line */
};

/*
 * ---- Bidirectional requests ------------------------------------------------
 */
enum pp_bidi_type {
	PP_BIDI_NULL	= 0,
	PP_BIDI_INT	= 1,
	PP_BIDI_FLOAT	= 2,
	PP_BIDI_BOOL	= 3,
	PP_BIDI_STRING	= 4,
	PP_BIDI_TEXT	= 5,
	PP_BIDI_ENUM	= 6,
	PP_BIDI_BLOB	= 7
};

struct pp_bidi_data {
	enum pp_bidi_type	 type;
	uint32_t		 len;		/* of text or blob */
	union {
		int32_t		 number;	/* INT, BOOL */
		float		 real;		/* FLOAT */
		const void	*bytes;		/* all others */
	} value;
};

struct pp_bidi_entry {
	uint32_t		 number;	/* ties response to request */
	int32_t			 result;	/* responses: 0 or PP_BIDI_* */
	const char		*schema;
	struct pp_bidi_data	 data;
};

/* Request and response container. */
struct pp_bidi {
	uint32_t		 version;	/* 1 */
	uint32_t		 flags;		/* 0 */
	uint32_t		 count;
	struct pp_bidi_entry	*entries;
};

/*
 * ---- What the host gives (MONITORINIT) --------------------------------------
 */

/* How the source of write_port_from_fd stands when the call returns. */
enum pp_source {
	PP_SOURCE_MORE	= 0,	/* may have more: call again */
	PP_SOURCE_EMPTY	= 1,	/* has nothing now: would block */
	PP_SOURCE_END	= 2,	/* orderly end; the last byte is in the port */
	PP_SOURCE_ERROR	= 3	/* broken; moved.source_errno says how */
};

struct pp_moved {
	uint64_t	 written;	/* bytes that the port has taken */
	enum pp_source	 source;
	int		 source_errno;	/* of PP_SOURCE_ERROR, positive */
};

#define PP_LOG_ERROR	3	/* levels of syslog */
#define PP_LOG_WARNING	4
#define PP_LOG_INFO	6
#define PP_LOG_DEBUG	7

/* wait_fd: what to wait for, what was found. */
#define PP_WAIT_READ	0x1u
#define PP_WAIT_WRITE	0x2u

/*
 * Call these only from inside a call of the table (init included), always
 * with the cookie.  After shutdown has returned none may be called.
 */
struct pp_host {
	uint32_t		 size;		/* of this structure */
	uint32_t		 abi;		/* PP_MONITOR_ABI of the host */
	struct pp_spooler	*cookie;
	const char		*instance;	/* name of this spooler */

	/*
	 * Configuration (MONITORREG).  A module has no other: it opens no
	 * configuration file.  Values were checked against the declared
	 * settings, and a key that is not set has its declared default.
	 *
	 * config_port: name of the index-th port of this monitor into name;
	 * PP_NOT_FOUND after the last.
	 */
	int	(*config_port)(struct pp_spooler *, uint32_t index,
		    char name[PP_PORT_NAME_LEN + 1]);
	/*
	 * Value of a key as text into buf; *needed (may be NULL) is its size
	 * with NUL.  PP_NOT_FOUND: no such port, or not set and no default.
	 * PP_BUFFER_TOO_SMALL: buf untouched.  Paths come back absolute.
	 */
	int	(*config_text)(struct pp_spooler *, const char *port,
		    const char *key, char *buf, size_t size, size_t *needed);
	/*
	 * Value as number: bool 0/1, bytes, ms, mode, index of the choice.
	 * Every port has write_timeout and stall_timeout (0: never), which
	 * no module declares.
	 */
	int	(*config_number)(struct pp_spooler *, const char *port,
		    const char *key, int64_t *value);
	/*
	 * Create or replace a port of this monitor with these settings.  0
	 * means that it is on stable storage; otherwise nothing has changed.
	 * PP_ALREADY_EXISTS: it belongs to another monitor.  -EROFS: the
	 * administrator's own file defines it.  PP_INVALID_DATA: a setting
	 * is wrong (the log says which).
	 */
	int	(*config_store)(struct pp_spooler *, const char *port,
		    const struct pp_setting *settings, size_t count);
	/* Remove a port of this monitor.  Errors as above. */
	int	(*config_remove)(struct pp_spooler *, const char *port);
	/* 1 if any monitor has a port of this name (no case), else 0. */
	int	(*port_exists)(struct pp_spooler *, const char *port);

	/* Write to the daemon's log, under the name of the port. */
	void	(*log)(struct pp_spooler *, int level, const char *fmt, ...)
		    PP_PRINTF(3, 4);

	/*
	 * SetPort, level 3.  Only changes travel.  PP_NOT_FOUND: no such
	 * port; any failure: say it again at the next chance.  Of what a
	 * port monitor and the language monitor over it say, the graver is
	 * the port's status.
	 */
	int	(*set_port_status)(struct pp_spooler *, const char *port,
		    const struct pp_port_info_3 *);
	/*
	 * SetJob.  LAST_PAGE_EJECTED may come long after end_doc_port, and
	 * does it for all older jobs of the port as well.  Where a job was
	 * sent more than once, and more than one of these is out, it is said
	 * of the oldest.  PP_NOT_FOUND: nobody waits for it any more.
	 */
	int	(*job_event)(struct pp_spooler *, uint64_t job,
		    enum pp_job_event);
	/* GetJob, whole.  The strings live until end_doc_port returns. */
	int	(*job_info)(struct pp_spooler *, uint64_t job,
		    struct pp_job_info *);
	/* GetJob, status only: PP_JOB_*; 0 also for an unknown job. */
	uint32_t (*job_flags)(struct pp_spooler *, uint64_t job);

	/*
	 * Wait until fd is ready for one of PP_WAIT_*, and return those that
	 * hold; an error or hang-up on fd counts as ready for what was asked.
	 * PP_TIMEOUT after timeout_ms (negative: none).  PP_CANCELED at once
	 * when the document is canceled; give back what you hold and return.
	 * fd -1: just let time pass.
	 */
	int	(*wait_fd)(struct pp_spooler *, int fd, uint32_t events,
		    int timeout_ms);
	/*
	 * Move up to max bytes from one descriptor to another without a copy
	 * through user space where the kernel can (splice, sendfile,
	 * copy_file_range), else with one.  `to` may be non-blocking; the
	 * wait for it is bounded by timeout_ms and ends on cancel.  Never
	 * waits for `from`.  The codes are those of write_port_from_fd.
	 */
	int	(*transfer)(struct pp_spooler *, int from, int to,
		    uint64_t max, int timeout_ms, struct pp_moved *);
	/*
	 * The port can be read back: call read_port when fd is readable, or
	 * service_port if no document runs.  -1 ends it.  Without this,
	 * read_port is called now and then.
	 */
	int	(*watch_read)(struct pp_spooler *, struct pp_port *, int fd);

	/* Memory that passes between module and host. */
	void	*(*alloc)(struct pp_spooler *, size_t size);
	void	(*free)(struct pp_spooler *, void *);
	/* A zeroed container with count entries, freed with bidi_free. */
	struct pp_bidi *(*bidi_alloc)(struct pp_spooler *, uint32_t count);
	/* Frees container, schemas and bytes; all came from alloc. */
	void	(*bidi_free)(struct pp_spooler *, struct pp_bidi *);

	/* Milliseconds on a clock that never jumps. */
	int64_t	(*clock_ms)(struct pp_spooler *);

	/*
	 * The printer has counted this many pages of the job, for the record
	 * of it.  Said again, the last word counts.  Not after the job's
	 * PP_JOB_SENT or PP_JOB_LAST_PAGE_EJECTED that completes it.
	 */
	int	(*job_pages)(struct pp_spooler *, uint64_t job,
		    uint64_t pages);
	/* What the printer has left of its supplies; replaces what was said. */
	int	(*set_port_supplies)(struct pp_spooler *, const char *port,
		    const struct pp_supply *, uint32_t count);
};

/*
 * ---- What a module gives (MONITOR2) ------------------------------------------
 */
#define PP_PORT_MONITOR		0x1u
#define PP_LANGUAGE_MONITOR	0x2u

/* What a module needs of the system; the host takes all else away. */
#define PP_NEEDS_FILES		0x1u	/* to open or create files */
#define PP_NEEDS_NETWORK	0x2u	/* to make sockets */
#define PP_NEEDS_PROGRAMS	0x4u	/* to run programs */

/*
 * Members that a module does not have are NULL; they read as not supported.
 * Required of a PM: enum_ports open_port start_doc_port write_port read_port
 * end_doc_port close_port xcv_open_port xcv_data_port xcv_close_port shutdown.
 * Required of an LM: open_port_ex start_doc_port write_port read_port
 * end_doc_port close_port shutdown.
 */
struct pp_monitor2 {
	uint32_t			 size;		/* sizeof this table */
	uint32_t			 abi;		/* PP_MONITOR_ABI */
	const char			*name;		/* as in the ini file */
	const char			*summary;	/* one line */
	uint32_t			 kinds;		/* PP_*_MONITOR */
	uint32_t			 needs;		/* PP_NEEDS_* */
	const struct pp_setting_decl	*settings;	/* may be NULL */

	/*
	 * EnumPorts.  Level 1 or 2: an array of structures at the start of
	 * buf, strings packed at its end.  *needed is always set;
	 * PP_BUFFER_TOO_SMALL if size is less (*count 0, buf untouched),
	 * PP_INVALID_LEVEL for other levels.
	 */
	int	(*enum_ports)(struct pp_monitor *, uint32_t level, void *buf,
		    size_t size, size_t *needed, uint32_t *count);
	/*
	 * OpenPort.  Not per job: documents follow one another on one handle.
	 * PP_NOT_FOUND for a name that is none of the monitor's,
	 * PP_BUSY if it is open.  Time-outs are in force on return.
	 */
	int	(*open_port)(struct pp_monitor *, const char *name,
		    struct pp_port **);
	/*
	 * OpenPortEx, LM only: open `name` of the port monitor pm through its
	 * table.  The LM checks the table (PP_INVALID_MONITOR), copies it,
	 * and leaves nothing open if the port monitor's open fails.
	 */
	int	(*open_port_ex)(struct pp_monitor *, struct pp_monitor *pm,
		    const char *name, const char *queue, struct pp_port **,
		    const struct pp_monitor2 *pm_table);
	/*
	 * StartDocPort.  Here the device is taken; PP_BUSY if a document is
	 * already running, which goes on unharmed.  If it fails, nothing was
	 * started and no end_doc_port follows.  level is 1.
	 */
	int	(*start_doc_port)(struct pp_port *, const char *queue,
		    uint64_t job, uint32_t level, const void *doc_info);
	/*
	 * WritePort.  *written starts at 0 and never exceeds len; fewer, even
	 * 0, with PP_OK means "go on from there".  Bytes counted with a
	 * failure are delivered and never sent again.
	 */
	int	(*write_port)(struct pp_port *, const void *buf, size_t len,
		    size_t *written);
	/*
	 * ReadPort.  0 bytes with PP_OK: nothing there.  PP_END_OF_DATA:
	 * nothing will come any more.  PP_NOT_SUPPORTED or
	 * PP_INVALID_HANDLE: this port cannot be read (now).
	 */
	int	(*read_port)(struct pp_port *, void *buf, size_t size,
		    size_t *len);
	/*
	 * EndDocPort.  Flush, give the device back, report PP_JOB_SENT.  Also
	 * for a document that failed or was canceled: ask job_flags, and with
	 * PP_JOB_DELETING let nothing of it appear as finished.  Without a
	 * document: PP_OK.  A failure means that the document may not have
	 * arrived.
	 */
	int	(*end_doc_port)(struct pp_port *);
	/* ClosePort.  The handle is dead afterwards, whatever is returned. */
	int	(*close_port)(struct pp_port *);
	/*
	 * XcvOpenPort.  object is the port's name, or "" for the monitor
	 * itself.  Keep access; it is judged at each call, not here.
	 */
	int	(*xcv_open_port)(struct pp_monitor *, const char *object,
		    uint32_t access, struct pp_xcv **);
	/*
	 * XcvDataPort.  in is hostile: check its length and content.  An
	 * operation that changes something needs PP_ACCESS_ADMINISTER in the
	 * handle.  Names match by case; an unknown one is
	 * PP_INVALID_PARAMETER.  *needed is set with PP_OK and
	 * PP_BUFFER_TOO_SMALL; in the latter case out is untouched.
	 */
	int	(*xcv_data_port)(struct pp_xcv *, const char *name,
		    const void *in, size_t in_len, void *out, size_t out_size,
		    size_t *needed);
	/* XcvClosePort. */
	int	(*xcv_close_port)(struct pp_xcv *);
	/*
	 * GetPrinterDataFromPort.  control 0: value_name is asked for (LMs);
	 * else an I/O control of the port.
	 */
	int	(*get_printer_data_from_port)(struct pp_port *,
		    uint32_t control, const char *value_name, const void *in,
		    size_t in_len, void *out, size_t out_size, size_t *len);
	/* SetPortTimeOuts.  Called by LMs; in force from the next document. */
	int	(*set_port_timeouts)(struct pp_port *,
		    const struct pp_timeouts *);
	/*
	 * SendRecvBidiDataFromPort.  action: EnumSchema, Get, GetAll, Set,
	 * GetWithArgument, in any case.  *response comes from bidi_alloc and
	 * is freed by the caller.  0, a negative code, or PP_BIDI_*.
	 */
	int	(*send_recv_bidi_data_from_port)(struct pp_port *,
		    uint32_t access, const char *action,
		    const struct pp_bidi *request, struct pp_bidi **response);
	/*
	 * Shutdown.  Return soon; every port and Xcv handle has been closed.
	 */
	void	(*shutdown)(struct pp_monitor *);

	/*
	 * Ours.  As write_port, but the bytes come from fd (a socket, pipe or
	 * file, non-blocking), up to max of them, and the module chooses how:
	 * usually host->transfer().  It never waits for fd.  The code speaks
	 * of the port alone; moved->source of fd.
	 */
	int	(*write_port_from_fd)(struct pp_port *, int fd, uint64_t max,
		    struct pp_moved *moved);
	/*
	 * Ours, in place of a status thread.  Called while the port is open
	 * and no document runs, between documents while a job waits for
	 * LAST_PAGE_EJECTED, and after a write that came back short.
	 * *again_ms: when to call again; 0: never mind.  A language monitor
	 * that still has to say LAST_PAGE_EJECTED, answers 0 and watches no
	 * descriptor will never say it: its jobs are taken as completed.
	 */
	int	(*service_port)(struct pp_port *, uint32_t *again_ms);
	/*
	 * Ours.  Judge a port's settings together, each alone being right: may
	 * look at files, never at the device or the network.  PP_INVALID_DATA:
	 * what was logged as errors says what is wrong, and what would be
	 * right.
	 */
	int	(*check_port)(struct pp_monitor *, const char *name);
};

/* Smallest table that was ever in use: up to and with shutdown. */
#define PP_MONITOR2_SIZE_MIN	offsetof(struct pp_monitor2, write_port_from_fd)

/*
 * InitializePrintMonitor2: the one symbol of a module.  Called once per load,
 * before anything else.  Returns the table, static in the module, and the
 * instance through monitor; or NULL with a code in *error, and nothing left
 * behind.  Two instances share no state.
 */
typedef const struct pp_monitor2 *pp_initialize_print_monitor2_fn(
    const struct pp_host *host, struct pp_monitor **monitor, int *error);

PP_EXPORT pp_initialize_print_monitor2_fn pp_initialize_print_monitor2;

#ifdef __cplusplus
}
#endif

#endif /* PRINTPORT_MONITOR_H */
