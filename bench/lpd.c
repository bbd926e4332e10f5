/*
 * lpd.c - a crowd of LPD clients on one thread: what load.c is to raw.
 *
 * A job is a conversation of five steps; what is sent in each is answered by
 * one octet, 0 for "go on":
 *
 *	"02 queue"     -->
 *	"02 control"   -->
 *	control file   -->  each: SENDING --last byte--> WAITING --0--> next
 *	"03 data"      -->             |                    |
 *	data           -->             +--------------------+--> REFUSED, RESET,
 *	   |                                                     TIMEOUT
 *	   +--> OK, and the client hangs up
 *
 * A job is OK when the last step was answered with 0: a client forgets it
 * then.  Any other octet counts as REFUSED.  Trouble of the generator itself
 * ends the run with a message, so that it never passes for a fault of the
 * server.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define TEXT_LEN	((size_t)1024 * 1024)
#define WORDS_LEN	512	/* of a command, or a control file */
#define EVENTS		256
#define TURNS		16	/* writes of one client per wake-up */
#define NUMBERS		1000	/* of jobs; then they repeat */

static const char usage[] =
    "usage: lpd -p PORT [-q QUEUE] [-n JOBS] [-b BYTES] [-c CLIENTS]\n"
    "           [-k SOURCES] [-t SECONDS]\n"
    "\n"
    "  -b     bytes per job, with K, M or G (default 16K)\n"
    "  -k     source addresses to use in turn, from 127.0.0.2 upwards\n"
    "         (default: leave it to the kernel)\n"
    "  -t     longest time from connect to the last answer (default 60)\n";

enum step { QUEUE, CONTROL_NAME, CONTROL, DATA_NAME, DATA, STEP_COUNT };

enum verdict { OK, REFUSED, RESET, TIMEOUT, VERDICT_COUNT };

struct client {
	bool		 busy;
	int		 fd;		/* owned */
	size_t		 number;	/* of its job */
	enum step	 step;
	char		 words[WORDS_LEN];
	size_t		 words_len, words_at;
	uint64_t	 left;		/* of the data, the NUL behind it too */
	bool		 watches_room;	/* to send */
	int64_t		 born_ns;
};

struct crowd {
	/* What was asked for. */
	struct sockaddr_in	 server;
	const char		*queue;
	size_t			 jobs;
	size_t			 clients;	/* at a time */
	uint64_t		 bytes;
	size_t			 sources;	/* 0: unbound */
	int64_t			 patience_ns;

	/* How it goes. */
	int			 epoll_fd;
	struct client		*slots;		/* owned, clients of them */
	size_t			 begun, ended;

	/* How it went. */
	int64_t			 start_ns;
	int64_t			 start_wall_ms;
	int64_t			 last_ok_ns;
	size_t			 verdicts[VERDICT_COUNT];
	int64_t			*took_ns;	/* owned, of each OK */
};

static char text[TEXT_LEN];	/* what every job says */

/* The only way out of a client. */
static void
end(struct crowd *crowd, struct client *client, enum verdict verdict)
{
	int64_t now = now_ns();

	if (verdict == OK) {
		crowd->took_ns[crowd->verdicts[OK]] = now - client->born_ns;
		crowd->last_ok_ns = now;
	}
	crowd->verdicts[verdict]++;
	crowd->ended++;
	close(client->fd);
	client->busy = false;
}

static void
end_for_errno(struct crowd *crowd, struct client *client, int error)
{
	end(crowd, client, error == ECONNREFUSED ? REFUSED :
	    error == ETIMEDOUT ? TIMEOUT : RESET);
}

static void
watch(struct crowd *crowd, struct client *client, int op, bool room)
{
	struct epoll_event event = {
		.events = EPOLLIN | (room ? EPOLLOUT : 0), .data.ptr = client,
	};

	if (epoll_ctl(crowd->epoll_fd, op, client->fd, &event) == -1)
		err(EXIT_FAILURE, "epoll_ctl");
	client->watches_room = room;
}

/* ---- what is said ------------------------------------------------------- */

static void
say(struct client *client, const char *words, size_t len)
{
	if (len >= WORDS_LEN)
		errx(EXIT_FAILURE, "the name of the queue is too long");
	memmove(client->words, words, len);
	client->words_len = len;
	client->words_at = 0;
}

/* Returns its length, without the NUL. */
static size_t
control_file(const struct client *client, char file[WORDS_LEN])
{
	int len = snprintf(file, WORDS_LEN, "Hbench\nPalice\nJa document\n"
	    "ldfA%03zubench\nUdfA%03zubench\nNdocument.prn\n",
	    client->number, client->number);

	return (size_t)len;
}

static void
begin_step(const struct crowd *crowd, struct client *client, enum step step)
{
	char file[WORDS_LEN], words[WORDS_LEN];
	int len = 0;

	client->step = step;
	switch (step) {
	case QUEUE:
		len = snprintf(words, sizeof(words), "\2%s\n", crowd->queue);
		break;
	case CONTROL_NAME:
		len = snprintf(words, sizeof(words), "\2%zu cfA%03zubench\n",
		    control_file(client, file), client->number);
		break;
	case CONTROL:
		len = (int)control_file(client, words) + 1;
		break;
	case DATA_NAME:
		len = snprintf(words, sizeof(words),
		    "\3%" PRIu64 " dfA%03zubench\n", crowd->bytes,
		    client->number);
		break;
	default:
		client->left = crowd->bytes + 1;
	}
	say(client, words, (size_t)len);
}

/* ---- sending ------------------------------------------------------------ */

static ssize_t
send_words(struct client *client)
{
	ssize_t n = send(client->fd, client->words + client->words_at,
	    client->words_len - client->words_at, MSG_NOSIGNAL);

	if (n > 0)
		client->words_at += (size_t)n;
	return n;
}

/* The last octet is the NUL; it goes with what stands before it. */
static ssize_t
send_data(struct client *client)
{
	uint64_t data = client->left - 1;
	struct iovec parts[] = {
		{ .iov_base = text,
		  .iov_len = data < TEXT_LEN ? (size_t)data : TEXT_LEN },
		{ .iov_base = "", .iov_len = data <= TEXT_LEN },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n = sendmsg(client->fd, &message, MSG_NOSIGNAL);

	if (n > 0)
		client->left -= (uint64_t)n;
	return n;
}

static bool
has_sent(const struct client *client)
{
	return client->words_at == client->words_len && client->left == 0;
}

/* SENDING: write on.  false: the client has ended. */
static bool
push(struct crowd *crowd, struct client *client)
{
	ssize_t n = 0;
	int turn;

	for (turn = 0; turn < TURNS && n != -1 && !has_sent(client); turn++)
		n = client->words_at < client->words_len ?
		    send_words(client) : send_data(client);
	if (n == -1 && errno != EAGAIN) {
		end_for_errno(crowd, client, errno);
		return false;
	}
	if (client->watches_room == has_sent(client))
		watch(crowd, client, EPOLL_CTL_MOD, !has_sent(client));
	return true;
}

/* ---- answers ------------------------------------------------------------ */

static void
on_answer(struct crowd *crowd, struct client *client, char octet)
{
	if (octet != 0)
		end(crowd, client, REFUSED);
	else if (!has_sent(client))
		end(crowd, client, RESET);	/* to what? */
	else if (client->step == DATA)
		end(crowd, client, OK);
	else {
		begin_step(crowd, client, client->step + 1);
		(void)push(crowd, client);
	}
}

static void
pull(struct crowd *crowd, struct client *client)
{
	ssize_t n;
	char octet;

	n = recv(client->fd, &octet, 1, 0);
	if (n == 1)
		on_answer(crowd, client, octet);
	else if (n == 0)
		end(crowd, client, RESET);
	else if (errno != EAGAIN)
		end_for_errno(crowd, client, errno);
}

/* ---- the crowd ---------------------------------------------------------- */

static int
open_socket(const struct crowd *crowd)
{
	int fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on)) == -1)
		err(EXIT_FAILURE, "socket");
	if (crowd->sources > 0)
		bind_source(fd, crowd->begun % crowd->sources);
	if (connect(fd, (const struct sockaddr *)&crowd->server,
	    sizeof(crowd->server)) == -1 && errno != EINPROGRESS &&
	    errno != ECONNREFUSED)
		err(EXIT_FAILURE, "connect");
	return fd;
}

static void
begin(struct crowd *crowd, struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->busy = true;
	client->number = crowd->begun % NUMBERS;
	client->born_ns = now_ns();
	client->fd = open_socket(crowd);
	crowd->begun++;
	begin_step(crowd, client, QUEUE);
	watch(crowd, client, EPOLL_CTL_ADD, false);
	(void)push(crowd, client);
}

/* Whoever is free has another job. */
static void
begin_all(struct crowd *crowd)
{
	size_t i;

	for (i = 0; i < crowd->clients && crowd->begun < crowd->jobs; i++)
		if (!crowd->slots[i].busy)
			begin(crowd, &crowd->slots[i]);
}

static void
end_impatient(struct crowd *crowd, int64_t now)
{
	size_t i;

	for (i = 0; i < crowd->clients; i++)
		if (crowd->slots[i].busy &&
		    now - crowd->slots[i].born_ns > crowd->patience_ns)
			end(crowd, &crowd->slots[i], TIMEOUT);
}

static void
wait_turn(struct crowd *crowd)
{
	struct epoll_event events[EVENTS];
	struct client *client;
	int i, n;

	n = epoll_wait(crowd->epoll_fd, events, EVENTS, 1000);
	if (n == -1 && errno != EINTR)
		err(EXIT_FAILURE, "epoll_wait");
	for (i = 0; i < n; i++) {
		client = events[i].data.ptr;
		if ((events[i].events & EPOLLOUT) != 0 &&
		    (events[i].events & (EPOLLERR | EPOLLHUP)) == 0 &&
		    !push(crowd, client))
			continue;
		if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
			pull(crowd, client);
	}
}

static void
run(struct crowd *crowd)
{
	struct timespec wall;
	int64_t now, second_ns;

	clock_gettime(CLOCK_REALTIME, &wall);
	crowd->start_wall_ms = (int64_t)wall.tv_sec * 1000 +
	    wall.tv_nsec / 1000000;
	crowd->start_ns = crowd->last_ok_ns = second_ns = now_ns();
	while (crowd->ended < crowd->jobs) {
		begin_all(crowd);
		wait_turn(crowd);
		now = now_ns();
		if (now - second_ns >= NS_PER_S) {
			end_impatient(crowd, now);
			second_ns = now;
		}
	}
}

static void
report(struct crowd *crowd)
{
	double seconds = (double)(crowd->last_ok_ns - crowd->start_ns) / 1e9;
	size_t ok = crowd->verdicts[OK];
	double rate = ok > 0 ? (double)ok / seconds : 0;

	sort_ns(crowd->took_ns, ok);
	printf("jobs=%zu ok=%zu refused=%zu reset=%zu timeouts=%zu "
	    "began_ms=%" PRId64 " seconds=%.6f jobs_per_s=%.1f "
	    "mb_per_s=%.1f p50_ms=%.3f p99_ms=%.3f max_ms=%.3f\n",
	    crowd->begun, ok, crowd->verdicts[REFUSED],
	    crowd->verdicts[RESET], crowd->verdicts[TIMEOUT],
	    crowd->start_wall_ms, seconds, rate,
	    rate * (double)crowd->bytes / 1e6,
	    percentile_ms(crowd->took_ns, ok, 50),
	    percentile_ms(crowd->took_ns, ok, 99),
	    percentile_ms(crowd->took_ns, ok, 100));
}

static void
parse_options(struct crowd *crowd, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "b:c:k:n:p:q:t:")) != -1) {
		switch (opt) {
		case 'b':
			crowd->bytes = parse_number(optarg, 1);
			break;
		case 'c':
			crowd->clients = parse_number(optarg, 1);
			break;
		case 'k':
			crowd->sources = parse_number(optarg, 0);
			break;
		case 'n':
			crowd->jobs = parse_number(optarg, 1);
			break;
		case 'p':
			crowd->server.sin_port = htons(parse_port(optarg));
			break;
		case 'q':
			crowd->queue = optarg;
			break;
		case 't':
			crowd->patience_ns =
			    (int64_t)parse_number(optarg, 1) * NS_PER_S;
			break;
		default:
			errx(EXIT_FAILURE, "%s", usage);
		}
	}
	if (optind != argc || crowd->server.sin_port == 0)
		errx(EXIT_FAILURE, "%s", usage);
}

static void
allocate(struct crowd *crowd)
{
	if (crowd->clients > crowd->jobs)
		crowd->clients = crowd->jobs;
	crowd->slots = calloc(crowd->clients, sizeof(*crowd->slots));
	crowd->took_ns = calloc(crowd->jobs, sizeof(*crowd->took_ns));
	if (crowd->slots == NULL || crowd->took_ns == NULL)
		err(EXIT_FAILURE, "%zu jobs", crowd->jobs);
	memset(text, 'x', sizeof(text));
	crowd->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (crowd->epoll_fd == -1)
		err(EXIT_FAILURE, "epoll_create");
}

int
main(int argc, char **argv)
{
	struct crowd crowd = {
		.server.sin_family = AF_INET,
		.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.queue = "q",
		.jobs = 1,
		.clients = 1,
		.bytes = 16 * 1024,
		.patience_ns = 60 * NS_PER_S,
	};

	parse_options(&crowd, argc, argv);
	raise_descriptor_limit();
	allocate(&crowd);
	run(&crowd);
	report(&crowd);
	close(crowd.epoll_fd);
	free(crowd.took_ns);
	free(crowd.slots);
	return EXIT_SUCCESS;
}
