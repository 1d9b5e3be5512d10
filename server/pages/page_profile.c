/* GET /{owner}: one user's Spaces and likes; the token form of one's own. */
#include <string.h>

#include "runtime/account/account.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

static int reply_profile(struct http_req *rq, struct http_resp *rs, const struct store_user *user, const char *new_token, struct sp_err *e)
{
	struct store_repo_query query = {
		.type = "space", .author = user->name, .viewer = rq->actor.user, .viewer_is_admin = rq->actor.is_admin,
		.sort = SORT_CHANGED, .limit = 60,
	};
	struct view_profile v = {
		.user = user->name, .fullname = strcmp(user->fullname, user->name) == 0 ? "" : user->fullname,
		.is_me = sp_id_eq(&user->id, &rq->actor.user) && rq->actor.by_session, .origin = rq->origin, .new_token = new_token,
	};
	struct sp_buf html = { 0 };
	struct store_repo *repos;
	size_t n;
	int r = store_repo_list(rq->srv->store, &query, rq->arena, &repos, &n, e);

	if (r < 0)
		return r;
	if (page_wants_json(rq))
		return page_reply_list(rq, rs, repos, n, e);
	page_begin(rq, &v.page, sp_arena_fmt(rq->arena, "%s · vitrine", user->name));
	v.page.copies = true;
	v.n_cards = page_cards(rq, repos, n, &v.cards, &v.page.topics);
	view_profile(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

int page_profile(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_user user;
	int r = store_user_by_name(rq->srv->store, http_param(rq, "owner"), &user, e);

	return r < 0 ? r : reply_profile(rq, rs, &user, "", e);
}

int page_tokens_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *label = http_form(rq, "label"), *role = http_form(rq, "role");
	struct account_token token;
	struct store_user user;
	int r;

	if (!rq->actor.by_session)
		return sp_fail(e, SP_EDENIED, 0, "tokens are made in the browser, by the user who is signed in");
	if (!label || !*label)
		return sp_fail(e, SP_EINVAL, 0, "a token has a name: say what it is for");
	r = account_token_add(rq->srv->store, &rq->actor.user, label, role && strcmp(role, "read") == 0 ? ROLE_READ : ROLE_WRITE, &token, e);
	if (r >= 0)
		r = store_user_by_id(rq->srv->store, &rq->actor.user, &user, e);
	if (r < 0)
		return r;
	return reply_profile(rq, rs, &user, sp_arena_str(rq->arena, token.s), e);
}
