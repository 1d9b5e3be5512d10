#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auto.h"
#include "num.h"

static int u64(const char *s, uint64_t max, uint64_t *v)
{
	return sp_parse_u64(s, strlen(s), max, v);
}

static void digits_are_read_up_to_the_maximum(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(u64("0", 10, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(u64("10", 10, &v), 0);
	assert_int_equal(v, 10);
	assert_int_equal(u64("18446744073709551615", UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(u64("0005", 5, &v), 0);
	assert_int_equal(v, 5);
}

static void everything_else_is_refused_and_leaves_the_output(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1e3", "11", "99999999999999999999", "18446744073709551616", "١" };
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < SP_COUNT(bad); i++)
		assert_int_equal(u64(bad[i], 10, &v), -SP_EINVAL);
	assert_int_equal(u64("18446744073709551616", UINT64_MAX, &v), -SP_EINVAL);
	assert_int_equal(u64("1", 0, &v), -SP_EINVAL);
	assert_int_equal(v, 7);
}

static void durations_have_one_unit(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(sp_parse_duration_ms("30m", 3600000, &v), 0);
	assert_int_equal(v, 1800000);
	assert_int_equal(sp_parse_duration_ms("1h", 3600000, &v), 0);
	assert_int_equal(v, 3600000);
	assert_int_equal(sp_parse_duration_ms("90", 3600000, &v), 0);
	assert_int_equal(v, 90000);
	assert_int_equal(sp_parse_duration_ms("2h", 3600000, &v), -SP_EINVAL);
	assert_int_equal(sp_parse_duration_ms("m", 3600000, &v), -SP_EINVAL);
	assert_int_equal(sp_parse_duration_ms("", 3600000, &v), -SP_EINVAL);
	assert_int_equal(sp_parse_duration_ms("1h30m", 86400000, &v), -SP_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_read_up_to_the_maximum),
		cmocka_unit_test(everything_else_is_refused_and_leaves_the_output),
		cmocka_unit_test(durations_have_one_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
