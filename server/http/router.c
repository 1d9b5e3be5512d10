#include "server/http/router.h"

#include <string.h>

#include "server/http/parse.h"

static const struct http_table *in_use = &(const struct http_table){ 0 };

const struct http_table *router_table(void)
{
	return in_use;
}

void router_use(const struct http_table *t)
{
	in_use = t;
}

enum { SEGMENTS_MAX = 16, PARAMS_MAX = 8 };

/* How well each segment of a pattern fits, best first; compared as bytes. */
enum fit { FIT_LITERAL = 1, FIT_PARTLY, FIT_PARAM, FIT_REST };

struct match {
	unsigned char fits[SEGMENTS_MAX + 1];
	unsigned segments, count;
	struct { struct sp_str name, raw; } params[PARAMS_MAX];
};

static struct sp_str next_segment(const char **at)
{
	const char *start = *at, *end = strchrnul(start, '/');

	*at = end;
	return (struct sp_str){ start, (size_t)(end - start) };
}

/* PATTERN, one segment with at most one {name} and literal text around it, against SEGMENT. 0: does not fit. */
static enum fit fit_segment(struct sp_str pattern, struct sp_str segment, struct match *m)
{
	const char *open = memchr(pattern.p, '{', pattern.n), *close = open ? memchr(open, '}', pattern.n - (size_t)(open - pattern.p)) : NULL;
	size_t before, after;

	if (!close)
		return sp_str_eq(pattern, segment) ? FIT_LITERAL : 0;
	before = (size_t)(open - pattern.p);
	after = pattern.n - (size_t)(close + 1 - pattern.p);
	if (segment.n <= before + after || memcmp(segment.p, pattern.p, before) != 0 ||
	    memcmp(segment.p + segment.n - after, close + 1, after) != 0 || m->count == PARAMS_MAX)
		return 0;
	m->params[m->count].name = (struct sp_str){ open + 1, (size_t)(close - open - 1) };
	m->params[m->count++].raw = (struct sp_str){ segment.p + before, segment.n - before - after };
	return before + after ? FIT_PARTLY : FIT_PARAM;
}

static bool is_rest(struct sp_str pattern)
{
	return pattern.n > 5 && pattern.p[0] == '{' && memcmp(pattern.p + pattern.n - 4, "...}", 4) == 0;
}

static bool fits(const char *pattern, const char *path, struct match *m)
{
	*m = (struct match){ 0 };
	while (*pattern == '/' && *path == '/') {
		const char *rest = ++path;
		struct sp_str p, s;
		enum fit fit;

		pattern++;
		p = next_segment(&pattern);
		if (is_rest(p) && m->count < PARAMS_MAX) {
			m->params[m->count].name = (struct sp_str){ p.p + 1, p.n - 5 };
			m->params[m->count++].raw = sp_str_of(rest);
			m->fits[m->segments++] = FIT_REST;
			return true;
		}
		s = next_segment(&path);
		fit = fit_segment(p, s, m);
		if (!fit || m->segments == SEGMENTS_MAX)
			return false;
		m->fits[m->segments++] = (unsigned char)fit;
	}
	return *pattern == '\0' && *path == '\0';
}

static bool answers(const struct http_route *r, enum http_method method)
{
	return r->method == method || (method == HTTP_HEAD && r->method == HTTP_GET);
}

const char *http_method_name(enum http_method m)
{
	static const char *const names[HTTP_METHOD_MAX] = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };

	return m < HTTP_METHOD_MAX ? names[m] : "";
}

static void add_allowed(char allow[64], enum http_method method)
{
	struct sp_buf b = { 0 };

	if (strstr(allow, http_method_name(method)))
		return;
	sp_buf_fmt(&b, "%s%s%s%s", allow, allow[0] ? ", " : "", http_method_name(method), method == HTTP_GET ? ", HEAD" : "");
	if (b.n < 64)
		memcpy(allow, b.p, b.n + 1);
	sp_buf_fini(&b);
}

static int take_params(const struct match *m, struct sp_arena *a, struct http_pair **ret, struct sp_err *e)
{
	struct http_pair *list = NULL;

	for (unsigned i = 0; i < m->count; i++) {
		const char *value = parse_pct(a, m->params[i].raw, false);

		if (!value)
			return sp_fail(e, SP_EINVAL, 0, "the path has a NUL byte");
		http_pair_add(a, &list, sp_arena_mem(a, m->params[i].name.p, m->params[i].name.n), value);
	}
	*ret = list;
	return 0;
}

int router_find(const struct http_table *table, enum http_method method, const char *path, struct sp_arena *a,
		const struct http_route **ret, struct http_pair **ret_params, char allow[64], struct sp_err *e)
{
	const struct http_route *best = NULL;
	struct match best_match, m;
	int r;

	allow[0] = '\0';
	for (unsigned i = 0; i < table->count; i++) {
		const struct http_route *row = &table->rows[i];

		if (!fits(row->pattern, path, &m))
			continue;
		if (!answers(row, method)) {
			add_allowed(allow, row->method);
			continue;
		}
		if (best && memcmp(m.fits, best_match.fits, sizeof(m.fits)) >= 0)
			continue;
		best = row;
		best_match = m;
	}
	if (!best)
		return allow[0] ? sp_fail(e, SP_EUNSUPPORTED, 0, "this path answers %s only", allow) : sp_fail(e, SP_ENOENT, 0, "no such path");
	r = take_params(&best_match, a, ret_params, e);
	if (r < 0)
		return r;
	*ret = best;
	return 0;
}
