/*
 * api - what can be asked of the daemon: a table of commands, and how a
 * command answers.
 *
 * A call is one question and its answer.  Its command asks the store or the
 * dispatcher and returns at once; the answer follows when they have theirs.
 *
 * Lifecycle  A command is given a call, and ends it by exactly one of
 *            api_reply(), api_refuse(), api_stream_end(), api_stream_break()
 *            or by api_gone() that says true; afterwards it is dead.
 * Ownership  Calls belong to control.c.  A call's `own` is the command's,
 *            freed with free() at the end.
 * Errors     Go to the client, as a status of HTTP and
 *            {"error": what, "remedy": what to do}.
 * Threads    The loop's.
 */
#ifndef API_H
#define API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/keyvalq_struct.h>
#include <jansson.h>

struct api_call;
struct dispatch;
struct evbuffer;
struct job;
struct port;
struct shared_conf;
struct spooler;
struct store;

/* Each may do what those before it may. */
enum api_role { API_NOBODY, API_OBSERVE, API_OPERATE, API_ADMINISTER };

enum api_method { API_GET, API_POST };

/* What commands work on; all borrowed. */
struct api_house {
	struct spooler		*spooler;
	struct dispatch		*dispatch;
	struct shared_conf	*shared;	/* in force */
	struct port		**ports;	/* as in shared->conf */
	int64_t			 started_ms;	/* the daemon, since 1970 */
	int64_t			 since_s;	/* CLOCK_MONOTONIC */
};

typedef void api_command_fn(struct api_call *call);

#define API_KEYS_MAX	6

/* One command.  "*" in a path is a name or number. */
struct api_route {
	enum api_method	 method;
	const char	*path;
	enum api_role	 role;		/* that is needed */
	const char	*query[API_KEYS_MAX];	/* what may stand behind "?" */
	const char	*body[API_KEYS_MAX];	/* keys of the body's object */
	int		 what;		/* for commands that share a function */
	api_command_fn	*run;
};

#define API_NAME_LEN	256
#define API_BY_LEN	32

struct api_call {
	const struct api_house	*house;
	const struct api_route	*route;
	char			 name[API_NAME_LEN]; /* for the "*" */
	char			 by[API_BY_LEN]; /* who asks: "root" */
	struct evkeyvalq	 query;
	json_t			*body;		/* an object, or NULL */
	void			*own;
};

/* ---- the table ---------------------------------------------------------- */

extern const struct api_route api_routes[];
extern const size_t api_n_routes;

enum api_found { API_FOUND, API_NO_PATH, API_NO_METHOD };

/* path is as in the request, escapes and all; name gets what "*" is. */
enum api_found api_find(enum api_method method, const char *path,
    const struct api_route **route, char name[API_NAME_LEN]);

/* What may somebody with this user number do? */
enum api_role api_role_of(uid_t uid, uid_t daemon);
const char *api_role_name(enum api_role role);

/* The name by which somebody goes into a job's history. */
const char *api_by(uid_t uid, char by[API_BY_LEN]);

/* Every name must be in keys, once; otherwise what is wrong is in why. */
#define API_WHY_LEN	256
bool api_query_is_good(const struct evkeyvalq *query,
    const char *const keys[API_KEYS_MAX], char why[API_WHY_LEN]);
bool api_body_is_good(json_t *body, const char *const keys[API_KEYS_MAX],
    char why[API_WHY_LEN]);

/* Digits alone, from least to most. */
int api_number(const char *text, uint64_t least, uint64_t most,
    uint64_t *value) __attribute__((warn_unused_result));

/* NULL: it is not in the question. */
const char *api_query(const struct api_call *call, const char *key);

/* ---- to answer ---------------------------------------------------------- */

/* Takes body over; NULL says that memory is short. */
void api_reply(struct api_call *call, json_t *body);

/* fmt is what is wrong; remedy may be NULL. */
void api_refuse(struct api_call *call, int status, const char *remedy,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A failure of the store or the dispatcher, a negative errno. */
void api_refuse_error(struct api_call *call, int error);

/*
 * The client is gone, or the daemon ends: the call is over, if it says so.
 * To be asked first by whatever the command waited for.
 */
bool api_gone(struct api_call *call);

/*
 * An answer of any length: start, then pieces, each when the one before is
 * on its way, then end.  After a break the client knows that it is not whole.
 */
void api_stream_start(struct api_call *call, const char *type);
void api_stream(struct api_call *call, struct evbuffer *piece,
    api_command_fn *next);
void api_stream_end(struct api_call *call, struct evbuffer *last);
void api_stream_break(struct api_call *call);

/* NULL: the store is down, and the call was refused. */
struct store *api_store(struct api_call *call);

/* ---- things as JSON; NULL is: no memory --------------------------------- */

/* Collects members; the first failure is remembered in *bad. */
void api_set(json_t *object, const char *key, json_t *value, bool *bad);

/* What was put together; NULL and gone if it is bad. */
json_t *api_whole(json_t *json, bool bad);

json_t *api_number_json(uint64_t value);
/* null for 0. */
json_t *api_time_json(int64_t ms);
/* null for "". */
json_t *api_text_json(const char *text);

struct api_job_now {
	const char	*why;		/* it is where it is; "" for none */
	uint64_t	 progress;
};

json_t *api_job_json(const struct job *job, const struct api_job_now *now,
    bool documents);

/* ---- the commands ------------------------------------------------------- */

api_command_fn api_jobs_list, api_job_show, api_job_act, api_job_move;
api_command_fn api_queues_list, api_queue_pause, api_queue_close;
api_command_fn api_ports_list, api_port_pause;
api_command_fn api_accounting, api_status;

#endif /* API_H */
