#include "server/pages/sanitize.h"

#include <ctype.h>
#include <gumbo.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auto.h"
#include "limit.h"
#include "server/pages/sanitize_lists.h"
#include "server/pages/sanitize_url.h"

enum { DEPTH_MAX = 200, OUT_SLACK = 16384, CHUNK_BYTES = 65536, LOOK_EVERY = 64, TEXT_ATTR_BYTES = 1024 };

/* ---- gumbo's memory: bounded, timed, freed at once ---- */

/*
 * HTML's own rules can make a tree that is quadratic in the text (reopened formatting) and steps that look at every open
 * element; gumbo has no limits. Its allocator is the place where both are seen: over budget it jumps out, and as all
 * memory is here nothing leaks. It is never asked to destroy a tree, which it does recursively.
 */
struct chunk { struct chunk *next; size_t used, size; max_align_t bytes[]; };

struct heap {
	struct chunk *chunks;
	size_t total;
	unsigned looks;
	int64_t end_ns;
	jmp_buf out;
};

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *heap_get(void *arg, size_t n)
{
	struct heap *h = arg;
	struct chunk *c = h->chunks;
	void *p;

	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if ((h->total += n) > SP_LIMIT_markdown_parse_bytes || (++h->looks % LOOK_EVERY == 0 && cpu_ns() > h->end_ns))
		longjmp(h->out, 1);
	if (!c || c->size - c->used < n) {
		size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;

		c = malloc(sizeof(*c) + size);
		if (!c)
			longjmp(h->out, 1);
		*c = (struct chunk){ .next = h->chunks, .size = size };
		h->chunks = c;
	}
	p = (char *)c->bytes + c->used;
	c->used += n;
	return p;
}

static void heap_put(void *arg, void *p)
{
	(void)arg, (void)p;
}

static void heap_fini(struct heap *h)
{
	while (h->chunks) {
		struct chunk *next = h->chunks->next;

		free(h->chunks);
		h->chunks = next;
	}
}

/* ---- writing ---- */

struct writer {
	const struct sanitize *how;
	struct sp_buf *out;
	size_t most;            /* length of out from which on nothing is opened any more */
	bool in_link;
};

static void put_attr(struct writer *w, const char *name, const char *value)
{
	sp_buf_fmt(w->out, " %s=\"", name);
	vt_put_text(w->out, value);
	sp_buf_puts(w->out, "\"");
}

static const char *attr_of(const GumboElement *el, const char *name)
{
	const GumboAttribute *a = gumbo_get_attribute(&el->attributes, name);

	return a && a->attr_namespace == GUMBO_ATTR_NAMESPACE_NONE ? a->value : NULL;
}

static bool is_number(const char *s, bool with_unit)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && n <= 5 && (s[n] == '\0' || (with_unit && (strcmp(s + n, "%") == 0 || strcasecmp(s + n, "px") == 0)));
}

static bool is_one_of(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(s, list[i]) == 0)
			return true;
	return false;
}

/* The value as it may be written, or NULL. Addresses are not its business. */
static const char *value_of(const char *name, const char *value)
{
	static const char *const sides[] = { "left", "right", "center", "justify" }, *const ways[] = { "ltr", "rtl", "auto" };
	size_t n = strlen(value);

	if (strcmp(name, "align") == 0)
		return is_one_of(value, sides, SP_COUNT(sides)) ? value : NULL;
	if (strcmp(name, "dir") == 0)
		return is_one_of(value, ways, SP_COUNT(ways)) ? value : NULL;
	if (strcmp(name, "lang") == 0)
		return n && n < 36 && strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == n ? value : NULL;
	if (strcmp(name, "width") == 0 || strcmp(name, "height") == 0)
		return is_number(value, true) ? value : NULL;
	if (strcmp(name, "colspan") == 0 || strcmp(name, "rowspan") == 0 || strcmp(name, "start") == 0)
		return is_number(value, false) && n <= 3 ? value : NULL;
	if (strcmp(name, "class") == 0)
		return sp_starts_with(value, "language-") && n < 40 &&
			strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+#_") == n ? value : NULL;
	if (strcmp(name, "open") == 0)
		return "";
	return (strcmp(name, "title") == 0 || strcmp(name, "alt") == 0) && n <= TEXT_ATTR_BYTES ? value : NULL;
}

/* Names of the page's own things cannot be taken: "document.cookie = <img id=cookie>" (DOM clobbering). */
static void put_id(struct writer *w, const char *id)
{
	if (!*id || strlen(id) > 200 || strpbrk(id, " \t\n\r\f"))
		return;
	sp_buf_puts(w->out, " id=\"");
	if (!sp_starts_with(id, "user-content-"))
		sp_buf_puts(w->out, "user-content-");
	vt_put_text(w->out, id);
	sp_buf_puts(w->out, "\"");
}

static void put_attrs(struct writer *w, const struct sanitize_tag *tag, const GumboElement *el)
{
	for (unsigned i = 0; i < el->attributes.length; i++) {
		const GumboAttribute *a = el->attributes.data[i];
		const char *value;

		if (a->attr_namespace != GUMBO_ATTR_NAMESPACE_NONE || !sanitize_attr_allowed(tag, a->name))
			continue;
		if (strcmp(a->name, "id") == 0) {
			put_id(w, a->value);
			continue;
		}
		value = value_of(a->name, a->value);
		if (value)
			put_attr(w, a->name, value);
	}
}

static void put_node(struct writer *w, const GumboNode *node, unsigned depth);

static void put_children(struct writer *w, const GumboVector *children, unsigned depth)
{
	for (unsigned i = 0; i < children->length; i++)
		put_node(w, children->data[i], depth);
}

static void put_link(struct writer *w, const struct sanitize_tag *tag, const GumboElement *el, unsigned depth)
{
	sp_auto_buf struct sp_buf url = { 0 };
	const char *href = attr_of(el, "href");
	bool remote, leads = href && sanitize_url(href, URL_LINK, w->how, &url, &remote);
	bool was_in_link = w->in_link;

	if (was_in_link) {
		put_children(w, &el->children, depth);
		return;
	}
	sp_buf_puts(w->out, "<a");
	if (leads) {
		put_attr(w, "href", url.p ? url.p : "");
		put_attr(w, "rel", "nofollow ugc noopener");
	}
	put_attrs(w, tag, el);
	sp_buf_puts(w->out, ">");
	w->in_link = true;
	put_children(w, &el->children, depth);
	w->in_link = was_in_link;
	sp_buf_puts(w->out, "</a>");
}

/* An image of another host, as words that lead to it. */
static void put_image_link(struct writer *w, const char *url, const char *alt)
{
	if (!w->in_link)
		sp_buf_puts(w->out, "<a");
	if (!w->in_link) {
		put_attr(w, "href", url);
		put_attr(w, "rel", "nofollow ugc noopener");
		sp_buf_puts(w->out, ">");
	}
	vt_put_text(w->out, alt && *alt && strlen(alt) <= TEXT_ATTR_BYTES ? alt : "image");
	if (!w->in_link)
		sp_buf_puts(w->out, "</a>");
}

static void put_image(struct writer *w, const struct sanitize_tag *tag, const GumboElement *el)
{
	sp_auto_buf struct sp_buf url = { 0 };
	const char *src = attr_of(el, "src"), *alt = attr_of(el, "alt");
	bool remote;

	if (!src || !sanitize_url(src, URL_IMAGE, w->how, &url, &remote)) {
		vt_put_text(w->out, alt && strlen(alt) <= TEXT_ATTR_BYTES ? alt : "");
		return;
	}
	if (remote && !w->how->remote_images) {
		put_image_link(w, url.p, alt);
		return;
	}
	sp_buf_puts(w->out, "<img");
	put_attr(w, "src", url.p);
	put_attr(w, "loading", "lazy");
	put_attrs(w, tag, el);
	if (!alt || strlen(alt) > TEXT_ATTR_BYTES)
		put_attr(w, "alt", "");
	sp_buf_puts(w->out, ">");
}

/* The boxes of task lists; no other input is ours to show. */
static void put_checkbox(struct writer *w, const GumboElement *el)
{
	const char *type = attr_of(el, "type");
	bool on = attr_of(el, "checked") != NULL;

	if (type && strcasecmp(type, "checkbox") == 0)
		sp_buf_fmt(w->out, "<input type=\"checkbox\" disabled aria-label=\"%s\"%s>", on ? "done" : "to do", on ? " checked" : "");
}

/* The words of a heading as readers of other hosts link to them: "Quick start!" is "quick-start". */
static void slug_add(struct sp_buf *slug, const GumboVector *children, unsigned depth)
{
	for (unsigned i = 0; i < children->length && depth <= DEPTH_MAX && slug->n < 100; i++) {
		const GumboNode *node = children->data[i];

		if (node->type == GUMBO_NODE_ELEMENT)
			slug_add(slug, &node->v.element.children, depth + 1);
		if (node->type != GUMBO_NODE_TEXT && node->type != GUMBO_NODE_WHITESPACE)
			continue;
		for (const char *p = node->v.text.text; *p && slug->n < 100; p++) {
			if (isalnum((unsigned char)*p) || *p == '-' || *p == '_' || (unsigned char)*p >= 0x80)
				sp_buf_fmt(slug, "%c", tolower((unsigned char)*p));
			else if (*p == ' ')
				sp_buf_puts(slug, "-");
		}
	}
}

static void put_heading_id(struct writer *w, const GumboElement *el)
{
	sp_auto_buf struct sp_buf slug = { 0 };

	if (!attr_of(el, "id"))
		slug_add(&slug, &el->children, 0);
	if (slug.n)
		put_id(w, slug.p);
}

static void put_kept(struct writer *w, const struct sanitize_tag *tag, const GumboElement *el, unsigned depth)
{
	const char *name = tag->name;

	if (w->how->shift_headings && name[0] == 'h' && name[1] >= '1' && name[1] <= '5')
		name = sanitize_tag_find((char[]){ 'h', (char)(name[1] + 1), '\0' })->name;
	sp_buf_fmt(w->out, "<%s", name);
	if (name[0] == 'h' && name[1] >= '1' && name[1] <= '6')
		put_heading_id(w, el);
	put_attrs(w, tag, el);
	sp_buf_puts(w->out, ">");
	if (tag->is_void)
		return;
	/* A parser drops the first newline of a pre: one more keeps it what it was. */
	if (strcmp(name, "pre") == 0 && el->children.length) {
		const GumboNode *first = el->children.data[0];

		if ((first->type == GUMBO_NODE_TEXT || first->type == GUMBO_NODE_WHITESPACE) && first->v.text.text[0] == '\n')
			sp_buf_puts(w->out, "\n");
	}
	put_children(w, &el->children, depth);
	sp_buf_fmt(w->out, "</%s>", name);
}

static void put_element(struct writer *w, const GumboElement *el, unsigned depth)
{
	const struct sanitize_tag *tag;

	if (el->tag_namespace != GUMBO_NAMESPACE_HTML)
		return;
	tag = el->tag == GUMBO_TAG_UNKNOWN ? NULL : sanitize_tag_find(gumbo_normalized_tagname(el->tag));
	if (el->tag == GUMBO_TAG_CENTER) {      /* old and common: what it means is allowed */
		sp_buf_puts(w->out, "<div align=\"center\">");
		put_children(w, &el->children, depth);
		sp_buf_puts(w->out, "</div>");
	} else if (!tag || tag->fate == FATE_UNWRAP) {
		put_children(w, &el->children, depth);
	} else if (tag->fate == FATE_DROP) {
		return;
	} else if (el->tag == GUMBO_TAG_A) {
		put_link(w, tag, el, depth);
	} else if (el->tag == GUMBO_TAG_IMG) {
		put_image(w, tag, el);
	} else if (el->tag == GUMBO_TAG_INPUT) {
		put_checkbox(w, el);
	} else {
		put_kept(w, tag, el, depth);
	}
}

static void put_node(struct writer *w, const GumboNode *node, unsigned depth)
{
	if (depth > DEPTH_MAX || w->out->n > w->most)
		return;
	switch (node->type) {
	case GUMBO_NODE_ELEMENT:
		put_element(w, &node->v.element, depth + 1);
		return;
	case GUMBO_NODE_TEXT:
	case GUMBO_NODE_CDATA:
	case GUMBO_NODE_WHITESPACE:
		if (w->out->n + strlen(node->v.text.text) <= w->most + OUT_SLACK)
			vt_put_text(w->out, node->v.text.text);
		return;
	case GUMBO_NODE_TEMPLATE:
	case GUMBO_NODE_COMMENT:
	case GUMBO_NODE_DOCUMENT:
		return;
	}
}

/* Locals of the function that calls setjmp may be lost by the jump: what it changes belongs to its caller. */
static bool parse(struct heap *h, const char *html, size_t n, const GumboOutput **ret)
{
	GumboOptions options = kGumboDefaultOptions;

	options.allocator = heap_get;
	options.deallocator = heap_put;
	options.userdata = h;
	options.max_errors = 0;
	options.fragment_context = GUMBO_TAG_DIV;
	if (setjmp(h->out))
		return false;
	*ret = gumbo_parse_with_options(&options, html, n);
	return true;
}

int sanitize_html(const char *html, size_t n, const struct sanitize *how, struct sp_buf *out, struct sp_err *e)
{
	struct writer w = { .how = how, .out = out, .most = out->n + 4 * n };
	struct heap h = { .end_ns = cpu_ns() + (int64_t)SP_LIMIT_markdown_parse_ms * 1000000 };
	const GumboOutput *parsed = NULL;
	bool done = parse(&h, html, n, &parsed);

	if (done)
		put_children(&w, &parsed->root->v.element.children, 0);
	heap_fini(&h);
	return done ? 0 : sp_fail(e, SP_EQUOTA, 0, "the document is nested in a way that takes too long to read");
}
