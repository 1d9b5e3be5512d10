/*
 * loop.h - the control plane's event loop and its pool of blocking threads, as runtime/ sees them.
 *
 * One loop thread owns all state machines and never touches a file or the database; blocking work runs
 * in the pool. server/loop.c implements this with libuv; tests implement it with virtual time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sp_loop;
struct sp_timer;
struct sp_watch;

/* Run FN(ARG) on the loop thread, soon, in order of posting. From any thread. */
void sp_loop_post(struct sp_loop *loop, void (*fn)(void *arg), void *arg);

/* Run FN(ARG) on the loop thread and wait until it has returned. From any other thread; on the loop thread it runs at once. */
void sp_loop_call(struct sp_loop *loop, void (*fn)(void *arg), void *arg);

/* Run WORK(ARG) on a pool thread, then DONE(ARG) on the loop thread. From any thread. Never refused; queued. */
void sp_loop_work(struct sp_loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg);

bool sp_loop_is_here(const struct sp_loop *loop);       /* is this the loop thread? */

/* Timers: loop thread only. Starting a running timer restarts it. */
struct sp_timer *sp_timer_new(struct sp_loop *loop, void (*fn)(void *arg), void *arg);
void sp_timer_start(struct sp_timer *t, uint64_t after_ms, uint64_t repeat_ms);
void sp_timer_stop(struct sp_timer *t);
void sp_timer_free(struct sp_timer *t);                 /* NULL is fine */

/* Watch FD: FN(ARG, readable, writable). Loop thread only. The descriptor stays the caller's and must outlive the watch. */
struct sp_watch *sp_watch_new(struct sp_loop *loop, int fd, void (*fn)(void *arg, bool readable, bool writable), void *arg);
void sp_watch_want(struct sp_watch *w, bool readable, bool writable);
void sp_watch_free(struct sp_watch *w);                 /* NULL is fine */
