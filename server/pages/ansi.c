#include "server/pages/ansi.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "server/pages/vt.h"

enum { ESC = 0x1b, PARAMS_MAX = 32, URL_MAX = 2000 };

struct line {
	struct sp_buf *out;
	size_t start;                   /* of this line in OUT */
	struct ansi *st;
	struct sp_buf run;              /* text of one style, not yet written */
	bool linked;
};

/* ---- colours ---- */

static int nearest(int r, int g, int b)
{
	/* xterm's own sixteen */
	static const unsigned char rgb[16][3] = {
		{ 0, 0, 0 }, { 205, 0, 0 }, { 0, 205, 0 }, { 205, 205, 0 }, { 0, 0, 238 }, { 205, 0, 205 }, { 0, 205, 205 }, { 229, 229, 229 },
		{ 127, 127, 127 }, { 255, 0, 0 }, { 0, 255, 0 }, { 255, 255, 0 }, { 92, 92, 255 }, { 255, 0, 255 }, { 0, 255, 255 }, { 255, 255, 255 },
	};
	int best = 0, best_d = 1 << 30;

	for (int i = 0; i < 16; i++) {
		int dr = r - rgb[i][0], dg = g - rgb[i][1], db = b - rgb[i][2], d = dr * dr + dg * dg + db * db;

		if (d < best_d) {
			best_d = d;
			best = i;
		}
	}
	return best;
}

static int of_256(int n)
{
	static const unsigned char level[6] = { 0, 95, 135, 175, 215, 255 };

	if (n < 0 || n > 255)
		return 0;
	if (n < 16)
		return n;
	if (n >= 232)
		return nearest(8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10);
	n -= 16;
	return nearest(level[n / 36], level[n / 6 % 6], level[n % 6]);
}

/* ---- one run of text ---- */

static void add_class(struct sp_buf *b, const char *fmt, int n)
{
	if (b->n)
		sp_buf_puts(b, " ");
	sp_buf_puts(b, fmt);
	if (n >= 0)
		sp_buf_fmt(b, "%d", n);
}

static void flush(struct line *l)
{
	const struct ansi *st = l->st;
	int fg = st->inverse ? st->bg : st->fg, bg = st->inverse ? st->fg : st->bg;
	struct sp_buf classes = { 0 };

	if (l->run.n == 0)
		return;
	if (st->inverse && bg == 0)
		add_class(&classes, "a-inverse", -1);
	if (fg)
		add_class(&classes, "a-f", fg - 1);
	if (bg)
		add_class(&classes, "a-b", bg - 1);
	if (st->bold)
		add_class(&classes, "a-strong", -1);
	if (st->dim)
		add_class(&classes, "a-dim", -1);
	if (st->italic)
		add_class(&classes, "a-italic", -1);
	if (st->under)
		add_class(&classes, "a-under", -1);
	if (classes.n)
		sp_buf_fmt(l->out, "<span class=\"%s\">", classes.p);
	vt_put_text(l->out, l->run.p);
	if (classes.n)
		sp_buf_puts(l->out, "</span>");
	sp_buf_fini(&classes);
	sp_buf_drop(&l->run, l->run.n);
}

static void end_link(struct line *l)
{
	if (l->linked)
		sp_buf_puts(l->out, "</a>");
	l->linked = false;
}

/* ---- escape sequences ---- */

static void colour(int *to, const int *p, size_t n, size_t *i, bool colons)
{
	size_t at = *i + 2;

	if (*i + 1 >= n)
		return;
	if (p[*i + 1] == 5 && at < n) {
		*to = of_256(p[at]) + 1;
		*i = at;
	} else if (p[*i + 1] == 2) {
		if (colons && at + 3 < n)
			at++;           /* ITU T.416: the colour space comes first */
		if (at + 2 < n)
			*to = nearest(p[at] & 255, p[at + 1] & 255, p[at + 2] & 255) + 1;
		*i = at + 2;
	}
}

static void sgr(struct ansi *st, const int *p, size_t n, bool colons)
{
	for (size_t i = 0; i < n; i++) {
		int c = p[i];

		if (c == 0)
			*st = (struct ansi){ 0 };
		else if (c == 1 || c == 2)
			*(c == 1 ? &st->bold : &st->dim) = true;
		else if (c == 22)
			st->bold = st->dim = false;
		else if (c == 3 || c == 23)
			st->italic = c == 3;
		else if (c == 4 || c == 24)
			st->under = c == 4;
		else if (c == 7 || c == 27)
			st->inverse = c == 7;
		else if (c >= 30 && c <= 37)
			st->fg = c - 30 + 1;
		else if (c >= 90 && c <= 97)
			st->fg = c - 90 + 8 + 1;
		else if (c >= 40 && c <= 47)
			st->bg = c - 40 + 1;
		else if (c >= 100 && c <= 107)
			st->bg = c - 100 + 8 + 1;
		else if (c == 39 || c == 49)
			*(c == 39 ? &st->fg : &st->bg) = 0;
		else if (c == 38 || c == 48)
			colour(c == 38 ? &st->fg : &st->bg, p, n, &i, colons);
	}
}

/* CSI at P (behind "ESC ["): how many bytes. */
static size_t csi(struct line *l, const char *p, size_t n)
{
	int params[PARAMS_MAX] = { 0 };
	size_t count = 1, i = 0;
	bool colons = false, plain = true;

	for (; i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x40; i++) {
		if (isdigit((unsigned char)p[i])) {
			if (params[count - 1] < 10000)
				params[count - 1] = params[count - 1] * 10 + (p[i] - '0');
		} else if ((p[i] == ';' || p[i] == ':') && count < PARAMS_MAX) {
			colons = colons || p[i] == ':';
			count++;
		} else {
			plain = false;
		}
	}
	if (i < n && p[i] == 'm' && plain) {
		flush(l);
		sgr(l->st, params, count, colons);
	}
	return i < n && (unsigned char)p[i] >= 0x40 && (unsigned char)p[i] <= 0x7e ? i + 1 : i;
}

/* "8;params;URL" */
static void hyperlink(struct line *l, const char *p, size_t n)
{
	const char *semi = n > 2 && p[0] == '8' && p[1] == ';' ? memchr(p + 2, ';', n - 2) : NULL;
	char url[URL_MAX + 1];
	size_t len;

	if (!semi)
		return;
	flush(l);
	end_link(l);
	len = n - (size_t)(semi + 1 - p);
	if (len == 0 || len > URL_MAX)
		return;
	memcpy(url, semi + 1, len);
	url[len] = '\0';
	if (strlen(url) != len || (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
		return;
	sp_buf_puts(l->out, "<a rel=\"noopener noreferrer nofollow\" target=\"_blank\" href=\"");
	vt_url(l->out, url);
	sp_buf_puts(l->out, "\">");
	l->linked = true;
}

/* OSC, DCS, APC, PM, SOS at P (behind ESC and its letter): up to BEL or ESC \. */
static size_t string(struct line *l, const char *p, size_t n, bool is_osc)
{
	size_t i = 0;

	while (i < n && p[i] != '\a' && p[i] != ESC)
		i++;
	if (is_osc)
		hyperlink(l, p, i);
	if (i < n && p[i] == ESC)
		return i + 1 < n && p[i + 1] == '\\' ? i + 2 : i;
	return i < n ? i + 1 : i;
}

/* The sequence at P, which begins with ESC (ECMA-48 5.3, 5.4). */
static size_t escape(struct line *l, const char *p, size_t n)
{
	size_t i = 1;

	if (n < 2)
		return n;
	if (p[1] == '[')
		return 2 + csi(l, p + 2, n - 2);
	if (strchr("]PX^_", p[1]))
		return 2 + string(l, p + 2, n - 2, p[1] == ']');
	while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x30)
		i++;
	return i < n && (unsigned char)p[i] >= 0x30 && (unsigned char)p[i] < 0x7f ? i + 1 : i;
}

static void restart(struct line *l)
{
	sp_buf_drop(&l->run, l->run.n);
	l->linked = false;
	l->out->n = l->start;
	l->out->p[l->start] = '\0';
}

void ansi_line(struct sp_buf *out, struct ansi *st, const char *text, size_t n)
{
	struct line l = { .out = out, .st = st };

	sp_buf_add(out, "", 0);
	l.start = out->n;
	while (n && (text[n - 1] == '\r' || text[n - 1] == '\n'))
		n--;
	for (size_t i = 0; i < n; ) {
		unsigned char c = (unsigned char)text[i];

		if (c == ESC) {
			i += escape(&l, text + i, n - i);
			continue;
		}
		if (c == '\r')
			restart(&l);
		else if (c >= ' ' ? c != 0x7f : c == '\t')
			sp_buf_add(&l.run, text + i, 1);
		i++;
	}
	flush(&l);
	end_link(&l);
	sp_buf_fini(&l.run);
}
