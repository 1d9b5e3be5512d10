#include "runtime/store/store.h"
#include "server/api/page.h"
#include "server/api/user_json.h"
#include "server/http/http.h"
#include "server/server.h"

enum { PAGE = 1000 };

static int set_like(struct http_req *rq, struct http_resp *rs, bool liked, struct sp_err *e)
{
	int64_t likes = 0;
	int r = account_may(&rq->actor, MAY_SIGNED_IN, NULL, e);

	if (r == 0 && rq->actor.role < ROLE_WRITE)
		r = sp_fail(e, SP_EDENIED, 0, "this token may only read: use one with the role write");
	if (r == 0)
		r = store_like_set(rq->srv->store, &rq->actor.user, &rq->repo->id, liked, &likes, e);
	if (r < 0)
		return r;
	return http_reply_json(rq, rs, 200, json_pack("{s:b, s:I}", "liked", liked, "likes", (json_int_t)likes));
}

int api_like_add(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return set_like(rq, rs, true, e);
}

int api_like_remove(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return set_like(rq, rs, false, e);
}

int api_likers(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_liker *who = NULL;
	size_t n = 0, at = 0, end;
	struct page page;
	json_t *list;
	int r = page_read(rq, PAGE, &page, e);

	if (r == 0)
		r = store_like_list(rq->srv->store, &rq->repo->id, rq->arena, &who, &n, e);
	if (r < 0)
		return r;
	list = json_array();
	for (end = page_cut(rq, rs, &page, n, &at); at < end; at++)
		json_array_append_new(list, user_json(rq, who[at].name, who[at].fullname));
	return http_reply_json(rq, rs, 200, list);
}
