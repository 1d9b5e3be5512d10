#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "runtime/account/devices.h"

#define NOW 1000000

static int make(void **state)
{
	return sodium_init() < 0 || devices_new((struct devices **)state, NULL) < 0;
}

static int drop(void **state)
{
	devices_free(*state);
	return 0;
}

static void a_code_is_shown_typed_and_answered_once(void **state)
{
	struct devices *d = *state;
	const struct sp_id user = sp_id_new();
	struct account_token code;
	struct device_login shown, found;
	struct device_grant g;
	char typed[] = "bcdf ghjk";

	devices_begin(d, "hf auth login", "192.0.2.1", NOW, &code, &shown);
	assert_int_equal(strlen(code.s), 43);
	assert_int_equal(strlen(shown.user_code), 9);
	assert_int_equal(strspn(shown.user_code, "BCDFGHJKLMNPQRSTVWXZ-"), 9);
	assert_int_equal(devices_poll(d, code.s, NOW, &g, NULL), 0);
	assert_int_equal(g.state, DEVICE_WAITING);
	assert_int_equal(devices_poll(d, code.s, NOW + 10, &g, NULL), -SP_EBUSY);

	for (int i = 0; i < 4; i++) {
		typed[i] = (char)(shown.user_code[i] | 0x20);
		typed[5 + i] = (char)(shown.user_code[5 + i] | 0x20);
	}
	assert_int_equal(devices_find(d, typed, NOW, &found, NULL), 0);
	assert_string_equal(found.client, "hf auth login");
	assert_int_equal(devices_answer(d, typed, &user, ROLE_READ, NOW, NULL), 0);
	assert_int_equal(devices_answer(d, typed, &user, ROLE_WRITE, NOW, NULL), -SP_ENOENT);
	assert_int_equal(devices_find(d, typed, NOW, &found, NULL), -SP_ENOENT);
	assert_int_equal(devices_poll(d, code.s, NOW + 20, &g, NULL), 0);       /* an answer is worth no waiting */
	assert_true(g.state == DEVICE_GRANTED && g.role == ROLE_READ && sp_id_eq(&g.user, &user));
	assert_int_equal(devices_poll(d, code.s, NOW + 30, &g, NULL), -SP_ENOENT);
}

static void codes_end_and_nonsense_is_none(void **state)
{
	struct devices *d = *state;
	struct account_token code;
	struct device_login shown, found;
	struct device_grant g;
	const struct sp_id user = sp_id_new();
	static const char *const nonsense[] = { "", "-", "BCDF", "BCDF-GHJ", "BCDF-GHJKL", "BCDFGHJKLMNPQRST", "--------------------" };

	devices_begin(d, "hf auth login", "192.0.2.1", NOW, &code, &shown);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		assert_int_equal(devices_find(d, nonsense[i], NOW, &found, NULL), -SP_ENOENT);
	assert_int_equal(devices_poll(d, "", NOW, &g, NULL), -SP_ENOENT);
	assert_int_equal(devices_find(d, shown.user_code, NOW + SP_LIMIT_device_login_ms, &found, NULL), -SP_ENOENT);
	assert_int_equal(devices_answer(d, shown.user_code, &user, ROLE_READ, NOW + SP_LIMIT_device_login_ms, NULL), -SP_ENOENT);
	assert_int_equal(devices_poll(d, code.s, NOW + SP_LIMIT_device_login_ms, &g, NULL), -SP_ENOENT);

	devices_begin(d, "hf auth login", "192.0.2.1", NOW, &code, &shown);
	assert_int_equal(devices_answer(d, shown.user_code, &user, ROLE_NONE, NOW, NULL), 0);
	assert_int_equal(devices_poll(d, code.s, NOW, &g, NULL), 0);
	assert_int_equal(g.state, DEVICE_DENIED);
}

static void the_table_is_full_of_the_newest(void **state)
{
	struct devices *d = *state;
	struct account_token first, code;
	struct device_login shown;
	struct device_grant g;
	char from[32];

	devices_begin(d, "hf auth login", "192.0.2.1", NOW, &first, &shown);
	for (int i = 0; i < SP_LIMIT_device_logins - 1; i++) {
		snprintf(from, sizeof(from), "10.0.%d.%d", i / 200, i % 200);
		devices_begin(d, "hf auth login", from, NOW + 1 + i, &code, &shown);
	}
	assert_int_equal(devices_poll(d, first.s, NOW, &g, NULL), 0);
	devices_begin(d, "hf auth login", "192.0.2.2", NOW + 5000, &code, &shown);
	assert_int_equal(devices_poll(d, first.s, NOW + 5000, &g, NULL), -SP_ENOENT);
	assert_int_equal(devices_poll(d, code.s, NOW + 5000, &g, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_code_is_shown_typed_and_answered_once, make, drop),
		cmocka_unit_test_setup_teardown(codes_end_and_nonsense_is_none, make, drop),
		cmocka_unit_test_setup_teardown(the_table_is_full_of_the_newest, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
