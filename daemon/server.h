/*
 * server - everything that runs, built from one configuration.
 *
 *	server_run:  read -> bind -> drop root -> judge -> build -> loop
 *	SIGHUP:      read, judge, resolve (thread) -> bind -> change what changed
 *	SIGTERM:     listeners close -> documents end -> loop ends
 *	             again: now
 *
 * Errors     Reasons not to start go to standard error, one per line, as
 *            file:line: text; the result is an exit status of sysexits.h.
 * Threads    The caller's becomes the loop's.
 */
#ifndef SERVER_H
#define SERVER_H

/* Runs until told to end.  The exit status of the process. */
int server_run(const char *path);

#endif /* SERVER_H */
