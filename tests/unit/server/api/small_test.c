/* base64, MIME types, and the files of a new Space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "arena.h"
#include "runtime/build/front_matter.h"
#include "server/http/base64.h"
#include "server/api/mime.h"
#include "server/api/new_space.h"
#include "server/api/repo_util.h"

static void base64_decodes_in_any_pieces(void **state)
{
	static const struct { const char *in, *out; } good[] = { { "", "" }, { "YQ==", "a" }, { "YWI=", "ab" }, { "YWJj", "abc" }, { "YWJjZA", "abcd" },
		{ "YWJj\r\nZGVm", "abcdef" }, { "+/+/", "\xfb\xff\xbf" } };
	static const char *const bad[] = { "Y", "YQ=", "YQ===", "YQ==YQ==", "Y=Q=", "YW-j", "=", "YWJjZ" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size_t piece = 1; piece < 5; piece++) {
			struct base64 b = { 0 };
			char in[32], out[32];
			size_t n = strlen(good[i].in), got = 0;

			memcpy(in, good[i].in, n);
			for (size_t at = 0; at < n; at += piece) {
				ssize_t m = base64_feed(&b, in + at, n - at < piece ? n - at : piece);

				assert_true(m >= 0);
				memcpy(out + got, in + at, (size_t)m);
				got += (size_t)m;
			}
			assert_int_equal(base64_end(&b), strcmp(good[i].in, "YWJjZA") != 0);    /* unpadded is cut short */
			if (base64_end(&b)) {
				assert_int_equal(got, strlen(good[i].out));
				assert_memory_equal(out, good[i].out, got);
			}
		}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct base64 b = { 0 };
		char in[32] = "";

		memcpy(in, bad[i], strlen(bad[i]));
		assert_false(base64_feed(&b, in, strlen(bad[i])) >= 0 && base64_end(&b));
	}
}

/* C-UI-04: nothing that a browser runs keeps its type on the platform's origin. */
static void active_types_are_inert_on_the_platform(void **state)
{
	static const char *const active[] = { "a.html", "A.HTM", "a.xhtml", "a.svg", "a.xml", "a.js", "a.mjs", "a.css", "a.json", "a.pdf", "a.wasm", "a", "a.unknown" };

	(void)state;
	for (size_t i = 0; i < sizeof(active) / sizeof(active[0]); i++)
		assert_true(strcmp(mime_inert_of(active[i]), "text/plain; charset=utf-8") == 0 ||
			strcmp(mime_inert_of(active[i]), "application/octet-stream") == 0);
	assert_string_equal(mime_inert_of("x/a.PNG"), "image/png");
	assert_string_equal(mime_of("x/a.html"), "text/html; charset=utf-8");
	assert_string_equal(mime_of("a.js"), "text/javascript; charset=utf-8");
	assert_string_equal(mime_of("nothing"), "application/octet-stream");
}

static void new_space_begins_with_settings_that_parse(void **state)
{
	static const char *const sdks[] = { "gradio", "streamlit", "static", "docker" };
	struct sp_arena a;

	(void)state;
	sp_arena_init(&a);
	for (size_t i = 0; i < 4; i++) {
		json_t *body = json_pack("{s:s}", "license", "mit\nsdk: evil");
		struct front_matter fm = { 0 };
		struct new_space s;

		assert_int_equal(new_space_plan(&a, "my-chat_demo", sdks[i], body, &s, NULL), 0);
		assert_int_equal(s.n_files, 2);
		assert_false(s.has_app);
		assert_null(strstr(s.files[0].bytes, "filter=lfs"));
		assert_int_equal(front_matter_parse(s.files[1].bytes, s.files[1].len, &fm, NULL), 0);
		assert_string_equal(fm.title, "My Chat Demo");
		assert_string_equal(fm.sdk, sdks[i]);
		assert_true(fm.emoji && *fm.emoji && fm.color_from && fm.color_to);
		assert_null(fm.license);
		front_matter_fini(&fm);
		json_decref(body);
	}
	sp_arena_fini(&a);
}

static void files_of_the_request_replace_the_defaults(void **state)
{
	json_t *body = json_pack("{s:[{s:s,s:s},{s:s,s:s,s:s}]}", "files", "path", "README.md", "content", "aGk=", "path", "a", "content", "x", "encoding", "utf-8");
	json_t *bad = json_pack("{s:[{s:s,s:s}]}", "files", "path", "../x", "content", "");
	struct new_space s;
	struct sp_arena a;

	(void)state;
	sp_arena_init(&a);
	assert_int_equal(new_space_plan(&a, "x", "static", body, &s, NULL), 0);
	assert_int_equal(s.n_files, 3);
	assert_true(s.has_app);
	assert_int_equal(s.files[1].len, 2);
	assert_memory_equal(s.files[1].bytes, "hi", 2);
	assert_int_equal(new_space_plan(&a, "x", "static", bad, &s, NULL), -SP_EINVAL);
	json_decref(body);
	json_decref(bad);
	sp_arena_fini(&a);
}

static void card_follows_the_readme_and_keeps_what_is_old_when_it_is_wrong(void **state)
{
	static const char good[] = "---\ntitle: T\nemoji: 🍋\nsdk: gradio\nsdk_version: 4.10\nlicense: mit\ntags: [a, b]\n---\n", bad[] = "---\nsdk: [\n---\n";
	struct store_repo r = { .sdk = "static", .title = "old" };
	struct sp_arena a;

	(void)state;
	sp_arena_init(&a);
	repo_card_read(&a, bad, strlen(bad), &r);
	assert_string_equal(r.title, "old");
	repo_card_read(&a, good, strlen(good), &r);
	assert_string_equal(r.title, "T");
	assert_string_equal(r.sdk, "gradio");
	assert_string_equal(r.tags_json, "[\"gradio\",\"a\",\"b\",\"license:mit\"]");
	assert_non_null(strstr(r.card_json, "\"4.10\""));
	sp_arena_fini(&a);
}

static void percent_coding_is_reversible(void **state)
{
	struct sp_arena a;

	(void)state;
	sp_arena_init(&a);
	assert_string_equal(repo_percent(&a, "a b/ä?", true), "a%20b/%C3%A4%3F");
	assert_string_equal(repo_percent(&a, "a/b", false), "a%2Fb");
	assert_string_equal(repo_unpercent(&a, "a%20b%2fc%zz%"), "a b/c%zz%");
	assert_null(repo_unpercent(&a, "a%00b"));
	sp_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_decodes_in_any_pieces), cmocka_unit_test(active_types_are_inert_on_the_platform),
		cmocka_unit_test(new_space_begins_with_settings_that_parse), cmocka_unit_test(files_of_the_request_replace_the_defaults),
		cmocka_unit_test(card_follows_the_readme_and_keeps_what_is_old_when_it_is_wrong), cmocka_unit_test(percent_coding_is_reversible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
