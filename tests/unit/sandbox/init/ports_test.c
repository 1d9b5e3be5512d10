#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sandbox/init/ports.h"

#define REST " 00000000:00000000 00:00000000 00000000  1000        0 22031 1 0000000000000000 100 0 0 10 0\n"

static void listeners_are_found(void **state SP_UNUSED)
{
	struct launch_ports p = { .count = 0 };

	assert_false(ports_add(&p, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n", 4));
	assert_true(ports_add(&p, "   0: 0100007F:1EB4 00000000:0000 0A" REST, 4));
	assert_true(ports_add(&p, "   1: 00000000:1F90 00000000:0000 0A" REST, 4));
	assert_true(ports_add(&p, "   2: 00000000000000000000000001000000:2134 00000000000000000000000000000000:0000 0A" REST, 6));
	assert_true(ports_add(&p, "   3: 00000000000000000000000000000000:2134 00000000000000000000000000000000:0000 0A" REST, 6));
	assert_true(ports_add(&p, "   4: 0000000000000000FFFF00000100007F:2135 00000000000000000000000000000000:0000 0A" REST, 6));
	assert_int_equal(p.count, 5);
	assert_int_equal(p.at[0].port, 7860);
	assert_int_equal(p.at[0].loopback, 1);
	assert_int_equal(p.at[1].port, 8080);
	assert_int_equal(p.at[1].loopback, 0);
	assert_int_equal(p.at[2].family, 6);
	assert_int_equal(p.at[2].loopback, 1);
	assert_int_equal(p.at[3].loopback, 0);
	assert_int_equal(p.at[4].loopback, 1);
}

static void other_states_repeats_and_our_own_are_left_out(void **state SP_UNUSED)
{
	struct launch_ports p = { .count = 0 };

	assert_false(ports_add(&p, "   0: 0100007F:1EB4 0100007F:9C40 01" REST, 4));
	assert_false(ports_add(&p, "   0: 0100007F:0C39 00000000:0000 0A" REST, 4));    /* 3129, vitrine-egress */
	assert_false(ports_add(&p, "   0: 0100007F:14E9 00000000:0000 0A" REST, 4));    /* 5353 */
	assert_true(ports_add(&p, "   0: 0100007F:1EB4 00000000:0000 0A" REST, 4));
	assert_false(ports_add(&p, "   1: 0100007F:1EB4 00000000:0000 0A" REST, 4));    /* SO_REUSEPORT */
	assert_int_equal(p.count, 1);
}

static void nonsense_and_too_many_are_harmless(void **state SP_UNUSED)
{
	static const char *const lines[] = { "", "\n", "0:", "   0: zz:1 0:0 0A", "   0: 0100007F 00000000 0A", "   0: 0100007F:1EB4" };
	struct launch_ports p = { .count = 0 };
	char line[200];

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(ports_add(&p, lines[i], 4));
	for (unsigned port = 1; port < 100; port++) {
		snprintf(line, sizeof(line), "   0: 00000000:%04X 00000000:0000 0A" REST, port);
		assert_int_equal(ports_add(&p, line, 4), port <= 16);
	}
	assert_int_equal(p.count, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listeners_are_found),
		cmocka_unit_test(other_states_repeats_and_our_own_are_left_out),
		cmocka_unit_test(nonsense_and_too_many_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
