/*
 * task.h - what vitrine-worker's tasks share: how they end and what they are given.
 *
 * A worker runs one task on hostile bytes inside a worker sandbox and ends. Its output is the task's log:
 * one sentence on standard error when it fails, one line "files N bytes N image N" when it succeeds. The
 * exit status tells the server the kind of failure (CONTRACTS C-SBX-25).
 */
#pragma once

#include <stdint.h>

#include "err.h"

enum task_status {
	TASK_DONE = 0,
	TASK_USAGE = 2,
	TASK_TOO_MUCH = 3,      /* too many files or bytes */
	TASK_REFUSED = 4,       /* a path, link or kind of file that is not allowed */
	TASK_BAD_ARCHIVE = 5,
	TASK_MKFS = 6,          /* the image could not be written: disk full and the like */
	TASK_BROKEN = 7         /* the sandbox is not as it should be */
};

/* Inside a sandbox the defaults hold; tests name other places and smaller limits. */
struct task_args {
	const char *in, *out, *work;
	uint64_t max_files, max_bytes;
};

/* A pax archive from standard input becomes an app image, owned by the app's user. Returns the status. */
int task_unpack_app(const struct task_args *args);

/* The tree ARGS->in becomes an environment image, owned by root. Returns the status. */
int task_pack_env(const struct task_args *args);

/* Print "SENTENCE\n" to standard error and return STATUS. */
int task_fail(enum task_status status, const char *fmt, ...) SP_PRINTF(2, 3);

/* The status that belongs to a library error: SP_EQUOTA TOO_MUCH, SP_EDENIED REFUSED, SP_EPROTO BAD_ARCHIVE, else BROKEN. */
enum task_status task_status_of(const struct sp_err *e);
