#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "server/pages/ansi.h"

static void becomes(struct ansi *st, const char *text, const char *want)
{
	struct sp_buf b = { 0 };

	ansi_line(&b, st, text, strlen(text));
	assert_string_equal(b.p, want);
	sp_buf_fini(&b);
}

#define IS(text, want) do { struct ansi st_ = { 0 }; becomes(&st_, text, want); } while (0)

static void text_is_escaped(void **state)
{
	(void)state;
	IS("", "");
	IS("a <b> & \"c\" 'd'\tä\n", "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;\tä");
	IS("\x01\x7f" "x\xff", "x\xef\xbf\xbd");
}

static void styles_are_classes(void **state)
{
	(void)state;
	IS("\033[31mred\033[0m plain", "<span class=\"a-f1\">red</span> plain");
	IS("\033[1;92;44mx", "<span class=\"a-f10 a-b4 a-strong\">x</span>");
	IS("\033[2;3;4mx\033[22;23;24my", "<span class=\"a-dim a-italic a-under\">x</span>y");
	IS("\033[7mx\033[27my", "<span class=\"a-inverse\">x</span>y");
	IS("\033[31;7mx", "<span class=\"a-b1\">x</span>");
	IS("\033[mx\033[39;49my", "xy");
}

static void other_colours_become_the_nearest(void **state)
{
	(void)state;
	IS("\033[38;5;9mx", "<span class=\"a-f9\">x</span>");
	IS("\033[38;5;196mx", "<span class=\"a-f9\">x</span>");
	IS("\033[48;5;232mx", "<span class=\"a-b0\">x</span>");
	IS("\033[38;2;0;0;230mx", "<span class=\"a-f4\">x</span>");
	IS("\033[38:2::255:0:0mx", "<span class=\"a-f9\">x</span>");
	IS("\033[38:2:255:0:0mx", "<span class=\"a-f9\">x</span>");
	IS("\033[38;5mx\033[38mx\033[38;2;1mx", "xxx");
}

static void a_style_lasts_over_the_line(void **state)
{
	struct ansi st = { 0 };

	(void)state;
	becomes(&st, "\033[33ma", "<span class=\"a-f3\">a</span>");
	becomes(&st, "b\033[0mc", "<span class=\"a-f3\">b</span>c");
	becomes(&st, "d", "d");
}

static void a_return_begins_the_line_anew(void **state)
{
	(void)state;
	IS("10%\r20%\r100%\r\n", "100%");
	IS("\033[31m10%\r\033[32mdone", "<span class=\"a-f2\">done</span>");
	IS("\033]8;;http://x/\aold\rnew", "new");
}

static void what_moves_a_cursor_is_dropped(void **state)
{
	(void)state;
	IS("\033[2J\033[1;1Ha\033[?25lb\033(Bc\033]0;title\ad\033P1$q\033\\e\033M\033[", "abcde");
	IS("\033]0;unended", "");
	IS("x\033", "x");
}

static void only_web_addresses_are_links(void **state)
{
	(void)state;
	IS("\033]8;id=1;https://a.b/?x=\"<\033\\here\033]8;;\033\\ there",
		"<a rel=\"noopener noreferrer nofollow\" target=\"_blank\" href=\"https://a.b/?x=&quot;&lt;\">here</a> there");
	IS("\033]8;;javascript:alert(1)\ax\033]8;;\a", "x");
	IS("\033]8;;http://a/\033\\unended", "<a rel=\"noopener noreferrer nofollow\" target=\"_blank\" href=\"http://a/\">unended</a>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(styles_are_classes),
		cmocka_unit_test(other_colours_become_the_nearest),
		cmocka_unit_test(a_style_lasts_over_the_line),
		cmocka_unit_test(a_return_begins_the_line_anew),
		cmocka_unit_test(what_moves_a_cursor_is_dropped),
		cmocka_unit_test(only_web_addresses_are_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
