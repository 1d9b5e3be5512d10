#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auto.h"
#include "server/http/moved.h"

static const struct { const char *pattern, *path, *want; } rows[] = {
	{ "/spaces/{owner}/{name}", "/spaces/a/b", "/spaces/O/N" },
	{ "/api/spaces/{owner}/{name}/tree/{rev}/{path...}", "/api/spaces/a/b/tree/a/b/a%2Fb", "/api/spaces/O/N/tree/a/b/a%2Fb" },
	{ "/spaces/{owner}/{name}.git/info/refs", "/spaces/a/b.git/info/refs", "/spaces/O/N.git/info/refs" },
	{ "/spaces/{owner}/{name}/resolve/{rev}/{path...}", "/spaces/a/b/resolve/main/", "/spaces/O/N/resolve/main/" },
	{ "/api/spaces/{owner}/{name}/revision/{rev...}", "/api/spaces/a/b/revision/x//y", "/api/spaces/O/N/revision/x//y" },
};

static void the_name_changes_and_nothing_else(void **state)
{
	struct sp_arena a;

	(void)state;
	sp_arena_init(&a);
	for (size_t i = 0; i < SP_COUNT(rows); i++)
		assert_string_equal(moved_path(&a, rows[i].pattern, rows[i].path, "O", "N"), rows[i].want);
	sp_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_name_changes_and_nothing_else) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
