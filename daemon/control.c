/*
 * control.c - see control.h.
 *
 *	on_question --> judged --> command --> its answer --> sent, over
 *	                   | refused               | client gone
 *	                   +--> sent, over         +--> dropped, over
 *
 * An exchange is a call with its request.  evhttp keeps the request while the
 * connection lives and tells by on_close() when that is over; a command that
 * still waits for the store then finds by api_gone() that nobody listens.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

#include "api.h"
#include "conf/conf.h"
#include "control.h"
#include "control_clients.h"
#include "control_socket.h"
#include "log.h"
#include "monitor/fault.h"
#include "shared_conf.h"
#include "spooler.h"

#define EVERY_METHOD	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | \
    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | \
    EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

struct exchange {
	struct api_call		 call;		/* first: see of_call() */
	LIST_ENTRY(exchange)	 link;
	struct control		*control;	/* NULL: it is freed */
	struct evhttp_request	*req;		/* NULL: the client is gone */
	api_command_fn		*next;		/* a piece is on its way */
};

struct control {
	struct api_house	 house;
	struct control_socket	 sock;		/* but fd: the clients' */
	struct evhttp		*http;
	struct clients		*clients;
	LIST_HEAD(, exchange)	 exchanges;
};

static struct exchange *
of_call(struct api_call *call)
{
	return (struct exchange *)call;
}

/* ---- the end of an exchange --------------------------------------------- */

static void
exchange_free(struct exchange *exchange)
{
	if (exchange->control != NULL)
		LIST_REMOVE(exchange, link);
	evhttp_clear_headers(&exchange->call.query);
	json_decref(exchange->call.body);
	free(exchange->call.own);
	free(exchange);
}

/* From here on the request is evhttp's alone. */
static struct evhttp_request *
take_request(struct exchange *exchange)
{
	struct evhttp_request *req = exchange->req;
	struct evhttp_connection *connection =
	    evhttp_request_get_connection(req);

	evhttp_connection_set_closecb(connection, NULL, NULL);
	clients_answered(exchange->control->clients,
	    evhttp_connection_get_bufferevent(connection));
	exchange->req = NULL;
	return req;
}

/* The connection broke: evhttp has let go of the request. */
static void
on_close(struct evhttp_connection *connection, void *arg)
{
	struct exchange *exchange = arg;
	api_command_fn *next = exchange->next;

	(void)connection;
	if (evhttp_request_get_connection(exchange->req) == NULL)
		evhttp_request_free(exchange->req);
	exchange->req = NULL;
	exchange->next = NULL;
	if (next != NULL)
		next(&exchange->call);	/* there is nothing else to wait for */
}

bool
api_gone(struct api_call *call)
{
	if (of_call(call)->req != NULL)
		return false;
	exchange_free(of_call(call));
	return true;
}

/* ---- answers ------------------------------------------------------------ */

static int
add_to_buffer(const char *text, size_t len, void *arg)
{
	return evbuffer_add(arg, text, len);
}

/* json is borrowed; NULL: no memory for more than these words. */
static struct evbuffer *
body_of(const json_t *json)
{
	struct evbuffer *buffer = evbuffer_new();

	if (buffer == NULL)
		return NULL;
	if (json == NULL || json_dump_callback(json, add_to_buffer, buffer,
	    JSON_COMPACT) == -1) {
		(void)evbuffer_drain(buffer, evbuffer_get_length(buffer));
		(void)evbuffer_add_printf(buffer,
		    "{\"error\":\"no memory\",\"remedy\":\"try again\"}");
	}
	(void)evbuffer_add(buffer, "\n", 1);
	return buffer;
}

static void
add_headers(struct evhttp_request *req, const char *type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);

	(void)evhttp_add_header(headers, "Content-Type", type);
	(void)evhttp_add_header(headers, "Cache-Control", "no-store");
}

/* Takes json over. */
static void
answer(struct exchange *exchange, int status, json_t *json)
{
	struct evhttp_request *req = take_request(exchange);
	struct evbuffer *body = body_of(json);

	add_headers(req, "application/json");
	evhttp_send_reply(req, json != NULL ? status : 503, NULL, body);
	if (body != NULL)
		evbuffer_free(body);
	json_decref(json);
	exchange_free(exchange);
}

void
api_reply(struct api_call *call, json_t *body)
{
	answer(of_call(call), 200, body);
}

void
api_refuse(struct api_call *call, int status, const char *remedy,
    const char *fmt, ...)
{
	json_t *json = json_object();
	bool bad = json == NULL;
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	api_set(json, "error", api_text_json(text), &bad);
	api_set(json, "remedy", remedy == NULL ? json_null() :
	    api_text_json(remedy), &bad);
	answer(of_call(call), status, api_whole(json, bad));
}

void
api_refuse_error(struct api_call *call, int error)
{
	switch (error) {
	case -ENOMEM:
		api_refuse(call, 503, "try again", "no memory");
		break;
	case -ENXIO:
		api_refuse(call, 503, "it is opened again as soon as that "
		    "works; the log says what is wrong", "the spool is down");
		break;
	case -ENOSPC:
	case -EDQUOT:
		api_refuse(call, 507, "make room where spool_directory is",
		    "the spool has no space: %s", strerror(-error));
		break;
	default:
		api_refuse(call, 500, "the log says more",
		    "the spool could not do it: %s", strerror(-error));
		break;
	}
}

struct store *
api_store(struct api_call *call)
{
	struct store *store = spooler_store(call->house->spooler);

	if (store == NULL)
		api_refuse_error(call, -ENXIO);
	return store;
}

/* ---- answers in pieces -------------------------------------------------- */

void
api_stream_start(struct api_call *call, const char *type)
{
	struct evhttp_request *req = of_call(call)->req;

	add_headers(req, type);
	evhttp_send_reply_start(req, 200, "OK");
}

static void
on_sent(struct evhttp_connection *connection, void *arg)
{
	struct exchange *exchange = arg;
	api_command_fn *next = exchange->next;

	(void)connection;
	exchange->next = NULL;
	if (next != NULL)
		next(&exchange->call);
}

void
api_stream(struct api_call *call, struct evbuffer *piece, api_command_fn *next)
{
	struct exchange *exchange = of_call(call);

	exchange->next = next;
	evhttp_send_reply_chunk_with_cb(exchange->req, piece, on_sent,
	    exchange);
}

void
api_stream_end(struct api_call *call, struct evbuffer *last)
{
	struct evhttp_request *req = take_request(of_call(call));

	exchange_free(of_call(call));
	evhttp_send_reply_chunk(req, last);
	evhttp_send_reply_end(req);
}

/* What is in the middle of a chunk, or misses the last one, is not whole. */
void
api_stream_break(struct api_call *call)
{
	struct evhttp_request *req = take_request(of_call(call));

	exchange_free(of_call(call));
	evhttp_connection_free(evhttp_request_get_connection(req));
}

/* ---- questions ---------------------------------------------------------- */

static int
peer_uid(struct evhttp_connection *connection, uid_t *uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(bufferevent_getfd(evhttp_connection_get_bufferevent(
	    connection)), SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return -1;
	*uid = peer.uid;
	return 0;
}

/* Who asks what?  NULL: refused. */
static const struct api_route *
find_route(struct exchange *exchange)
{
	struct evhttp_request *req = exchange->req;
	const char *path = evhttp_uri_get_path(
	    evhttp_request_get_evhttp_uri(req));
	enum evhttp_cmd_type command = evhttp_request_get_command(req);
	struct api_call *call = &exchange->call;
	enum api_found found;

	if (path == NULL)
		path = "";
	found = api_find(command == EVHTTP_REQ_POST ? API_POST : API_GET, path,
	    &call->route, call->name);
	if (found == API_FOUND && command != EVHTTP_REQ_GET &&
	    command != EVHTTP_REQ_POST)
		found = API_NO_METHOD;
	if (found == API_FOUND)
		return call->route;
	if (found == API_NO_PATH)
		api_refuse(call, 404, "printportctl(1) says what there is",
		    "there is nothing at %.128s", path);
	else
		api_refuse(call, 405, NULL, "%s is not done with this method",
		    path);
	return NULL;
}

static bool
may(struct exchange *exchange)
{
	struct evhttp_connection *connection =
	    evhttp_request_get_connection(exchange->req);
	struct api_call *call = &exchange->call;
	enum api_role role;
	uid_t uid;

	if (peer_uid(connection, &uid) == -1) {
		api_refuse(call, 403, NULL, "it is not known who asks");
		return false;
	}
	api_by(uid, call->by);
	role = api_role_of(uid, geteuid());
	if (role >= call->route->role)
		return true;
	api_refuse(call, 403, "ask as root or as the daemon's user",
	    "%s may %s, and this needs the right to %s", call->by,
	    api_role_name(role), api_role_name(call->route->role));
	return false;
}

static bool
read_query(struct exchange *exchange)
{
	const char *text = evhttp_uri_get_query(
	    evhttp_request_get_evhttp_uri(exchange->req));
	struct api_call *call = &exchange->call;
	char why[API_WHY_LEN] = "it has no form of name=value";

	if (text == NULL || (evhttp_parse_query_str(text, &call->query) == 0 &&
	    api_query_is_good(&call->query, call->route->query, why)))
		return true;
	api_refuse(call, 400, NULL, "behind the \"?\": %s", why);
	return false;
}

static bool
read_body(struct exchange *exchange)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(exchange->req);
	size_t len = evbuffer_get_length(in);
	struct api_call *call = &exchange->call;
	char why[API_WHY_LEN];
	json_error_t error;

	if (len == 0)
		return true;
	call->body = json_loadb((const char *)evbuffer_pullup(in, -1), len,
	    JSON_REJECT_DUPLICATES, &error);
	if (call->body == NULL) {
		api_refuse(call, 400, NULL, "the body is no JSON: %s",
		    error.text);
		return false;
	}
	if (api_body_is_good(call->body, call->route->body, why))
		return true;
	api_refuse(call, 400, NULL, "%s", why);
	return false;
}

static void
log_deed(const struct exchange *exchange)
{
	const struct api_call *call = &exchange->call;

	if (call->route->role > API_OBSERVE)
		log_put(LOG_LEVEL_INFO, "control", LOG_TEXT("by", call->by),
		    LOG_TEXT("asks", evhttp_request_get_uri(exchange->req)));
}

static struct exchange *
exchange_new(struct control *control, struct evhttp_request *req)
{
	struct evhttp_connection *connection =
	    evhttp_request_get_connection(req);
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return NULL;
	exchange->control = control;
	exchange->req = req;
	exchange->call.house = &control->house;
	TAILQ_INIT(&exchange->call.query);
	LIST_INSERT_HEAD(&control->exchanges, exchange, link);
	evhttp_connection_set_closecb(connection, on_close, exchange);
	clients_asked(control->clients,
	    evhttp_connection_get_bufferevent(connection));
	return exchange;
}

static void
on_question(struct evhttp_request *req, void *arg)
{
	struct control *control = arg;
	struct exchange *exchange = exchange_new(control, req);

	if (exchange == NULL) {
		evhttp_send_error(req, 503, NULL);
		return;
	}
	if (find_route(exchange) == NULL || !may(exchange) ||
	    !read_query(exchange) || !read_body(exchange))
		return;
	log_deed(exchange);
	exchange->call.route->run(&exchange->call);
}

/* ---- the whole ---------------------------------------------------------- */

static struct evhttp *
make_server(struct event_base *base)
{
	struct evhttp *http = evhttp_new(base);

	if (http == NULL)
		return NULL;
	evhttp_set_allowed_methods(http, EVERY_METHOD);
	evhttp_set_max_headers_size(http, CONTROL_HEAD_MAX);
	evhttp_set_max_body_size(http, CONTROL_BODY_MAX);
	evhttp_set_timeout(http, CONTROL_STALL_S);
	return http;
}

static int
set_up(struct control *control, struct event_base *base, struct fault *fault)
{
	static const struct clients_limits limits = {
		.max = CONTROL_CLIENTS_MAX,
		.input_max = CONTROL_BODY_MAX + 2 * CONTROL_HEAD_MAX,
		.question_s = CONTROL_QUESTION_S,
	};

	control->http = make_server(base);
	if (control->http != NULL) {
		control->clients = clients_new(base, control->http,
		    control->sock.fd, &limits);
		control->sock.fd = -1;
	}
	if (control->clients == NULL)
		return fault_set(fault, -ENOMEM, "control_socket %s: no "
		    "memory", control->sock.path);
	evhttp_set_gencb(control->http, on_question, control);
	return 0;
}

struct control *
control_new(const struct control_house *house, const char *path,
    struct fault *fault)
{
	struct control *control = calloc(1, sizeof(*control));
	struct timespec wall, mono;

	if (control == NULL) {
		fault_set(fault, -ENOMEM, "no memory");
		return NULL;
	}
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	control->house = (struct api_house){
		.spooler = house->spooler, .dispatch = house->dispatch,
		.started_ms = (int64_t)wall.tv_sec * 1000 +
		    wall.tv_nsec / 1000000,
		.since_s = mono.tv_sec,
	};
	LIST_INIT(&control->exchanges);
	if (control_socket_open(&control->sock, path, fault) == 0 &&
	    set_up(control, house->base, fault) == 0)
		return control;
	control_free(control);
	return NULL;
}

int
control_configure(struct control *control, struct shared_conf *conf,
    struct port *const *ports)
{
	size_t n = conf->conf->n_ports;
	struct port **copy = calloc(n + 1, sizeof(struct port *));

	if (copy == NULL)
		return -1;
	if (n > 0)
		memcpy(copy, ports, n * sizeof(struct port *));
	free(control->house.ports);
	shared_conf_release(control->house.shared);
	control->house.ports = copy;
	control->house.shared = shared_conf_use(conf);
	return 0;
}

/* Those that wait for the store find that nobody listens any more. */
static void
leave_exchanges(struct control *control)
{
	struct exchange *exchange;

	while ((exchange = LIST_FIRST(&control->exchanges)) != NULL) {
		if (exchange->req != NULL)
			(void)take_request(exchange);
		LIST_REMOVE(exchange, link);
		exchange->control = NULL;
		if (exchange->next != NULL)
			exchange_free(exchange);
	}
}

void
control_free(struct control *control)
{
	if (control == NULL)
		return;
	leave_exchanges(control);
	if (control->http != NULL)
		evhttp_free(control->http);
	clients_free(control->clients);
	if (control->sock.fd != -1)
		close(control->sock.fd);
	control_socket_close(&control->sock);
	free(control->house.ports);
	shared_conf_release(control->house.shared);
	free(control);
}
