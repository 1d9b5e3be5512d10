#include "tests/unit/runtime/store/temp_store.h"

#include "runtime/store/store_priv.h"

#define DAY (INT64_C(24) * 3600 * 1000)
#define NOW (INT64_C(20000) * DAY)

static bool near(double a, double b)
{
	return a > b - 0.1 * (b > 1 ? b : 1) && a < b + 0.1 * (b > 1 ? b : 1);
}

static void likes_fade_by_half_in_a_week(void **state)
{
	double one = trending_add(TRENDING_NONE, NOW), many = TRENDING_NONE;

	(void)state;
	assert_true(near(trending_now(one, NOW), 1));
	assert_true(near(trending_now(one, NOW + 7 * DAY), 0.5));
	assert_true(near(trending_now(one, NOW + 14 * DAY), 0.25));
	for (unsigned i = 0; i < 100; i++)
		many = trending_add(many, NOW);
	assert_true(near(trending_now(many, NOW), 100));
	assert_true(trending_now(TRENDING_NONE, NOW) <= 0);
}

static void newer_likes_outweigh_older_ones(void **state)
{
	double old = trending_add(trending_add(TRENDING_NONE, NOW - 30 * DAY), NOW - 30 * DAY), fresh = trending_add(TRENDING_NONE, NOW);

	(void)state;
	assert_true(fresh > old);
	assert_true(trending_add(fresh, NOW - 1000 * DAY) >= fresh);
}

static void taking_back_undoes(void **state)
{
	double one = trending_add(TRENDING_NONE, NOW), two = trending_add(one, NOW + DAY), back = trending_sub(two, NOW + DAY);

	(void)state;
	assert_true(near(trending_now(back, NOW), trending_now(one, NOW)));
	assert_true(trending_sub(one, NOW) <= TRENDING_NONE);
	assert_true(trending_sub(two, NOW - 2000 * DAY) >= two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(likes_fade_by_half_in_a_week),
		cmocka_unit_test(newer_likes_outweigh_older_ones),
		cmocka_unit_test(taking_back_undoes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
