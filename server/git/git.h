/*
 * git.h - git's own programs in worker sandboxes, for the smart HTTP protocol (gitprotocol-http(5)).
 *
 * A request is one task: it waits for its turn, gets a worker, ends with it. A fetch's answer goes from the
 * worker's socket to the client as it comes. A push's answer is held back until the server has brought in
 * what the worker left (runtime/repo/import.c), and replaced where that is refused. At most git_parallel
 * tasks run, at most git_waiting wait.
 *
 *   waiting ──▶ starting ──▶ running ──▶ (push: importing) ──▶ ended
 *      └────────────┴───────────┴── client gone, too late ───────▲
 */
#pragma once

#include <stdbool.h>

#include "launch.h"

struct git;
struct server;

SP_MUST int git_new(struct server *srv, struct git **ret, struct sp_err *e);
void git_quiesce(struct git *g);                        /* start nothing more; loop thread */
void git_free(struct git *g);                           /* after the launcher's client was shut; NULL is fine */

/* Loop thread: a slot ended that is no app's and no build's. */
void git_on_exited(struct git *g, const struct launch_exited *x);

/* [any] REPO was written: pack its loose objects if they have piled up. */
void git_written(struct git *g, const struct sp_id *repo);
