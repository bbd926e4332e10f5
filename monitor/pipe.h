/*
 * pipe - inside of the module `pipe`: a port, and what it runs.
 *
 * pipe.c is the module; pipe_settings.c reads and judges settings and makes
 * of them and of a job what is to be run; pipe_run.c runs it; pipe_says.c
 * understands what it says.
 *
 * Errors     Codes of monitor.h.  What fails has been told to the log.
 * Units      In the name: _ms is milliseconds.
 */
#ifndef PIPE_H
#define PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor.h"
#include "pipe_run.h"
#include "pipe_says.h"
#include "pipe_words.h"

/* The settings that are texts, owned; NULL: not set. */
struct pipe_texts {
	char	*program;
	char	*arguments;
	char	*environment;
	char	*directory;
	char	*cups_backend;
	char	*backend_directory;
	char	*cups_options;
	char	*content_type;
	char	*exit_hold;
	char	*exit_drop;
	char	*exit_stop;
};

struct pipe_settings {
	struct pipe_texts texts;
	char		*path;		/* owned: what is executed */
	char		*shown_uri;	/* owned: without user and password */
	struct pipe_list arguments;	/* not filled in */
	struct pipe_list environment;
	int		 verdicts[256];	/* code of each exit status */
	bool		 read;
	bool		 partial;	/* it need not read its document */
	int		 write_timeout_ms;
	int64_t		 timeout_ms;	/* 0: none, as of the next */
	int64_t		 finish_timeout_ms;
	int		 grace_ms;
	int64_t		 max_memory;
	int64_t		 max_cpu_s;
	int64_t		 max_files;
	int		 nice;
};

extern const struct pp_setting_decl pipe_declared[];

/*
 * Get and judge the settings of a port: PP_INVALID_PARAMETER when the log has
 * been told of a fault.  To be freed also after a failure.
 */
int pipe_settings_get(struct pipe_settings *settings,
    const struct pp_host *host, const char *port);
/* The same of settings that are no port's yet. */
int pipe_settings_try(const struct pp_host *host,
    const struct pp_setting *texts, size_t count);
void pipe_settings_free(struct pipe_settings *settings);

/* What to run for a job, from settings that outlive it. */
int pipe_order_make(struct pipe_order *order,
    const struct pipe_settings *settings, const struct pipe_facts *facts,
    const struct pp_job_info *job);
void pipe_order_free(struct pipe_order *order);

/* Last part of what is executed, for the log. */
const char *pipe_settings_name(const struct pipe_settings *settings);

#endif /* PIPE_H */
