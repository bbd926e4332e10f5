/*
 * check_spool_memory.c - no memory, at each point where some is asked for.
 *
 * The n-th allocation fails, for n = 1, 2, 3 ... until a run passes without
 * the fault, once and ever since; ours are wrapped by the linker, SQLite's and
 * OpenSSL's are handed in.  SQLite's are so many that some of them must do: it
 * is what the store makes of its errors that is tested.  After each: no crash,
 * no leak, the store goes on, and opened again it has all that was
 * acknowledged and nothing else.
 */
#include <errno.h>
#include <poll.h>
#include <search.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <sqlite3.h>

#include "tests/spool_rig.h"
#include "tests/spool_shim.h"
#include "tests/suite.h"

/* ---- memory ---------------------------------------------------------- */

enum source { OURS, SQLITES };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	bool		 armed, lasting, fired;
	enum source	 source;
	unsigned int	 countdown;
} fault;
static _Atomic long live;		/* blocks of ours */

static void
arm(enum source source, unsigned int n, bool lasting)
{
	fault.source = source;
	fault.countdown = n;
	fault.lasting = lasting;
	fault.fired = false;
	fault.armed = true;
}

static void
disarm(void)
{
	pthread_mutex_lock(&lock);
	fault.armed = false;
	pthread_mutex_unlock(&lock);
}

static bool
must_fail(enum source source)
{
	bool fail = false;

	pthread_mutex_lock(&lock);
	if (fault.armed && fault.source == source) {
		fail = fault.countdown == 1;
		if (!fail || !fault.lasting)
			fault.countdown -= fault.countdown > 0;
		fault.fired |= fail;
	}
	pthread_mutex_unlock(&lock);
	if (fail)
		errno = ENOMEM;
	return fail;
}

static void *
counted(void *block)
{
	live += block != NULL;
	return block;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
void __real_free(void *block);
void __wrap_free(void *block);
void *__real_tsearch(const void *key, void **root,
    int (*compare)(const void *a, const void *b));
void *__wrap_tsearch(const void *key, void **root,
    int (*compare)(const void *a, const void *b));

void *
__wrap_malloc(size_t size)
{
	return must_fail(OURS) ? NULL : counted(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return must_fail(OURS) ? NULL : counted(__real_calloc(n, size));
}

void *
__wrap_realloc(void *block, size_t size)
{
	void *grown;

	if (must_fail(OURS))
		return NULL;
	grown = __real_realloc(block, size);
	return block == NULL ? counted(grown) : grown;
}

void *
__wrap_reallocarray(void *block, size_t n, size_t size)
{
	return __wrap_realloc(block, n * size);
}

char *
__wrap_strdup(const char *text)
{
	return must_fail(OURS) ? NULL : counted(__real_strdup(text));
}

char *
__wrap_realpath(const char *path, char *resolved)
{
	return must_fail(OURS) ? NULL :
	    counted(__real_realpath(path, resolved));
}

void
__wrap_free(void *block)
{
	live -= block != NULL;
	__real_free(block);
}

/* Its nodes are the library's own. */
void *
__wrap_tsearch(const void *key, void **root,
    int (*compare)(const void *a, const void *b))
{
	return must_fail(OURS) ? NULL : __real_tsearch(key, root, compare);
}

/* OpenSSL's count as ours; it keeps some for itself. */
static void *
crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return must_fail(OURS) ? NULL : __real_malloc(size);
}

static void *
crypto_realloc(void *block, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return must_fail(OURS) ? NULL : __real_realloc(block, size);
}

static void
crypto_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	__real_free(block);
}

static sqlite3_mem_methods sqlite_real;

static void *
sqlite_malloc(int size)
{
	return must_fail(SQLITES) ? NULL : sqlite_real.xMalloc(size);
}

static void *
sqlite_realloc(void *block, int size)
{
	return must_fail(SQLITES) ? NULL : sqlite_real.xRealloc(block, size);
}

/* Before either library has been used. */
static bool
take_over_memory(void)
{
	sqlite3_mem_methods methods;

	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc,
	    crypto_free) != 1 || sqlite3_config(SQLITE_CONFIG_GETMALLOC,
	    &sqlite_real) != SQLITE_OK)
		return false;
	methods = sqlite_real;
	methods.xMalloc = sqlite_malloc;
	methods.xRealloc = sqlite_realloc;
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK;
}

/* ---- a store under work ---------------------------------------------- */

#define JOBS		4
#define LEN_MAX		200000

/* No assertion runs while memory fails: what happens is noted. */
struct outcome {
	uint64_t	id[JOBS];
	bool		acked[JOBS];
	int		state[JOBS];	/* last that was acknowledged */
	bool		doubt[JOBS];	/* a step failed */
	unsigned int	odd;		/* errors that are none of memory */
};

static const struct {
	unsigned int	n;
	size_t		len;
} jobs[JOBS] = { { 1, 100 }, { 2, LEN_MAX }, { 3, 20000 }, { 1, 70000 } };

static struct spool_rig rig;
static struct outcome outcome;
static unsigned char bytes[LEN_MAX];

static int
judge(int error)
{
	outcome.odd += error != 0 && error != -ENOMEM;
	return error;
}

static int
deliver_all(int submitted)
{
	struct pollfd mail = { .fd = store_fd(rig.store), .events = POLLIN };

	while (store_busy(rig.store) > 0) {
		poll(&mail, 1, -1);
		store_poll(rig.store);
	}
	return judge(submitted == -1 ? -errno : 0);
}

/* 0 if it was submitted and done. */
static int answer;

static void
on_done(void *arg, int error)
{
	(void)arg;
	answer = judge(error);
}

static int
done(int submitted)
{
	answer = -ENOMEM;
	deliver_all(submitted);
	return answer;
}

static void
on_committed(void *arg, int error, struct job *job)
{
	on_done(arg, error);
	job_free(job);
}

static int
write_document(struct incoming *in, unsigned int number, size_t len)
{
	struct pollfd mail = { .fd = store_fd(rig.store), .events = POLLIN };
	struct job_about_document about = { .format = "a", .name = "b" };
	size_t n = 0;

	if (incoming_document(in, &about) == -1)
		return -errno;
	rig_fill(bytes, len, (unsigned)incoming_id(in) + number);
	while (n < len && incoming_error(in) == 0) {
		n += incoming_write(in, bytes + n, len - n);
		if (n < len && incoming_error(in) == 0) {
			poll(&mail, 1, -1);
			store_poll(rig.store);
		}
	}
	return incoming_error(in);
}

static void
on_grown(void *arg, uint64_t written)
{
	(void)arg;
	(void)written;
}

static void
follow(struct incoming *in)
{
	int fd = incoming_follow(in, on_grown, NULL);

	if (fd != -1)
		close(fd);
}

static bool
add_job(unsigned int i)
{
	struct job_about about = { .queue = i == 0 ? "attic" : "lobby",
	    .user = "alice", .host = "10.0.0.5", .title = "c" };
	struct incoming *in;
	unsigned int number;
	int error = 0;

	in = incoming_begin(rig.store, &about, 0, rig_room, NULL);
	if (in == NULL)
		return judge(-errno) == 0;
	outcome.id[i] = incoming_id(in);
	for (number = 1; number <= jobs[i].n && error == 0; number++)
		error = judge(write_document(in, number, jobs[i].len));
	if (error == 0)
		follow(in);
	if (error == 0)
		incoming_commit(in, on_committed, NULL);
	else
		incoming_abort(in);
	return done(0) == 0 && error == 0;
}

static void
step(unsigned int i, enum job_state state)
{
	struct job_step step = { .state = state, .port = "lobby-laser",
	    .why = "no paper", .now_ms = 5 };

	if (!outcome.acked[i] || outcome.doubt[i])
		return;
	if (done(store_step(rig.store, outcome.id[i], &step, on_done,
	    NULL)) == 0)
		outcome.state[i] = (int)state;
	else
		outcome.doubt[i] = true;
}

static void
on_job(void *arg, int error, struct job *job)
{
	(void)arg;
	judge(error);
	job_free(job);
}

static void
on_list(void *arg, int error, struct job_list *list)
{
	(void)arg;
	judge(error);
	job_list_free(list);
}

static void
on_document(void *arg, int error, int fd, uint64_t size)
{
	(void)arg;
	(void)size;
	if (judge(error) == 0)
		close(fd);
}

static void
on_records(void *arg, int error, struct job_record_list *list)
{
	(void)arg;
	judge(error);
	job_record_list_free(list);
}

static void
on_notes(void *arg, int error, struct store_note_list *list)
{
	(void)arg;
	judge(error);
	store_note_list_free(list);
}

static void
on_expired(void *arg, int error, unsigned int removed)
{
	(void)removed;
	on_done(arg, error);
}

static void
read_all(void)
{
	struct store_filter all = { .which = STORE_ALL, .user = "alice",
	    .limit = 9 };
	struct store_period ever = { .to_ms = INT64_MAX, .limit = 9 };
	unsigned int i;

	deliver_all(store_list(rig.store, &all, on_list, NULL));
	deliver_all(store_records(rig.store, &ever, on_records, NULL));
	deliver_all(store_notes(rig.store, on_notes, NULL));
	deliver_all(store_check(rig.store, on_done, NULL));
	deliver_all(store_look(rig.store, on_done, NULL));
	for (i = 0; i < JOBS; i++) {
		if (!outcome.acked[i])
			continue;
		deliver_all(store_get(rig.store, outcome.id[i], on_job,
		    NULL));
		deliver_all(store_document(rig.store, outcome.id[i], 1,
		    on_document, NULL));
	}
}

static void
work(void)
{
	struct store_retention none = { .jobs_before_ms = 1, .limit = 5 };
	struct store *s = rig.store;
	unsigned int i;

	for (i = 0; i < JOBS; i++)
		outcome.acked[i] = add_job(i);
	step(0, JOB_PROCESSING);
	step(0, JOB_COMPLETED);
	step(1, JOB_PENDING_HELD);
	if (outcome.acked[1])
		done(store_change(s, outcome.id[1], "attic", 3, on_done,
		    NULL));
	done(store_note(s, "queue", "lobby", "paused", "yes", on_done, NULL));
	done(store_expire(s, &none, on_expired, NULL));
	done(store_probe(s, on_done, NULL));
	read_all();
}

/* ---- what must hold -------------------------------------------------- */

/* With memory again, on the same store. */
static void
it_goes_on(void)
{
	uint64_t id;

	ck_assert_uint_eq(outcome.odd, 0);
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
	ck_assert_int_eq(rig_job(&rig, "cellar", 1, 100000, &id), 0);
	ck_assert(rig_intact(&rig, id, 1, 100000));
	ck_assert_uint_eq(store_queue_count(rig.store, "cellar")->total, 1);
}

static void
all_is_there(unsigned int others)
{
	unsigned int i, number, acked = others, files = others;
	struct job_list *list;

	ck_assert_msg(rig_open(&rig) != NULL, "%s", rig.error.text);
	ck_assert_ptr_null(strstr(rig.messages, "damaged"));
	for (i = 0; i < JOBS; i++) {
		if (!outcome.acked[i])
			continue;
		acked++;
		for (number = 1; number <= jobs[i].n; number++)
			ck_assert(rig_intact(&rig, outcome.id[i], number,
			    jobs[i].len));
		if (jobs[i].len > INCOMING_MEMORY_LEN)
			files += jobs[i].n;
		if (!outcome.doubt[i])
			ck_assert_int_eq(rig_state(&rig, outcome.id[i]),
			    outcome.state[i] != 0 ? outcome.state[i] :
			    JOB_PENDING);
	}
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .which = STORE_ALL, .limit = 100 }, &list), 0);
	ck_assert_uint_eq(list->n, acked);
	job_list_free(list);
	ck_assert_uint_eq(rig_entries(&rig, "data"), files);
	ck_assert_int_eq(rig_check(&rig), 0);
	rig_close(&rig);
}

static void
fresh(void)
{
	rig_make(&rig);
	rig.options.sys = &shim_sys;
	rig.options.vfs = SHIM_VFS;
	memset(&outcome, 0, sizeof(outcome));
}

/* Libraries make what they keep for ever. */
static void
warm_up(void)
{
	shim_register();
	shim_no_sync();
	fresh();
	ck_assert_ptr_nonnull(rig_open(&rig));
	work();
	rig_close(&rig);
	all_is_there(0);
	rig_free(&rig);
}

static const struct {
	enum source	source;
	bool		lasting;
	unsigned int	stride;
} kinds[] = {
	{ OURS, false, 1 }, { OURS, true, 1 },
	{ SQLITES, false, 11 }, { SQLITES, true, 13 },
};

START_TEST(the_nth_allocation_fails_while_it_works)
{
	unsigned int n, fired = 1;
	sqlite3_int64 sqlites;
	long before;

	warm_up();
	sqlites = sqlite3_memory_used();
	for (n = 1; fired; n += kinds[_i].stride) {
		fresh();
		before = live;
		ck_assert_ptr_nonnull(rig_open(&rig));
		arm(kinds[_i].source, n, kinds[_i].lasting);
		work();
		disarm();
		fired = fault.fired;
		it_goes_on();
		rig_close(&rig);
		ck_assert_msg(live == before, "n %u: %ld blocks leak", n,
		    live - before);
		ck_assert_int_eq(sqlite3_memory_used(), sqlites);
		all_is_there(1);
		rig_free(&rig);
	}
	ck_assert_uint_gt(n, 20);
}
END_TEST

START_TEST(the_nth_allocation_fails_while_it_opens)
{
	unsigned int n, fired = 1;
	sqlite3_int64 sqlites;
	long before;

	warm_up();
	fresh();
	ck_assert_ptr_nonnull(rig_open(&rig));
	work();
	step(3, JOB_PROCESSING);
	rig_close(&rig);
	outcome.state[3] = JOB_PENDING;		/* by the next start */
	sqlites = sqlite3_memory_used();
	before = live;
	for (n = 1; fired; n += kinds[_i].stride) {
		arm(kinds[_i].source, n, kinds[_i].lasting);
		rig_open(&rig);
		disarm();
		fired = fault.fired;
		ck_assert(rig.store != NULL || rig.error.text[0] != '\0');
		ck_assert(rig.store != NULL || fired);
		rig_close(&rig);
		ck_assert_msg(live == before, "n %u: %ld blocks leak", n,
		    live - before);
		ck_assert_int_eq(sqlite3_memory_used(), sqlites);
		all_is_there(0);
	}
	ck_assert_uint_gt(n, 20);
	rig_free(&rig);
}
END_TEST

static Suite *
spool_memory_suite(void)
{
	static const int n = sizeof(kinds) / sizeof(kinds[0]);
	Suite *suite = suite_create("spool_memory");
	TCase *nth = tcase_create("nth");

	tcase_set_timeout(nth, 600);
	tcase_add_loop_test(nth, the_nth_allocation_fails_while_it_works, 0,
	    n);
	tcase_add_loop_test(nth, the_nth_allocation_fails_while_it_opens, 0,
	    n);
	suite_add_tcase(suite, nth);
	return suite;
}

int
main(void)
{
	if (!take_over_memory())
		return EXIT_FAILURE;
	return suite_main(spool_memory_suite());
}
