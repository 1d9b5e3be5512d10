#include "gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "conn.h"
#include "stub.h"
#include "tell.h"

enum { BATCH = 256 };

void watch_init(struct watch *w, int fd, void (*ready)(struct watch *w, uint32_t events), void *owner)
{
	*w = (struct watch){ .fd = fd, .ready = ready, .owner = owner };
}

bool watch_want(struct gateway *gw, struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (w->added && w->events == events)
		return true;
	if (epoll_ctl(gw->epoll, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return false;
	w->added = true;
	w->events = events;
	return true;
}

void watch_rest(struct gateway *gw, struct watch *w)
{
	if (w->added)
		epoll_ctl(gw->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
}

void watch_drop(struct gateway *gw, struct watch *w)
{
	if (w->fd < 0)
		return;
	/* The launcher keeps duplicates of the listeners: closing alone would leave them in the epoll. */
	watch_rest(gw, w);
	close(w->fd);
	w->fd = -1;
}

void gateway_bury(struct gateway *gw, void *p)
{
	if (gw->dead_count == gw->dead_cap) {
		unsigned cap = gw->dead_cap ? 2 * gw->dead_cap : 64;
		void **dead = realloc(gw->dead, cap * sizeof(*dead));

		if (!dead)
			abort();
		gw->dead = dead;
		gw->dead_cap = cap;
	}
	gw->dead[gw->dead_count++] = p;
}

void gateway_turn(struct gateway *gw)
{
	struct epoll_event events[BATCH];
	bool deadlines = !TAILQ_EMPTY(&gw->dialing) || stub_has_deadlines(gw);
	int n = epoll_wait(gw->epoll, events, BATCH, gw->paused_count > 0 ? PACE_MS : deadlines ? TICK_MS : tell_wait_ms(gw));

	gw->now_ms = sp_mono_ms();
	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		if (w->fd >= 0 && w->added)             /* dropped by an earlier event of this batch */
			w->ready(w, events[i].events);
	}
	if (deadlines && gw->now_ms - gw->ticked_ms >= TICK_MS) {
		gw->ticked_ms = gw->now_ms;
		conn_tick(gw);
		stub_tick(gw);
	}
	if (gw->paused_count > 0 && gw->now_ms - gw->resumed_ms >= PACE_MS) {
		gw->resumed_ms = gw->now_ms;
		conn_resume(gw);
	}
	tell_tick(gw);
	while (gw->dead_count > 0)
		free(gw->dead[--gw->dead_count]);
}

void slot_changed(struct slot *s)
{
	s->changed = s->gw->changed = true;
}

void slot_pause(struct slot *s)
{
	if (!s->paused)
		s->gw->paused_count++;
	s->paused = true;
}

uint64_t flow_left(struct flow *f, uint64_t now_ms)
{
	const uint64_t rate = SP_LIMIT_egress_bytes_per_s, most = rate / 2;

	f->left += f->at_ms ? (now_ms - f->at_ms) * rate / 1000 : most;
	f->at_ms = now_ms;
	if (f->left > most)
		f->left = most;
	return f->left;
}

void bucket_give(struct bucket *b)
{
	b->milli += 1000;
}

bool bucket_take(struct bucket *b, uint64_t now_ms, unsigned rate, unsigned burst)
{
	uint64_t full = 1000 * (uint64_t)burst;

	if (b->at_ms == 0)
		b->milli = full;
	else
		b->milli += (now_ms - b->at_ms) * rate;
	b->at_ms = now_ms;
	if (b->milli > full)
		b->milli = full;
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}
