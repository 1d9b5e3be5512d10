/*
 * writer.h - the one thread that writes and checkpoints, and group commit.
 *
 * Callers queue a job and sleep. The thread takes everything that waits, runs each job in a savepoint
 * of its own within one transaction, commits once (one fsync) and wakes them all. A job that fails is
 * rolled back alone. When the commit itself fails, every job of the group fails; whether it is in the
 * database is then unknown (an fsync that failed once may have written), so the connection is opened
 * anew and the caller must look before it tries again.
 */
#pragma once

#include <pthread.h>

#include "db.h"

/* Runs on the writer thread inside a savepoint; may run only once. ARG lives until writer_do returns. */
typedef int writer_job(struct db *db, void *arg, struct sp_err *e);

struct writer_item;

struct writer {
	const char *path;               /* lent */
	struct db *db;                  /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock;           /* over everything below */
	pthread_cond_t queued;
	struct writer_item *first, **last;
	bool ending;
	uint64_t groups;                /* transactions committed so far, for tests and statistics */
};

/* DB is taken: the thread uses and closes it. */
SP_MUST int writer_start(struct writer *w, const char *path, struct db *db, struct sp_err *e);
/* Finish what is queued, checkpoint, close. */
void writer_stop(struct writer *w);

/* Queue JOB(ARG), wait until it is durable or has failed; returns what the job returned. */
SP_MUST int writer_do(struct writer *w, writer_job *job, void *arg, struct sp_err *e);

uint64_t writer_groups(struct writer *w);
