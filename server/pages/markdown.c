#include "server/pages/markdown.h"

#include <md4c-html.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auto.h"
#include "limit.h"

enum { CACHED = 64, CACHED_BYTES = 1 << 25, MORE = 16, SLACK = 65536, PADDING = 256 };

/* A line of 10,000 '>' is as many quotes: what md4c writes is bounded too, the rest of it is not kept. */
struct growing { struct sp_buf *html; size_t most; bool is_over; };

static void on_html(const MD_CHAR *p, MD_SIZE n, void *arg)
{
	struct growing *g = arg;

	if (g->is_over || g->html->n + n > g->most)
		g->is_over = true;
	else
		sp_buf_add(g->html, p, n);
}

/* md4c 0.4.8 reads bytes behind the end of some documents (tests/fuzz/markdown found it) and would show them: these are ours. */
static char *padded(const char *text, size_t n)
{
	char *p = malloc(n + PADDING);

	if (!p)
		abort();
	if (n)
		memcpy(p, text, n);
	memset(p + n, '\n', PADDING);
	return p;
}

int markdown_html(const char *text, size_t n, const struct sanitize *how, struct sp_buf *out, struct sp_err *e)
{
	sp_auto_buf struct sp_buf html = { 0 };
	sp_auto_free char *doc = NULL;
	struct growing g = { .html = &html, .most = MORE * n + SLACK };

	if (n > SP_LIMIT_markdown_bytes)
		return sp_fail(e, SP_EQUOTA, 0, "the document is longer than %lld bytes", (long long)SP_LIMIT_markdown_bytes);
	doc = padded(text, n);
	if (md_html(doc, (MD_SIZE)n + 1, on_html, &g, MD_DIALECT_GITHUB, 0) != 0 || g.is_over)
		return sp_fail(e, SP_EQUOTA, 0, "the document is nested in a way that cannot be shown");
	return sanitize_html(html.p ? html.p : "", html.n, how, out, e);
}

/* ---- cache ---- */

struct cached { char oid[41]; char *base; char *html; size_t n; uint64_t used; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cached rows[CACHED];
static size_t cached_n;         /* bytes in all rows */
static uint64_t clock_;

static char *base_dup(const struct sanitize *how)
{
	sp_auto_buf struct sp_buf b = { 0 };

	sp_buf_fmt(&b, "%d%d %s %s %s", how->shift_headings, how->remote_images, how->pages ? how->pages : "", how->files ? how->files : "", how->dir);
	return sp_buf_take(&b);
}

static bool cache_find(const char *oid, const char *base, struct sp_arena *a, struct safe_html *ret)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < CACHED && !found; i++) {
		found = rows[i].html && strcmp(rows[i].oid, oid) == 0 && strcmp(rows[i].base, base) == 0;
		if (found) {
			*ret = (struct safe_html){ sp_arena_mem(a, rows[i].html, rows[i].n), rows[i].n };
			rows[i].used = ++clock_;
		}
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* One row is always empty, and all of them are within CACHED_BYTES: those used longest ago go, KEEP stays. */
static void cache_forget_some(const struct cached *keep)
{
	for (;;) {
		struct cached *gone = NULL;
		bool is_full = true;

		for (size_t i = 0; i < CACHED; i++) {
			is_full = is_full && rows[i].html;
			if (&rows[i] != keep && rows[i].html && (!gone || rows[i].used < gone->used))
				gone = &rows[i];
		}
		if (!gone || (!is_full && cached_n <= CACHED_BYTES))
			return;
		cached_n -= gone->n;
		free(gone->base);
		free(gone->html);
		*gone = (struct cached){ 0 };
	}
}

/* Takes BASE. What is slow to make is long: only all of it together is bounded. */
static void cache_add(const char *oid, char *base, const struct sp_buf *html)
{
	struct cached *to = rows;
	struct cached it = { .base = base, .html = malloc(html->n + 1), .n = html->n };

	if (!it.html || sp_copy(it.oid, sizeof(it.oid), oid) < 0)
		abort();
	if (html->n)
		memcpy(it.html, html->p, html->n);
	pthread_mutex_lock(&lock);
	while (to->html)
		to++;
	it.used = ++clock_;
	*to = it;
	cached_n += it.n;
	cache_forget_some(to);
	pthread_mutex_unlock(&lock);
}

struct safe_html markdown_cached(const char *oid, const char *text, size_t n, const struct sanitize *how, struct sp_arena *a)
{
	sp_auto_free char *base = base_dup(how);
	sp_auto_buf struct sp_buf html = { 0 };
	struct safe_html ret = { "", 0 };

	if (cache_find(oid, base, a, &ret))
		return ret;
	if (markdown_html(text, n, how, &html, NULL) < 0)
		sp_buf_fini(&html);
	ret = (struct safe_html){ sp_arena_mem(a, html.p ? html.p : "", html.n), html.n };
	if (strlen(oid) == 40)
		cache_add(oid, sp_take_ptr(&base), &html);
	return ret;
}

bool markdown_is(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (strcasecmp(dot, ".md") == 0 || strcasecmp(dot, ".markdown") == 0);
}
