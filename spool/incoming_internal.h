/*
 * incoming_internal - what the files of incoming jobs share.
 *
 *	incoming.c		what the asker calls, and the commit
 *	incoming_write.c	what the writers' threads do
 *
 * Threads    Members marked "asker" belong to the store's asker; "writers" to
 *            them, one at a time; those below lock to who holds it.
 */
#ifndef INCOMING_INTERNAL_H
#define INCOMING_INTERNAL_H

#include "incoming.h"
#include "store_internal.h"

/* Chunks of one job that may be on their way. */
#define INCOMING_CHUNKS_MAX	16

enum incoming_ending {
	INCOMING_GOES_ON, INCOMING_COMMITS, INCOMING_ABORTS
};

/* A document; its chunks go to a file once there is one. */
struct part {
	unsigned char	*bytes;		/* owned; being filled */
	size_t		 len, size;	/* of bytes */
	bool		 in_file;	/* asker */
	bool		 finished;	/* asker; the next has begun */
	struct data_file file;		/* writers; fd -1 before the first */
	_Atomic uint64_t written;	/* to file */
};

struct chunk {
	STAILQ_ENTRY(chunk)  link;
	struct part	*part;		/* borrowed */
	unsigned char	*bytes;		/* owned */
	size_t		 len;
};

STAILQ_HEAD(chunk_list, chunk);

struct incoming {
	struct task	 task;		/* on the writers' list */
	struct op	 room_op;	/* in the mailbox: room, or an error */
	struct op	 end_op;	/* to the committer, or the mailbox */
	struct store	*store;		/* borrowed */
	struct job	*job;		/* owned */
	struct part	**parts;	/* owned; one for each document */
	size_t		 n_parts;
	size_t		 in_memory;	/* bytes of finished parts */
	uint64_t	 max_bytes;
	int		 error;		/* asker; the first that happened */
	bool		 wants_file;	/* asker; call back when there is */
	struct part	*followed;	/* asker; borrowed; NULL: none */
	uint64_t	 grown_to;	/* asker; of it, told last */
	incoming_grown_fn *grown;
	void		*grown_arg;
	incoming_room_fn *room;
	void		*room_arg;
	incoming_done_fn *done;
	void		*done_arg;

	pthread_mutex_t	 lock;		/* of what follows */
	struct chunk_list chunks;	/* to be written */
	unsigned int	 n_chunks;	/* with those being written */
	bool		 scheduled;	/* the task is with the writers */
	bool		 wants_room;	/* call back when there is */
	bool		 watched;	/* call back when more is written */
	bool		 telling;	/* room_op is in the mailbox */
	int		 failed;	/* of a writer */
	enum incoming_ending ending;
};

void incoming_writers_init(struct incoming *in);
void incoming_writers_free(struct incoming *in);

/* Takes the chunk over. */
void incoming_hand_over(struct incoming *in, struct chunk *chunk);

/*
 * No more chunks come.  True if the writers have a hand in the job: then they
 * send end_op on its way.
 */
bool incoming_end_writers(struct incoming *in, enum incoming_ending ending);

void incoming_drop_files(struct incoming *in);

#endif /* INCOMING_INTERNAL_H */
