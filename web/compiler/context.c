#include "context.h"

#include <ctype.h>
#include <string.h>

static const char *const url_attrs[] = {
	"href", "src", "action", "formaction", "poster", "cite", "data", "background", "manifest", "xlink:href", "ping", "data-src",
};
/* Their values are code, documents or lists that no escaper of ours covers. */
static const char *const refused_attrs[] = { "srcdoc", "srcset", "sandbox", "allow", "content", "integrity", "nonce", "is" };
/* Elements whose content the tokenizer reads by rules of its own, or that the CSP blocks. */
static const char *const refused_tags[] = { "style", "xmp", "plaintext", "noembed", "noframes", "base", "object", "embed", "applet" };

static bool among(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, list[i]) == 0)
			return true;
	return false;
}
#define AMONG(s, list) among((s), (list), sizeof(list) / sizeof((list)[0]))

static bool is_space(char b)
{
	return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\f';
}

static int append(char *name, size_t size, char b, struct sp_err *e)
{
	size_t n = strlen(name);

	if (n + 1 >= size)
		return sp_fail(e, SP_EINVAL, 0, "name '%s…' is too long", name);
	name[n] = (char)tolower((unsigned char)b);
	name[n + 1] = '\0';
	return 0;
}

void html_begin(struct html_context *c)
{
	*c = (struct html_context){ .state = HTML_TEXT };
}

static int end_of_tag(struct html_context *c, struct sp_err *e)
{
	if (AMONG(c->tag, refused_tags))
		return sp_fail(e, SP_EINVAL, 0, "<%s> is not used in pages", c->tag);
	if (strcmp(c->tag, "script") == 0 || strcmp(c->tag, "iframe") == 0)
		c->state = HTML_RAW;
	else if (strcmp(c->tag, "title") == 0 || strcmp(c->tag, "textarea") == 0)
		c->state = HTML_RCDATA;
	else
		c->state = HTML_TEXT;
	c->matched = 0;
	return 0;
}

static int end_of_attr_name(struct html_context *c, struct sp_err *e)
{
	if (strncmp(c->attr, "on", 2) == 0)
		return sp_fail(e, SP_EINVAL, 0, "%s= is script in an attribute: the CSP blocks it", c->attr);
	if (strcmp(c->attr, "style") == 0)
		return sp_fail(e, SP_EINVAL, 0, "style= is blocked by the CSP: use a class");
	return 0;
}

static int feed_text(struct html_context *c, char b)
{
	if (b == '<')
		c->state = HTML_TAG_OPEN;
	return 0;
}

static int feed_tag_open(struct html_context *c, char b, struct sp_err *e)
{
	c->tag[0] = '\0';
	if (b == '/') {
		c->state = HTML_END_TAG;
		return 0;
	}
	if (b == '!') {
		c->state = HTML_DECLARATION;
		c->matched = 0;
		return 0;
	}
	if (!isalpha((unsigned char)b))
		return sp_fail(e, SP_EINVAL, 0, "write &lt; for a '<' in text");
	c->state = HTML_TAG_NAME;
	return append(c->tag, sizeof(c->tag), b, e);
}

static int feed_in_tag(struct html_context *c, char b, struct sp_err *e)
{
	if (b == '>')
		return end_of_tag(c, e);
	if (is_space(b) || b == '/')
		return 0;
	if (b == '"' || b == '\'' || b == '=' || b == '<')
		return sp_fail(e, SP_EINVAL, 0, "unexpected '%c' in a tag", b);
	c->attr[0] = '\0';
	c->state = HTML_ATTR_NAME;
	return append(c->attr, sizeof(c->attr), b, e);
}

static int feed_tag_name(struct html_context *c, char b, struct sp_err *e)
{
	if (is_space(b) || b == '/' || b == '>') {
		c->state = HTML_IN_TAG;
		return feed_in_tag(c, b, e);
	}
	if (!isalnum((unsigned char)b) && b != '-')
		return sp_fail(e, SP_EINVAL, 0, "'%c' in a tag name", b);
	return append(c->tag, sizeof(c->tag), b, e);
}

static int feed_after_name(struct html_context *c, char b, struct sp_err *e)
{
	if (b == '=') {
		c->state = HTML_BEFORE_VALUE;
		return 0;
	}
	if (is_space(b))
		return 0;
	c->state = HTML_IN_TAG;
	return feed_in_tag(c, b, e);
}

static int feed_attr_name(struct html_context *c, char b, struct sp_err *e)
{
	int r;

	if (!is_space(b) && b != '=' && b != '>' && b != '/') {
		if (!isalnum((unsigned char)b) && b != '-' && b != ':' && b != '_')
			return sp_fail(e, SP_EINVAL, 0, "'%c' in an attribute name", b);
		return append(c->attr, sizeof(c->attr), b, e);
	}
	r = end_of_attr_name(c, e);
	if (r < 0)
		return r;
	/* A name that is followed by a space is complete: nothing of ours writes `name = "value"`. */
	c->state = is_space(b) ? HTML_IN_TAG : HTML_AFTER_NAME;
	return is_space(b) ? 0 : feed_after_name(c, b, e);
}

static int feed_before_value(struct html_context *c, char b, struct sp_err *e)
{
	if (b != '"' && b != '\'')
		return sp_fail(e, SP_EINVAL, 0, "%s=: attribute values are quoted", c->attr);
	c->quote = b;
	c->url = URL_START;
	c->state = HTML_VALUE;
	return 0;
}

static int feed_url(struct html_context *c, char b, struct sp_err *e)
{
	switch (c->url) {
	case URL_QUERY:
		return 0;
	case URL_VALUED:
		if (b != '/' && b != '?' && b != '#')
			return sp_fail(e, SP_EINVAL, 0, "%s=: after a whole URL only '/', '?' or '#' may follow", c->attr);
		break;
	case URL_START:
	case URL_OPEN:
		if (b != '/' && b != '?' && b != '#')
			c->url = URL_OPEN;
		break;
	case URL_SLASH:
		if (b != '/' && b != '?' && b != '#')
			c->url = URL_PATH;
		break;
	case URL_HOST:
	case URL_PATH:
	default:
		break;
	}
	if (b == '?' || b == '#')
		c->url = URL_QUERY;
	else if (b == '/')
		c->url = c->url == URL_SLASH ? URL_HOST : c->url == URL_START || c->url == URL_OPEN ? URL_SLASH : URL_PATH;
	return 0;
}

static int feed_value(struct html_context *c, char b, struct sp_err *e)
{
	if (b == c->quote) {
		c->state = HTML_IN_TAG;
		return 0;
	}
	return AMONG(c->attr, url_attrs) ? feed_url(c, b, e) : 0;
}

static int feed_end_tag(struct html_context *c, char b)
{
	if (b == '>')
		c->state = HTML_TEXT;
	return 0;
}

static int feed_declaration(struct html_context *c, char b)
{
	if (b == '-' && c->matched < 2)
		c->matched++;
	else if (c->matched < 2)
		c->matched = 3;         /* <!doctype …> */
	if (c->matched == 2) {
		c->state = HTML_COMMENT;
		c->matched = 0;
	} else if (b == '>') {
		c->state = HTML_TEXT;
	}
	return 0;
}

static int feed_comment(struct html_context *c, char b)
{
	if (b == '>' && c->matched >= 2)
		c->state = HTML_TEXT;
	c->matched = b == '-' ? c->matched + 1 : 0;
	return 0;
}

/* script, iframe, title, textarea end at their own end tag only. */
static int feed_raw(struct html_context *c, char b, struct sp_err *e)
{
	size_t n = strlen(c->tag);

	if (c->matched == 0 ? b == '<' : c->matched == 1 ? b == '/' : c->matched < n + 2 && tolower((unsigned char)b) == c->tag[c->matched - 2]) {
		c->matched++;
		return 0;
	}
	if (c->matched == n + 2 && b == '>') {
		c->state = HTML_TEXT;
		c->matched = 0;
		return 0;
	}
	c->matched = b == '<' ? 1 : 0;
	if (c->state == HTML_RAW && !is_space(b))
		return sp_fail(e, SP_EINVAL, 0, "<%s> has no inline content: the CSP blocks it", c->tag);
	return 0;
}

int html_feed(struct html_context *c, char b, struct sp_err *e)
{
	switch (c->state) {
	case HTML_TEXT:         return feed_text(c, b);
	case HTML_TAG_OPEN:     return feed_tag_open(c, b, e);
	case HTML_TAG_NAME:     return feed_tag_name(c, b, e);
	case HTML_END_TAG:      return feed_end_tag(c, b);
	case HTML_IN_TAG:       return feed_in_tag(c, b, e);
	case HTML_ATTR_NAME:    return feed_attr_name(c, b, e);
	case HTML_AFTER_NAME:   return feed_after_name(c, b, e);
	case HTML_BEFORE_VALUE: return feed_before_value(c, b, e);
	case HTML_VALUE:        return feed_value(c, b, e);
	case HTML_DECLARATION:  return feed_declaration(c, b);
	case HTML_COMMENT:      return feed_comment(c, b);
	case HTML_RAW:
	case HTML_RCDATA:       return feed_raw(c, b, e);
	default:                return sp_fail(e, SP_EBUG, 0, "state %d", (int)c->state);
	}
}

static int url_slot(const struct html_context *c, enum html_slot *ret, struct sp_err *e)
{
	switch (c->url) {
	case URL_START: *ret = SLOT_URL; return 0;
	case URL_SLASH:
	case URL_PATH:  *ret = SLOT_URL_PATH; return 0;
	case URL_QUERY: *ret = SLOT_URL_QUERY; return 0;
	case URL_VALUED:
	case URL_OPEN:
	case URL_HOST:
	default:
		return sp_fail(e, SP_EINVAL, 0, "%s=: a value here could choose the scheme or the host", c->attr);
	}
}

static int attr_slot(const struct html_context *c, enum html_slot *ret, struct sp_err *e)
{
	if (AMONG(c->attr, refused_attrs) || strncmp(c->attr, "hx-", 3) == 0)
		return sp_fail(e, SP_EINVAL, 0, "%s= takes no values", c->attr);
	if (AMONG(c->attr, url_attrs))
		return url_slot(c, ret, e);
	*ret = strcmp(c->attr, "class") == 0 ? SLOT_CLASS : SLOT_ATTR;
	return 0;
}

int html_slot(const struct html_context *c, enum html_slot *ret, struct sp_err *e)
{
	switch (c->state) {
	case HTML_TEXT:
		*ret = SLOT_TEXT;
		return 0;
	case HTML_RCDATA:
		if (c->matched)
			return sp_fail(e, SP_EINVAL, 0, "a value inside an end tag");
		*ret = SLOT_RCDATA;
		return 0;
	case HTML_VALUE:
		return attr_slot(c, ret, e);
	case HTML_RAW:
		return sp_fail(e, SP_EINVAL, 0, "no values inside <%s>", c->tag);
	case HTML_COMMENT:
	case HTML_DECLARATION:
		return sp_fail(e, SP_EINVAL, 0, "no values inside comments and declarations");
	case HTML_BEFORE_VALUE:
		return sp_fail(e, SP_EINVAL, 0, "%s=: a value in an unquoted attribute", c->attr);
	case HTML_TAG_OPEN:
	case HTML_TAG_NAME:
	case HTML_END_TAG:
	case HTML_IN_TAG:
	case HTML_ATTR_NAME:
	case HTML_AFTER_NAME:
	default:
		return sp_fail(e, SP_EINVAL, 0, "no values in tag or attribute names");
	}
}

void html_valued(struct html_context *c)
{
	if (c->state != HTML_VALUE || !AMONG(c->attr, url_attrs))
		return;
	if (c->url == URL_START)
		c->url = URL_VALUED;
	else if (c->url == URL_SLASH)
		c->url = URL_PATH;
}

bool html_same(const struct html_context *a, const struct html_context *b)
{
	if (a->state != b->state || a->matched != b->matched)
		return false;
	if (a->state == HTML_TEXT || a->state == HTML_COMMENT || a->state == HTML_DECLARATION)
		return true;
	if (strcmp(a->tag, b->tag) != 0)
		return false;
	return a->state != HTML_VALUE || (strcmp(a->attr, b->attr) == 0 && a->quote == b->quote && a->url == b->url);
}
