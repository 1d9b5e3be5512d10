#include "server/api/repo_make.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "limit.h"
#include "runtime/repo/repo.h"
#include "server/api/secrets.h"
#include "server/api/variables.h"
#include "server/repo_remove.h"
#include "server/server.h"

/* hf-api.md 0.4, which clients check too; "--" would make two names share a host (C-HF-110). */
const char *repo_name_fault(const char *name)
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

const char *repo_url(struct http_req *rq, const char *owner, const char *name)
{
	return sp_arena_fmt(rq->arena, "%s/spaces/%s/%s", rq->origin, owner, name);
}

int repo_owner(struct http_req *rq, struct http_resp *rs, const char *name, struct store_user *ret, struct sp_err *e)
{
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

int repo_target(struct http_req *rq, struct http_resp *rs, const char *id, struct store_user *ret_owner, const char **ret_name, struct sp_err *e)
{
	const char *slash = id ? strchr(id, '/') : NULL, *name = slash ? slash + 1 : NULL, *wrong = name ? repo_name_fault(name) : NULL;
	int r;

	if (!name || wrong) {
		http_reply_error(rq, rs, 400, NULL, "The new name '%.100s' %s.", id ? id : "", wrong ? wrong : "must be OWNER/NAME");
		return 1;
	}
	r = repo_owner(rq, rs, sp_arena_mem(rq->arena, id, (size_t)(slash - id)), ret_owner, e);
	if (r == 0)
		*ret_name = name;
	return r;
}

int repo_visibility(struct http_req *rq, struct http_resp *rs, const json_t *body, bool *ret, bool *ret_given)
{
	const char *visibility = json_string_value(json_object_get(body, "visibility"));
	json_t *old = json_object_get(body, "private");

	*ret_given = visibility || json_is_boolean(old);
	*ret = visibility ? strcmp(visibility, "private") == 0 : json_is_true(old);
	if (!visibility || strcmp(visibility, "public") == 0 || strcmp(visibility, "private") == 0)
		return 0;
	http_reply_error(rq, rs, 400, NULL, "The visibility '%.40s' is not known to this server. Use public or private.", visibility);
	return 1;
}

int repo_already_there(struct http_req *rq, struct http_resp *rs, const char *owner, const char *name)
{
	static const char why[] = "You already created this space repo";

	http_set(rq, rs, "X-Error-Message", why);
	return http_reply_json(rq, rs, 409, json_pack("{s:s, s:s}", "error", why, "url", repo_url(rq, owner, name)));
}

/* ---- what comes with it ---- */

static bool has_key(const json_t *list, const char *key)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *k = json_string_value(json_object_get(json_array_get(list, i), "key"));

		if (k && strcmp(k, key) == 0)
			return true;
	}
	return false;
}

/* Before anything is made: what is refused later would leave half a Space. */
static int check_lists(const struct repo_wish *w, struct sp_err *e)
{
	struct variable_in v;
	struct secret_in s;
	int r = 0;

	if (json_array_size(w->variables) > SP_LIMIT_variables || json_array_size(w->secrets) > SP_LIMIT_secrets)
		return sp_fail(e, SP_EQUOTA, 0, "a Space may have %d variables and %d secrets", (int)SP_LIMIT_variables, (int)SP_LIMIT_secrets);
	for (size_t i = 0; i < json_array_size(w->variables) && r == 0; i++)
		r = variable_read(json_array_get(w->variables, i), &v, e);
	for (size_t i = 0; i < json_array_size(w->secrets) && r == 0; i++) {
		r = secret_read(json_array_get(w->secrets, i), &s, e);
		if (r == 0 && has_key(w->variables, s.key))
			r = sp_fail(e, SP_EINVAL, 0, "'%.100s' is a secret and a variable at once: choose another name for one of them", s.key);
	}
	return r;
}

int repo_wish_read(struct http_req *rq, struct http_resp *rs, const json_t *body, struct repo_wish *ret, struct sp_err *e)
{
	const char *hardware = json_string_value(json_object_get(body, "hardware"));
	struct repo_wish w = { json_object_get(body, "secrets"), json_object_get(body, "variables"), 0 };
	json_int_t sleep_s = json_integer_value(json_object_get(body, "sleepTimeSeconds"));
	int r;

	if (json_array_size(json_object_get(body, "volumes")) > 0) {
		http_reply_error(rq, rs, 501, NULL, "This version of vitrine mounts no volumes yet, so nothing was created. /data is kept without one.");
		return 1;
	}
	w.sleep_s = sleep_s == -1 || sleep_s > 0 ? sleep_s : 0;
	r = check_lists(&w, e);
	if (r < 0)
		return r;
	if (hardware && strcmp(hardware, "cpu-basic") != 0)
		http_setf(rq, rs, "X-HF-Warning", "hardware; This server has no hardware '%.40s'. The Space runs on cpu-basic.", hardware);
	*ret = w;
	return 0;
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

/* C-HF-39. One that is given as a secret now does not come along: a name is one or the other. */
static int copy_variables(struct http_req *rq, const struct sp_id *from, const struct sp_id *to, const json_t *secrets, struct sp_err *e)
{
	struct store_variable *v = NULL;
	size_t n = 0;
	int r = store_variable_list(rq->srv->store, from, rq->arena, &v, &n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		if (!has_key(secrets, v[i].key))
			r = store_variable_set(rq->srv->store, to, v[i].key, v[i].value, v[i].description, e);
	return r;
}

static int set_secrets(struct http_req *rq, const struct store_repo *repo, const json_t *list, struct sp_err *e)
{
	struct secret_in s;
	int r = 0;

	for (size_t i = 0; i < json_array_size(list) && r == 0; i++) {
		r = secret_read(json_array_get(list, i), &s, e);
		if (r == 0)
			r = secret_put(rq->srv, &rq->actor, repo, s.key, s.value, s.description, e);
	}
	return r == -SP_EEXIST ? sp_fail(e, SP_EINVAL, 0, "a secret has the name of a variable") : r;
}

int repo_row_add(struct http_req *rq, const struct store_repo *r, const struct sp_id *from, const struct repo_wish *w,
		const char *what, struct sp_err *e)
{
	int res = store_repo_add(rq->srv->store, r, e), undone;

	if (res < 0) {
		undone = repo_delete(rq->srv->repos, &r->id, NULL);
		(void)undone;   /* what stays is swept away at the next start */
		return res;
	}
	if (from)
		res = copy_variables(rq, from, &r->id, w->secrets, e);
	if (res == 0)
		res = set_variables(rq, &r->id, w->variables, e);
	if (res == 0)
		res = set_secrets(rq, r, w->secrets, e);
	if (res == 0)
		res = store_event_add(rq->srv->store, &rq->actor.user, &r->id, what, from ? r->duplicated_from : r->name, e);
	if (res < 0) {
		undone = repo_remove(rq->srv, &rq->actor.user, &r->id, r->name, NULL);
		(void)undone;
	}
	return res;
}
