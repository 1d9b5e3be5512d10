#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/build/front_matter.h"

static int parse(const char *text, struct front_matter *fm, struct front_matter_where *w)
{
	return front_matter_parse_at(text, strlen(text), fm, w, NULL);
}

static void every_key_is_read_and_versions_stay_text(void **state SP_UNUSED)
{
	struct front_matter fm = { 0 };
	const char *text = "---\ntitle: My app\nemoji: \xf0\x9f\x9a\x80\ncolorFrom: blue\nsdk: gradio\nsdk_version: 4.10\n"
		"python_version: 3.10\napp_file: ./src/main.py\napp_port: 7861\nfullWidth: false\npinned: true\ntags:\n- a\n- b\n"
		"startup_duration_timeout: 1h\ncustom_headers:\n  cross-origin-opener-policy: same-origin\n  x-evil: yes\n"
		"disable_embedding: true\nunknown_key: 7\nsome_number: 1.5\n---\nbody\n";

	assert_int_equal(parse(text, &fm, NULL), 0);
	assert_string_equal(fm.title, "My app");
	assert_string_equal(fm.sdk_version, "4.10");
	assert_string_equal(fm.python_version, "3.10");
	assert_string_equal(fm.app_file, "src/main.py");
	assert_int_equal(fm.app_port, 7861);
	assert_int_equal(fm.startup_ms, 3600000);
	assert_int_equal(fm.sdk_line, 5);
	assert_false(fm.full_width);
	assert_true(fm.pinned && fm.disable_embedding);
	assert_string_equal(fm.tags[1], "b");
	assert_null(fm.tags[2]);
	assert_string_equal(fm.custom_headers, "cross-origin-opener-policy: same-origin\r\n");
	assert_non_null(strstr(fm.notes, "unknown_key"));
	assert_non_null(strstr(fm.notes, "x-evil"));
	assert_non_null(strstr(front_matter_card_json(&fm), "\"sdk_version\":\"4.10\""));
	assert_non_null(strstr(front_matter_card_json(&fm), "\"some_number\":1.5"));
	assert_non_null(strstr(front_matter_card_json(&fm), "\"pinned\":true"));
	assert_string_equal(text + fm.body_at, "body\n");
	front_matter_fini(&fm);
}

static void defaults_hold_for_an_empty_block(void **state SP_UNUSED)
{
	struct front_matter fm = { 0 };

	assert_int_equal(parse("---\n---\n", &fm, NULL), 0);
	assert_null(fm.sdk);
	assert_string_equal(fm.base_path, "/");
	assert_true(fm.full_width);
	assert_int_equal(fm.startup_ms, 1800000);
	assert_string_equal(front_matter_card_json(&fm), "{}");
	front_matter_fini(&fm);
}

static void a_readme_without_a_block_is_enoent(void **state SP_UNUSED)
{
	struct front_matter fm = { 0 };

	assert_int_equal(parse("# hello\n", &fm, NULL), -SP_ENOENT);
	assert_int_equal(parse("", &fm, NULL), -SP_ENOENT);
}

static void errors_carry_line_and_column_of_the_readme(void **state SP_UNUSED)
{
	static const struct { const char *text; unsigned line, column; const char *says; } rows[] = {
		{ "---\nsdk: gradio\ntitle: 'open\n---\n", 3, 8, "" },
		{ "---\nsdk: gradio\nsdk: static\n---\n", 3, 1, "twice" },
		{ "---\na: &x 1\nb: *x\n---\n", 2, 4, "anchors" },
		{ "---\nb: *x\n---\n", 2, 4, "aliases" },
		{ "---\nb: !!python/object x\n---\n", 2, 4, "tags" },
		{ "---\nsdk: [gradio]\n---\n", 2, 6, "text" },
		{ "---\napp_port: 70000\n---\n", 2, 11, "port" },
		{ "---\nstartup_duration_timeout: soon\n---\n", 2, 27, "duration" },
		{ "---\napp_file: ../x.py\n---\n", 2, 11, "inside" },
		{ "---\napp_file: a/../../x.py\n---\n", 2, 11, "inside" },
		{ "---\nbase_path: x\n---\n", 2, 12, "start" },
		{ "---\n- a\n---\n", 2, 1, "expected" },
		{ "---\na: [[[[[[[[[1]]]]]]]]]\n---\n", 2, 11, "deep" },
		{ "---\nsdk: gradio\n", 1, 1, "not closed" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct front_matter fm = { 0 };
		struct front_matter_where w = { 0 };

		assert_int_equal(parse(rows[i].text, &fm, &w), -SP_EINVAL);
		if (!strstr(w.text, rows[i].says) || w.line != rows[i].line)
			fail_msg("%s: line %u column %u: %s", rows[i].text, w.line, w.column, w.text);
		if (i > 0)
			assert_int_equal(w.column, rows[i].column);
	}
}

static void a_block_over_the_limit_is_refused(void **state SP_UNUSED)
{
	size_t n = 70000;
	char *text = malloc(n + 32);
	struct front_matter fm = { 0 };
	struct front_matter_where w = { 0 };

	memcpy(text, "---\na: ", 7);
	memset(text + 7, 'x', n);
	memcpy(text + 7 + n, "\n---\n", 6);
	assert_int_equal(parse(text, &fm, &w), -SP_EINVAL);
	assert_non_null(strstr(w.text, "larger"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read_and_versions_stay_text),
		cmocka_unit_test(defaults_hold_for_an_empty_block),
		cmocka_unit_test(a_readme_without_a_block_is_enoent),
		cmocka_unit_test(errors_carry_line_and_column_of_the_readme),
		cmocka_unit_test(a_block_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
