#include "server/pages/sanitize_lists.h"

#include <stddef.h>
#include <string.h>

#include "auto.h"

static const struct sanitize_tag tags[] = {
	{ "h1", FATE_KEEP, false, { 0 } }, { "h2", FATE_KEEP, false, { 0 } }, { "h3", FATE_KEEP, false, { 0 } },
	{ "h4", FATE_KEEP, false, { 0 } }, { "h5", FATE_KEEP, false, { 0 } }, { "h6", FATE_KEEP, false, { 0 } },
	{ "p", FATE_KEEP, false, { 0 } }, { "div", FATE_KEEP, false, { 0 } }, { "span", FATE_KEEP, false, { 0 } },
	{ "br", FATE_KEEP, true, { 0 } }, { "hr", FATE_KEEP, true, { 0 } }, { "wbr", FATE_KEEP, true, { 0 } },
	{ "ul", FATE_KEEP, false, { 0 } }, { "ol", FATE_KEEP, false, { "start" } }, { "li", FATE_KEEP, false, { 0 } },
	{ "dl", FATE_KEEP, false, { 0 } }, { "dt", FATE_KEEP, false, { 0 } }, { "dd", FATE_KEEP, false, { 0 } },
	{ "table", FATE_KEEP, false, { 0 } }, { "thead", FATE_KEEP, false, { 0 } }, { "tbody", FATE_KEEP, false, { 0 } },
	{ "tfoot", FATE_KEEP, false, { 0 } }, { "tr", FATE_KEEP, false, { 0 } }, { "caption", FATE_KEEP, false, { 0 } },
	{ "th", FATE_KEEP, false, { "colspan", "rowspan", "width" } }, { "td", FATE_KEEP, false, { "colspan", "rowspan", "width" } },
	{ "pre", FATE_KEEP, false, { 0 } }, { "code", FATE_KEEP, false, { "class" } }, { "blockquote", FATE_KEEP, false, { 0 } },
	{ "details", FATE_KEEP, false, { "open" } }, { "summary", FATE_KEEP, false, { 0 } },
	{ "figure", FATE_KEEP, false, { 0 } }, { "figcaption", FATE_KEEP, false, { 0 } },
	{ "a", FATE_KEEP, false, { "href", "rel" } }, { "img", FATE_KEEP, true, { "src", "alt", "width", "height", "loading" } },
	{ "input", FATE_KEEP, true, { "type", "checked", "disabled", "aria-label" } },
	{ "b", FATE_KEEP, false, { 0 } }, { "strong", FATE_KEEP, false, { 0 } }, { "i", FATE_KEEP, false, { 0 } },
	{ "em", FATE_KEEP, false, { 0 } }, { "u", FATE_KEEP, false, { 0 } }, { "s", FATE_KEEP, false, { 0 } },
	{ "del", FATE_KEEP, false, { 0 } }, { "ins", FATE_KEEP, false, { 0 } }, { "small", FATE_KEEP, false, { 0 } },
	{ "mark", FATE_KEEP, false, { 0 } }, { "sub", FATE_KEEP, false, { 0 } }, { "sup", FATE_KEEP, false, { 0 } },
	{ "kbd", FATE_KEEP, false, { 0 } }, { "samp", FATE_KEEP, false, { 0 } }, { "var", FATE_KEEP, false, { 0 } },
	{ "abbr", FATE_KEEP, false, { 0 } }, { "cite", FATE_KEEP, false, { 0 } }, { "q", FATE_KEEP, false, { 0 } },
	{ "dfn", FATE_KEEP, false, { 0 } }, { "bdi", FATE_KEEP, false, { 0 } }, { "bdo", FATE_KEEP, false, { 0 } },
	{ "ruby", FATE_KEEP, false, { 0 } }, { "rt", FATE_KEEP, false, { 0 } }, { "rp", FATE_KEEP, false, { 0 } },

	{ "script", FATE_DROP, false, { 0 } }, { "style", FATE_DROP, false, { 0 } }, { "iframe", FATE_DROP, false, { 0 } },
	{ "object", FATE_DROP, false, { 0 } }, { "embed", FATE_DROP, true, { 0 } }, { "applet", FATE_DROP, false, { 0 } },
	{ "form", FATE_DROP, false, { 0 } }, { "button", FATE_DROP, false, { 0 } }, { "select", FATE_DROP, false, { 0 } },
	{ "textarea", FATE_DROP, false, { 0 } }, { "option", FATE_DROP, false, { 0 } }, { "svg", FATE_DROP, false, { 0 } },
	{ "math", FATE_DROP, false, { 0 } }, { "template", FATE_DROP, false, { 0 } }, { "noscript", FATE_DROP, false, { 0 } },
	{ "noembed", FATE_DROP, false, { 0 } }, { "noframes", FATE_DROP, false, { 0 } }, { "frameset", FATE_DROP, false, { 0 } },
	{ "frame", FATE_DROP, true, { 0 } }, { "plaintext", FATE_DROP, false, { 0 } }, { "xmp", FATE_DROP, false, { 0 } },
	{ "title", FATE_DROP, false, { 0 } }, { "meta", FATE_DROP, true, { 0 } }, { "link", FATE_DROP, true, { 0 } },
	{ "base", FATE_DROP, true, { 0 } }, { "head", FATE_DROP, false, { 0 } }, { "video", FATE_DROP, false, { 0 } },
	{ "audio", FATE_DROP, false, { 0 } }, { "source", FATE_DROP, true, { 0 } }, { "track", FATE_DROP, true, { 0 } },
	{ "canvas", FATE_DROP, false, { 0 } }, { "dialog", FATE_DROP, false, { 0 } }, { "portal", FATE_DROP, false, { 0 } },
	{ "param", FATE_DROP, true, { 0 } }, { "marquee", FATE_UNWRAP, false, { 0 } }, { "area", FATE_DROP, true, { 0 } },
};

const struct sanitize_tag *sanitize_tag_find(const char *name)
{
	for (size_t i = 0; i < SP_COUNT(tags); i++)
		if (strcmp(tags[i].name, name) == 0)
			return &tags[i];
	return NULL;
}

bool sanitize_attr_allowed(const struct sanitize_tag *tag, const char *attr)
{
	static const char *const common[] = { "id", "title", "lang", "dir", "align" };

	for (size_t i = 0; i < SP_COUNT(common); i++)
		if (strcmp(common[i], attr) == 0)
			return true;
	for (size_t i = 0; i < ATTR_MAX && tag->attrs[i]; i++)
		if (strcmp(tag->attrs[i], attr) == 0)
			return true;
	return false;
}
