/* Renaming a Space or giving it away (hf-api.md 2.2, C-HF-37). */
#include <string.h>

#include "runtime/space/space.h"
#include "runtime/space/space_env.h"
#include "server/api/repo_make.h"
#include "server/server.h"

/* The Space "owner/name" that the caller may change. 1: answered. */
static int find_source(struct http_req *rq, struct http_resp *rs, const json_t *body, struct store_repo *ret, struct sp_err *e)
{
	const char *id = json_string_value(json_object_get(body, "fromRepo")), *type = json_string_value(json_object_get(body, "type"));
	const char *slash = id ? strchr(id, '/') : NULL;
	int r = -SP_ENOENT;

	if (!slash)
		return sp_fail(e, SP_EINVAL, 0, "'fromRepo' must be OWNER/NAME");
	if (type && strcmp(type, "space") == 0)
		r = store_repo_by_name(rq->srv->store, "space", sp_arena_mem(rq->arena, id, (size_t)(slash - id)), slash + 1, rq->arena, ret, e);
	if (r == 0)
		r = account_may(&rq->actor, MAY_WRITE, &(struct account_object){ .owner = ret->owner, .is_private = ret->is_private }, e);
	if (r != -SP_ENOENT)
		return r;
	http_reply_error(rq, rs, 404, "RepoNotFound", "There is no repository %.160s that you can see.", id);
	return 1;
}

/* Host and environment (SPACE_ID) follow the name. */
static void apply(struct http_req *rq, const struct store_repo *r, bool is_given)
{
	spaces_refresh(rq->srv->spaces, &r->id);
	if (is_given) {
		server_revoke_events(rq->srv, &r->id);
		server_space_access_changed(rq->srv, &r->id);
	}
	spaces_env_changed(rq->srv->spaces, &r->id);
}

int api_repos_move(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_repo r, there;
	struct store_user owner;
	const char *name;
	json_t *body;
	int res = http_json(rq, &body, e);

	if (res == 0)
		res = find_source(rq, rs, body, &r, e);
	if (res == 0)
		res = repo_target(rq, rs, json_string_value(json_object_get(body, "toRepo")), &owner, &name, e);
	if (res != 0)
		return res < 0 ? res : 0;
	res = store_repo_by_name(rq->srv->store, "space", owner.name, name, rq->arena, &there, e);
	if (res < 0 && res != -SP_ENOENT)
		return res;
	res = res == 0 && !sp_id_eq(&there.id, &r.id) ? -SP_EEXIST : store_repo_move(rq->srv->store, &r.id, &owner.id, name, e);
	if (res == -SP_EEXIST)
		return http_reply_error(rq, rs, 409, NULL, "There is a Space %s/%s already. Choose another name, or move that one first.", owner.name, name);
	if (res == 0)
		res = store_event_add(rq->srv->store, &rq->actor.user, &r.id, "move",
			sp_arena_fmt(rq->arena, "%s/%s to %s/%s", r.owner_name, r.name, owner.name, name), e);
	if (res < 0)
		return res;
	apply(rq, &r, !sp_id_eq(&r.owner, &owner.id));
	return http_reply_json(rq, rs, 200, json_pack("{s:s}", "url", repo_url(rq, owner.name, name)));
}
