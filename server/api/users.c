#include <string.h>

#include "clock.h"
#include "runtime/store/store.h"
#include "server/api/page.h"
#include "server/api/user_json.h"
#include "server/http/http.h"
#include "server/server.h"

enum { PAGE = 1000 };

const char *user_avatar_url(const struct http_req *rq, const char *name)
{
	return sp_arena_fmt(rq->arena, "%s/avatars/%s.svg", rq->origin, name);
}

json_t *user_json(const struct http_req *rq, const char *name, const char *fullname)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "user", name, "fullname", fullname[0] ? fullname : name,
			"avatarUrl", user_avatar_url(rq, name), "type", "user", "isPro", false);
}

/* {user} is a name or an id (C-HF-100); a name may look like an id, and then counts. */
static int user_of_route(struct http_req *rq, struct store_user *ret, struct sp_err *e)
{
	const char *given = http_param(rq, "user");
	struct sp_id id;
	int r = store_user_by_name(rq->srv->store, given, ret, e);

	if (r == -SP_ENOENT && sp_id_parse(given, &id) == 0)
		r = store_user_by_id(rq->srv->store, &id, ret, e);
	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "there is no user '%.64s' here", given);
	return r;
}

int api_user_overview(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_user user;
	struct store_liked *liked;
	size_t likes = 0;
	int64_t spaces = 0;
	json_t *j;
	int r = user_of_route(rq, &user, e);
	const struct store_repo_query q = { .type = "space", .author = user.name, .viewer = rq->actor.user, .viewer_is_admin = rq->actor.is_admin };

	if (r == 0)
		r = store_repo_count(rq->srv->store, &q, &spaces, e);
	if (r == 0)
		r = store_liked_by(rq->srv->store, user.name, &rq->actor.user, rq->arena, &liked, &likes, e);
	if (r < 0)
		return r;
	j = user_json(rq, user.name, user.fullname);
	if (!j)
		return sp_fail(e, SP_EBUG, 0, "the user could not be written as JSON");
	json_object_set_new(j, "_id", json_string(user.id.s));
	json_object_set_new(j, "createdAt", json_string(sp_iso_ms(user.created_ms).s));
	json_object_set_new(j, "numSpaces", json_integer((json_int_t)spaces));
	json_object_set_new(j, "numModels", json_integer(0));
	json_object_set_new(j, "numDatasets", json_integer(0));
	json_object_set_new(j, "numLikes", json_integer((json_int_t)likes));
	json_object_set_new(j, "isFollowing", json_false());
	json_object_set_new(j, "orgs", json_array());
	return http_reply_json(rq, rs, 200, j);
}

int api_user_likes(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_user user;
	struct store_liked *liked = NULL;
	size_t n = 0, at = 0, end;
	struct page page;
	json_t *list;
	int r = user_of_route(rq, &user, e);

	if (r == 0)
		r = page_read(rq, PAGE, &page, e);
	if (r == 0)
		r = store_liked_by(rq->srv->store, user.name, &rq->actor.user, rq->arena, &liked, &n, e);
	if (r < 0)
		return r;
	list = json_array();
	for (end = page_cut(rq, rs, &page, n, &at); at < end; at++) {
		const char *id = sp_arena_fmt(rq->arena, "%s/%s", liked[at].owner_name, liked[at].name);

		json_array_append_new(list, json_pack("{s:s, s:{s:s, s:s}}", "createdAt", sp_iso_ms(liked[at].created_ms).s,
				"repo", "name", id, "type", liked[at].type));
	}
	return http_reply_json(rq, rs, 200, list);
}

int api_organization_overview(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)rs;
	return sp_fail(e, SP_ENOENT, 0, "there is no organization '%.64s' here: this version has users only", http_param(rq, "org"));
}
