/* The loop: wait, dispatch, run the clocks, do the chores, free what ended. */
#include "edge.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { EVENTS = 256, CHORES_MS = 100, CHORES_IDLE_MS = 30000, DRAIN_MS = 2000, READY_MAX = 1024 };

int loop_watch(struct edge *e, struct side *s, uint32_t events, struct sp_err *err)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		return sp_fail(err, SP_EIO, errno, "watch a descriptor");
	return 0;
}

int loop_init(struct edge *e, struct sp_err *err)
{
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (e->epoll < 0)
		return sp_fail(err, SP_EIO, errno, "create epoll");
	e->now = sp_mono_ms();
	wheel_init(&e->wheel, e->now);
	timer_init(&e->chores.timer);
	e->chores.kind = TIMER_CHORES;
	link_init(&e->conns);
	link_init(&e->ready);
	link_init(&e->apps);
	link_init(&e->unsynced.conns);
	link_init(&e->unserved.conns);
	link_init(&e->http.idle);
	link_init(&e->ws.idle);
	e->scratch = buf_new(&e->bufs, buf_room(BUF_BIG));
	e->head_out = malloc(HEAD_OUT_BYTES);
	if (!e->head_out || getrandom(&e->id_base, sizeof(e->id_base), 0) != sizeof(e->id_base))
		return sp_fail(err, SP_EIO, errno, "start");
	routes_init(e);
	return access_init(e, err);
}

void chores_soon(struct edge *e)
{
	uint64_t due = e->now + CHORES_MS;

	if (e->chores.timer.due == 0 || e->chores.timer.due > due)
		timer_set(&e->wheel, &e->chores.timer, due);
}

static void run_chores(struct edge *e)
{
	bool again = false;

	accept_start(e);
	again |= !e->accepting;
	again |= routes_chores(e);
	if (!link_empty(&e->unserved.conns)) {
		hold_release(e, &e->unserved);
		again = true;
	}
	again |= apps_chores(e);
	if (again)
		chores_soon(e);
	else
		timer_set(&e->wheel, &e->chores.timer, e->now + CHORES_IDLE_MS);
}

static void on_timer(void *arg, struct timer *t)
{
	struct edge *e = arg;
	struct clocked *k = LINK_OF(t, struct clocked, timer);

	switch ((enum timer_kind)k->kind) {
	case TIMER_CONN:
		conn_timeout(e, LINK_OF(k, struct conn, clock));
		break;
	case TIMER_UP:
		upstream_close(e, LINK_OF(k, struct up, clock));
		break;
	case TIMER_CHORES:
		run_chores(e);
		break;
	}
}

/* Stop accepting, end what rests, give the rest two seconds. */
static void start_draining(struct edge *e)
{
	struct signalfd_siginfo info;

	while (read(e->signals.fd, &info, sizeof(info)) > 0)
		;
	if (e->draining)
		return;
	accept_stop(e);
	e->draining = true;
	e->drain_until = e->now + DRAIN_MS;
	for (struct link *l = e->conns.next, *next; l != &e->conns; l = next) {
		struct conn *c = LINK_OF(l, struct conn, all);

		next = l->next;
		if (c->req_state == REQ_HEAD && side_has(&c->side) == 0 && !c->side.out)
			conn_close(e, c, false);
	}
	chores_soon(e);
}

static void on_event(struct edge *e, struct side *s, uint32_t events)
{
	switch ((enum side_kind)s->kind) {
	case SIDE_DEAD:
		break;
	case SIDE_LISTENER:
		accept_turn(e, s);
		break;
	case SIDE_SIGNAL:
		start_draining(e);
		break;
	case SIDE_ROUTES:
		routes_event(e);
		break;
	case SIDE_LAUNCHER:
		launcher_event(e);
		break;
	case SIDE_CLIENT:
		conn_event(e, conn_of(s), events);
		break;
	case SIDE_UPSTREAM:
		upstream_event(e, up_of(s), events);
		break;
	}
}

static void run_ready(struct edge *e)
{
	struct link todo;

	if (link_empty(&e->ready))
		return;
	todo = e->ready;
	todo.next->prev = &todo;
	todo.prev->next = &todo;
	link_init(&e->ready);
	while (!link_empty(&todo)) {
		struct conn *c = LINK_OF(todo.next, struct conn, ready);

		link_del(&c->ready);
		conn_run(e, c);
	}
}

static void free_dead(struct edge *e)
{
	while (e->dead) {
		struct conn *c = e->dead;

		e->dead = c->next_dead;
		free(c);
	}
	while (e->dead_ups) {
		struct up *up = e->dead_ups;

		e->dead_ups = up->next_dead;
		free(up);
	}
	while (e->dead_apps) {
		struct app *a = e->dead_apps;

		e->dead_apps = a->next_dead;
		free(a);
	}
}

/* Resting connections that stir, before a request of the same turn takes one of them: what they say answers nobody. */
static void drop_spoilt(struct edge *e, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		struct side *s = events[i].data.ptr;

		if (s->kind == SIDE_UPSTREAM)
			(void)upstream_drop_idle(e, up_of(s));
	}
}

int loop_run(struct edge *e)
{
	struct epoll_event events[EVENTS];

	run_chores(e);
	while (!e->draining || (e->nconns > 0 && e->now < e->drain_until)) {
		int n = epoll_wait(e->epoll, events, EVENTS, link_empty(&e->ready) ? wheel_sleep_ms(&e->wheel, e->now) : 0);

		if (n < 0 && errno != EINTR) {
			log_err("epoll_wait: errno %d", errno);
			return 1;
		}
		e->now = sp_mono_ms();
		drop_spoilt(e, events, n);
		for (int i = 0; i < n; i++)
			on_event(e, events[i].data.ptr, events[i].events);
		run_ready(e);
		wheel_run(&e->wheel, e->now, on_timer, e);
		free_dead(e);
	}
	return 0;
}
