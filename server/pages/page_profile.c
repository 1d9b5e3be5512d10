/* GET /{owner}: one user's Spaces and likes. */
#include <string.h>

#include "runtime/account/account.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

enum { CARDS_MAX = 60, LIKES_MAX = 100 };

static const struct { const char *value, *word; enum store_sort sort; } sort_rows[] = {
	{ "changed", "Recently changed", SORT_CHANGED }, { "created", "Newest", SORT_CREATED },
	{ "likes", "Most liked", SORT_LIKES }, { "trending", "Trending", SORT_TRENDING },
};

static enum store_sort set_sorts(struct http_req *rq, struct view_profile *v)
{
	size_t n = sizeof(sort_rows) / sizeof(sort_rows[0]), on = 0;
	struct view_choice *sorts = sp_arena_get(rq->arena, n * sizeof(*sorts));
	const char *wanted = http_query(rq, "sort");

	for (size_t i = 0; i < n; i++)
		if (wanted && strcmp(sort_rows[i].value, wanted) == 0)
			on = i;
	for (size_t i = 0; i < n; i++)
		sorts[i] = (struct view_choice){ sort_rows[i].word, sort_rows[i].value, i == on };
	v->sorts = sorts;
	v->n_sorts = n;
	return sort_rows[on].sort;
}

static int set_likes(struct http_req *rq, const struct store_user *user, struct view_profile *v, struct sp_err *e)
{
	struct view_liked *likes;
	struct store_liked *rows;
	size_t n;
	int r = store_liked_by(rq->srv->store, user->name, &rq->actor.user, rq->arena, &rows, &n, e);

	if (r < 0)
		return r;
	n = n < LIKES_MAX ? n : LIKES_MAX;
	likes = sp_arena_get(rq->arena, (n + 1) * sizeof(*likes));
	for (size_t i = 0; i < n; i++)
		likes[i] = (struct view_liked){ rows[i].owner_name, rows[i].name, page_when(rq->arena, rows[i].created_ms) };
	v->likes = likes;
	v->n_likes = n;
	return 0;
}

int page_profile(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_repo_query query = { .type = "space", .viewer = rq->actor.user, .viewer_is_admin = rq->actor.is_admin, .limit = CARDS_MAX };
	struct view_profile v = { .origin = rq->origin };
	struct sp_buf html = { 0 };
	struct store_user user;
	struct store_repo *repos;
	size_t n;
	int r = store_user_by_name(rq->srv->store, http_param(rq, "owner"), &user, e);

	if (r < 0)
		return r;
	query.author = user.name;
	query.sort = set_sorts(rq, &v);
	r = store_repo_list(rq->srv->store, &query, rq->arena, &repos, &n, e);
	if (r == 0 && page_wants_json(rq))
		return page_reply_list(rq, rs, repos, n, e);
	if (r == 0)
		r = set_likes(rq, &user, &v, e);
	if (r < 0)
		return r;
	page_begin(rq, &v.page, sp_arena_fmt(rq->arena, "%s · vitrine", user.name));
	v.page.account = true;
	v.user = user.name;
	v.fullname = strcmp(user.fullname, user.name) == 0 ? "" : user.fullname;
	v.is_me = sp_id_eq(&user.id, &rq->actor.user) && rq->actor.by_session;
	v.n_cards = page_cards(rq, repos, n, &v.cards, &v.page.topics);
	view_profile(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}
