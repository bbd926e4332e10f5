/*
 * sched_model - what a scheduler must do, so simple that it is right.
 *
 * Arrays of a fixed size, each question answered by a look at everything.  The
 * model is told what the scheduler is told; each op that the scheduler calls
 * must be one that the model calls for, and is then done in the model too.
 * Queues, ports and jobs are numbers; names of queues and ports are letters.
 *
 * Errors     What is not as it should be fails the test.
 */
#ifndef SCHED_MODEL_H
#define SCHED_MODEL_H

#include "daemon/sched.h"

enum { N_QUEUES = 5, N_PORTS = 4, N_POOL = 3, N_JOBS = 40 };

enum model_state { FREE, WAITING, SPENT, HELD, RUNNING };

struct model_job {
	enum model_state state;
	struct sched_job is;		/* queue unused */
	int		 queue, port;
	int64_t		 retry_ms;
	int		 diverted;
};

struct model_queue {
	bool		 exists;
	struct sched_queue is;		/* names and ports unused */
	int		 divert;
	int		 pool[N_POOL];
	uint64_t	 turn;
	int64_t		 down_since_ms;	/* INT64_MAX: not */
};

struct model_port {
	bool		 healthy;
	unsigned int	 room;
};

struct model {
	struct model_queue	 queues[N_QUEUES];
	struct model_port	 ports[N_PORTS];
	struct model_job	 jobs[N_JOBS];
	uint64_t		 turns;
	int64_t			 now_ms;
};

extern const char *const model_queue_names[N_QUEUES];
extern const char *const model_port_names[N_PORTS];

/* The ops, to be given to the scheduler; arg is a model. */
extern const struct sched_ops model_ops;

void model_init(struct model *model);

/* As the functions of the scheduler. */
void model_set_queue(struct model *model, int queue,
    const struct model_queue *is);
void model_remove_queue(struct model *model, int queue);
void model_set_port(struct model *model, int port, unsigned int room,
    bool healthy);
void model_done(struct model *model, struct model_job *job,
    enum sched_verdict verdict);
void model_release(struct model *model, struct model_job *job);
void model_change(struct model_job *job, int queue, uint32_t priority,
    uint64_t order);

/* Around a run: is anything to be done now?  Notes that jobs wait. */
bool model_is_due(struct model *model);

#endif /* SCHED_MODEL_H */
