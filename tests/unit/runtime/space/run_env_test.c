#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/space/run_env.h"

static const char *value(const struct strv *env, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=') {
			assert_null(found);             /* each name once */
			found = env->v[i] + n + 1;
		}
	return found;
}

static void make(const char *sdk, const struct store_variable *vars, size_t n, struct sp_arena *a, struct strv *argv, struct strv *env)
{
	static char app_file[] = "app.py", headers[] = "", title[] = "My title";
	const struct space_config cfg = { .domain = "localhost", .public_port = 7860, .hub_url = "http://localhost:7860", .cpu_cores = 2 };
	const struct store_repo repo = { .owner_name = "Ada", .name = "Chat.2", .label = "ada-chat-2", .owner = { "0123456789abcdef01234567" } };
	const struct recipe r = { .sdk = sdk_by_name(sdk), .app_file = app_file, .headers = headers, .title = title, .port = sdk_by_name(sdk)->port };

	sp_arena_init(a);
	*argv = (struct strv){ .a = a };
	*env = (struct strv){ .a = a };
	run_env_make(&cfg, &repo, &r, vars, n, argv, env);
}

static void gradio_gets_what_it_needs(void **state SP_UNUSED)
{
	static const struct { const char *name, *want; } rows[] = {
		{ "SYSTEM", "spaces" }, { "SPACE_ID", "Ada/Chat.2" }, { "SPACE_HOST", "ada-chat-2.localhost:7860" }, { "SPACE_AUTHOR_NAME", "Ada" },
		{ "SPACE_REPO_NAME", "Chat.2" }, { "SPACE_TITLE", "My title" }, { "SPACE_CREATOR_USER_ID", "0123456789abcdef01234567" },
		{ "GRADIO_SERVER_NAME", "0.0.0.0" }, { "GRADIO_SERVER_PORT", "7860" }, { "GRADIO_NUM_PORTS", "1" }, { "GRADIO_ANALYTICS_ENABLED", "False" },
		{ "NO_PROXY", "localhost,127.0.0.1,::1" }, { "no_proxy", "localhost,127.0.0.1,::1" }, { "HOME", "/home/user" }, { "PYTHONUNBUFFERED", "1" },
		{ "VITRINE_ENDPOINT", "http://localhost:7860" }, { "MEMORY", "4Gi" },
	};
	struct strv argv, env;
	struct sp_arena a;

	make("gradio", NULL, 0, &a, &argv, &env);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(value(&env, rows[i].name), rows[i].want);
	assert_null(value(&env, "GRADIO_VIBE_MODE"));           /* C-GRADIO-03 */
	assert_null(value(&env, "HF_ENDPOINT"));                /* it would break downloads from the real hub */
	assert_null(value(&env, "PYTHONDONTWRITEBYTECODE"));
	assert_string_equal(argv.v[0], "python");
	assert_string_equal(argv.v[1], "app.py");
	assert_null(argv.v[2]);
	sp_arena_fini(&a);
}

static void streamlit_is_headless_on_its_port(void **state SP_UNUSED)
{
	struct strv argv, env;
	struct sp_arena a;

	make("streamlit", NULL, 0, &a, &argv, &env);
	assert_string_equal(value(&env, "STREAMLIT_SERVER_PORT"), "8501");
	assert_string_equal(value(&env, "STREAMLIT_SERVER_HEADLESS"), "true");
	assert_string_equal(value(&env, "STREAMLIT_BROWSER_GATHER_USAGE_STATS"), "false");
	assert_string_equal(value(&env, "STREAMLIT_SERVER_FILE_WATCHER_TYPE"), "none");
	assert_string_equal(argv.v[0], "streamlit");
	assert_string_equal(argv.v[2], "app.py");
	sp_arena_fini(&a);
}

static void variables_win_but_not_over_the_platform(void **state SP_UNUSED)
{
	const struct store_variable vars[] = { { .key = "MODEL", .value = "x=y" }, { .key = "GRADIO_SSR_MODE", .value = "True" }, { .key = "HF_ENDPOINT", .value = "http://h" },
		{ .key = "PATH", .value = "/evil" }, { .key = "SPACE_ID", .value = "other/one" }, { .key = "GRADIO_VIBE_MODE", .value = "1" }, { .key = "LD_PRELOAD", .value = "x" } };
	struct strv argv, env;
	struct sp_arena a;

	make("gradio", vars, sizeof(vars) / sizeof(vars[0]), &a, &argv, &env);
	assert_string_equal(value(&env, "MODEL"), "x=y");
	assert_string_equal(value(&env, "GRADIO_SSR_MODE"), "True");
	assert_string_equal(value(&env, "HF_ENDPOINT"), "http://h");
	assert_non_null(strstr(value(&env, "PATH"), "vitrine-env"));
	assert_string_equal(value(&env, "SPACE_ID"), "Ada/Chat.2");
	assert_null(value(&env, "GRADIO_VIBE_MODE"));
	assert_null(value(&env, "LD_PRELOAD"));
	sp_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradio_gets_what_it_needs),
		cmocka_unit_test(streamlit_is_headless_on_its_port),
		cmocka_unit_test(variables_win_but_not_over_the_platform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
