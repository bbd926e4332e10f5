/*
 * load.c - a crowd of printing clients on one thread.
 *
 * What one client does, and where it can leave:
 *
 *	begin --> SENDING --last byte--> WAITING --end of file--> OK
 *	             |     \                |
 *	             |      +-----------> HOLDING --standard input--> OK
 *	             |     (idle, drip)     |         closed
 *	             +----------------------+--> REFUSED, RESET, TIMEOUT
 *
 * A job is OK when all of it was sent and the server then closed in good
 * order; whatever else happens to it is counted under its own name.  Trouble
 * of the generator itself (no descriptors, no source ports) ends the run
 * with a message, so that it never passes for a fault of the server.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

#define TEXT_LEN	(1024 * 1024)
#define ANSWER_LEN	(64 * 1024)
#define EVENTS		256
#define TURNS		16	/* writes of one client per wake-up */
#define SPARE_FDS	16	/* beside those of the clients */
#define HOLD_WINDOW	256	/* clients under way to HOLDING at a time */

static const char usage[] =
    "usage: load -p PORT [-m jobs|burst|idle|drip] [-n JOBS] [-b BYTES]\n"
    "            [-c CLIENTS] [-a ADDRESS] [-k SOURCES] [-t SECONDS]\n"
    "\n"
    "  jobs   CLIENTS at a time print one job after the other\n"
    "  burst  all connect at once, then each prints its job\n"
    "  idle   all connect, send BYTES and stay until standard input closes\n"
    "  drip   as idle, and each sends one byte a second\n"
    "\n"
    "  -b     bytes per job, with K, M or G (default 0 to idle and drip,\n"
    "         else 1K)\n"
    "  -k     source addresses to use in turn, from 127.0.0.2 upwards\n"
    "         (default: leave it to the kernel)\n"
    "  -t     longest time from connect to end of file (default 60)\n";

enum state {
	FREE,		/* in load.free_slots */
	SENDING,	/* connecting, or bytes are left to send */
	WAITING,	/* all sent and shut down; the server's end is due */
	HOLDING,	/* all sent; the server must stay */
};

enum verdict { OK, REFUSED, RESET, TIMEOUT, VERDICT_COUNT };

struct client {
	enum state	 state;
	int		 fd;		/* owned */
	uint64_t	 left;		/* bytes still to send */
	int64_t		 born_ns;
};

struct mode {
	const char	*name;
	uint64_t	 bytes;		/* per job, unless told */
	bool		 all;		/* every client at once */
	bool		 eager;		/* first write right after connect() */
	bool		 holds;
	bool		 drips;
};

struct load {
	/* What was asked for. */
	const struct mode	*mode;
	struct sockaddr_in	 server;
	size_t			 jobs;
	size_t			 clients;	/* at a time */
	size_t			 window;	/* SENDING at a time */
	uint64_t		 bytes;
	size_t			 sources;	/* 0: unbound */
	int64_t			 patience_ns;

	/* How it goes. */
	int			 epoll_fd;
	bool			 announced;	/* "open=" was printed */
	struct client		*slots;		/* owned, clients of them */
	size_t			*free_slots;	/* owned, a stack of indices */
	size_t			 n_free;
	size_t			 begun;
	size_t			 sending;

	/* How it went. */
	int64_t			 start_ns;
	int64_t			 last_ok_ns;
	size_t			 verdicts[VERDICT_COUNT];
	int64_t			*took_ns;	/* owned, of each OK */
	uint64_t		 answered;	/* bytes that came back */
};

static const struct mode modes[] = {
	{ .name = "jobs", .bytes = 1024, .eager = true },
	{ .name = "burst", .bytes = 1024, .all = true },
	{ .name = "idle", .all = true, .holds = true },
	{ .name = "drip", .all = true, .holds = true, .drips = true },
};

static char text[TEXT_LEN];	/* what every job says */

static void
set_state(struct load *load, struct client *client, enum state state)
{
	if (client->state == SENDING)
		load->sending--;
	if (state == SENDING)
		load->sending++;
	client->state = state;
}

/* The only way out of a client. */
static void
end(struct load *load, struct client *client, enum verdict verdict)
{
	int64_t now = now_ns();

	if (verdict == OK) {
		load->took_ns[load->verdicts[OK]] = now - client->born_ns;
		load->last_ok_ns = now;
	}
	load->verdicts[verdict]++;
	close(client->fd);
	set_state(load, client, FREE);
	load->free_slots[load->n_free++] = (size_t)(client - load->slots);
}

static enum verdict
verdict_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REFUSED;
	case ETIMEDOUT:
		return TIMEOUT;
	default:
		return RESET;
	}
}

static void
watch(struct load *load, struct client *client, int op)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

	if (client->state == SENDING)
		event.events |= EPOLLOUT;
	if (epoll_ctl(load->epoll_fd, op, client->fd, &event) == -1)
		err(EXIT_FAILURE, "epoll_ctl");
}

/* A socket under way to the server. */
static int
open_socket(const struct load *load)
{
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(EXIT_FAILURE, "socket");
	if (load->sources > 0)
		bind_source(fd, load->begun % load->sources);
	if (connect(fd, (const struct sockaddr *)&load->server,
	    sizeof(load->server)) == -1 && errno != EINPROGRESS &&
	    errno != ECONNREFUSED)
		err(EXIT_FAILURE, "connect");
	return fd;
}

/*
 * SENDING: write on.  Returns false if the client has ended.  An empty job
 * must not come here before its connection stands.
 */
static bool
push(struct load *load, struct client *client)
{
	ssize_t n;
	int turn;

	for (turn = 0; turn < TURNS && client->left > 0; turn++) {
		n = send(client->fd, text, client->left < TEXT_LEN ?
		    (size_t)client->left : TEXT_LEN, MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN)
			return true;
		if (n == -1) {
			end(load, client, verdict_of_errno(errno));
			return false;
		}
		client->left -= (uint64_t)n;
	}
	if (client->left > 0)
		return true;
	if (load->mode->holds) {
		set_state(load, client, HOLDING);
	} else if (shutdown(client->fd, SHUT_WR) == 0) {
		set_state(load, client, WAITING);
	} else {
		end(load, client, RESET);
		return false;
	}
	return true;
}

/* Any state: take what the server says, and its end. */
static void
pull(struct load *load, struct client *client)
{
	static char answer[ANSWER_LEN];
	ssize_t n;

	while ((n = recv(client->fd, answer, sizeof(answer), 0)) > 0)
		load->answered += (uint64_t)n;
	if (n == 0)
		end(load, client, client->state == WAITING ? OK : RESET);
	else if (errno != EAGAIN)
		end(load, client, verdict_of_errno(errno));
}

static void
begin(struct load *load)
{
	struct client *client;

	client = &load->slots[load->free_slots[--load->n_free]];
	client->left = load->bytes;
	client->born_ns = now_ns();
	client->fd = open_socket(load);
	set_state(load, client, SENDING);
	load->begun++;
	if (load->mode->eager && client->left > 0 && !push(load, client))
		return;
	watch(load, client, EPOLL_CTL_ADD);
}

static void
on_event(struct load *load, struct client *client, uint32_t events)
{
	if (client->state == SENDING && (events & EPOLLOUT) != 0 &&
	    (events & (EPOLLERR | EPOLLHUP)) == 0) {
		if (!push(load, client))
			return;
		if (client->state != SENDING)
			watch(load, client, EPOLL_CTL_MOD);
	}
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		pull(load, client);
}

static void
release_all(struct load *load)
{
	size_t i;

	for (i = 0; i < load->clients; i++)
		if (load->slots[i].state == HOLDING)
			end(load, &load->slots[i], OK);
}

/* Once a second: who has waited too long, and whose next byte is due. */
static void
on_second(struct load *load, int64_t now)
{
	struct client *client;
	size_t i;

	for (i = 0; i < load->clients; i++) {
		client = &load->slots[i];
		if (client->state == HOLDING && load->mode->drips) {
			client->left = 1;
			push(load, client);
		} else if ((client->state == SENDING ||
		    client->state == WAITING) &&
		    now - client->born_ns > load->patience_ns)
			end(load, client, TIMEOUT);
	}
}

/* Tell who started us that everyone who could come is there. */
static void
announce(struct load *load)
{
	load->announced = true;
	printf("open=%zu\n", load->clients - load->n_free);
	if (fflush(stdout) == EOF)
		err(EXIT_FAILURE, "standard output");
}

static void
watch_standard_input(struct load *load)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

	if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO,
	    &event) == -1)
		err(EXIT_FAILURE, "standard input (want a pipe or terminal)");
}

/* Input has no meaning but its end, which releases those who hold. */
static void
on_standard_input(struct load *load)
{
	char input[512];

	if (read(STDIN_FILENO, input, sizeof(input)) > 0)
		return;
	if (epoll_ctl(load->epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO,
	    NULL) == -1)
		err(EXIT_FAILURE, "epoll_ctl");
	load->jobs = load->begun;
	release_all(load);
}

static void
wait_turn(struct load *load)
{
	struct epoll_event events[EVENTS];
	int i, n;

	n = epoll_wait(load->epoll_fd, events, EVENTS, 1000);
	if (n == -1 && errno != EINTR)
		err(EXIT_FAILURE, "epoll_wait");
	for (i = 0; i < n; i++)
		if (events[i].data.ptr != NULL)
			on_event(load, events[i].data.ptr, events[i].events);
	/* Last, for it ends clients that other events may belong to. */
	for (i = 0; i < n; i++)
		if (events[i].data.ptr == NULL)
			on_standard_input(load);
}

static void
run(struct load *load)
{
	int64_t now, second_ns;

	load->start_ns = load->last_ok_ns = second_ns = now_ns();
	while (load->begun < load->jobs || load->n_free < load->clients) {
		while (load->begun < load->jobs && load->n_free > 0 &&
		    load->sending < load->window)
			begin(load);
		if (load->mode->holds && !load->announced &&
		    load->begun == load->jobs && load->sending == 0)
			announce(load);
		wait_turn(load);
		now = now_ns();
		if (now - second_ns >= NS_PER_S) {
			on_second(load, now);
			second_ns = now;
		}
	}
	if (load->mode->holds && !load->announced)
		announce(load);		/* no one could stay so long */
}

static void
report(struct load *load)
{
	double seconds = (double)(load->last_ok_ns - load->start_ns) / 1e9;
	size_t ok = load->verdicts[OK];
	double rate = ok > 0 ? (double)ok / seconds : 0;

	sort_ns(load->took_ns, ok);
	printf("jobs=%zu ok=%zu refused=%zu reset=%zu timeouts=%zu "
	    "answered=%" PRIu64 " seconds=%.6f jobs_per_s=%.1f "
	    "mb_per_s=%.1f p50_ms=%.3f p99_ms=%.3f max_ms=%.3f\n",
	    load->begun, ok, load->verdicts[REFUSED], load->verdicts[RESET],
	    load->verdicts[TIMEOUT], load->answered, seconds, rate,
	    rate * (double)load->bytes / 1e6,
	    percentile_ms(load->took_ns, ok, 50),
	    percentile_ms(load->took_ns, ok, 99),
	    percentile_ms(load->took_ns, ok, 100));
}

static const struct mode *
parse_mode(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	errx(EXIT_FAILURE, "no mode %s\n%s", name, usage);
}

static void
parse_options(struct load *load, int argc, char **argv)
{
	const char *address = "127.0.0.1", *bytes = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "a:b:c:k:m:n:p:t:")) != -1) {
		switch (opt) {
		case 'a':
			address = optarg;
			break;
		case 'b':
			bytes = optarg;
			break;
		case 'c':
			load->clients = parse_number(optarg, 1);
			break;
		case 'k':
			load->sources = parse_number(optarg, 0);
			break;
		case 'm':
			load->mode = parse_mode(optarg);
			break;
		case 'n':
			load->jobs = parse_number(optarg, 1);
			break;
		case 'p':
			load->server.sin_port = htons(parse_port(optarg));
			break;
		case 't':
			load->patience_ns =
			    (int64_t)parse_number(optarg, 1) * NS_PER_S;
			break;
		default:
			errx(EXIT_FAILURE, "%s", usage);
		}
	}
	if (optind != argc || load->server.sin_port == 0)
		errx(EXIT_FAILURE, "%s", usage);
	if (inet_pton(AF_INET, address, &load->server.sin_addr) != 1)
		errx(EXIT_FAILURE, "%s: want an IPv4 address", address);
	load->bytes = bytes != NULL ? parse_number(bytes, 0) :
	    load->mode->bytes;
}

/* The limits that follow from what was asked for. */
static void
settle(struct load *load)
{
	struct rlimit limit;

	if (load->mode->all || load->clients > load->jobs)
		load->clients = load->jobs;
	load->window = load->mode->holds ? HOLD_WINDOW : load->clients;
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(EXIT_FAILURE, "getrlimit");
	if (load->clients + SPARE_FDS > limit.rlim_max)
		errx(EXIT_FAILURE, "%zu clients at once, but this process may "
		    "open %ju files: share them among several processes",
		    load->clients, (uintmax_t)limit.rlim_max);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(EXIT_FAILURE, "setrlimit");
}

static void
allocate(struct load *load)
{
	load->slots = calloc(load->clients, sizeof(*load->slots));
	load->free_slots = calloc(load->clients, sizeof(*load->free_slots));
	load->took_ns = calloc(load->jobs, sizeof(*load->took_ns));
	if (load->slots == NULL || load->free_slots == NULL ||
	    load->took_ns == NULL)
		err(EXIT_FAILURE, "%zu jobs", load->jobs);
	while (load->n_free < load->clients) {
		load->free_slots[load->n_free] = load->n_free;
		load->n_free++;
	}
	memset(text, 'x', sizeof(text));
	load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll_fd == -1)
		err(EXIT_FAILURE, "epoll_create");
}

int
main(int argc, char **argv)
{
	struct load load = {
		.mode = &modes[0],
		.server.sin_family = AF_INET,
		.jobs = 1,
		.clients = 1,
		.patience_ns = 60 * NS_PER_S,
	};

	parse_options(&load, argc, argv);
	settle(&load);
	allocate(&load);
	if (load.mode->holds)
		watch_standard_input(&load);
	run(&load);
	report(&load);
	close(load.epoll_fd);
	free(load.took_ns);
	free(load.free_slots);
	free(load.slots);
	return EXIT_SUCCESS;
}
