#include "server/pages/sanitize_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auto.h"

enum { URL_BYTES = 4096, DATA_BYTES = 262144, PARTS_MAX = 64 };

#define USER_ID "user-content-"

/* Without what browsers drop before they look (URL standard 4.4: tabs and newlines anywhere, controls and spaces at the ends). NULL: too long. */
static char *cleaned(const char *raw, size_t most)
{
	size_t n = strlen(raw), at = 0;
	char *s;

	if (n > most)
		return NULL;
	s = malloc(n + 1);
	if (!s)
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)raw[i] > 0x1f && raw[i] != 0x7f && !(raw[i] == ' ' && at == 0))
			s[at++] = raw[i];
	while (at && s[at - 1] == ' ')
		at--;
	s[at] = '\0';
	return s;
}

/* Length of the scheme with its colon, 0: none. */
static size_t scheme_of(const char *s)
{
	size_t n = 1;

	if (!isalpha((unsigned char)s[0]))
		return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '+' || s[n] == '-' || s[n] == '.')
		n++;
	return s[n] == ':' ? n + 1 : 0;
}

static bool is_data_image(const char *s)
{
	static const char *const kinds[] = { "data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,", "data:image/webp;base64," };
	size_t n = 0;

	for (size_t i = 0; i < SP_COUNT(kinds); i++)
		if (strncasecmp(s, kinds[i], strlen(kinds[i])) == 0)
			n = strlen(kinds[i]);
	for (const char *p = s + n; n && *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '+' && *p != '/' && *p != '=')
			return false;
	return n > 0;
}

/* Bytes that may not stand in an address as they are. '%' stays: it is escaped already. */
static void add_escaped(struct sp_buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}'", c))
			sp_buf_fmt(out, "%%%02X", c);
		else
			sp_buf_add(out, &p[i], 1);
	}
}

/* "." is 1, ".." is 2, also when spelt with %2e, which browsers read as a dot; anything else 0. */
static unsigned dots_of(const char *p, size_t n)
{
	unsigned dots = 0;

	while (n) {
		size_t step = *p == '.' ? 1 : n >= 3 && strncasecmp(p, "%2e", 3) == 0 ? 3 : 0;

		if (!step || ++dots > 2)
			return 0;
		p += step;
		n -= step;
	}
	return dots;
}

struct parts { struct sp_str at[PARTS_MAX]; size_t n; };

static bool parts_add(struct parts *t, const char *s, size_t n)
{
	while (n) {
		const char *slash = memchr(s, '/', n);
		size_t len = slash ? (size_t)(slash - s) : n, step = len + (slash != NULL);
		unsigned dots = dots_of(s, len);

		if (dots == 2 && t->n)
			t->n--;
		if (len && !dots) {
			if (t->n == PARTS_MAX)
				return false;
			t->at[t->n++] = (struct sp_str){ s, len };
		}
		s += step;
		n -= step;
	}
	return true;
}

static bool add_relative(const char *s, enum url_use use, const struct sanitize *how, struct sp_buf *out)
{
	const char *base = use == URL_IMAGE ? how->files : how->pages, *hash = strchr(s, '#');
	struct parts t = { .n = 0 };

	if (!base || (*s != '/' && !parts_add(&t, how->dir, strlen(how->dir))) || !parts_add(&t, s, strcspn(s, "?#")))
		return false;
	sp_buf_puts(out, base);
	for (size_t i = 0; i < t.n; i++) {
		sp_buf_puts(out, "/");
		add_escaped(out, t.at[i].p, t.at[i].n);
	}
	if (hash && use == URL_LINK && hash[1]) {
		sp_buf_puts(out, "#");
		add_escaped(out, hash + 1, strlen(hash + 1));
	}
	return true;
}

static void add_anchor(const char *s, struct sp_buf *out)
{
	sp_buf_puts(out, "#");
	if (*s && !sp_starts_with(s, USER_ID))
		sp_buf_puts(out, USER_ID);
	add_escaped(out, s, strlen(s));
}

static bool is_slash(char c)
{
	return c == '/' || c == '\\';
}

bool sanitize_url(const char *raw, enum url_use use, const struct sanitize *how, struct sp_buf *out, bool *ret_remote)
{
	sp_auto_free char *s = cleaned(raw, use == URL_IMAGE && strcasestr(raw, "data:") ? DATA_BYTES : URL_BYTES);
	size_t scheme = s ? scheme_of(s) : 0;

	*ret_remote = false;
	if (!s || (use == URL_IMAGE && !*s))
		return false;
	if (use == URL_IMAGE && is_data_image(s)) {
		sp_buf_puts(out, s);
		return true;
	}
	if (!scheme && is_slash(s[0]) && is_slash(s[1])) {      /* another host in this page's scheme */
		*ret_remote = use == URL_IMAGE;
		sp_buf_puts(out, "https://");
		add_escaped(out, s + 2, strlen(s + 2));
		return true;
	}
	if (!scheme && *s == '#' && use == URL_LINK) {
		add_anchor(s + 1, out);
		return true;
	}
	if (!scheme)
		return add_relative(s, use, how, out);
	if (strncasecmp(s, "http:", 5) != 0 && strncasecmp(s, "https:", 6) != 0 && (use == URL_IMAGE || strncasecmp(s, "mailto:", 7) != 0))
		return false;
	*ret_remote = use == URL_IMAGE;
	add_escaped(out, s, strlen(s));
	return true;
}
