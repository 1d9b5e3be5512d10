#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/http/http_status.h"
#include "server/http/router.h"

#define ROW(m, p) { m, p, NULL, p, MAY_ANYONE, BODY_NONE }
static const struct http_route rows[] = {
	ROW(HTTP_GET, "/"),
	ROW(HTTP_GET, "/{owner}"),
	ROW(HTTP_GET, "/{owner}/{name}/resolve/{rev}/{path...}"),
	ROW(HTTP_GET, "/api/spaces"),
	ROW(HTTP_GET, "/api/spaces/{owner}/{name}"),
	ROW(HTTP_DELETE, "/api/spaces/{owner}/{name}"),
	ROW(HTTP_GET, "/api/spaces/{owner}/{name}/{what}"),
	ROW(HTTP_GET, "/api/spaces/{owner}/{name}/runtime"),
	ROW(HTTP_POST, "/api/{type}s/{owner}/{name}/like"),
	ROW(HTTP_GET, "/api/spaces/{owner}/{name}/tree/{rev}"),
	ROW(HTTP_GET, "/api/spaces/{owner}/{name}/tree/{rev}/{path...}"),
	ROW(HTTP_GET, "/api/{rest...}"),
	ROW(HTTP_HEAD, "/api/only/head"),
	ROW(HTTP_GET, "/logs/{kind}-{x}"),
};
static const struct http_table table = { rows, sizeof(rows) / sizeof(rows[0]), NULL, 0 };

static struct sp_arena arena;
static struct http_pair *params;
static char allow[64];

static int begin(SP_UNUSED void **state)
{
	sp_arena_init(&arena);
	return 0;
}

static int end(SP_UNUSED void **state)
{
	sp_arena_fini(&arena);
	return 0;
}

static const char *find(enum http_method m, const char *path)
{
	const struct http_route *found = NULL;

	params = NULL;
	return router_find(&table, m, path, &arena, &found, &params, allow, NULL) < 0 ? "none" : found->pattern;
}

static const char *param(const char *name)
{
	return http_pair_get(params, name, false);
}

static void literal_wins_over_parameter_over_rest(SP_UNUSED void **state)
{
	assert_string_equal(find(HTTP_GET, "/api/spaces/a/b/runtime"), "/api/spaces/{owner}/{name}/runtime");
	assert_string_equal(find(HTTP_GET, "/api/spaces/a/b/other"), "/api/spaces/{owner}/{name}/{what}");
	assert_string_equal(find(HTTP_GET, "/api/spaces/a/b/c/d/e"), "/api/{rest...}");
	assert_string_equal(find(HTTP_GET, "/api/spaces"), "/api/spaces");
	assert_string_equal(find(HTTP_GET, "/api/nothing"), "/api/{rest...}");
	assert_string_equal(find(HTTP_GET, "/"), "/");
	assert_string_equal(find(HTTP_GET, "/ada"), "/{owner}");
}

static void parameters_are_decoded_after_the_path_was_split(SP_UNUSED void **state)
{
	assert_string_equal(find(HTTP_GET, "/api/spaces/ada/chat/tree/refs%2Fpr%2F1/sub%20dir/x.py"), "/api/spaces/{owner}/{name}/tree/{rev}/{path...}");
	assert_string_equal(param("owner"), "ada");
	assert_string_equal(param("rev"), "refs/pr/1");
	assert_string_equal(param("path"), "sub dir/x.py");
	find(HTTP_GET, "/a/b/resolve/main/x%2Fy+z");
	assert_string_equal(param("path"), "x/y+z");
	find(HTTP_POST, "/api/spaces/a/b/like");
	assert_string_equal(param("type"), "space");
}

static void parameters_are_not_empty_but_a_rest_may_be(SP_UNUSED void **state)
{
	assert_string_equal(find(HTTP_GET, "/api/spaces//b"), "/api/{rest...}");
	assert_string_equal(find(HTTP_GET, "/a/b/resolve/main/"), "/{owner}/{name}/resolve/{rev}/{path...}");
	assert_string_equal(param("path"), "");
	assert_string_equal(find(HTTP_GET, "/a/b/resolve/main"), "none");
	assert_string_equal(find(HTTP_GET, "//"), "none");
	assert_string_equal(find(HTTP_GET, ""), "none");
	assert_string_equal(find(HTTP_GET, "relative"), "none");
}

static void head_takes_the_row_of_get(SP_UNUSED void **state)
{
	assert_string_equal(find(HTTP_HEAD, "/api/spaces"), "/api/spaces");
	assert_string_equal(find(HTTP_HEAD, "/api/only/head"), "/api/only/head");
}

static void other_methods_are_named(SP_UNUSED void **state)
{
	const struct http_route *found;
	struct sp_err e;

	assert_int_equal(router_find(&table, HTTP_PATCH, "/a/b/resolve/main/x", &arena, &found, &params, allow, &e), -SP_EUNSUPPORTED);
	assert_string_equal(allow, "GET, HEAD");
	assert_int_equal(router_find(&table, HTTP_PUT, "/api/spaces/a/b", &arena, &found, &params, allow, &e), -SP_EUNSUPPORTED);
	assert_string_equal(allow, "GET, HEAD, DELETE");
	assert_int_equal(router_find(&table, HTTP_GET, "/a/b/c", &arena, &found, &params, allow, &e), -SP_ENOENT);
	assert_int_equal(router_find(&table, HTTP_GET, "/a%00", &arena, &found, &params, allow, &e), -SP_EINVAL);
}

static void path_of_many_segments_is_only_not_found(SP_UNUSED void **state)
{
	char path[4096];

	for (size_t i = 0; i + 1 < sizeof(path); i += 2)
		memcpy(path + i, "/a", 2);
	path[sizeof(path) - 2] = '\0';
	assert_string_equal(find(HTTP_GET, path), "none");
}

static void every_code_has_a_status(SP_UNUSED void **state)
{
	for (int code = SP_OK; code < SP_CODE_MAX; code++)
		assert_in_range(http_status_of((enum sp_code)code), 200, 599);
	assert_int_equal(http_status_of(SP_ESTALE), 412);
	assert_int_equal(http_status_of(SP_EEXIST), 409);
	assert_int_equal(http_status_of(SP_CODE_MAX), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literal_wins_over_parameter_over_rest),
		cmocka_unit_test(parameters_are_decoded_after_the_path_was_split),
		cmocka_unit_test(parameters_are_not_empty_but_a_rest_may_be),
		cmocka_unit_test(head_takes_the_row_of_get),
		cmocka_unit_test(other_methods_are_named),
		cmocka_unit_test(path_of_many_segments_is_only_not_found),
		cmocka_unit_test(every_code_has_a_status),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
