/*
 * lpr_control - the control file of a job that is passed on, and the names of
 * its files.
 *
 *	Halice-pc		whose it is: as the first host said, or its name
 *	Palice
 *	JMinutes
 *	Cclass, Z..., ...	what a first control file had besides
 *	Lalice			a banner, if it is wanted
 *	ldfA123us		to be printed, once for each copy
 *	UdfA123us
 *	Nminutes.ps
 *
 * All that clients sent is a line, or part of one: it holds no control
 * character.  Of a first control file no line is passed on that names a file,
 * as the files it meant are not those that are sent.
 *
 * Pure functions.  A struct lpr_control is freed with lpr_control_free().
 */
#ifndef LPR_CONTROL_H
#define LPR_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a host in names of files. */
#define LPR_HOST_LEN	31
#define LPR_NAME_SIZE	(sizeof("cfA999") + LPR_HOST_LEN)

#define LPR_FORMATS	"cdfglnoprtv"

enum lpr_banner {
	LPR_BANNER_ORIGINAL,	/* if the first control file wants one */
	LPR_BANNER_YES,
	LPR_BANNER_NO,
};

/* All strings may be NULL. */
struct lpr_job {
	uint64_t	 id;
	const char	*user;
	const char	*host;		/* of the client */
	const char	*title;
	const char	*document;
	const char	*extra;		/* as in struct pp_job_info */
	const char	*datatype;
	const char	*us;		/* name of this host */
	char		 format;	/* one of LPR_FORMATS; 0: by datatype */
	unsigned int	 copies;
	enum lpr_banner	 banner;
	bool		 long_lines;	/* longer than RFC 1179 has them */
};

struct lpr_control {
	char	 control[LPR_NAME_SIZE], data[LPR_NAME_SIZE];
	char	*text;			/* owned */
	size_t	 len;
};

/* 0, or PP_NO_MEMORY. */
int lpr_control_make(struct lpr_control *control, const struct lpr_job *job)
    __attribute__((warn_unused_result));
void lpr_control_free(struct lpr_control *control);

#endif /* LPR_CONTROL_H */
