/* Every escaper against what would get out of its place, and one whole view with hostile text (C-UI-06, C-UI-08). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/pages/page.h"
#include "views.h"

#define WRITES(call, wanted) do { \
	struct sp_buf o = { 0 }; \
	call; \
	assert_string_equal(o.p, wanted); \
	sp_buf_fini(&o); \
} while (0)

static void text_cannot_end_its_place(void **state)
{
	(void)state;
	WRITES(vt_text(&o, "<b>\"a\" & 'b'</b>"), "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt;");
	WRITES(vt_attr(&o, "\"><script>"), "&quot;&gt;&lt;script&gt;");
	WRITES(vt_text(&o, (const char *)NULL), "");
	WRITES(vt_text(&o, 42), "42");
	WRITES(vt_text(&o, ((struct safe_html){ "<i>", 3 })), "<i>");
	WRITES(vt_text(&o, "caf\xc3\xa9 \xf0\x9f\x90\xb3"), "caf\xc3\xa9 \xf0\x9f\x90\xb3");
}

/* A stray lead byte would swallow the quote that follows it in old browsers; a control byte may be a terminal's. */
static void bytes_that_are_no_text_are_marked(void **state)
{
	(void)state;
	WRITES(vt_text(&o, "a\xc3\"b"), "a\xef\xbf\xbd&quot;b");
	WRITES(vt_text(&o, "\xff\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	WRITES(vt_text(&o, "\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	WRITES(vt_text(&o, "\xf0\x9f\x90"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	WRITES(vt_text(&o, "a\x1b[31mb\n\t"), "a\xef\xbf\xbd[31mb\n\t");
}

static void urls_have_harmless_schemes(void **state)
{
	(void)state;
	WRITES(vt_url(&o, "https://a/b?c=d&e"), "https://a/b?c=d&amp;e");
	WRITES(vt_url(&o, "/a:b"), "/a:b");
	WRITES(vt_url(&o, "mailto:a@b"), "mailto:a@b");
	WRITES(vt_url(&o, "javascript:alert(1)"), "#");
	WRITES(vt_url(&o, " \tjAvA\nscript:alert(1)"), "#");
	WRITES(vt_url(&o, "\x01javascript:alert(1)"), "#");
	WRITES(vt_url(&o, "data:text/html,x"), "#");
	WRITES(vt_url(&o, "vbscript:x"), "#");
	WRITES(vt_url(&o, "https://a/\"onload=\"x"), "https://a/&quot;onload=&quot;x");
	WRITES(vt_url(&o, NULL), "");
}

static void url_parts_stay_parts(void **state)
{
	(void)state;
	WRITES(vt_path(&o, "a b/c?d#e%"), "a%20b%2Fc%3Fd%23e%25");
	WRITES(vt_path(&o, ".."), "-");
	WRITES(vt_path(&o, ""), "-");
	WRITES(vt_path(&o, NULL), "-");
	WRITES(vt_paths(&o, "/a/../b//./c d"), "a/b/c%20d");
	WRITES(vt_query(&o, "a=b&c#d\"é"), "a%3Db%26c%23d%22%C3%A9");
	WRITES(vt_query(&o, 7), "7");
}

static void class_tokens_are_tokens(void **state)
{
	(void)state;
	WRITES(vt_enum(&o, "red-600_x"), "red-600_x");
	WRITES(vt_enum(&o, "red\" onclick=\"x"), "none");
	WRITES(vt_enum(&o, "a b"), "none");
	WRITES(vt_enum(&o, ""), "none");
}

static void a_hostile_card_is_inert(void **state)
{
	const struct view_card card = {
		.owner = "ada", .name = "x\"><script>alert(1)</script>", .title = "<img src=x onerror=alert(1)>", .emoji = "</span><b>",
		.from = "red\"><i>", .to = "blue", .description = "{{ title }} <iframe>", .id = "0", .likes = 3,
		.chip = { .tone = "green", .word = "Running", .since = { "", "" } }, .changed = { "", "" },
	};
	struct sp_buf o = { 0 };

	(void)state;
	view_card(&o, &card);
	assert_null(strstr(o.p, "<script"));
	assert_null(strstr(o.p, "<img"));
	assert_null(strstr(o.p, "<iframe"));
	assert_null(strstr(o.p, "<b>"));
	assert_non_null(strstr(o.p, "from-none to-blue"));
	assert_non_null(strstr(o.p, "/spaces/ada/x%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E"));
	assert_non_null(strstr(o.p, "&lt;img src=x onerror=alert(1)&gt;"));
	assert_non_null(strstr(o.p, "{{ title }}"));
	sp_buf_fini(&o);
}

static void a_form_leads_back_to_this_host_only(void **state)
{
	static const char *const foreign[] = { "//evil", "/\\evil", "https://evil", "/\t/evil", "javascript:x", "", NULL };

	(void)state;
	for (size_t i = 0; foreign[i]; i++)
		assert_string_equal(page_local_path(foreign[i]), "/");
	assert_string_equal(page_local_path(NULL), "/");
	assert_string_equal(page_local_path("/spaces/ada/chat?x=1"), "/spaces/ada/chat?x=1");
}

static void logs_lose_their_terminal_codes(void **state)
{
	struct sp_arena a;

	(void)state;
	sp_arena_init(&a);
	assert_string_equal(page_plain_log(&a, "\x1b[1;31mred\x1b[0m\n10%\r50%\r100%\r\nend\x1b]0;title\a."), "red\n100%\nend.");
	assert_string_equal(page_plain_log(&a, "\x1b"), "\x1b");
	assert_string_equal(page_plain_log(&a, "\x1b["), "");
	assert_string_equal(page_plain_log(&a, "a\x1b]0;never ends"), "a");
	sp_arena_fini(&a);
}

static void sizes_and_times_are_short(void **state)
{
	struct sp_arena a;

	(void)state;
	sp_arena_init(&a);
	assert_string_equal(page_size(&a, 999), "999 B");
	assert_string_equal(page_size(&a, 1500), "1.5 kB");
	assert_string_equal(page_size(&a, 12345678), "12.3 MB");
	assert_string_equal(page_size(&a, UINT64_MAX), "18446744.0 TB");
	assert_string_equal(page_duration(&a, 6999), "6 s");
	assert_string_equal(page_duration(&a, 3 * 86400 * 1000), "3 d");
	assert_string_equal(page_duration(&a, -1), "0 s");
	assert_string_equal(page_when(&a, 0).iso, "");
	sp_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_cannot_end_its_place),
		cmocka_unit_test(bytes_that_are_no_text_are_marked),
		cmocka_unit_test(urls_have_harmless_schemes),
		cmocka_unit_test(url_parts_stay_parts),
		cmocka_unit_test(class_tokens_are_tokens),
		cmocka_unit_test(a_hostile_card_is_inert),
		cmocka_unit_test(a_form_leads_back_to_this_host_only),
		cmocka_unit_test(logs_lose_their_terminal_codes),
		cmocka_unit_test(sizes_and_times_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
