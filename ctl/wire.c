/*
 * wire.c - see wire.h.
 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

#include "wire.h"

#define HOST		"http://printportd"
#define CONNECT_S	10
#define TRIES		10	/* to connect to a daemon that is there */
/* For what has its answer when a document that prints has been stopped. */
#define ANSWER_S	120
/* A copy may take any time, but not stand still. */
#define STALL_S		120
#define TEXT_MAX	((size_t)256 << 20)

struct wire {
	CURL		*curl;
	const char	*socket_path;	/* borrowed */
	int		 error;		/* errno of a connect that failed */
};

/* What comes goes here: to a stream, or else into the answer. */
struct sink {
	struct wire	*wire;
	struct answer	*answer;
	FILE		*out;		/* NULL: none */
	bool		 tame, copied, full;
};

/* ---- what comes --------------------------------------------------------- */

static bool
put(struct sink *sink, const char *data, size_t len)
{
	size_t i;
	int c;

	sink->copied = true;
	if (!sink->tame)
		return fwrite(data, 1, len, sink->out) == len;
	for (i = 0; i < len; i++) {
		c = (unsigned char)data[i];
		if ((c < ' ' && c != '\n' && c != '\t' && c != '\r') ||
		    c == 0x7f)
			c = '?';
		if (putc(c, sink->out) == EOF)
			return false;
	}
	return true;
}

static bool
keep(struct answer *answer, const char *data, size_t len)
{
	char *text;

	if (len > TEXT_MAX - answer->len)
		return false;
	text = realloc(answer->text, answer->len + len + 1);
	if (text == NULL)
		return false;
	memcpy(text + answer->len, data, len);
	answer->text = text;
	answer->len += len;
	text[answer->len] = '\0';
	return true;
}

static size_t
on_data(char *data, size_t size, size_t n, void *arg)
{
	struct sink *sink = arg;
	long status = 0;
	bool good;

	(void)size;			/* 1 */
	curl_easy_getinfo(sink->wire->curl, CURLINFO_RESPONSE_CODE, &status);
	good = sink->out != NULL && status == 200 ? put(sink, data, n) :
	    keep(sink->answer, data, n);
	sink->full = !good;
	return good ? n : 0;
}

/* ---- connecting --------------------------------------------------------- */

/*
 * libcurl has failed: find out why by our own hand.  0 if it works now: then
 * the daemon had too many clients, and we have waited in its line.
 */
static int
try_to_connect(const struct wire *wire)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = CONNECT_S };
	int fd, error = 0;

	if (strlen(wire->socket_path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	strcpy(address.sun_path, wire->socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == -1)
		error = errno;
	close(fd);
	return error;
}

/* ---- what goes wrong ---------------------------------------------------- */

/* Who may, if it is the mode of the socket that says no. */
static void
explain_access(const char *path, char *text, size_t len)
{
	const struct group *group = NULL;
	struct stat st;

	if (stat(path, &st) == 0)
		group = getgrgid(st.st_gid);
	if (group != NULL)
		snprintf(text, len, "ask as root, or as a member of group %s",
		    group->gr_name);
	else
		snprintf(text, len, "ask as root, or as a member of the "
		    "socket's group");
}

static void
cannot_reach(const struct wire *wire, CURLcode code)
{
	char remedy[256] = "is it running, and does it do well? See its log";
	const char *reason = curl_easy_strerror(code);

	if (wire->error == EAGAIN)
		reason = "it has too many clients";
	else if (wire->error != 0)
		reason = strerror(wire->error);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		reason = "no answer; what was asked may still be done";
	if (wire->error == EACCES)
		explain_access(wire->socket_path, remedy, sizeof(remedy));
	else if (wire->error != 0 && wire->error != EAGAIN)
		snprintf(remedy, sizeof(remedy), "is it running? If its "
		    "control_socket is elsewhere, name it with --socket");
	fprintf(stderr, "printportctl: cannot reach printportd at %s: %s; "
	    "%s\n", wire->socket_path, reason, remedy);
}

static int
failed(const struct sink *sink, CURLcode code)
{
	if (code != CURLE_WRITE_ERROR && sink->copied)
		fprintf(stderr, "printportctl: printportd at %s broke off: "
		    "%s; what was printed is not all, ask again\n",
		    sink->wire->socket_path, curl_easy_strerror(code));
	else if (code != CURLE_WRITE_ERROR)
		cannot_reach(sink->wire, code);
	else if (sink->out != NULL && sink->copied)
		fprintf(stderr, "printportctl: cannot write: %s\n",
		    strerror(errno));
	else
		fprintf(stderr, "printportctl: the answer of printportd at "
		    "%s is too long\n", sink->wire->socket_path);
	answer_free(sink->answer);
	return -1;
}

/* ---- asking ------------------------------------------------------------- */

/* No proxy, whatever the environment says, and no place but the socket. */
static int
set_up(struct wire *wire, const char *path, struct sink *sink)
{
	char *url;
	CURLcode code;

	wire->error = 0;
	curl_easy_reset(wire->curl);
	if (asprintf(&url, HOST "%s", path) == -1)
		return -1;
	code = curl_easy_setopt(wire->curl, CURLOPT_URL, url);
	free(url);
	if (code != CURLE_OK || curl_easy_setopt(wire->curl,
	    CURLOPT_UNIX_SOCKET_PATH, wire->socket_path) != CURLE_OK)
		return -1;
	curl_easy_setopt(wire->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(wire->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(wire->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(wire->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(wire->curl, CURLOPT_WRITEDATA, sink);
	if (sink->out == NULL) {
		curl_easy_setopt(wire->curl, CURLOPT_TIMEOUT, (long)ANSWER_S);
	} else {
		curl_easy_setopt(wire->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(wire->curl, CURLOPT_LOW_SPEED_TIME,
		    (long)STALL_S);
	}
	return 0;
}

static int
no_memory(void)
{
	fprintf(stderr, "printportctl: no memory\n");
	return -1;
}

static int
perform(struct sink *sink)
{
	struct answer *answer = sink->answer;
	CURL *curl = sink->wire->curl;
	struct wire *wire = sink->wire;
	CURLcode code = curl_easy_perform(curl);
	int tries;

	for (tries = 0; tries < TRIES && (code == CURLE_COULDNT_CONNECT ||
	    code == CURLE_COULDNT_RESOLVE_HOST); tries++) {
		wire->error = try_to_connect(wire);
		if (wire->error != 0)
			break;
		code = curl_easy_perform(curl);
	}
	if (code != CURLE_OK)
		return failed(sink, code);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	if (answer->text != NULL)
		answer->json = json_loadb(answer->text, answer->len, 0, NULL);
	return 0;
}

int
wire_get(struct wire *wire, const char *path, struct answer *answer)
{
	return wire_copy(wire, path, NULL, false, answer);
}

int
wire_copy(struct wire *wire, const char *path, FILE *out, bool tame,
    struct answer *answer)
{
	struct sink sink = { .wire = wire, .answer = answer, .out = out,
	    .tame = tame };

	*answer = (struct answer){ 0 };
	if (set_up(wire, path, &sink) == -1)
		return no_memory();
	return perform(&sink);
}

int
wire_post(struct wire *wire, const char *path, const json_t *body,
    struct answer *answer)
{
	struct sink sink = { .wire = wire, .answer = answer };
	char *text = body == NULL ? strdup("") : json_dumps(body, 0);
	int rc = -1;

	*answer = (struct answer){ 0 };
	if (text == NULL || set_up(wire, path, &sink) == -1) {
		(void)no_memory();
	} else {
		curl_easy_setopt(wire->curl, CURLOPT_POSTFIELDSIZE,
		    (long)strlen(text));
		curl_easy_setopt(wire->curl, CURLOPT_POSTFIELDS, text);
		rc = perform(&sink);
	}
	free(text);
	return rc;
}

void
answer_free(struct answer *answer)
{
	free(answer->text);
	json_decref(answer->json);
	*answer = (struct answer){ 0 };
}

bool
answer_is_good(const struct answer *answer)
{
	return answer->status == 200;
}

char *
wire_escape(struct wire *wire, const char *text)
{
	char *escaped = curl_easy_escape(wire->curl, text, 0);
	char *copy = escaped == NULL ? NULL : strdup(escaped);

	curl_free(escaped);
	return copy;
}

struct wire *
wire_open(const char *socket_path)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (wire == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) !=
	    CURLE_OK || (wire->curl = curl_easy_init()) == NULL) {
		(void)no_memory();
		free(wire);
		return NULL;
	}
	wire->socket_path = socket_path;
	return wire;
}

void
wire_close(struct wire *wire)
{
	curl_easy_cleanup(wire->curl);
	curl_global_cleanup();
	free(wire);
}
