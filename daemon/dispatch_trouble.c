/*
 * dispatch_trouble.c - what fails again and again is told twice: when it
 * begins, and when it is over.
 *
 * A trouble is that of one or many: of all the jobs whose end cannot be
 * recorded, say.  It is over when none of them has it any more, be it that it
 * went well at last, or that nobody wants it now.
 */
#include <string.h>

#include "dispatch_internal.h"
#include "log.h"

void
dispatch_trouble(struct trouble *trouble, bool *has_it, const char *text,
    uint64_t job, int error)
{
	if (!*has_it)
		trouble->n_have_it++;
	*has_it = true;
	if (trouble->tries++ > 0)
		return;
	log_put(LOG_LEVEL_ERROR, text,
	    { LOG_FIELD_NUMBER, "job", job != 0 ? "0" : "", (int64_t)job },
	    LOG_TEXT("reason", strerror(-error)));
}

void
dispatch_trouble_over(struct trouble *trouble, bool *has_it, const char *text)
{
	if (!*has_it)
		return;
	*has_it = false;
	if (--trouble->n_have_it > 0)
		return;
	log_put(LOG_LEVEL_WARNING, text, LOG_NUM("tries", trouble->tries));
	trouble->tries = 0;
}
