/* GET /: every Space that one may see; search, filter, sort and pages as plain addresses (C-UI-11). */
#include <string.h>

#include "runtime/account/account.h"
#include "server/api/space_json.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

enum { CARDS = 24, PAGES_MAX = 100000 };

static const struct { const char *value, *word; enum store_sort sort; } sort_rows[] = {
	{ "trending", "Trending", SORT_TRENDING }, { "likes", "Most liked", SORT_LIKES },
	{ "created", "Newest", SORT_CREATED }, { "changed", "Recently changed", SORT_CHANGED },
};
static const struct { const char *value, *word; } sdk_rows[] = {
	{ "", "All" }, { "gradio", "Gradio" }, { "streamlit", "Streamlit" }, { "static", "Static" }, { "docker", "Docker" },
};

static size_t sort_of(const struct http_req *rq)
{
	const char *wanted = http_query(rq, "sort");

	for (size_t i = 0; wanted && i < sizeof(sort_rows) / sizeof(sort_rows[0]); i++)
		if (strcmp(sort_rows[i].value, wanted) == 0)
			return i;
	return 0;
}

static size_t sdk_of(const struct http_req *rq)
{
	const char *wanted = http_query(rq, "sdk");

	for (size_t i = 1; wanted && i < sizeof(sdk_rows) / sizeof(sdk_rows[0]); i++)
		if (strcmp(sdk_rows[i].value, wanted) == 0)
			return i;
	return 0;
}

int page_reply_list(struct http_req *rq, struct http_resp *rs, const struct store_repo *repos, size_t n, struct sp_err *e)
{
	struct space_ask ask = { .in_list = true };
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *one = NULL;
		int r = space_json(rq, &repos[i], &ask, &one, e);

		if (r < 0) {
			json_decref(list);
			return r;
		}
		json_array_append_new(list, one);
	}
	http_set(rq, rs, "Vary", "Accept, Cookie, HX-Request");
	return http_reply_json(rq, rs, 200, list);
}

static void set_choices(struct http_req *rq, struct view_gallery *v, size_t sort, size_t sdk)
{
	size_t n_sorts = sizeof(sort_rows) / sizeof(sort_rows[0]), n_sdks = sizeof(sdk_rows) / sizeof(sdk_rows[0]);
	struct view_choice *sorts = sp_arena_get(rq->arena, n_sorts * sizeof(*sorts));
	struct view_choice *sdks = sp_arena_get(rq->arena, n_sdks * sizeof(*sdks));

	for (size_t i = 0; i < n_sorts; i++)
		sorts[i] = (struct view_choice){ sort_rows[i].word, sort_rows[i].value, i == sort };
	for (size_t i = 0; i < n_sdks; i++)
		sdks[i] = (struct view_choice){ sdk_rows[i].word, sdk_rows[i].value, i == sdk };
	v->sorts = sorts;
	v->n_sorts = n_sorts;
	v->sdks = sdks;
	v->n_sdks = n_sdks;
	v->sort = sort_rows[sort].value;
	v->sdk = sdk_rows[sdk].value;
}

int page_gallery(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *q = http_query(rq, "q");
	size_t sort = sort_of(rq), sdk = sdk_of(rq), n;
	const char *const tags[] = { sdk_rows[sdk].value, NULL };
	struct store_repo_query query = {
		.type = "space", .search = q && *q ? q : NULL, .tags = sdk ? tags : NULL, .viewer = rq->actor.user,
		.viewer_is_admin = rq->actor.is_admin, .sort = sort_rows[sort].sort, .limit = CARDS + 1,
	};
	struct view_gallery v = { .query = q ? q : "", .origin = rq->origin };
	struct sp_buf html = { 0 };
	struct store_repo *repos;
	int64_t p;
	int r = http_query_int(rq, "p", 0, PAGES_MAX, 0, &p, e);

	if (r < 0)
		return r;
	query.offset = p * CARDS;
	r = store_repo_list(rq->srv->store, &query, rq->arena, &repos, &n, e);
	if (r < 0)
		return r;
	v.has_next = n > CARDS;
	n = v.has_next ? CARDS : n;
	if (page_wants_json(rq))
		return page_reply_list(rq, rs, repos, n, e);
	page_begin(rq, &v.page, "Spaces · vitrine");
	v.page.query = v.query;
	v.page.copies = n == 0;
	v.n_cards = page_cards(rq, repos, n, &v.cards, &v.page.topics);
	v.has_previous = p > 0;
	v.previous = p - 1;
	v.next = p + 1;
	v.is_filtered = *v.query || sdk || p;
	set_choices(rq, &v, sort, sdk);
	view_gallery(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}
