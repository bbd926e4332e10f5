/*
 * report.c - see report.h.
 */
#include <stdio.h>

#include "report.h"

void
report_conf_errors(const struct conf_errors *errors)
{
	const struct conf_error *error;
	size_t i;

	for (i = 0; i < errors->n; i++) {
		error = &errors->v[i];
		if (error->line > 0)
			fprintf(stderr, "%s:%d: %s\n", error->file,
			    error->line, error->text);
		else
			fprintf(stderr, "%s: %s\n", error->file, error->text);
	}
}
