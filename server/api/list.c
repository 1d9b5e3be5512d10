#include <string.h>

#include "limit.h"
#include "server/api/page.h"
#include "server/api/space_json.h"
#include "server/server.h"
#include "server/templates.h"

enum { PAGE = 1000, PAGE_FULL = 100, VALUES_MAX = 16, SEARCH_BYTES = 400 };

static const struct { const char *name; enum store_sort sort; } sorts[] = {
	{ "trendingScore", SORT_TRENDING }, { "createdAt", SORT_CREATED }, { "lastModified", SORT_CHANGED }, { "likes", SORT_LIKES },
	{ "trending", SORT_TRENDING }, { "created", SORT_CREATED }, { "modified", SORT_CHANGED }, { "likes30d", SORT_TRENDING },
	{ "likes7d", SORT_TRENDING }, { "downloads", SORT_LIKES }, { "id", SORT_CREATED },
};

static int read_sort(const struct http_req *rq, struct store_repo_query *q, struct sp_err *e)
{
	const char *name = http_query(rq, "sort"), *direction = http_query(rq, "direction");

	/* Nobody sends a direction but old clients: descending (hf-api.md 2.4). */
	if (direction && strcmp(direction, "1") != 0 && strcmp(direction, "-1") != 0)
		return sp_fail(e, SP_EINVAL, 0, "the query parameter 'direction' must be -1 or 1");
	q->ascending = direction && direction[0] == '1';
	q->sort = SORT_BEST;
	if (!name || !name[0])
		return 0;
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (strcmp(sorts[i].name, name) == 0) {
			q->sort = sorts[i].sort;
			return 0;
		}
	}
	return sp_fail(e, SP_EINVAL, 0, "'%.40s' is no order: use trendingScore, createdAt, lastModified or likes", name);
}

/* Every value of a repeated parameter; VALUES has VALUES_MAX + 1 places. */
static const char *const *read_values(const struct http_req *rq, const char *name, const char **values)
{
	unsigned n = 0;
	const char *value;

	while (n < VALUES_MAX && (value = http_query_at(rq, name, n)))
		values[n++] = value;
	values[n] = NULL;
	return n ? values : NULL;
}

static const char *read_search(struct http_req *rq, const char *name)
{
	sp_auto_buf struct sp_buf all = { 0 };
	const char *value;

	for (unsigned i = 0; (value = http_query_at(rq, name, i)); i++)
		sp_buf_fmt(&all, "%s%.*s", i ? " " : "", SEARCH_BYTES, value);
	return all.n ? sp_arena_str(rq->arena, all.p) : NULL;
}

struct narrow { const char *tags[VALUES_MAX + 1], *models[VALUES_MAX + 1], *datasets[VALUES_MAX + 1]; };

static int read_query(struct http_req *rq, struct narrow *keep, struct store_repo_query *q, struct sp_err *e)
{
	*q = (struct store_repo_query){ .type = "space", .author = http_query(rq, "author"), .search = read_search(rq, "search"),
			.tags = read_values(rq, "filter", keep->tags), .models = read_values(rq, "models", keep->models),
			.datasets = read_values(rq, "datasets", keep->datasets), .viewer = rq->actor.user, .viewer_is_admin = rq->actor.is_admin };
	return read_sort(rq, q, e);
}

int api_spaces(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct narrow keep;
	struct store_repo_query q;
	struct store_repo *at = NULL;
	struct space_ask ask;
	struct page page;
	json_t *list, *one;
	size_t n = 0;
	int r;

	space_ask_read(rq, &ask);
	ask.in_list = true;
	r = page_read(rq, ask.full || ask.expand_n ? PAGE_FULL : PAGE, &page, e);
	if (r == 0)
		r = read_query(rq, &keep, &q, e);
	if (r < 0)
		return r;
	q.offset = page.offset;
	q.limit = page.size + 1;        /* one more tells whether there is a next page */
	r = store_repo_list(rq->srv->store, &q, rq->arena, &at, &n, e);
	if (r < 0)
		return r;
	if ((int64_t)n > page.size) {
		n = (size_t)page.size;
		if (n > 0)
			page_link_next(rq, rs, &page);
	}
	list = json_array();
	for (size_t i = 0; i < n && r == 0; i++) {
		r = space_json(rq, &at[i], &ask, &one, e);
		if (r == 0)
			json_array_append_new(list, one);
	}
	if (r == 0)
		return http_reply_json(rq, rs, 200, list);
	json_decref(list);
	return r;
}

/* Models and datasets are not kept here; clients that list a user's things ask anyway. */
int api_nothing_listed(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return http_reply_json(rq, rs, 200, json_array());
}

/* Templates that may be named in create_repo; "repoId" is what clients send back. */
int api_space_templates(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct template *t;
	json_t *all = json_array();
	size_t n;

	(void)e;
	t = templates_list(&n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "name", t[i].name, "repoId",
			sp_arena_fmt(rq->arena, "vitrine/%s", t[i].name), "sdk", t[i].sdk, "preferredPrivate", 0, "title", t[i].title,
			"emoji", t[i].emoji, "description", t[i].description));
	return http_reply_json(rq, rs, 200, json_pack("{s:o}", "templates", all));
}
