#include "clock.h"
#include "runtime/repo/repo.h"
#include "runtime/store/store.h"
#include "server/api/page.h"
#include "server/server.h"

enum { PAGE = 100 };

/* Bytes of the present revision; older revisions that share them are not counted twice, nor at all. */
static int storage_of(struct http_req *rq, const struct store_repo *r, int64_t *ret, struct sp_err *e)
{
	struct repo_entry *at = NULL;
	int64_t sum = 0;
	size_t n = 0;
	int rc = r->head[0] && rq->srv->repos ? repo_tree(rq->srv->repos, &r->id, r->head, "", true, false, rq->arena, &at, &n, e) : 0;

	if (rc < 0 && rc != -SP_ENOENT)
		return rc;
	for (size_t i = 0; i < n; i++)
		sum += (int64_t)at[i].size;
	*ret = sum;
	return 0;
}

static int append(struct http_req *rq, const struct store_repo *r, json_t *list, struct sp_err *e)
{
	int64_t storage = 0;
	int rc = storage_of(rq, r, &storage, e);

	if (rc < 0)
		return rc;
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:I}", "id", sp_arena_fmt(rq->arena, "%s/%s", r->owner_name, r->name),
			"type", r->type, "updatedAt", sp_iso_ms(r->changed_ms).s, "visibility", r->is_private ? "private" : "public",
			"storage", (json_int_t)storage));
	return 0;
}

static int list_of(struct http_req *rq, struct http_resp *rs, const char *owner, struct sp_err *e)
{
	struct store_repo_query q = { .author = owner, .viewer = rq->actor.user, .viewer_is_admin = rq->actor.is_admin, .sort = SORT_CHANGED };
	struct store_repo *at = NULL;
	struct page page;
	json_t *list;
	size_t n = 0;
	int r = page_read(rq, PAGE, &page, e);

	if (r < 0)
		return r;
	q.offset = page.offset;
	q.limit = page.size + 1;
	r = store_repo_list(rq->srv->store, &q, rq->arena, &at, &n, e);
	if (r < 0)
		return r;
	if ((int64_t)n > page.size) {
		n = (size_t)page.size;
		if (n > 0)
			page_link_next(rq, rs, &page);
	}
	list = json_array();
	for (size_t i = 0; i < n && r == 0; i++)
		r = append(rq, &at[i], list, e);
	if (r == 0)
		return http_reply_json(rq, rs, 200, list);
	json_decref(list);
	return r;
}

/* `hf repos ls` (hf-api.md 2.4). */
int api_settings_repositories(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return list_of(rq, rs, rq->actor.name, e);
}

/* {owner} is a user's name here: there are no organizations. */
int api_owner_repositories(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_user user;
	int r = store_user_by_name(rq->srv->store, http_param(rq, "org"), &user, e);

	if (r == -SP_ENOENT)
		return sp_fail(e, SP_ENOENT, 0, "there is no user '%.64s' here", http_param(rq, "org"));
	if (r < 0)
		return r;
	if (!sp_id_eq(&user.id, &rq->actor.user) && !rq->actor.is_admin)
		return sp_fail(e, SP_EDENIED, 0, "these repositories belong to someone else");
	return list_of(rq, rs, user.name, e);
}
