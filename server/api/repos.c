/* Making, removing and setting repositories (hf-api.md 2.1, 2.2). */
#include <ctype.h>
#include <string.h>

#include "auto.h"
#include "clock.h"
#include "limit.h"
#include "runtime/space/space.h"
#include "server/api/new_space.h"
#include "server/api/repo_util.h"
#include "server/api/variables.h"
#include "server/repo_remove.h"
#include "server/server.h"

/* hf-api.md 0.4, which clients check too; "--" would make two names share a host (C-HF-110). */
static const char *bad_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 96)
		return "is empty or longer than 96 characters";
	for (const char *c = name; *c; c++)
		if (!isascii((unsigned char)*c) || (!isalnum((unsigned char)*c) && !strchr("_.-", *c)))
			return "has a character that is not a letter, digit, '-', '_' or '.'";
	if (strstr(name, "--") || strstr(name, ".."))
		return "contains '--' or '..'";
	if (strchr("-.", name[0]) || strchr("-.", name[n - 1]))
		return "starts or ends with '-' or '.'";
	return n >= 4 && strcasecmp(name + n - 4, ".git") == 0 ? "ends in '.git'" : NULL;
}

static const char *text(json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

static const char *url_of(struct http_req *rq, const char *owner, const char *name)
{
	return sp_arena_fmt(rq->arena, "%s/spaces/%s/%s", rq->origin, owner, name);
}

/* private or public out of "visibility" or the older "private" (C-HF-33). 1: answered. */
static int read_private(struct http_req *rq, struct http_resp *rs, json_t *body, bool *ret, bool *ret_given)
{
	const char *visibility = text(body, "visibility");
	json_t *old = json_object_get(body, "private");

	*ret_given = visibility || json_is_boolean(old);
	*ret = visibility ? strcmp(visibility, "private") == 0 : json_is_true(old);
	if (!visibility || strcmp(visibility, "public") == 0 || strcmp(visibility, "private") == 0)
		return 0;
	http_reply_error(rq, rs, 400, NULL, "The visibility '%.40s' is not known to this server. Use public or private.", visibility);
	return 1;
}

/* 409 with the url, which clients with exist_ok read out of it (C-HF-32). */
static int already_there(struct http_req *rq, struct http_resp *rs, const char *owner, const char *name)
{
	static const char why[] = "You already created this space repo";

	http_set(rq, rs, "X-Error-Message", why);
	return http_reply_json(rq, rs, 409, json_pack("{s:s, s:s}", "error", why, "url", url_of(rq, owner, name)));
}

/* What this server cannot do is refused before anything is made. 1: answered. */
static int check_wishes(struct http_req *rq, struct http_resp *rs, json_t *body)
{
	const char *type = text(body, "type"), *sdk = text(body, "sdk"), *hardware = text(body, "hardware");

	if (!type || strcmp(type, "space") != 0)
		http_reply_error(rq, rs, 400, NULL, "This server hosts Spaces only, not '%.20s' repositories. Create one with type 'space'.", type ? type : "model");
	else if (!sdk || !new_space_is_sdk(sdk))
		http_reply_error(rq, rs, 400, NULL, "A Space needs an sdk: one of gradio, streamlit, static, docker.");
	else if (json_array_size(json_object_get(body, "secrets")) > 0)
		http_reply_error(rq, rs, 501, NULL, "This version of vitrine keeps no secrets yet, so none were stored and nothing was created. Create the Space without them.");
	else if (json_array_size(json_object_get(body, "volumes")) > 0)
		http_reply_error(rq, rs, 501, NULL, "This version of vitrine mounts no volumes yet, so nothing was created. /data is kept without one.");
	else if (text(body, "template"))
		http_reply_error(rq, rs, 501, NULL, "This version of vitrine creates no Spaces from templates yet. Create it empty and upload the files.");
	else {
		if (hardware && strcmp(hardware, "cpu-basic") != 0)
			http_setf(rq, rs, "X-HF-Warning", "hardware; This server has no hardware '%.40s'. The Space runs on cpu-basic.", hardware);
		return 0;
	}
	return 1;
}

/* The owner that the request names, and may the caller create there? 1: answered. */
static int read_owner(struct http_req *rq, struct http_resp *rs, json_t *body, struct store_user *ret, struct sp_err *e)
{
	const char *name = text(body, "organization");
	struct account_object on = { 0 };
	int r = store_user_by_name(rq->srv->store, name && *name ? name : rq->actor.name, ret, e);

	if (r < 0 && r != -SP_ENOENT)
		return r;
	on.owner = ret->id;
	if (r == 0)
		return account_may(&rq->actor, MAY_CREATE, &on, e);
	http_reply_error(rq, rs, 403, NULL, "There is no user or organization '%.60s' that you may create in. You are %s.", name, rq->actor.name);
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

/* Before anything is made: what is refused later would leave half a Space. */
static int check_variables(const json_t *list, struct sp_err *e)
{
	struct variable_in v;
	int r = 0;

	if (json_array_size(list) > SP_LIMIT_variables)
		return sp_fail(e, SP_EQUOTA, 0, "a Space may have %d variables", (int)SP_LIMIT_variables);
	for (size_t i = 0; i < json_array_size(list) && r == 0; i++)
		r = variable_read(json_array_get(list, i), &v, e);
	return r;
}

static int set_variables(struct http_req *rq, const struct sp_id *id, const json_t *list, struct sp_err *e)
{
	struct variable_in v;
	int r = 0;

	for (size_t i = 0; i < json_array_size(list) && r == 0; i++) {
		r = variable_read(json_array_get(list, i), &v, e);
		if (r == 0)
			r = store_variable_set(rq->srv->store, id, v.key, v.value, v.description, e);
	}
	return r;
}

/* Repository first, row second: a row without its repository would be seen, the other is swept away at the next start. */
static int make(struct http_req *rq, struct store_repo *r, const struct new_space *plan, json_t *body, struct sp_err *e)
{
	struct repo_author by = { rq->actor.name, sp_arena_fmt(rq->arena, "%s@users.noreply.%s", rq->actor.name, rq->srv->domain) };
	int res = repo_create(rq->srv->repos, &r->id, plan->files, plan->n_files, &by, r->head, e);

	if (res < 0)
		return res;
	for (size_t i = 0; i < plan->n_files; i++)
		if (strcmp(plan->files[i].path, "README.md") == 0)
			repo_card_read(rq->arena, plan->files[i].bytes, plan->files[i].len, r);
	res = store_repo_add(rq->srv->store, r, e);
	if (res < 0) {
		int undone = repo_delete(rq->srv->repos, &r->id, NULL);

		(void)undone;   /* what stays is swept away at the next start */
		return res;
	}
	res = set_variables(rq, &r->id, json_object_get(body, "variables"), e);
	if (res == 0)
		res = store_event_add(rq->srv->store, &rq->actor.user, &r->id, "create", r->name, e);
	if (res < 0)
		return res;
	if (plan->has_app)
		spaces_pushed(rq->srv->spaces, &r->id, r->head);
	else
		spaces_created(rq->srv->spaces, &r->id);
	return 0;
}

int api_repos_create(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_repo r = { .type = "space", .created_ms = sp_wall_ms() }, was;
	struct new_space plan = { 0 };
	struct store_user owner;
	const char *name, *wrong;
	bool given;
	json_t *body;
	int res = http_json(rq, &body, e);

	if (res == 0)
		res = read_owner(rq, rs, body, &owner, e);
	if (res != 0)
		return res < 0 ? res : 0;
	name = text(body, "name");
	wrong = name ? bad_name(name) : "is missing";
	if (wrong)
		return http_reply_error(rq, rs, 400, NULL, "The name '%.100s' %s.", name ? name : "", wrong);
	res = store_repo_by_name(rq->srv->store, "space", owner.name, name, rq->arena, &was, e);
	if (res == 0)
		return already_there(rq, rs, was.owner_name, was.name);
	if (res != -SP_ENOENT)
		return res;
	if (check_wishes(rq, rs, body) || read_private(rq, rs, body, &r.is_private, &given))
		return 0;
	res = check_quota(rq, &owner, e);
	if (res == 0)
		res = check_variables(json_object_get(body, "variables"), e);
	if (res == 0)
		res = new_space_plan(rq->arena, name, text(body, "sdk"), body, &plan, e);
	if (res < 0)
		return res;

	r.id = sp_id_new();
	r.owner = owner.id;
	r.changed_ms = r.created_ms;
	if (sp_copy(r.owner_name, sizeof(r.owner_name), owner.name) < 0 || sp_copy(r.name, sizeof(r.name), name) < 0 ||
			sp_copy(r.sdk, sizeof(r.sdk), text(body, "sdk")) < 0)
		return sp_fail(e, SP_EBUG, 0, "a checked name does not fit");
	res = make(rq, &r, &plan, body, e);
	if (res == -SP_EEXIST)  /* another request was faster */
		return already_there(rq, rs, r.owner_name, r.name);
	if (res < 0)
		return res;
	return http_reply_json(rq, rs, 200, json_pack("{s:s, s:s, s:s}", "url", url_of(rq, r.owner_name, r.name),
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

int api_repos_move(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	(void)e;
	return http_reply_error(rq, rs, 501, NULL, "This version of vitrine does not rename Spaces yet. Create one under the new name and upload the files to it.");
}

int api_settings(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	bool is_private, given;
	json_t *body;
	int r = http_json(rq, &body, e);

	if (r < 0)
		return r;
	if (read_private(rq, rs, body, &is_private, &given))
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
