/* Every channel's table against every kind of malformed message, by the check that stands before any decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auto.h"
#include "egress.h"
#include "init.h"
#include "launch.h"
#include "report.h"
#include "route.h"

static const struct sp_msg_table *const tables[] = { &launch_table, &init_table, &egress_table, &route_table, &report_table };

static int check(const struct sp_msg_table *t, unsigned direction, unsigned type, size_t len, unsigned fds)
{
	const struct sp_msg_head head = { .version = SP_MSG_VERSION, .type = (uint16_t)type, .len = (uint32_t)len };

	return sp_msg_check(t, direction, &head, len, fds, NULL);
}

static void only_the_exact_shape_passes(void **state SP_UNUSED)
{
	for (unsigned i = 0; i < SP_COUNT(tables); i++)
		for (unsigned type = 0; type < tables[i]->count; type++) {
			const struct sp_msg_row *row = &tables[i]->rows[type];

			assert_non_null(row->name);
			assert_true(row->max <= SP_MSG_BODY && row->fds_max <= SP_MSG_FDS && row->min >= 8);
			assert_int_equal(check(tables[i], row->direction, type, row->min, row->fds_min), 0);
			assert_int_equal(check(tables[i], row->direction + 1, type, row->min, row->fds_min), -SP_EPROTO);
			assert_int_equal(check(tables[i], row->direction, type, row->min - 1, row->fds_min), -SP_EPROTO);
			assert_int_equal(check(tables[i], row->direction, type, row->max + 1, row->fds_min), -SP_EPROTO);
			assert_int_equal(check(tables[i], row->direction, type, row->min, row->fds_max + 1u), -SP_EPROTO);
			if (row->fds_min > 0)
				assert_int_equal(check(tables[i], row->direction, type, row->min, row->fds_min - 1u), -SP_EPROTO);
		}
}

static void unknown_types_and_versions_are_refused(void **state SP_UNUSED)
{
	for (unsigned i = 0; i < SP_COUNT(tables); i++) {
		const struct sp_msg_row *row = &tables[i]->rows[0];
		struct sp_msg_head head = { .version = SP_MSG_VERSION + 1, .len = row->min };

		assert_int_equal(check(tables[i], 0, tables[i]->count, 8, 0), -SP_EPROTO);
		assert_int_equal(check(tables[i], 0, UINT16_MAX, 8, 0), -SP_EPROTO);
		assert_int_equal(sp_msg_check(tables[i], row->direction, &head, row->min, row->fds_min, NULL), -SP_EPROTO);
		head.version = SP_MSG_VERSION;
		head.len++;                     /* says another length than it has */
		assert_int_equal(sp_msg_check(tables[i], row->direction, &head, row->min, row->fds_min, NULL), -SP_EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_exact_shape_passes),
		cmocka_unit_test(unknown_types_and_versions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
