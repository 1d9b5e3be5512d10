#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "limit.h"
#include "server/pages/highlight.h"

/* The lines without their frames, for reading. */
static char *shown(struct sp_arena *a, const char *path, const char *text, size_t n)
{
	size_t lines;
	struct safe_html h = highlight_lines(highlight_language_of(path), text, n, a, &lines);
	char *out = sp_arena_get(a, h.n + 1), *to = out;

	for (const char *p = h.p; *p;) {
		if (strncmp(p, "<span class=\"line\"", 18) == 0) {
			p = strstr(p, "</a>") + 4;
		} else if (strncmp(p, "\n</span>", 8) == 0) {
			*to++ = '\n';
			p += 8;
		} else if (strncmp(p, "&quot;", 6) == 0 || strncmp(p, "&#39;", 5) == 0) {
			*to++ = p[1] == 'q' ? '"' : '\'';
			p = strchr(p, ';') + 1;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
	return out;
}

#define K(s) "<span class=\"t-k\">" s "</span>"
#define S(s) "<span class=\"t-s\">" s "</span>"
#define C(s) "<span class=\"t-c\">" s "</span>"
#define N(s) "<span class=\"t-n\">" s "</span>"

static void words_get_their_colours(void **state)
{
	static const struct { const char *path, *text, *html; } rows[] = {
		{ "a.py", "def f(x): # <hi>\n", K("def") " f(x): " C("# &lt;hi&gt;") "\n" },
		{ "a.py", "\"\"\"a\nb\"\"\" 1.5", S("\"\"\"a") "\n" S("b\"\"\"") " " N("1.5") "\n" },
		{ "a.py", "'it\\'s' x\n'open\ny", S("'it\\'s'") " x\n" S("'open") "\ny\n" },
		{ "README.md", "# Hi\ntext `code`\n", K("# Hi") "\ntext " S("`code`") "\n" },
		{ "x.yaml", "app_port: 7860 # x\n", K("app_port") ": " N("7860") " " C("# x") "\n" },
		{ "x.c", "#include <a.h>\nint a; /* x\ny */\n", K("#include &lt;a.h&gt;") "\n" K("int") " a; " C("/* x") "\n" C("y */") "\n" },
		{ "Dockerfile", "FROM x\n", K("FROM") " x\n" },
		{ "notes", "def <b>\n", "def &lt;b&gt;\n" },
		{ "a.html", "<b class=\"x\">y</b>\n", K("&lt;b") " class=" S("\"x\"") "&gt;y" K("&lt;/b") "&gt;\n" },
	};
	struct sp_arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		char *got = shown(&a, rows[i].path, rows[i].text, strlen(rows[i].text));

		assert_string_equal(got, rows[i].html);
	}
	sp_arena_fini(&a);
}

static void every_byte_of_the_text_is_shown_and_tags_balance(void **state)
{
	static const char *const paths[] = { "a.py", "a.js", "a.html", "a.css", "a.json", "a.yaml", "a.toml",
		"a.sh", "Dockerfile", "a.md", "a.c", "a.go", "a.rs", "a.r", "a.jl", "a.sql", "a" };
	static const char alphabet[] = "ab1 \n\"'`#/*-<>!=\\:.\t{";
	struct sp_arena a = { 0 };
	unsigned seed = 7;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		char text[200];
		size_t n = 1 + round % 199, lines, opened = 0, closed = 0;
		struct safe_html h;

		for (size_t i = 0; i < n; i++)
			text[i] = alphabet[(seed = seed * 1103515245 + 12345) / 65536 % (sizeof(alphabet) - 1)];
		h = highlight_lines(highlight_language_of(paths[round % SP_COUNT(paths)]), text, n, &a, &lines);
		for (const char *p = h.p; (p = strstr(p, "<span")); p++)
			opened++;
		for (const char *p = h.p; (p = strstr(p, "</span>")); p++)
			closed++;
		assert_int_equal(opened, closed);
	}
	sp_arena_fini(&a);
}

static void long_files_are_cut_and_counted(void **state)
{
	struct sp_arena a = { 0 };
	size_t n = (SP_LIMIT_view_lines + 10) * 2, lines, shown_lines = 0;
	char *text = sp_arena_get(&a, n + 1);
	struct safe_html h;

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = i % 2 ? '\n' : 'x';
	h = highlight_lines(highlight_language_of("a.py"), text, n, &a, &lines);
	for (const char *p = h.p; (p = strstr(p, "class=\"line\"")); p++)
		shown_lines++;
	assert_int_equal(lines, SP_LIMIT_view_lines + 10);
	assert_true(shown_lines <= SP_LIMIT_view_lines + 1);
	sp_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_get_their_colours), cmocka_unit_test(every_byte_of_the_text_is_shown_and_tags_balance),
		cmocka_unit_test(long_files_are_cut_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
