#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/build/env_key.h"
#include "runtime/build/requirements.h"

struct files { const char *name[4], *text[4]; };

static int read_file(void *arg, const char *path, const char **ret, struct sp_err *e)
{
	const struct files *f = arg;

	for (unsigned i = 0; i < 4 && f->name[i]; i++)
		if (strcmp(f->name[i], path) == 0) {
			*ret = f->text[i];
			return 0;
		}
	return sp_fail(e, SP_ENOENT, 0, "%s", path);
}

/* What leads into the repository, to another index or carries credentials must not name a shared image (C-SBX-24). */
static void lines_that_reach_further_make_an_environment_private(void **state SP_UNUSED)
{
	static const struct { const char *text; bool is_private; } rows[] = {
		{ "gradio==5.1\nnumpy>=1\n# comment -e .\n\n", false },
		{ "pkg @ https://example.com/x.whl\n", false },
		{ "git+https://example.com/x\n", false },
		{ "foo==1 \\\n    --hash=sha256:00\n", false },
		{ "--pre\n", false },
		{ "-e .\n", true }, { "--editable=.\n", true }, { "./wheel\n", true }, { "/abs\n", true }, { "../x\n", true }, { "x @ file:///x\n", true },
		{ "--index-url https://i\n", true }, { "-i https://i\n", true }, { "--extra-index-url https://i\n", true }, { "--pypi-url https://i\n", true },
		{ "-f links\n", true }, { "git+ssh://git@host/x\n", true }, { "x @ https://user:pw@host/x.whl\n", true }, { "x @ https://${TOKEN}@host/x\n", true },
		{ "dir/pkg\n", true }, { "pkg.whl\n", true }, { "foo==1\\\n--index-url https://i\n", true }, { "foo \\\n", true }, { "a==1\r-e .\n", true },
		{ "  -e .\n", true }, { "-r https://host/r.txt\n", true }, { "# c \\\n-e .\n", true }, { "-r missing.txt\n", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct files f = { { "requirements.txt" }, { rows[i].text } };
		struct req_text t;

		assert_int_equal(req_normalise("requirements.txt", read_file, &f, &t, NULL), 0);
		if (t.is_private != rows[i].is_private)
			fail_msg("%s", rows[i].text);
		req_fini(&t);
	}
}

static void included_files_count(void **state SP_UNUSED)
{
	struct files f = { { "requirements.txt", "sub/a.txt", "sub/b.txt" }, { "-r sub/a.txt\nx\n", "-c b.txt\ny\n", "z==1\n" } };
	struct files loop = { { "requirements.txt" }, { "-r requirements.txt\n" } };
	struct req_text t;

	assert_int_equal(req_normalise("requirements.txt", read_file, &f, &t, NULL), 0);
	assert_string_equal(t.text.p, "-r sub/a.txt\n-c b.txt\nz==1\ny\nx\n");
	assert_false(t.is_private);
	req_fini(&t);
	assert_int_equal(req_normalise("requirements.txt", read_file, &loop, &t, NULL), -SP_EINVAL);
	assert_int_equal(req_normalise("none.txt", read_file, &loop, &t, NULL), -SP_ENOENT);
}

static void package_names_cannot_be_options(void **state SP_UNUSED)
{
	static const char *const bad[] = { "-o x", "a;b", "$(x)", "../x", "FFmpeg", "a" };
	const char *const *list;
	struct sp_arena a;
	size_t n;

	sp_arena_init(&a);
	assert_int_equal(packages_parse("ffmpeg libgl1\n# c d\n  g++ # x\n", &a, &list, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_string_equal(list[2], "g++");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(packages_parse(bad[i], &a, &list, &n, NULL), -SP_EINVAL);
	sp_arena_fini(&a);
}

static void the_key_changes_with_every_fact(void **state SP_UNUSED)
{
	static const char *const sdk[] = { "gradio==1", NULL }, *const sdk2[] = { "gradio==2", NULL }, *const pk[] = { "ffmpeg", NULL };
	struct env_facts base = { .sdk_packages = sdk, .space = sp_id_new() }, f[8];
	struct launch_hash k = env_key(&base), again;

	for (unsigned i = 0; i < 8; i++)
		f[i] = base;
	memset(f[0].base.hex, 'a', 64);
	f[1].sdk_packages = sdk2;
	f[2].pre = "";
	f[3].requirements = "";
	f[4].packages = pk;
	f[5].is_private = true;
	f[6].nonce = sp_id_new();
	f[7].space = sp_id_new();
	for (unsigned i = 0; i < 7; i++) {
		struct launch_hash other = env_key(&f[i]);

		assert_memory_not_equal(&k, &other, sizeof(k));
	}
	again = env_key(&f[7]);
	assert_memory_equal(&k, &again, sizeof(k));     /* shared between Spaces unless private */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_reach_further_make_an_environment_private),
		cmocka_unit_test(included_files_count),
		cmocka_unit_test(package_names_cannot_be_options),
		cmocka_unit_test(the_key_changes_with_every_fact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
