#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "auto.h"
#include "sandbox/worker/path.h"

static void names_get_their_plain_form(void **state)
{
	static const struct { const char *in, *out; int depth; } rows[] = {
		{ "a", "a", 1 }, { "a/b", "a/b", 2 }, { "./a", "a", 1 }, { "a/", "a", 1 }, { "a//b/./c/", "a/b/c", 3 },
		{ ".", "", 0 }, { "", "", 0 }, { "./", "", 0 }, { "...", "...", 1 }, { "a/..b/c..", "a/..b/c..", 3 },
	};
	char out[WORKER_PATH_MAX + 1];

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		assert_int_equal(worker_path_clean(rows[i].in, out, NULL), rows[i].depth);
		assert_string_equal(out, rows[i].out);
	}
}

static void names_that_lead_away_are_denied(void **state)
{
	static const char *const rows[] = { "/", "/a", "//a", "..", "../a", "a/..", "a/../b", "a/b/../../..", "./..", "a\nb", "a\x7f", "\x1b[2J" };
	char out[WORKER_PATH_MAX + 1];
	struct sp_err e;

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++)
		assert_int_equal(worker_path_clean(rows[i], out, &e), -SP_EDENIED);
}

static void sizes_are_bounded(void **state)
{
	char name[WORKER_PATH_MAX + 8], out[WORKER_PATH_MAX + 1];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[WORKER_NAME_MAX] = '\0';
	assert_int_equal(worker_path_clean(name, out, NULL), 1);
	name[WORKER_NAME_MAX] = 'n';
	name[WORKER_NAME_MAX + 1] = '\0';
	assert_int_equal(worker_path_clean(name, out, NULL), -SP_EDENIED);

	for (int i = 0; i < WORKER_DEPTH_MAX; i++)
		memcpy(name + 2 * i, "d/", 3);
	assert_int_equal(worker_path_clean(name, out, NULL), WORKER_DEPTH_MAX);
	memcpy(name + 2 * WORKER_DEPTH_MAX, "d", 2);
	assert_int_equal(worker_path_clean(name, out, NULL), -SP_EDENIED);

	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 100 == 99 ? '/' : 'n';
	name[WORKER_PATH_MAX] = '\0';
	assert_true(worker_path_clean(name, out, NULL) > 0);
	name[WORKER_PATH_MAX] = 'n';
	name[WORKER_PATH_MAX + 1] = '\0';
	assert_int_equal(worker_path_clean(name, out, NULL), -SP_EDENIED);
}

static void links_stay_inside(void **state)
{
	static const struct { const char *path, *target; int result; } rows[] = {
		{ "l", "a", 0 }, { "l", "a/b", 0 }, { "l", "./a", 0 }, { "l", ".", 0 }, { "d/l", "..", 0 }, { "d/l", "../a", 0 },
		{ "a/b/l", "../../c", 0 }, { "a/b/l", ".././../c/d", 0 }, { "l", "...", 0 },
		{ "l", "..", -SP_EDENIED }, { "l", "./..", -SP_EDENIED }, { "d/l", "../..", -SP_EDENIED }, { "a/b/l", "../../../c", -SP_EDENIED },
		{ "l", "/", -SP_EDENIED }, { "l", "/a", -SP_EDENIED }, { "l", "", -SP_EDENIED },
		/* Through a link "u" to the root this would be outside, though it looks balanced. */
		{ "a/b/c/l", "u/../..", -SP_EDENIED }, { "d/l", "a/..", -SP_EDENIED },
		{ "l", "a\nb", -SP_EDENIED },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++)
		assert_int_equal(worker_link_check(rows[i].path, rows[i].target, NULL), rows[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_get_their_plain_form),
		cmocka_unit_test(names_that_lead_away_are_denied),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(links_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
