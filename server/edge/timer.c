#include "timer.h"

void wheel_init(struct wheel *w, uint64_t now)
{
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		link_init(&w->slots[i]);
	w->ran = now / WHEEL_MS;
	w->next = UINT64_MAX;
	w->hanging = 0;
}

void timer_init(struct timer *t)
{
	link_init(&t->link);
	t->hangs = 0;
	t->due = 0;
}

static void hang(struct wheel *w, struct timer *t)
{
	uint64_t tick = t->due / WHEEL_MS + 1;          /* the first tick at which it is surely due */

	if (tick <= w->ran)
		tick = w->ran + 1;
	if (t->hangs)
		link_del(&t->link);
	else
		w->hanging++;
	link_add(&w->slots[tick % WHEEL_SLOTS], &t->link);
	t->hangs = tick;
	if (tick < w->next)
		w->next = tick;
}

void timer_set(struct wheel *w, struct timer *t, uint64_t due)
{
	t->due = due ? due : 1;
	if (!t->hangs || t->due / WHEEL_MS + 1 < t->hangs)
		hang(w, t);
}

void timer_stop(struct timer *t)
{
	t->due = 0;
}

static void unhang(struct wheel *w, struct timer *t)
{
	link_del(&t->link);
	t->hangs = 0;
	w->hanging--;
}

void timer_drop(struct wheel *w, struct timer *t)
{
	t->due = 0;
	if (t->hangs)
		unhang(w, t);
}

static void run_slot(struct wheel *w, uint64_t tick, uint64_t now, void (*fn)(void *arg, struct timer *t), void *arg)
{
	struct link *slot = &w->slots[tick % WHEEL_SLOTS], todo;

	if (link_empty(slot))
		return;
	todo = *slot;
	todo.next->prev = &todo;
	todo.prev->next = &todo;
	link_init(slot);
	while (!link_empty(&todo)) {
		struct timer *t = LINK_OF(todo.next, struct timer, link);

		if (t->hangs > tick) {                  /* of a later turn of the wheel */
			link_del(&t->link);
			link_add(slot, &t->link);
			continue;
		}
		unhang(w, t);
		if (t->due == 0)
			continue;
		if (t->due > now) {
			hang(w, t);
			continue;
		}
		t->due = 0;
		fn(arg, t);
	}
}

static void find_next(struct wheel *w)
{
	w->next = UINT64_MAX;
	for (unsigned i = 1; w->hanging > 0 && i <= WHEEL_SLOTS; i++) {
		if (!link_empty(&w->slots[(w->ran + i) % WHEEL_SLOTS])) {
			w->next = w->ran + i;
			return;
		}
	}
}

void wheel_run(struct wheel *w, uint64_t now, void (*fn)(void *arg, struct timer *t), void *arg)
{
	uint64_t tick = now / WHEEL_MS;
	uint64_t from = w->ran + 1;

	if (tick < w->next)
		return;
	if (tick - w->ran > WHEEL_SLOTS)
		from = tick - WHEEL_SLOTS + 1;
	for (uint64_t t = from; t <= tick; t++) {
		w->ran = t;
		run_slot(w, t, now, fn, arg);
	}
	find_next(w);
}

int wheel_sleep_ms(const struct wheel *w, uint64_t now)
{
	uint64_t at;

	if (w->next == UINT64_MAX)
		return -1;
	at = w->next * WHEEL_MS;
	return at <= now ? 0 : (int)(at - now);
}
