/* fuzz: server/pages/markdown.c server/pages/sanitize.c server/pages/sanitize_lists.c server/pages/sanitize_url.c server/pages/vt.c */
/* fuzz-libs: -lmd4c-html -lgumbo */
#include <gumbo.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auto.h"
#include "server/pages/markdown.h"
#include "server/pages/sanitize_lists.h"

static const struct sanitize how = { .pages = "/p", .files = "/f", .dir = "d" };

static void check_url(const char *name, const char *url)
{
	if (strcmp(name, "href") != 0 && strcmp(name, "src") != 0)
		return;
	if (*url && *url != '/' && *url != '#' && strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0 &&
	    strncasecmp(url, "http:", 5) != 0 && strncasecmp(url, "https:", 6) != 0 && strncasecmp(url, "mailto:", 7) != 0 && strncasecmp(url, "data:image/", 11) != 0)
		__builtin_trap();
	if (url[0] == '/' && (url[1] == '/' || url[1] == '\\'))
		__builtin_trap();
}

/* Read again by a browser's rules: nothing that the lists do not name. */
static void check_node(const GumboNode *node, unsigned depth)
{
	const GumboElement *el = &node->v.element;
	const struct sanitize_tag *tag;

	if (node->type == GUMBO_NODE_COMMENT || node->type == GUMBO_NODE_TEMPLATE || node->type == GUMBO_NODE_CDATA || depth > 1000)
		__builtin_trap();
	if (node->type != GUMBO_NODE_ELEMENT)
		return;
	tag = sanitize_tag_find(gumbo_normalized_tagname(el->tag));
	if (el->tag_namespace != GUMBO_NAMESPACE_HTML || !tag || tag->fate != FATE_KEEP)
		__builtin_trap();
	for (unsigned i = 0; i < el->attributes.length; i++) {
		const GumboAttribute *a = el->attributes.data[i];

		if (!sanitize_attr_allowed(tag, a->name))
			__builtin_trap();
		check_url(a->name, a->value);
	}
	for (unsigned i = 0; i < el->children.length; i++)
		check_node(el->children.data[i], depth + 1);
}

static void check(const struct sp_buf *html)
{
	GumboOptions options = kGumboDefaultOptions;
	GumboOutput *parsed;

	options.fragment_context = GUMBO_TAG_DIV;
	parsed = gumbo_parse_with_options(&options, html->p ? html->p : "", html->n);
	for (unsigned i = 0; i < parsed->root->v.element.children.length; i++)
		check_node(parsed->root->v.element.children.data[i], 0);
	gumbo_destroy_output(&options, parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sp_auto_buf struct sp_buf once = { 0 }, twice = { 0 };
	const struct sanitize keep = { .pages = NULL, .files = NULL, .dir = "" };

	if (size > 65536 || markdown_html((const char *)data, size, &how, &once, NULL) < 0)
		return 0;
	check(&once);
	/* Its own output goes through unharmed: what it calls harmless it calls harmless again. */
	if (sanitize_html(once.p ? once.p : "", once.n, &keep, &twice, NULL) == 0)
		check(&twice);
	return 0;
}
