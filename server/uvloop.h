/*
 * uvloop.h - making and running the loop that runtime/base/loop.h describes. main and the adapters of
 * libmicrohttpd and libwebsockets look behind it; everybody else uses loop.h.
 *
 * Four pools of blocking threads, so that none can starve another: request handlers (which may wait for
 * the loop and for runtime work), the runtime's own work, reading and writing of bodies, and edge's questions about
 * visitors, which wait neither for a build that feeds its worker nor fill the queue before an app's start.
 */
#pragma once

#include "err.h"
#include "loop.h"

enum loop_pool { POOL_REQUEST, POOL_WORK, POOL_FILE, POOL_ACCESS, POOL_MAX };

SP_MUST int loop_new(struct sp_loop **ret, struct sp_err *e);
void loop_run(struct sp_loop *loop);            /* the calling thread becomes the loop thread until loop_stop */
void loop_stop(struct sp_loop *loop);           /* from any thread */

/* After loop_run has returned: let work under way finish, turning the loop for it. No new work may come. */
void loop_drain(struct sp_loop *loop);

/* Drains, ends the threads, closes handles that are still open. */
void loop_free(struct sp_loop *loop);

/* sp_loop_work on a pool of choice. */
void loop_work_on(struct sp_loop *loop, enum loop_pool pool, void (*work)(void *arg), void (*done)(void *arg), void *arg);

/* FN(ARG, SIGNO) on the loop thread for this signal. */
SP_MUST int loop_on_signal(struct sp_loop *loop, int signo, void (*fn)(void *arg, int signo), void *arg, struct sp_err *e);

/* Like sp_watch_new, but only for the peer's hang-up, which a reader who does not read would never see. Once. */
struct sp_watch *loop_watch_hangup(struct sp_loop *loop, int fd, void (*fn)(void *arg), void *arg);

/* The uv_loop_t, for libwebsockets. */
void *loop_uv(struct sp_loop *loop);
