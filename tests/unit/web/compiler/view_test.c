/* What vtc makes of good templates and why it refuses bad ones (C-UI-06). The compiler is no library, so its sources are included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "web/compiler/context.c"
#include "web/compiler/view.c"

static int compile(const char *text, struct sp_buf *c, struct sp_err *e)
{
	sp_auto_buf struct sp_buf h = { 0 };

	*e = (struct sp_err){ 0 };
	return view_compile("web/views/t.html", sp_str_of(text), c, &h, e);
}

static void good(const char *text, const char *part)
{
	sp_auto_buf struct sp_buf c = { 0 };
	struct sp_err e;

	if (compile(text, &c, &e) < 0)
		fail_msg("%s: refused: %s", text, e.msg);
	if (!strstr(c.p, part))
		fail_msg("%s: no '%s' in\n%s", text, part, c.p);
}

static void refused(const char *text, const char *why)
{
	sp_auto_buf struct sp_buf c = { 0 };
	struct sp_err e;

	if (compile(text, &c, &e) >= 0)
		fail_msg("accepted: %s", text);
	if (!strstr(e.msg, why))
		fail_msg("%s: '%s' is not in '%s'", text, why, e.msg);
}

static void the_place_chooses_the_escaper(void **state)
{
	(void)state;
	good("<p>{{ title }}</p>", "vt_text(o, v->title);");
	good("<title>{{ title }}</title>", "vt_attr(o, v->title);");
	good("<p title=\"{{ title }}\">", "vt_attr(o, v->title);");
	good("<p title='{{ title }}'>", "vt_attr(o, v->title);");
	good("<p class=\"a-{{ colour | enum }} b\">", "vt_enum(o, v->colour);");
	good("<a href=\"{{ url }}\">", "vt_url(o, v->url);");
	good("<a href=\"{{ url }}/x?q={{ q | query }}\">", "vt_query(o, v->q);");
	good("<a href=\"/spaces/{{ owner | path }}/{{ name | path }}?q={{ q | query }}#{{ f | query }}\">", "vt_path(o, v->owner);");
	good("<a href=\"/tree/{{ file | paths }}\">", "vt_paths(o, v->file);");
	good("<script src=\"{{@asset vt-log.js}}\" type=\"module\"></script>", "sp_buf_puts(o, ASSET_vt_log_js);");
	good("<textarea>{{ t }}</textarea>{{ u }}", "vt_text(o, v->u);");
}

static void blocks_become_c(void **state)
{
	(void)state;
	good("{{#if a}}x{{#else}}y{{/if}}", "if (vt_true(v->a)) {");
	good("{{#unless a.b}}x{{/unless}}", "if (!vt_true(v->a.b)) {");
	good("{{#each cards as card}}{{ card.title }}{{/each}}", "for (size_t at_card = 0; at_card < v->n_cards; at_card++) {");
	good("{{#each cards as card}}{{ card.title }}{{ card.a.b }}{{/each}}", "vt_text(o, card->a.b);");
	good("{{#each cards as card}}{{> card card}}{{/each}}", "view_card(o, card);");
	good("{{#each p.lines as line}}{{ line }}{{/each}}", "at_line < v->p.n_lines");
	good("{{#each p.lines as line}}{{ line }}{{/each}}", "vt_text(o, *line);");
	good("{{#each xs as x1}}a{{#else}}none{{/each}}", "if (!vt_true(v->n_xs)) {");
	good("{{> chip status}}", "view_chip(o, &v->status);");
	good("{{> chip *status}}", "view_chip(o, v->status);");
	good("{{#layout page head}}x{{/layout}}", "view_page_close(o, &v->head);");
	good("<main>{{@slot}}</main>", "void view_t_close(");
	good("<input {{#if on}}checked {{/if}}name=\"a\">", "checked");
	good("<p title=\"{{#if a}}{{ a }}{{#else}}b{{/if}}\">", "vt_attr(o, v->a);");
	good("{{! a comment with <script> }}x", "\"x\"");
	good("<!-- note --><p>{{ a }}</p>", "vt_text(o, v->a);");
	good("<b>?=</b>", "\\077=");
}

static void values_stand_only_where_an_escaper_exists(void **state)
{
	(void)state;
	refused("<script>{{ x }}</script>", "<script>");
	refused("<script>alert(1)</script>", "inline content");
	refused("<style>p{}</style>", "<style>");
	refused("<p onclick=\"{{ x }}\">", "onclick=");
	refused("<p onclick=\"go()\">", "onclick=");
	refused("<p style=\"{{ x }}\">", "style=");
	refused("<p title={{ x }}>", "unquoted");
	refused("<p title=a>", "quoted");
	refused("<!-- {{ x }} -->", "comments");
	refused("<!doctype {{ x }}>", "declarations");
	refused("<{{ x }}>", "tag or attribute names");
	refused("<p {{ x }}>", "tag or attribute names");
	refused("<p class=\"{{ x }}\">", "| enum");
	refused("<iframe srcdoc=\"{{ x }}\">", "takes no values");
	refused("<iframe sandbox=\"{{ x }}\">", "takes no values");
	refused("<button hx-get=\"{{ x }}\">", "takes no values");
	refused("<meta content=\"{{ x }}\">", "takes no values");
	refused("<base href=\"/\">", "<base>");
	refused("1 < 2", "&lt;");
}

static void a_value_chooses_neither_scheme_nor_host(void **state)
{
	(void)state;
	refused("<a href=\"java{{ x }}\">", "scheme or the host");
	refused("<a href=\"//{{ x | path }}/\">", "scheme or the host");
	refused("<a href=\"https://{{ x | path }}/\">", "scheme or the host");
	refused("<a href=\"{{ x }}script:\">", "only '/', '?' or '#'");
	refused("<a href=\"{{ x }}{{ y }}\">", "scheme or the host");
	refused("<a href=\"/a/{{ x }}\">", "'| path' or '| paths'");
	refused("<a href=\"/a?q={{ x | path }}\">", "'| query'");
	refused("<a href=\"{{ x | paths }}\">", "no filter");
	refused("<p>{{ x | path }}</p>", "takes no filter");
}

static void branches_end_where_they_began(void **state)
{
	(void)state;
	refused("<p {{#if a}}title=\"{{/if}}x\">", "different places");
	refused("{{#if a}}<p {{#else}}<p>{{/if}}>", "different places");
	refused("{{#each xs as x1}}<p title=\"{{/each}}", "different places");
	refused("<a href=\"/x{{#if q}}?q={{ q | query }}{{/if}}\">", "different places");
	refused("{{#if a}}", "not closed");
	refused("{{/if}}", "closes nothing");
	refused("{{#else}}", "without its");
	refused("{{#if a}}{{@slot}}{{/if}}", "outside blocks");
	refused("<p", "ends inside");
}

static void bad_syntax_is_named_with_its_place(void **state)
{
	(void)state;
	refused("\n  {{ a b }}", "web/views/t.html:2:3: a value is");
	refused("{{ }}", "empty");
	refused("{{ a", "without '}}'");
	refused("{{ a-b }}", "not a path");
	refused("{{ a..b }}", "not a path");
	refused("{{ a.b() }}", "not a path");
	refused("{{#each xs}}{{/each}}", "write {{#each");
	refused("<p title=\"{{> a b}}\">", "between tags");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_place_chooses_the_escaper),
		cmocka_unit_test(blocks_become_c),
		cmocka_unit_test(values_stand_only_where_an_escaper_exists),
		cmocka_unit_test(a_value_chooses_neither_scheme_nor_host),
		cmocka_unit_test(branches_end_where_they_began),
		cmocka_unit_test(bad_syntax_is_named_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
