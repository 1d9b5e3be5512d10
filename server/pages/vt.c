#include "server/pages/vt.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { UTF8_MAX = 4 };

static const char *entity(char c)
{
	switch (c) {
	case '&':  return "&amp;";
	case '<':  return "&lt;";
	case '>':  return "&gt;";
	case '"':  return "&quot;";
	case '\'': return "&#39;";
	default:   return NULL;
	}
}

void vt_put_text(struct sp_buf *o, const char *s)
{
	sp_buf_add(o, "", 0);
	while (s && *s) {
		size_t n = sp_utf8_len(s, strnlen(s, UTF8_MAX));
		bool control = n == 1 && iscntrl((unsigned char)*s) && *s != '\n' && *s != '\t' && *s != '\r';
		const char *as = n == 1 ? entity(*s) : NULL;

		if (n == 0 || control)
			sp_buf_puts(o, "\xef\xbf\xbd");
		else if (as)
			sp_buf_puts(o, as);
		else
			sp_buf_add(o, s, n);
		s += n ? n : 1;
	}
}

void vt_put_html(struct sp_buf *o, struct safe_html h)
{
	sp_buf_add(o, h.p, h.n);
}

void vt_put_int(struct sp_buf *o, long n)
{
	sp_buf_fmt(o, "%ld", n);
}

void vt_put_unsigned(struct sp_buf *o, unsigned long n)
{
	sp_buf_fmt(o, "%lu", n);
}

/* RFC 3986 2.3; everything else is written as %XX, so that no byte can end the attribute or change the URL's parts. */
static bool is_unreserved(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void put_percent(struct sp_buf *o, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (is_unreserved(c))
			sp_buf_add(o, &s[i], 1);
		else
			sp_buf_fmt(o, "%%%02X", c);
	}
}

/* Browsers take tabs and newlines out of URLs and spaces off their ends (URL standard 4.4) before they read the scheme: so do we. */
static void put_url_clean(struct sp_buf *o, const char *s)
{
	while (*s && (unsigned char)*s <= ' ')
		s++;
	for (; *s; s++)
		if ((unsigned char)*s > ' ' && *s != 0x7f)
			sp_buf_add(o, s, 1);
		else if (*s == ' ')
			sp_buf_puts(o, "%20");
}

static bool scheme_is_fine(const char *url)
{
	static const char *const fine[] = { "http:", "https:", "mailto:" };
	size_t n = strcspn(url, ":/?#\\");

	if (url[n] != ':')
		return true;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (strncasecmp(url, fine[i], strlen(fine[i])) == 0)
			return true;
	return false;
}

void vt_url(struct sp_buf *o, const char *url)
{
	sp_auto_buf struct sp_buf clean = { 0 };

	sp_buf_add(&clean, "", 0);
	put_url_clean(&clean, url ? url : "");
	vt_put_text(o, scheme_is_fine(clean.p) ? clean.p : "#");
}

static bool climbs(const char *s, size_t n)
{
	return n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
}

void vt_path(struct sp_buf *o, const char *segment)
{
	size_t n = segment ? strlen(segment) : 0;

	if (climbs(segment, n))
		sp_buf_puts(o, "-");
	else
		put_percent(o, segment, n);
}

void vt_paths(struct sp_buf *o, const char *path)
{
	const char *separator = "";

	while (path && *path) {
		size_t n = strcspn(path, "/");

		if (!climbs(path, n)) {
			sp_buf_puts(o, separator);
			put_percent(o, path, n);
			separator = "/";
		}
		path += n + (path[n] == '/');
	}
}

void vt_put_query(struct sp_buf *o, const char *value)
{
	put_percent(o, value ? value : "", value ? strlen(value) : 0);
}

void vt_enum(struct sp_buf *o, const char *token)
{
	bool fine = token && *token;

	for (const char *p = token; fine && *p; p++)
		fine = isalnum((unsigned char)*p) || *p == '-' || *p == '_';
	sp_buf_puts(o, fine ? token : "none");
}

bool vt_is_text(const char *s)
{
	return s && *s;
}

bool vt_is_html(struct safe_html h)
{
	return h.n > 0;
}

bool vt_is_int(long n)
{
	return n != 0;
}

bool vt_is_pointer(const void *p)
{
	return p != NULL;
}
