/* Making, removing and setting repositories (hf-api.md 2.1, 2.2). Duplicating and moving are in duplicate.c and move.c. */
#include <string.h>

#include "clock.h"
#include "limit.h"
#include "runtime/space/space.h"
#include "server/api/new_space.h"
#include "server/api/repo_make.h"
#include "server/api/repo_util.h"
#include "server/repo_remove.h"
#include "server/server.h"

static const char *text(json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

/* What this server cannot do is refused before anything is made. 1: answered. */
static int check_kind(struct http_req *rq, struct http_resp *rs, json_t *body)
{
	const char *type = text(body, "type"), *sdk = text(body, "sdk");

	if (!type || strcmp(type, "space") != 0)
		http_reply_error(rq, rs, 400, NULL, "This server hosts Spaces only, not '%.20s' repositories. Create one with type 'space'.", type ? type : "model");
	else if (!sdk || !new_space_is_sdk(sdk))
		http_reply_error(rq, rs, 400, NULL, "A Space needs an sdk: one of gradio, streamlit, static, docker.");
	else
		return 0;
	return 1;
}

static int check_quota(struct http_req *rq, const struct store_user *owner, struct sp_err *e)
{
	struct store_repo_query q = { .type = "space", .author = owner->name, .viewer = owner->id, .limit = 1, .offset = SP_LIMIT_spaces_per_user - 1 };
	struct store_repo *v;
	size_t n;
	int r = store_repo_list(rq->srv->store, &q, rq->arena, &v, &n, e);

	if (r == 0 && n > 0)
		return sp_fail(e, SP_EQUOTA, 0, "%s has %d Spaces, which is the most: delete one first", owner->name, (int)SP_LIMIT_spaces_per_user);
	return r;
}

/* Repository first, row second: a row without its repository would be seen, the other is swept away at the next start. */
static int make(struct http_req *rq, struct store_repo *r, const struct new_space *plan, const struct repo_wish *wish, struct sp_err *e)
{
	struct repo_author by = { rq->actor.name, sp_arena_fmt(rq->arena, "%s@users.noreply.%s", rq->actor.name, rq->srv->domain) };
	int res = repo_create(rq->srv->repos, &r->id, plan->files, plan->n_files, &by, r->head, e);

	if (res < 0)
		return res;
	for (size_t i = 0; i < plan->n_files; i++)
		if (strcmp(plan->files[i].path, "README.md") == 0)
			repo_card_read(rq->arena, plan->files[i].bytes, plan->files[i].len, r);
	res = repo_row_add(rq, r, NULL, wish, "create", e);
	if (res < 0)
		return res;
	if (plan->has_app)
		spaces_pushed(rq->srv->spaces, &r->id, r->head);
	else
		spaces_created(rq->srv->spaces, &r->id);
	return 0;
}

/* The name in BODY below OWNER is free and allowed. 1: answered. */
static int check_name(struct http_req *rq, struct http_resp *rs, json_t *body, const char *owner, struct sp_err *e)
{
	const char *name = text(body, "name"), *wrong = name ? repo_name_fault(name) : "is missing";
	struct store_repo was;
	int r;

	if (wrong)
		http_reply_error(rq, rs, 400, NULL, "The name '%.100s' %s.", name ? name : "", wrong);
	if (wrong)
		return 1;
	r = store_repo_by_name(rq->srv->store, "space", owner, name, rq->arena, &was, e);
	if (r == 0)
		repo_already_there(rq, rs, was.owner_name, was.name);
	return r == 0 ? 1 : r == -SP_ENOENT ? 0 : r;
}

int api_repos_create(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_repo r = { .type = "space", .id = sp_id_new(), .created_ms = sp_wall_ms() };
	struct new_space plan = { 0 };
	struct repo_wish wish;
	struct store_user owner;
	bool given;
	json_t *body;
	int res = http_json(rq, &body, e);

	if (res == 0)
		res = repo_owner(rq, rs, text(body, "organization"), &owner, e);
	if (res == 0)
		res = check_name(rq, rs, body, owner.name, e);
	if (res == 0)
		res = check_kind(rq, rs, body);
	if (res == 0)
		res = repo_visibility(rq, rs, body, &r.is_private, &given);
	if (res == 0)
		res = repo_wish_read(rq, rs, body, &wish, e);
	if (res == 0)
		res = check_quota(rq, &owner, e);
	if (res == 0)
		res = new_space_plan(rq->arena, text(body, "name"), text(body, "sdk"), body, &plan, e);
	if (res != 0)
		return res < 0 ? res : 0;

	r.owner = owner.id;
	r.changed_ms = r.created_ms;
	r.sleep_s = wish.sleep_s;
	if (sp_copy(r.owner_name, sizeof(r.owner_name), owner.name) < 0 || sp_copy(r.name, sizeof(r.name), text(body, "name")) < 0 ||
			sp_copy(r.sdk, sizeof(r.sdk), text(body, "sdk")) < 0)
		return sp_fail(e, SP_EBUG, 0, "a checked name does not fit");
	res = make(rq, &r, &plan, &wish, e);
	if (res == -SP_EEXIST)  /* another request was faster */
		return repo_already_there(rq, rs, r.owner_name, r.name);
	if (res < 0)
		return res;
	return http_reply_json(rq, rs, 200, json_pack("{s:s, s:s, s:s}", "url", repo_url(rq, r.owner_name, r.name),
		"name", sp_arena_fmt(rq->arena, "%s/%s", r.owner_name, r.name), "id", r.id.s));
}

/* The repository that a JSON body names by name and organization. 1: answered as absent. */
static int find_named(struct http_req *rq, struct http_resp *rs, json_t *body, struct store_repo *ret, struct sp_err *e)
{
	const char *name = text(body, "name"), *owner = text(body, "organization"), *type = text(body, "type");
	const char *slash = name ? strchr(name, '/') : NULL;
	struct account_object on;
	int r;

	if (slash) {
		owner = sp_arena_mem(rq->arena, name, (size_t)(slash - name));
		name = slash + 1;
	}
	if (!name)
		return sp_fail(e, SP_EINVAL, 0, "'name' is missing");
	if (!owner || !*owner)
		owner = rq->actor.name;
	r = type && strcmp(type, "space") == 0 ? store_repo_by_name(rq->srv->store, "space", owner, name, rq->arena, ret, e) : -SP_ENOENT;
	if (r == 0) {
		on = (struct account_object){ ret->owner, ret->is_private };
		r = account_may(&rq->actor, MAY_WRITE, &on, e);
	}
	if (r != -SP_ENOENT)
		return r;
	http_reply_error(rq, rs, 404, "RepoNotFound", "There is no repository %.60s/%.100s that you can see.", owner, name);
	return 1;
}

int api_repos_delete(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_repo r;
	json_t *body;
	int res = http_json(rq, &body, e);

	if (res == 0)
		res = find_named(rq, rs, body, &r, e);
	if (res != 0)
		return res < 0 ? res : 0;
	res = repo_remove(rq->srv, &rq->actor.user, &r.id, r.name, e);
	if (res < 0)
		return res;
	return http_reply_text(rq, rs, 200, "OK");
}

int api_settings(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	bool is_private, given;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	if (repo_visibility(rq, rs, body, &is_private, &given))
		return 0;
	if (given) {
		r = store_repo_set_private(rq->srv->store, &rq->repo->id, is_private, e);
		if (r == 0)
			r = store_event_add(rq->srv->store, &rq->actor.user, &rq->repo->id, "visibility", is_private ? "private" : "public", e);
		if (r < 0)
			return r;
		spaces_refresh(rq->srv->spaces, &rq->repo->id);
		if (is_private)
			server_revoke_events(rq->srv, &rq->repo->id);
	} else {
		is_private = rq->repo->is_private;
	}
	return http_reply_json(rq, rs, 200, json_pack("{s:b, s:s}", "private", (int)is_private, "visibility", is_private ? "private" : "public"));
}
