/*
 * receive_rig - jobs that come over loopback TCP into a store of their own,
 * with the loop in the test's hands.
 *
 * The store is real; spooler and dispatch are fakes that remember what they
 * were asked and given.  A gate stands between the store and its disk.
 *
 * Errors     What can only fail by a defect of the test fails the test.
 * Threads    The test's; the gate holds those of the store.
 */
#ifndef RECEIVE_RIG_H
#define RECEIVE_RIG_H

#include "conf/conf.h"
#include "daemon/receive.h"
#include "tests/spool_rig.h"

/* The fakes. */
struct spooler {
	struct store	*store;
	int		 refuses;	/* negative errno; 0: none */
	uint64_t	 from_bytes;	/* it refuses jobs of so many */
	uint64_t	 asked_bytes;	/* last */
	unsigned int	 reserved;	/* and not released: jobs */
	uint64_t	 reserved_bytes;
};

#define RECEIVE_RIG_JOBS	512

struct dispatch {
	struct job	*jobs[RECEIVE_RIG_JOBS];
	size_t		 n;
	uint64_t	 earlier;	/* of the last repeat */
	bool		 drop;
	unsigned int	 arriving, whole, aborted; /* calls */
	struct incoming	*in;		/* that arrives */
	bool		 paused;	/* every queue */
	const char	*closed;	/* why it is; NULL: open */
};

struct receive_rig {
	struct spool_rig	 spool;
	struct intake_house	 house;
	struct spooler		 spooler;
	struct dispatch		 dispatch;
	struct conf_queue	 queue;
	struct event		*store_event;
	unsigned int		 idle;		/* calls */
	unsigned int		 fds;		/* open before */
};

/* One connection: our end, and what became of the job. */
struct sender {
	int			 fd;		/* -1: closed */
	int			 server_fd;
	bool			 done;
	struct receive_outcome	 outcome;	/* why is in the next */
	char			 why[RECEIVE_WHY_LEN];
};

void receive_rig_make(struct receive_rig *rig);
/* Also checks that no descriptor is left. */
void receive_rig_free(struct receive_rig *rig);

/* Connected, and nothing more. */
void sender_connect(struct sender *sender);
/* The job begins; false: refused at once, sender->why has the reason. */
bool sender_begin(struct receive_rig *rig, struct sender *sender);
/* Sends all, with the loop running as long as it must; less if it is done, or
 * nobody takes it. */
void sender_send(struct receive_rig *rig, struct sender *sender,
    const void *bytes, size_t len);
void sender_shut(struct sender *sender);
void sender_reset(struct receive_rig *rig, struct sender *sender);
/* Run the loop until it is done. */
enum receive_end sender_wait(struct receive_rig *rig, struct sender *sender);
void sender_close(struct sender *sender);

/* All of it: connect, begin, send, shut, wait, close. */
enum receive_end sender_print(struct receive_rig *rig, struct sender *sender,
    const void *bytes, size_t len);

/* One turn of the loop, if there is something to do. */
void receive_rig_turn(struct receive_rig *rig);
/* Is a client's socket listened to? */
bool receive_rig_reads(const struct receive_rig *rig);

/* Does the store have these bytes as the job's document? */
bool receive_rig_holds(struct receive_rig *rig, uint64_t id,
    const void *bytes, size_t len);
/* Jobs and files of data in the store. */
size_t receive_rig_jobs(struct receive_rig *rig);
unsigned int receive_rig_files(const struct receive_rig *rig);
/* Wait until the store has nothing to do, and count open descriptors. */
unsigned int receive_rig_fds(struct receive_rig *rig);

/* From now on writes, or syncs, of data wait until the gate is open. */
void gate_close_writes(void);
void gate_close_syncs(void);
/* Wait until one is there. */
void gate_wait(void);
void gate_open(void);

#endif /* RECEIVE_RIG_H */
