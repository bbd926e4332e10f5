/*
 * main.c - printportd starts here.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "command.h"

/*
 * A descriptor of ours in the place of a closed standard one would get what is
 * written there.
 */
static void
fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

int
main(int argc, char **argv)
{
	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return command_run(argc, argv);
}
