/*
 * command - the command line of printportd.
 */
#ifndef COMMAND_H
#define COMMAND_H

/* What the words ask for; the exit status of the process (sysexits.h). */
int command_run(int argc, char **argv);

#endif /* COMMAND_H */
