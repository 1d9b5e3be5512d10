/* GET /: every Space that one may see; search, filter, sort and pages as plain addresses (C-UI-11). */
#include <pthread.h>
#include <string.h>

#include "clock.h"
#include "runtime/account/account.h"
#include "server/api/space_json.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

enum { CARDS = 24, PAGES_MAX = 10000, AROUND = 2, TAGS_SHOWN = 12, TAGS_MS = 60000, TAG_BYTES = 64 };

static const struct { const char *value, *word; enum store_sort sort; } sort_rows[] = {
	{ "", "Best match", SORT_BEST }, { "trending", "Trending", SORT_TRENDING }, { "likes", "Most liked", SORT_LIKES },
	{ "created", "Newest", SORT_CREATED }, { "changed", "Recently changed", SORT_CHANGED },
};
static const struct { const char *value, *word; } sdk_rows[] = {
	{ "", "All" }, { "gradio", "Gradio" }, { "streamlit", "Streamlit" }, { "static", "Static" }, { "docker", "Docker" },
};

/* A search is by what fits best unless something else is asked for. */
static size_t sort_of(const struct http_req *rq, bool is_search)
{
	const char *wanted = http_query(rq, "sort");

	for (size_t i = 1; wanted && i < sizeof(sort_rows) / sizeof(sort_rows[0]); i++)
		if (strcmp(sort_rows[i].value, wanted) == 0)
			return i;
	return is_search ? 0 : 1;
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

/* The commonest tags, counted once a minute: counting looks at every Space. */
static size_t popular_tags(struct http_req *rq, struct store_tag **ret)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct store_tag kept[TAGS_SHOWN];
	static size_t n_kept;
	static uint64_t until_ms;
	struct store_tag *tags = sp_arena_get(rq->arena, sizeof(kept)), *fresh;
	bool due;
	size_t n;

	pthread_mutex_lock(&lock);
	due = sp_mono_ms() >= until_ms;
	if (due)
		until_ms = sp_mono_ms() + TAGS_MS;      /* one request counts, the others go on with what is known */
	memcpy(tags, kept, sizeof(kept));
	n = n_kept;
	pthread_mutex_unlock(&lock);
	*ret = tags;
	if (!due || store_tag_list(rq->srv->store, "space", TAGS_SHOWN, rq->arena, &fresh, &n, NULL) < 0)
		return n;
	memcpy(tags, fresh, n * sizeof(*fresh));
	pthread_mutex_lock(&lock);
	memcpy(kept, tags, sizeof(kept));
	n_kept = n;
	until_ms = sp_mono_ms() + (n < TAGS_SHOWN ? TAGS_MS / 30 : TAGS_MS);    /* a small installation sees its tags at once */
	pthread_mutex_unlock(&lock);
	return n;
}

static void set_tags(struct http_req *rq, struct view_gallery *v)
{
	struct store_tag *tags;
	size_t n = popular_tags(rq, &tags), at = 0;
	struct view_choice *chips = sp_arena_get(rq->arena, (n + 1) * sizeof(*chips));
	bool is_shown = !*v->tag;

	for (size_t i = 0; i < n; i++) {
		bool is_sdk = false;

		for (size_t k = 1; k < sizeof(sdk_rows) / sizeof(sdk_rows[0]); k++)
			is_sdk = is_sdk || strcmp(sdk_rows[k].value, tags[i].name) == 0;
		if (is_sdk)
			continue;
		is_shown = is_shown || strcmp(tags[i].name, v->tag) == 0;
		chips[at++] = (struct view_choice){ tags[i].name, tags[i].name, strcmp(tags[i].name, v->tag) == 0 };
	}
	if (!is_shown)
		chips[at++] = (struct view_choice){ v->tag, v->tag, true };
	v->tags = chips;
	v->n_tags = at;
}

static void set_choices(struct http_req *rq, struct view_gallery *v, size_t sort, size_t sdk)
{
	size_t n_sorts = sizeof(sort_rows) / sizeof(sort_rows[0]), n_sdks = sizeof(sdk_rows) / sizeof(sdk_rows[0]);
	struct view_choice *sorts = sp_arena_get(rq->arena, n_sorts * sizeof(*sorts));
	struct view_choice *sdks = sp_arena_get(rq->arena, n_sdks * sizeof(*sdks));

	for (size_t i = *v->query ? 0 : 1; i < n_sorts; i++)
		sorts[v->n_sorts++] = (struct view_choice){ sort_rows[i].word, sort_rows[i].value, i == sort };
	for (size_t i = 0; i < n_sdks; i++)
		sdks[i] = (struct view_choice){ sdk_rows[i].word, sdk_rows[i].value, i == sdk };
	v->sorts = sorts;
	v->sdks = sdks;
	v->n_sdks = n_sdks;
	v->sort = sort_rows[sort].value;
	v->sdk = sdk_rows[sdk].value;
	set_tags(rq, v);
}

/* 1 … 4 5 [6] 7 8 …; N Spaces come behind this page, of those that were looked for. */
static void set_pages(struct http_req *rq, struct view_gallery *v, int64_t p, int64_t n)
{
	struct view_choice *pages = sp_arena_get(rq->arena, (2 * AROUND + 5) * sizeof(*pages));
	int64_t first = p > AROUND ? p - AROUND : 0, last;
	size_t at = 0;

	last = p + (n + CARDS - 1) / CARDS;
	if (first > 0)
		pages[at++] = (struct view_choice){ "1", "0", false };
	if (first > 1)
		pages[at++] = (struct view_choice){ "…", "", false };
	for (int64_t i = first; i <= last && i <= p + AROUND; i++)
		pages[at++] = (struct view_choice){ sp_arena_fmt(rq->arena, "%lld", (long long)i + 1), sp_arena_fmt(rq->arena, "%lld", (long long)i), i == p };
	if (last > p + AROUND)
		pages[at++] = (struct view_choice){ "…", "", false };
	v->pages = pages;
	v->n_pages = at > 1 ? at : 0;
	v->has_previous = p > 0;
	v->has_next = n > 0;
	v->previous = p - 1;
	v->next = p + 1;
}

int page_gallery(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *q = http_query(rq, "q"), *tag = http_query(rq, "tag");
	size_t sort = sort_of(rq, q && *q), sdk = sdk_of(rq), all, n, n_tags = 0;
	const char *tags[3] = { NULL };
	struct store_repo_query query = {
		.type = "space", .search = q && *q ? q : NULL, .viewer = rq->actor.user,
		.viewer_is_admin = rq->actor.is_admin, .sort = sort_rows[sort].sort,
		.limit = (AROUND + 1) * CARDS + 1,      /* one search tells what is here and how many pages follow */
	};
	struct view_gallery v = { .query = q ? q : "", .origin = rq->origin, .tag = tag && strlen(tag) < TAG_BYTES ? tag : "" };
	struct sp_buf html = { 0 };
	struct store_repo *repos;
	int64_t p;
	int r = http_query_int(rq, "p", 0, PAGES_MAX, 0, &p, e);

	if (r < 0)
		return r;
	if (sdk)
		tags[n_tags++] = sdk_rows[sdk].value;
	if (*v.tag)
		tags[n_tags++] = v.tag;
	query.tags = n_tags ? tags : NULL;
	query.offset = p * CARDS;
	r = store_repo_list(rq->srv->store, &query, rq->arena, &repos, &all, e);
	if (r < 0)
		return r;
	n = all < CARDS ? all : CARDS;
	if (page_wants_json(rq))
		return page_reply_list(rq, rs, repos, n, e);
	set_pages(rq, &v, p, (int64_t)(all - n));
	page_begin(rq, &v.page, "Spaces · vitrine");
	v.page.query = v.query;
	v.n_cards = page_cards(rq, repos, n, &v.cards, &v.page.topics);
	v.is_filtered = *v.query || sdk || p || *v.tag;
	set_choices(rq, &v, sort, sdk);
	view_gallery(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}
