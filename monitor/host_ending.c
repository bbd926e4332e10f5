/*
 * host_ending.c - documents that are all in the port, with pages still to come.
 *
 *	end_doc -> SENT ---- the language monitor: last page ejected ----> DONE
 *	             |  ---- a younger one was: so was this ------------->  DONE
 *	             |  ---- canceled -------------------------------> CANCELED
 *	             +------ nobody will report any more -----------------> DONE
 *
 * They stand in the order in which they were sent, the oldest first.  One whose
 * outcome was told before its report came stays in the list: the report is its
 * own, and not that of a younger run of the same job.
 */
#include <string.h>

#include "host.h"

static bool
has_job(const struct host_ending *ending, uint64_t job)
{
	return ending->outcome.job == job;
}

static void
tell(struct host *host, struct host_ending *ending, const char *text)
{
	if (ending->told)
		return;
	ending->told = true;
	ending->outcome.text = text;
	host_doc_gather(host, &ending->outcome);
}

static void
forget(struct host *host, size_t first, size_t n)
{
	host->endings_n -= n;
	memmove(&host->endings[first], &host->endings[first + n],
	    (host->endings_n - first) * sizeof(host->endings[0]));
}

/* One that was told, or else the oldest, makes room. */
static void
make_room(struct host *host)
{
	size_t i;

	for (i = 0; i < host->endings_n; i++)
		if (host->endings[i].told)
			break;
	if (i == host->endings_n)
		i = 0;
	tell(host, &host->endings[i], "sent; too many were after it before "
	    "its last page was out");
	forget(host, i, 1);
}

void
host_ending_add(struct host *host, const struct wire_outcome *outcome)
{
	struct host_ending *ending;

	if (host->endings_n == HOST_DOCS)
		make_room(host);
	ending = &host->endings[host->endings_n++];
	*ending = (struct host_ending){ .outcome = *outcome };
	host_doc_flush(host);		/* of those before it */
	wire_begin(&host->out, WIRE_SENT);
	wire_put_u64(&host->out, outcome->job);
	wire_put_u64(&host->out, outcome->written);
	host_send(host);
}

struct wire_outcome *
host_ending_find(struct host *host, uint64_t job)
{
	size_t i;

	for (i = 0; i < host->endings_n; i++)
		if (has_job(&host->endings[i], job))
			return &host->endings[i].outcome;
	return NULL;
}

bool
host_ending_report(struct host *host, uint64_t job)
{
	size_t n, i;

	for (n = 0; n < host->endings_n; n++)
		if (has_job(&host->endings[n], job))
			break;
	if (n == host->endings_n)
		return false;
	for (i = 0; i <= n; i++) {
		host->endings[i].outcome.events |=
		    1u << (unsigned)PP_JOB_LAST_PAGE_EJECTED;
		tell(host, &host->endings[i], "");
	}
	forget(host, 0, n + 1);
	return true;
}

void
host_ending_report_all(struct host *host)
{
	if (host->endings_n > 0)
		(void)host_ending_report(host,
		    host->endings[host->endings_n - 1].outcome.job);
	if (host->endings_n > 0)	/* a younger run of the same job */
		host_ending_report_all(host);
}

void
host_ending_settle(struct host *host, const char *why)
{
	size_t i;

	for (i = 0; i < host->endings_n; i++)
		tell(host, &host->endings[i], why);
	host->endings_n = 0;
}

bool
host_ending_cancel(struct host *host, uint64_t job, uint32_t flags)
{
	struct host_ending *ending;
	size_t i;

	for (i = 0; i < host->endings_n; i++) {
		ending = &host->endings[i];
		if (!has_job(ending, job) || ending->told)
			continue;
		if (flags & PP_JOB_DELETING) {
			ending->outcome.verdict = WIRE_CANCELED;
			ending->outcome.code = PP_CANCELED;
		}
		tell(host, ending, flags & PP_JOB_DELETING ?
		    "canceled when all of it was in the printer" :
		    "sent; its last page was not waited for");
		return true;
	}
	return false;
}
