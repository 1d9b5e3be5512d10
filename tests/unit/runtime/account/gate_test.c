#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>

#include "limit.h"
#include "runtime/account/gate.h"

#define NOW 1000000

static int make(void **state)
{
	return sodium_init() < 0 || gate_new((struct gate **)state, NULL) < 0;
}

static int drop(void **state)
{
	gate_free(*state);
	return 0;
}

static void an_account_has_so_many_tries_from_anywhere(void **state)
{
	struct gate *g = *state;
	struct sp_err e;
	char from[32];

	for (int i = 0; i < SP_LIMIT_password_tries_account; i++) {
		snprintf(from, sizeof(from), "192.0.2.%d", i);
		assert_int_equal(gate_try(g, i % 2 ? "Ada" : "ada", from, NOW, &e), 0);
	}
	assert_int_equal(gate_try(g, "ADA", "203.0.113.1", NOW, &e), -SP_EQUOTA);
	assert_int_equal(gate_try(g, "bob", "203.0.113.1", NOW, &e), 0);
	assert_int_equal(gate_try(g, "ada", "203.0.113.1", NOW + SP_LIMIT_password_window_ms, &e), 0);
}

static void an_address_has_so_many_tries_for_any_account(void **state)
{
	struct gate *g = *state;
	char name[32];

	for (int i = 0; i < SP_LIMIT_password_tries_address; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		assert_int_equal(gate_try(g, name, i % 2 ? "2001:db8::1" : "2001:db8::ffff:2", NOW, NULL), 0);
	}
	assert_int_equal(gate_try(g, "ada", "2001:db8::3", NOW, NULL), -SP_EQUOTA);
	assert_int_equal(gate_try(g, NULL, "2001:db8::3", NOW, NULL), -SP_EQUOTA);
	assert_int_equal(gate_try(g, "ada", "2001:db8:0:1::3", NOW, NULL), 0);
}

static void a_right_password_clears_the_account_and_gives_the_address_one_back(void **state)
{
	struct gate *g = *state;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < SP_LIMIT_password_tries_account - 1; i++)
			assert_int_equal(gate_try(g, "ada", "192.0.2.1", NOW, NULL), 0);
		assert_int_equal(gate_try(g, "ada", "192.0.2.1", NOW, NULL), 0);
		gate_forgive(g, "ada", "192.0.2.1");
	}
	/* 2 rounds left all but one of each at the address. */
	for (int i = 2 * (SP_LIMIT_password_tries_account - 1); i < SP_LIMIT_password_tries_address; i++)
		assert_int_equal(gate_try(g, NULL, "192.0.2.1", NOW, NULL), 0);
	assert_int_equal(gate_try(g, NULL, "192.0.2.1", NOW, NULL), -SP_EQUOTA);
}

/* There are fewer slots than names: neither refused tries nor other addresses may push a full count out. */
static void a_flood_of_names_washes_no_count_away(void **state)
{
	enum { FLOOD = 60000 };
	struct gate *g = *state;
	char name[32], from[48];

	for (int i = 0; i < SP_LIMIT_password_tries_address; i++)
		assert_int_equal(gate_try(g, i < SP_LIMIT_password_tries_account ? "ada" : NULL, "192.0.2.1", NOW, NULL), 0);
	for (int i = 0; i < FLOOD; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		assert_int_equal(gate_try(g, name, "192.0.2.1", NOW + 1, NULL), -SP_EQUOTA);
	}
	for (int i = 0; i < FLOOD; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		snprintf(from, sizeof(from), "2001:db8:%x:%x::1", (unsigned)i >> 8, (unsigned)i & 255);
		(void)!gate_try(g, name, from, NOW + 1, NULL);
	}
	assert_int_equal(gate_try(g, NULL, "192.0.2.1", NOW + 1, NULL), -SP_EQUOTA);
	assert_int_equal(gate_try(g, "ada", "203.0.113.1", NOW + 1, NULL), -SP_EQUOTA);
}

static void what_was_not_looked_at_costs_one_and_clears_nothing(void **state)
{
	struct gate *g = *state;

	for (int i = 0; i < SP_LIMIT_password_tries_account; i++)
		assert_int_equal(gate_try(g, "ada", "192.0.2.1", NOW, NULL), 0);
	gate_undo(g, "ada", "192.0.2.1");
	assert_int_equal(gate_try(g, "ada", "192.0.2.1", NOW, NULL), 0);
	assert_int_equal(gate_try(g, "ada", "192.0.2.1", NOW, NULL), -SP_EQUOTA);
}

static atomic_int refused;

struct waiter { struct gate *g; int r; };

static void *go_in(void *arg)
{
	struct waiter *w = arg;

	w->r = gate_enter(w->g, NULL);
	if (w->r == -SP_EBUSY)
		atomic_fetch_add(&refused, 1);
	return NULL;
}

/* With all places taken, of any number of callers exactly password_waiters wait; the others return at once. */
static void few_are_inside_few_wait_and_the_rest_is_told(void **state)
{
	enum { MORE = 8 };
	struct gate *g = *state;
	struct waiter waiters[MORE];
	pthread_t threads[MORE];
	int busy = 0, entered = 0;

	for (int i = 0; i < SP_LIMIT_password_hashes; i++)
		assert_int_equal(gate_enter(g, NULL), 0);
	for (int i = 0; i < MORE; i++) {
		waiters[i] = (struct waiter){ g, 1 };
		assert_int_equal(pthread_create(&threads[i], NULL, go_in, &waiters[i]), 0);
	}
	while (atomic_load(&refused) < MORE - SP_LIMIT_password_waiters)
		sched_yield();
	for (int i = 0; i < SP_LIMIT_password_waiters; i++)
		gate_leave(g);
	for (int i = 0; i < MORE; i++) {
		pthread_join(threads[i], NULL);
		busy += waiters[i].r == -SP_EBUSY;
		entered += waiters[i].r == 0;
	}
	assert_int_equal(busy, MORE - SP_LIMIT_password_waiters);
	assert_int_equal(entered, SP_LIMIT_password_waiters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_account_has_so_many_tries_from_anywhere, make, drop),
		cmocka_unit_test_setup_teardown(an_address_has_so_many_tries_for_any_account, make, drop),
		cmocka_unit_test_setup_teardown(a_right_password_clears_the_account_and_gives_the_address_one_back, make, drop),
		cmocka_unit_test_setup_teardown(what_was_not_looked_at_costs_one_and_clears_nothing, make, drop),
		cmocka_unit_test_setup_teardown(a_flood_of_names_washes_no_count_away, make, drop),
		cmocka_unit_test_setup_teardown(few_are_inside_few_wait_and_the_rest_is_told, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
