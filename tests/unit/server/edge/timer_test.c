#include "server/edge/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMERS = 64 };

struct world { struct wheel wheel; struct timer timers[TIMERS]; uint64_t want[TIMERS], now; unsigned fired; };

static void on_fire(void *arg, struct timer *t)
{
	struct world *w = arg;
	size_t i = (size_t)(t - w->timers);

	assert_true(w->want[i] != 0);                   /* it was set, and not stopped since */
	assert_true(w->want[i] <= w->now);
	w->want[i] = 0;
	w->fired++;
}

static void start(struct world *w)
{
	*w = (struct world){ .now = 1000 };
	wheel_init(&w->wheel, w->now);
	for (unsigned i = 0; i < TIMERS; i++)
		timer_init(&w->timers[i]);
}

static void timers_fire_once_and_soon_after_they_are_due(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	srandom(7);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)random() % TIMERS;

		if (random() % 4 == 0) {
			timer_stop(&w.timers[i]);
			w.want[i] = 0;
		} else {
			w.want[i] = w.now + (unsigned)random() % (random() % 8 ? 500 : 30000);
			timer_set(&w.wheel, &w.timers[i], w.want[i]);
		}
		w.now += (unsigned)random() % (random() % 64 ? 20 : 20000);
		wheel_run(&w.wheel, w.now, on_fire, &w);
		for (i = 0; i < TIMERS; i++)
			if (w.want[i])
				assert_true(w.now < w.want[i] + 2 * WHEEL_MS);
	}
	assert_true(w.fired > 1000);
}

static void sleep_never_misses_the_next_timer(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	assert_int_equal(wheel_sleep_ms(&w.wheel, w.now), -1);
	w.want[0] = w.now + 90000;
	timer_set(&w.wheel, &w.timers[0], w.want[0]);
	for (unsigned turns = 0; w.want[0]; turns++) {
		int ms = wheel_sleep_ms(&w.wheel, w.now);

		assert_in_range(ms, 0, 90000 + 2 * WHEEL_MS);
		assert_true(turns < 100);
		w.now += (unsigned)ms;
		wheel_run(&w.wheel, w.now, on_fire, &w);
	}
	assert_true(w.now <= 1000 + 90000 + 2 * WHEEL_MS);
}

static void a_dropped_timer_is_out_of_the_wheel(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	timer_set(&w.wheel, &w.timers[0], w.now + 50);
	timer_drop(&w.wheel, &w.timers[0]);
	assert_true(link_empty(&w.timers[0].link));
	assert_int_equal(w.wheel.hanging, 0);
	w.now += 1000;
	wheel_run(&w.wheel, w.now, on_fire, &w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_once_and_soon_after_they_are_due),
		cmocka_unit_test(sleep_never_misses_the_next_timer),
		cmocka_unit_test(a_dropped_timer_is_out_of_the_wheel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
