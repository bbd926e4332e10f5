/*
 * conf - the ini file as one plain, validated struct.
 *
 * Lifecycle  conf_load() reads the file (and the ports that were added at run
 *            time) and returns a struct, or none and all that is wrong with
 *            it.  conf_free() ends it.  The struct is never changed after.
 * Ownership  The struct owns every string and array in it; conf_errors owns
 *            its texts.
 * Errors     All of a file in one run, each with file:line, what was found,
 *            and what would be right.  A file that cannot be read is one too.
 * Threads    None of its own, no globals: may run in any thread.
 * Units      Times are milliseconds (_ms), sizes bytes.  A time of 0 means
 *            "never" or "none" where the key's help says so.
 *
 * The keys stand in one table (conf_keys.c), which fills the struct, prints
 * it, and is what the sample file, the manual and the tests are held against.
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct banner;

#define CONF_NAME_LEN	63	/* longest name of a listener, queue, port */

/* List of strings; v[n] is NULL. */
struct conf_list {
	char	**v;
	size_t	  n;
};

enum conf_protocol { CONF_PROTOCOL_RAW, CONF_PROTOCOL_LPD };
enum conf_privileged { CONF_PRIVILEGED_NO, CONF_PRIVILEGED_1023,
    CONF_PRIVILEGED_RFC };
enum conf_final_nul { CONF_FINAL_NUL_REQUIRE, CONF_FINAL_NUL_OPTIONAL };
/* What becomes of a job of which something is missing. */
enum conf_lacking { CONF_LACKING_PRINT, CONF_LACKING_HOLD, CONF_LACKING_DROP };
enum conf_root_removes { CONF_ROOT_REMOVES_OWN, CONF_ROOT_REMOVES_HOST,
    CONF_ROOT_REMOVES_ALL };
enum conf_remove_answer { CONF_REMOVE_ANSWER_TEXT, CONF_REMOVE_ANSWER_OCTET };
enum conf_delivery { CONF_DELIVERY_SPOOL, CONF_DELIVERY_STREAM };
enum conf_on_reset { CONF_ON_RESET_ABORT, CONF_ON_RESET_FINISH };
enum conf_order { CONF_ORDER_STRICT, CONF_ORDER_FAST };
enum conf_on_expire { CONF_ON_EXPIRE_HOLD, CONF_ON_EXPIRE_DROP,
    CONF_ON_EXPIRE_DIVERT };
enum conf_duplicates { CONF_DUPLICATES_OFF, CONF_DUPLICATES_HOLD,
    CONF_DUPLICATES_DROP };
enum conf_banner { CONF_BANNER_NO, CONF_BANNER_ASKED, CONF_BANNER_ALWAYS };
enum conf_start_printing { CONF_START_SPOOLED, CONF_START_IMMEDIATE };
enum conf_after_crash { CONF_AFTER_CRASH_REPRINT, CONF_AFTER_CRASH_HOLD };
enum conf_log_level { CONF_LOG_ERROR, CONF_LOG_WARNING, CONF_LOG_INFO,
    CONF_LOG_DEBUG };
enum conf_log_to { CONF_LOG_TO_AUTO, CONF_LOG_TO_STDERR, CONF_LOG_TO_JOURNAL };

/* A key of a [port] section that belongs to the port's module. */
struct conf_setting {
	char	*key;
	char	*value;
	int	 line;
};

/* [daemon] */
struct conf_daemon {
	char			*user;		/* to become when root */
	char			*group;		/* NULL: the user's own */
	struct conf_list	 monitor_directory;
	char			*spool_directory; /* outlives the process */
	char			*host_program;
	enum conf_log_level	 log_level;
	enum conf_log_to	 log_to;
	int64_t			 drain_timeout_ms;
	int64_t			 max_connections; /* of all listeners */
	int64_t			 client_max_connections; /* 0 = any */
	char			*control_socket; /* for printportctl */
	int64_t			 min_free_bytes; /* refuse new jobs below */
	int64_t			 client_max_jobs; /* unfinished; 0 = any */
	int64_t			 client_max_bytes; /* of them; 0 = any */
	enum conf_after_crash	 after_crash;
	int64_t			 keep_data_ms;	/* of finished jobs */
	int64_t			 keep_jobs_ms;	/* 0 = for ever */
	int64_t			 keep_records_ms; /* accounting; 0 = for ever */
};

/* [listener NAME] */
struct conf_listener {
	char			*name;
	int			 line;
	enum conf_protocol	 protocol;
	struct conf_list	 listen;	/* host:port, systemd: */
	int			 listen_line;	/* of the first of them */
	char			*queue_name;
	size_t			 queue;		/* index in conf.queues */
	int64_t			 max_connections;

	/* RAW alone */
	int64_t			 min_job_bytes;
	bool			 guard;		/* refuse HTTP and TLS */

	/* LPD alone */
	char			*default_queue;	/* as its section; NULL: none */
	bool			 any_case;	/* of a queue's name */
	bool			 queue_options;	/* lobby+copies=2 */
	bool			 jetdirect_names; /* of the default queue */
	enum conf_privileged	 require_privileged;
	int64_t			 command_timeout_ms; /* 0 = never */
	int64_t			 receive_timeout_ms; /* 0 = never */
	int64_t			 refusal_delay_ms;
	enum conf_final_nul	 final_nul;
	enum conf_lacking	 no_control_file;
	enum conf_lacking	 missing_data;
	bool			 text_is_raw;	/* print lines "f" */
	enum conf_root_removes	 root_removes;
	enum conf_remove_answer	 remove_answer;
};

/* [queue NAME] */
struct conf_queue {
	char			*name;
	int			 line;
	struct conf_list	 ports;		/* each spelt as its section */
	size_t			 port;		/* the first, in conf.ports */
	struct conf_list	 backup_ports;
	int64_t			 failover_after_ms; /* then backups are taken */
	enum conf_delivery	 delivery;
	enum conf_start_printing start_printing;
	enum conf_order		 order;
	int64_t			 priority;	/* of its jobs, 1 to 100 */
	int64_t			 expire_ms;	/* age of a job; 0 = never */
	enum conf_on_expire	 on_expire;
	char			*divert_to;	/* queue, spelt as its section */
	int64_t			 retries;	/* then held; 0 = no limit */
	int64_t			 retry_after_ms; /* beside the port's back-off */
	char			*notify;	/* program; NULL: none */
	int			 notify_line;
	enum conf_duplicates	 duplicates;
	int64_t			 duplicate_window_ms;
	int64_t			 max_job_bytes;	/* 0 = any */
	int64_t			 max_jobs;	/* unfinished; 0 = any */
	int64_t			 max_bytes;	/* of them; 0 = any */
	int64_t			 idle_timeout_ms; /* silent client; 0 = never */
	bool			 idle_ends_job;	/* and the client stays */
	enum conf_on_reset	 on_reset;	/* client gone by RST */
	bool			 answers;	/* printer's, to the client */
	struct conf_list	 aliases;	/* more names, for LPD */
	enum conf_banner	 banner;	/* asked: by an LPD client */
	char			*banner_file;	/* template; NULL: our own */
	int			 banner_file_line;
	char			*banner_format;	/* MIME type; NULL: a guess */
	struct banner		*banner_page;	/* owned; NULL: none, or not
						 * read yet */
};

/* [port NAME] */
struct conf_port {
	char			*name;
	char			*file;		/* that defines it, absolute */
	int			 line;
	char			*monitor;
	char			*language_monitor; /* NULL: none */
	int64_t			 idle_close_ms;	/* 0 = as soon as idle */
	int64_t			 call_timeout_ms; /* no sign of life */
	int64_t			 write_timeout_ms; /* one write */
	int64_t			 stall_timeout_ms; /* 0 = never */
	int64_t			 answer_wait_ms; /* for the printer's answer */
	int64_t			 max_waiting;
	struct conf_setting	*settings;	/* for the module */
	size_t			 n_settings;
};

/* Positions in the order of their names, so that one is found fast. */
struct conf_index {
	size_t			*v;		/* owned; NULL: not made yet */
	size_t			 n;
};

struct conf {
	char			*path;		/* of the main file, absolute */
	struct conf_daemon	 daemon;
	struct conf_listener	*listeners;
	size_t			 n_listeners;
	struct conf_queue	*queues;
	size_t			 n_queues;
	struct conf_port	*ports;
	size_t			 n_ports;
	struct conf_index	 listener_names, queue_names, port_names;
};

/* One thing that is wrong. */
struct conf_error {
	char	*file;
	int	 line;		/* 0: the file as a whole */
	char	*text;		/* found, and what would be right */
};

struct conf_errors {
	struct conf_error	*v;
	size_t			 n;
};

/*
 * Read the file at path and the ports added at run time, one file each in
 * spool_directory/ports.d/NAME.ini.  NULL if anything is wrong; then errors,
 * which is overwritten, has at least one entry.
 */
struct conf *conf_load(const char *path, struct conf_errors *errors)
    __attribute__((warn_unused_result));

/* The defaults alone: a [daemon] section, nothing else.  NULL: no memory. */
struct conf *conf_defaults(void);

void conf_free(struct conf *conf);
void conf_errors_free(struct conf_errors *errors);

/* Add an error; for checks that conf itself cannot make. */
void conf_errors_add(struct conf_errors *errors, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Programs that the configuration names, which nobody could run: an error
 * each.  As this process sees it, and now; so no part of loading.
 */
void conf_check_programs(const struct conf *conf, struct conf_errors *errors);

/*
 * Read the templates of banner pages, once.  As this process sees them, and
 * now; so no part of loading either.  -1, and errors: one is of no use.
 */
int conf_read_banners(struct conf *conf, struct conf_errors *errors)
    __attribute__((warn_unused_result));

/* Index by name, without regard to case; -1 if there is none. */
ssize_t conf_find_listener(const struct conf *conf, const char *name);
ssize_t conf_find_queue(const struct conf *conf, const char *name);
ssize_t conf_find_port(const struct conf *conf, const char *name);

/* The effective configuration as an ini file; defaults carry "; default". */
void conf_print(const struct conf *conf, FILE *out);

/*
 * What a reload cannot change: writes the names of the keys that differ and
 * need a restart into buf ("user, spool_directory"); returns their number.
 */
size_t conf_needs_restart(const struct conf *old_conf,
    const struct conf *new_conf, char *buf, size_t size);

/*
 * 1 to 63 bytes of UTF-8 that can be a file name and stand in "[port NAME]":
 * no control, no '/' ']' ';', no dot in front, no space at either end.
 */
bool conf_name_valid(const char *name);

#endif /* CONF_H */
