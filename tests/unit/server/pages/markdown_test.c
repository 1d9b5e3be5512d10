#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "limit.h"
#include "server/pages/markdown.h"

static const struct sanitize how = { .pages = "/spaces/a/b/blob/main", .files = "/spaces/a/b/resolve/main", .dir = "docs" };

static const char *made(const char *text)
{
	static struct sp_buf out;

	sp_buf_fini(&out);
	sp_buf_puts(&out, "");
	assert_int_equal(markdown_html(text, strlen(text), &how, &out, NULL), 0);
	while (out.n && out.p[out.n - 1] == '\n')
		out.p[--out.n] = '\0';
	return out.p;
}

static void markdown_becomes_html(void **state)
{
	(void)state;
	assert_string_equal(made("# Hi *you*"), "<h1 id=\"user-content-hi-you\">Hi <em>you</em></h1>");
	assert_string_equal(made("| a |\n|:-:|\n| 1 |"), "<table>\n<thead>\n<tr>\n<th align=\"center\">a</th>\n</tr>\n</thead>\n<tbody>\n"
		"<tr>\n<td align=\"center\">1</td>\n</tr>\n</tbody>\n</table>");
	assert_string_equal(made("- [x] done\n- [ ] not"), "<ul>\n<li><input type=\"checkbox\" disabled aria-label=\"done\" checked>done</li>\n"
		"<li><input type=\"checkbox\" disabled aria-label=\"to do\">not</li>\n</ul>");
	assert_string_equal(made("```py\na < b\n```"), "<pre><code class=\"language-py\">a &lt; b\n</code></pre>");
	assert_string_equal(made("~~old~~ https://a.example"), "<p><del>old</del> "
		"<a href=\"https://a.example\" rel=\"nofollow ugc noopener\">https://a.example</a></p>");
}

static void html_that_cards_rely_on_stays(void **state)
{
	(void)state;
	assert_string_equal(made("<div align=\"center\"><b>x</b></div>"), "<div align=\"center\"><b>x</b></div>");
	assert_string_equal(made("<center>x</center>"), "<div align=\"center\">x</div>");
	assert_string_equal(made("<details open><summary>s</summary>t</details>"), "<details open=\"\"><summary>s</summary>t</details>");
	assert_string_equal(made("<img src=a.png width=\"50%\" onerror=alert(1)>"),
		"<img src=\"/spaces/a/b/resolve/main/docs/a.png\" loading=\"lazy\" width=\"50%\" alt=\"\">");
	assert_string_equal(made("<p id=cookie>x</p>"), "<p id=\"user-content-cookie\">x</p>");
	assert_string_equal(made("<foo>x<bar>y</bar></foo>"), "<p>xy</p>");
}

static void addresses_are_read_as_browsers_read_them(void **state)
{
	static const struct { const char *md, *href; } rows[] = {
		{ "[x](../app.py)", "/spaces/a/b/blob/main/app.py" }, { "[x](/app.py#L3)", "/spaces/a/b/blob/main/app.py#L3" },
		{ "[x](./a%20b.md?raw=1)", "/spaces/a/b/blob/main/docs/a%20b.md" }, { "[x](../../../../etc)", "/spaces/a/b/blob/main/etc" },
		{ "[x](%2e%2E/%2e./x)", "/spaces/a/b/blob/main/x" }, { "[x](#part-1)", "#user-content-part-1" },
		{ "[x](mailto:a@b.example)", "mailto:a@b.example" }, { "[x](HTTPS://A.example)", "HTTPS://A.example" },
		{ "[x](//a.example/p)", "https://a.example/p" }, { "<a href=\"/\\a.example\">x</a>", "https://a.example" },
	};
	static const char *const nowhere[] = {
		"[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java&#115;cript:alert(1))", "[x](vbscript:x)", "[x](data:text/html,x)",
		"[x](&#x6A;avascript&colon;alert(1))", "<a href=\"java\nscript:alert(1)\">x</a>", "<a href=\" javascript:alert(1)\">x</a>",
		"<a href=\"jav&#9;ascript:alert(1)\">x</a>", "<a href=\"file:///etc/passwd\">x</a>", "<a href=\"blob:x\">x</a>", "<a href=\"javascript\t:x\">x</a>",
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNT(rows); i++) {
		char want[200];

		snprintf(want, sizeof(want), "<p><a href=\"%s\" rel=\"nofollow ugc noopener\">x</a></p>", rows[i].href);
		assert_string_equal(made(rows[i].md), want);
	}
	for (size_t i = 0; i < SP_COUNT(nowhere); i++)
		assert_null(strstr(made(nowhere[i]), "href"));
}

static void images_of_other_hosts_are_links(void **state)
{
	(void)state;
	assert_string_equal(made("![a cat](https://h.example/c.png)"),
		"<p><a href=\"https://h.example/c.png\" rel=\"nofollow ugc noopener\">a cat</a></p>");
	assert_string_equal(made("[![badge](https://h.example/b.svg)](https://h.example)"),
		"<p><a href=\"https://h.example\" rel=\"nofollow ugc noopener\">badge</a></p>");
	assert_string_equal(made("![x](data:image/png;base64,AAAA)"), "<p><img src=\"data:image/png;base64,AAAA\" loading=\"lazy\" alt=\"x\"></p>");
	assert_string_equal(made("![x](data:image/svg+xml;base64,AAAA)"), "<p>x</p>");
	assert_string_equal(made("![x](javascript:alert(1))"), "<p>x</p>");
}

/* The classics, in our own words: each must lose what makes it run. */
static void attacks_lose_their_teeth(void **state)
{
	static const char *const attacks[] = {
		"<script>alert(1)</script>", "<SCRIPT SRC=//h.example/x.js></SCRIPT>", "<scr<script>ipt>alert(1)</scr</script>ipt>",
		"<img src=x onerror=alert(1)>", "<img src=\"x\"onerror=alert(1)//", "<svg/onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
		"<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>", "<math><mi xlink:href=\"javascript:alert(1)\">x</mi></math>",
		"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
		"<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">", "<form action=javascript:alert(1)><input type=submit></form>",
		"<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>", "<iframe src=javascript:alert(1)>", "<object data=javascript:alert(1)>",
		"<embed src=javascript:alert(1)>", "<base href=javascript:/>", "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
		"<link rel=stylesheet href=//h.example/x.css>", "<style>@import 'x'</style>", "<div style=\"background:url(javascript:alert(1))\">x</div>",
		"<a href=x onclick=alert(1)>x</a>", "<details ontoggle=alert(1) open>x</details>", "<body onload=alert(1)>", "<video onerror=alert(1)><source></video>",
		"<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>", "<textarea><img title=\"</textarea><img src=x onerror=alert(1)>\">",
		"<template><script>alert(1)</script></template>", "<xmp><img title=\"</xmp><img src=x onerror=alert(1)>\"></xmp>", "<select><option><img src=x onerror=alert(1)>",
		"<div hx-get=/-/signout hx-trigger=load data-hx-post=/x>x</div>", "<button formaction=javascript:alert(1)>x</button>", "<marquee onstart=alert(1)>x</marquee>",
		"<a href=\"x\" ping=\"//h.example\">x</a>", "<img src=x srcset=\"//h.example/x 1x\">", "<input type=image src=x onerror=alert(1)>", "<input autofocus onfocus=alert(1)>",
		"<!--><img src=x onerror=alert(1)>-->", "<![CDATA[<img src=x onerror=alert(1)>]]>", "<?xml version=\"1.0\"?><img src=x onerror=alert(1)>",
		"<p title=\"&quot; onmouseover=&quot;alert(1)\">x</p>", "<x contenteditable onblur=alert(1)>x</x>", "`<img src=x onerror=alert(1)>`", "<a\x0bhref=javascript:alert(1)>x</a>",
		"<plaintext><img src=x onerror=alert(1)>", "<frameset onload=alert(1)>", "<table background=javascript:alert(1)><tr><td>x</table>", "<portal src=javascript:x>",
		"<dialog open onclose=alert(1)>x</dialog>", "![x\" onerror=\"alert(1)](y.png)", "[x](y.md \"a\\\" onclick=\\\"alert(1)\")", "<a href=\"&#106;avascript:alert(1)\">x</a>",
	};
	static const char *const teeth[] = { "<script", "<svg", "<math", "<iframe", "<style", "<form", "<object", "<embed", "<base", "<meta", "<link", "<template",
		"<textarea", "<video", "<button", "<portal", "=\"javascript:", "=\"vbscript:" };

	(void)state;
	for (size_t i = 0; i < SP_COUNT(attacks); i++) {
		const char *got = made(attacks[i]);

		for (size_t k = 0; k < SP_COUNT(teeth); k++)
			if (strstr(got, teeth[k]))
				fail_msg("'%s' kept %s: %s", attacks[i], teeth[k], got);
		/* Behind the name of an element stand only attributes of the list; in text and in quotes every word is harmless. */
		for (const char *p = got; (p = strchr(p, '<')); p++) {
			bool quoted = false;

			for (; *p && (quoted || *p != '>'); p++) {
				quoted ^= *p == '"';
				if (!quoted && *p == ' ' && (strncmp(p, " on", 3) == 0 || strncmp(p, " hx-", 4) == 0 || strncmp(p, " data-", 6) == 0 ||
						strncmp(p, " style", 6) == 0 || strncmp(p, " srcset", 7) == 0 || strncmp(p, " ping", 5) == 0))
					fail_msg("'%s': %s", attacks[i], got);
			}
		}
	}
}

static void hostile_shapes_end_soon(void **state)
{
	static const struct { const char *part; } parts[] = {
		{ ">" }, { "<div>" }, { "<b a=1><p>" }, { "[" }, { "![" }, { "*a_ " }, { "<a href=x>" }, { "<table><td>" }, { "- " }, { "`" }, { "<" }, { "&" },
		{ "| a " }, { "\\" }, { "[a](" }, { "<font size=1 color=" }, { "<!--" }, { "1. " }, { "<li>" }, { "<p><i><p>" }, { "~~a" }, { "](" }, { "<![CDATA[" }, { "https://" },
	};
	size_t n = SP_LIMIT_markdown_bytes / 4;

	(void)state;
	for (size_t i = 0; i < SP_COUNT(parts); i++) {
		sp_auto_buf struct sp_buf text = { 0 }, out = { 0 };

		while (text.n < n)
			sp_buf_puts(&text, parts[i].part);
		if (markdown_html(text.p, text.n, &how, &out, NULL) == 0)
			assert_true(out.n <= 64 * text.n);
	}
}

static void too_long_is_refused(void **state)
{
	size_t n = (size_t)SP_LIMIT_markdown_bytes + 1;
	sp_auto_free char *text = calloc(1, n);
	sp_auto_buf struct sp_buf out = { 0 };

	(void)state;
	memset(text, 'a', n);
	assert_int_equal(markdown_html(text, n, &how, &out, NULL), -SP_EQUOTA);
	assert_int_equal(out.n, 0);
}

static void the_cache_gives_the_same_for_the_same_place_only(void **state)
{
	struct sp_arena a = { 0 };
	struct sanitize elsewhere = how;
	const char *oid = "0123456789012345678901234567890123456789", *text = "[x](y.md)";
	struct safe_html one = markdown_cached(oid, text, strlen(text), &how, &a), two = markdown_cached(oid, "other", 5, &how, &a), three;

	(void)state;
	elsewhere.dir = "";
	three = markdown_cached(oid, text, strlen(text), &elsewhere, &a);
	assert_string_equal(one.p, two.p);
	assert_string_not_equal(one.p, three.p);
	sp_arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markdown_becomes_html), cmocka_unit_test(html_that_cards_rely_on_stays),
		cmocka_unit_test(addresses_are_read_as_browsers_read_them), cmocka_unit_test(images_of_other_hosts_are_links),
		cmocka_unit_test(attacks_lose_their_teeth), cmocka_unit_test(hostile_shapes_end_soon), cmocka_unit_test(too_long_is_refused),
		cmocka_unit_test(the_cache_gives_the_same_for_the_same_place_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
