/*
 * git.h - git's own programs on hostile bytes: serve a fetch, take a push, pack loose objects.
 *
 *   vitrine-worker git advertise-upload-pack | advertise-receive-pack | upload-pack | receive-pack | repack
 *
 * Standard input is a stream socket. Its first message is one byte and one descriptor, the request: 'P' as it
 * is, 'Z' gzip. The answer goes back over the socket. /repo is the repository, read-only; a push is
 * taken by a fresh repository beneath /incoming that borrows /repo's objects, and what its hooks accepted is
 * listed in /incoming/updates. Nothing here writes the real one: the server looks at /incoming afterwards.
 */
#pragma once

#include "task.h"

int task_git(int argc, char **argv);            /* the arguments behind "git"; returns only when it fails, or for repack */

/* The same program as git's hook NAME ("pre-receive"); -1: there is no such hook. */
int git_hook(const char *name);

/* Run git ARGV and wait. INPUT, OUTPUT: its descriptors 0 and 1, or -1 for ours. SP_EIO and why. */
SP_MUST int git_run(const char *const *argv, int input, int output, struct sp_err *e);

/* Start git ARGV; the caller waits with git_wait. */
SP_MUST int git_start(const char *const *argv, int input, int output, int *ret_pid, struct sp_err *e);
SP_MUST int git_wait(int pid, const char *what, struct sp_err *e);
