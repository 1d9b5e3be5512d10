/*
 * test_loop.h - runtime/base/loop.h with virtual time, in one thread: include it once in a test program.
 *
 * Pool work runs between callbacks, watches are real poll(2) without waiting, and time jumps to the next
 * timer when nothing else is left to do.
 */
#pragma once

#include <poll.h>
#include <stdlib.h>

#include "loop.h"

enum { TEST_WATCHES = 256 };

struct test_job { struct test_job *next; void (*work)(void *), (*done)(void *); void *arg; };
struct sp_timer { struct sp_timer *next; struct sp_loop *loop; void (*fn)(void *); void *arg; uint64_t at, repeat; bool on; };
struct sp_watch { struct sp_watch *next; struct sp_loop *loop; int fd; short want; bool dead; void (*fn)(void *, bool, bool); void *arg; };
struct sp_loop { struct test_job *jobs, **tail; struct sp_timer *timers; struct sp_watch *watches; uint64_t now; };

static void test_loop_add(struct sp_loop *l, void (*work)(void *), void (*done)(void *), void *arg)
{
	struct test_job *j = calloc(1, sizeof(*j));

	*j = (struct test_job){ .work = work, .done = done, .arg = arg };
	if (!l->tail || !l->jobs)
		l->tail = &l->jobs;
	*l->tail = j;
	l->tail = &j->next;
}

void sp_loop_post(struct sp_loop *l, void (*fn)(void *), void *arg) { test_loop_add(l, NULL, fn, arg); }
void sp_loop_call(struct sp_loop *l SP_UNUSED, void (*fn)(void *), void *arg) { fn(arg); }
void sp_loop_work(struct sp_loop *l, void (*work)(void *), void (*done)(void *), void *arg) { test_loop_add(l, work, done, arg); }
bool sp_loop_is_here(const struct sp_loop *l SP_UNUSED) { return true; }

struct sp_timer *sp_timer_new(struct sp_loop *l, void (*fn)(void *), void *arg)
{
	struct sp_timer *t = calloc(1, sizeof(*t));

	*t = (struct sp_timer){ .next = l->timers, .loop = l, .fn = fn, .arg = arg };
	l->timers = t;
	return t;
}

void sp_timer_start(struct sp_timer *t, uint64_t after_ms, uint64_t repeat_ms)
{
	t->at = t->loop->now + after_ms;
	t->repeat = repeat_ms;
	t->on = true;
}

void sp_timer_stop(struct sp_timer *t) { t->on = false; }

void sp_timer_free(struct sp_timer *t)
{
	if (!t)
		return;
	for (struct sp_timer **at = &t->loop->timers; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			break;
		}
	free(t);
}

struct sp_watch *sp_watch_new(struct sp_loop *l, int fd, void (*fn)(void *, bool, bool), void *arg)
{
	struct sp_watch *w = calloc(1, sizeof(*w));

	*w = (struct sp_watch){ .next = l->watches, .loop = l, .fd = fd, .fn = fn, .arg = arg };
	l->watches = w;
	return w;
}

void sp_watch_want(struct sp_watch *w, bool readable, bool writable) { w->want = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)); }
void sp_watch_free(struct sp_watch *w)
{
	if (w)
		w->dead = true;
}

static bool test_loop_poll(struct sp_loop *l)
{
	struct pollfd p[TEST_WATCHES];
	struct sp_watch *ws[TEST_WATCHES];
	bool did = false;
	nfds_t n = 0;

	for (struct sp_watch **at = &l->watches; *at;) {
		struct sp_watch *w = *at;

		if (w->dead) {
			*at = w->next;
			free(w);
			continue;
		}
		if (w->want && n < TEST_WATCHES) {
			p[n] = (struct pollfd){ .fd = w->fd, .events = w->want };
			ws[n++] = w;
		}
		at = &w->next;
	}
	if (poll(p, n, 0) <= 0)
		return false;
	for (nfds_t i = 0; i < n; i++)
		if (p[i].revents && !ws[i]->dead) {
			ws[i]->fn(ws[i]->arg, (p[i].revents & (POLLIN | POLLHUP | POLLERR)) && (ws[i]->want & POLLIN),
				  (p[i].revents & (POLLOUT | POLLHUP | POLLERR)) && (ws[i]->want & POLLOUT));
			did = true;
		}
	return did;
}

/* One job, or what the descriptors have; false when there was neither. */
static bool test_loop_step(struct sp_loop *l)
{
	struct test_job *j = l->jobs;

	if (!j)
		return test_loop_poll(l);
	l->jobs = j->next;
	if (!l->jobs)
		l->tail = &l->jobs;
	if (j->work)
		j->work(j->arg);
	if (j->done)
		j->done(j->arg);
	free(j);
	return true;
}

/* Time jumps to the next timer that is due before UNTIL, and it runs. */
static SP_UNUSED bool test_loop_tick(struct sp_loop *l, uint64_t until)
{
	struct sp_timer *next = NULL;

	for (struct sp_timer *t = l->timers; t; t = t->next)
		if (t->on && t->at <= until && (!next || t->at < next->at))
			next = t;
	if (!next)
		return false;
	if (next->at > l->now)
		l->now = next->at;
	next->on = next->repeat > 0;
	next->at = l->now + next->repeat;
	next->fn(next->arg);
	return true;
}

static SP_UNUSED void test_loop_settle(struct sp_loop *l)
{
	while (test_loop_step(l))
		;
}

/* Everything that happens in the next MS of virtual time. */
static SP_UNUSED void test_loop_run(struct sp_loop *l, uint64_t ms)
{
	uint64_t until = l->now + ms;

	do {
		test_loop_settle(l);
	} while (test_loop_tick(l, until));
	l->now = until;
}
