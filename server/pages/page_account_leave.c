/* Taking one's data along, and leaving. */
#include <string.h>

#include "clock.h"
#include "runtime/account/account.h"
#include "runtime/store/store.h"
#include "server/account_remove.h"
#include "server/http/auth.h"
#include "server/pages/account.h"
#include "server/server.h"
#include "views.h"

enum { EVENTS_MAX = 10000 };

/* ---- export ---- */

static int add_tokens(struct http_req *rq, json_t *to, const char *key, int kind, struct sp_err *e)
{
	struct store_token *rows;
	json_t *list = json_array();
	size_t n;
	int r = store_token_list(rq->srv->store, &rq->actor.user, kind, rq->arena, &rows, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", rows[i].label,
			"role", rows[i].role == ROLE_READ ? "read" : rows[i].role == ROLE_ADMIN ? "admin" : "write",
			"createdAt", sp_iso_ms(rows[i].created_ms).s,
			"usedAt", rows[i].used_ms ? json_string(sp_iso_ms(rows[i].used_ms).s) : json_null()));
	json_object_set_new(to, key, list);
	return r;
}

static int add_likes(struct http_req *rq, json_t *to, struct sp_err *e)
{
	struct store_liked *rows;
	json_t *list = json_array();
	size_t n;
	int r = store_liked_by(rq->srv->store, rq->actor.name, &rq->actor.user, rq->arena, &rows, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		json_array_append_new(list, json_pack("{s:o, s:s}", "repo", json_sprintf("%s/%s", rows[i].owner_name, rows[i].name),
			"createdAt", sp_iso_ms(rows[i].created_ms).s));
	json_object_set_new(to, "likes", list);
	return r;
}

/* Names only: values may be secrets of somebody else's service. */
static int add_names(struct http_req *rq, json_t *to, const struct sp_id *repo, struct sp_err *e)
{
	json_t *variables = json_array(), *secrets = json_array();
	struct store_variable *vars;
	struct store_secret *hidden;
	size_t n_vars = 0, n_hidden = 0;
	int r = store_variable_list(rq->srv->store, repo, rq->arena, &vars, &n_vars, e);

	if (r == 0)
		r = store_secret_list(rq->srv->store, repo, rq->arena, &hidden, &n_hidden, e);
	for (size_t i = 0; r == 0 && i < n_vars; i++)
		json_array_append_new(variables, json_string(vars[i].key));
	for (size_t i = 0; r == 0 && i < n_hidden; i++)
		json_array_append_new(secrets, json_string(hidden[i].key));
	json_object_set_new(to, "variables", variables);
	json_object_set_new(to, "secrets", secrets);
	return r;
}

static int add_spaces(struct http_req *rq, json_t *to, const struct store_user *user, struct sp_err *e)
{
	json_t *list = json_array();
	struct store_repo *repos;
	size_t n;
	int r = account_owned(rq->srv, user, rq->arena, &repos, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		json_t *one = json_pack("{s:o, s:s, s:b, s:s, s:I, s:s, s:o}", "id", json_sprintf("%s/%s", user->name, repos[i].name),
			"sdk", repos[i].sdk, "private", repos[i].is_private, "sha", repos[i].head, "likes", (json_int_t)repos[i].likes,
			"createdAt", sp_iso_ms(repos[i].created_ms).s,
			"clone", json_sprintf("git clone %s/spaces/%s/%s", rq->origin, user->name, repos[i].name));

		r = add_names(rq, one, &repos[i].id, e);
		json_array_append_new(list, one);
	}
	json_object_set_new(to, "spaces", list);
	return r;
}

static int add_events(struct http_req *rq, json_t *to, struct sp_err *e)
{
	json_t *list = json_array();
	struct store_event *rows;
	size_t n;
	int r = store_event_by_actor(rq->srv->store, &rq->actor.user, EVENTS_MAX, rq->arena, &rows, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "at", sp_iso_ms(rows[i].at_ms).s, "what", rows[i].what,
			"detail", rows[i].detail ? rows[i].detail : ""));
	json_object_set_new(to, "events", list);
	return r;
}

int page_account_export(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_user user;
	json_t *all;
	int r = account_need_session(rq, e);

	if (r == 0)
		r = store_user_by_id(rq->srv->store, &rq->actor.user, &user, e);
	if (r < 0)
		return r;
	all = json_pack("{s:s, s:{s:s, s:s, s:s, s:b, s:s}}", "exportedAt", sp_iso_ms(sp_wall_ms()).s, "profile", "id", user.id.s,
			"name", user.name, "fullname", user.fullname, "isAdmin", user.is_admin, "createdAt", sp_iso_ms(user.created_ms).s);
	if ((r = add_spaces(rq, all, &user, e)) < 0 || (r = add_likes(rq, all, e)) < 0 || (r = add_events(rq, all, e)) < 0 ||
	    (r = add_tokens(rq, all, "tokens", TOKEN_ACCESS, e)) < 0 || (r = add_tokens(rq, all, "sessions", TOKEN_SESSION, e)) < 0) {
		json_decref(all);
		return r;
	}
	http_setf(rq, rs, "Content-Disposition", "attachment; filename=\"vitrine-%s.json\"", user.name);
	http_set(rq, rs, "Cache-Control", "no-store");
	return http_reply_json(rq, rs, 200, all);
}

/* ---- delete ---- */

static int reply_delete(struct http_req *rq, struct http_resp *rs, int status, const char *problem, struct sp_err *e)
{
	struct view_account_delete v = { .error = problem };
	struct store_password password;
	struct store_user user;
	struct store_repo *repos;
	struct view_liked *spaces;
	struct sp_buf html = { 0 };
	size_t n;
	int r = store_user_by_id(rq->srv->store, &rq->actor.user, &user, e);

	if (r == 0)
		r = store_user_password(rq->srv->store, &user.id, &password, e);
	if (r == 0)
		r = account_owned(rq->srv, &user, rq->arena, &repos, &n, e);
	if (r < 0)
		return r;
	spaces = sp_arena_get(rq->arena, (n + 1) * sizeof(*spaces));
	for (size_t i = 0; i < n; i++)
		spaces[i] = (struct view_liked){ .owner = user.name, .name = repos[i].name };
	page_begin(rq, &v.page, "Delete account · vitrine");
	v.page.next = "/-/account/delete";
	v.page.account = v.page.forms = true;
	v.user = user.name;
	v.has_password = password.hash[0] != '\0';
	v.spaces = spaces;
	v.n_spaces = n;
	view_account_delete(&html, &v);
	return page_reply(rq, rs, status, &html, NULL);
}

int page_account_delete(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int r = account_need_session(rq, e);

	return r < 0 ? r : reply_delete(rq, rs, 200, "", e);
}

static int check_confirmed(struct http_req *rq, const struct store_user *user, struct sp_err *e)
{
	const char *confirm = http_form(rq, "confirm"), *given = http_form(rq, "password");
	struct store_password password;
	struct store_user again;
	int r;

	if (!confirm || strcmp(confirm, user->name) != 0)
		return sp_fail(e, SP_EINVAL, 0, "type the user name %s to confirm", user->name);
	r = store_user_password(rq->srv->store, &user->id, &password, e);
	if (r < 0)
		return r;
	if (!password.hash[0])
		return account_need_fresh(rq, e);
	r = account_password_check(rq->srv->store, rq->srv->gate, user->name, given ? given : "", rq->peer, &again, e);
	return r == -SP_EAUTH ? sp_fail(e, SP_EDENIED, 0, "the password is wrong") : r;
}

int page_account_delete_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *spaces = http_form(rq, "spaces");
	struct store_user user;
	int r = account_need_session(rq, e), status;

	if (r == 0)
		r = store_user_by_id(rq->srv->store, &rq->actor.user, &user, e);
	if (r < 0)
		return r;
	r = check_confirmed(rq, &user, e);
	if (r == 0)
		r = account_remove(rq->srv, &user.id, &user, spaces && strcmp(spaces, "delete") == 0, e);
	if (r < 0) {
		status = account_form_status(rq, rs, e);
		return status ? reply_delete(rq, rs, status, account_sentence(rq->arena, e), e) : r;
	}
	auth_set_cookie(rq, rs, "");
	return page_see_other(rq, rs, "/");
}
