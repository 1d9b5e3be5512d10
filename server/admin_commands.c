#include "server/admin_commands.h"

#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "runtime/account/account.h"
#include "runtime/store/store.h"
#include "server/account_remove.h"
#include "server/server.h"

typedef int command(struct server *srv, json_t *c, struct sp_arena *a, json_t **ret, struct sp_err *e);

static const char *text_of(json_t *c, const char *key)
{
	return json_string_value(json_object_get(c, key));
}

static int find_user(struct server *srv, json_t *c, struct store_user *ret, struct sp_err *e)
{
	const char *name = text_of(c, "name");
	int r;

	if (!name)
		return sp_fail(e, SP_EINVAL, 0, "the user's name is missing");
	r = store_user_by_name(srv->store, name, ret, e);
	return r == -SP_ENOENT ? sp_fail(e, SP_ENOENT, 0, "there is no user '%.64s'", name) : r;
}

/* PATH?token=TOKEN as the person who gets it opens it; LISTEN_NAME is where the platform is reached. */
static json_t *link_answer(const struct server *srv, const char *path, const char *token)
{
	return json_pack("{s:b, s:o, s:o}", "ok", 1, "path", json_sprintf("%s?token=%s", path, token),
		"url", json_sprintf("%s://%s%s?token=%s", srv->tls ? "https" : "http", srv->listen_name, path, token));
}

static int user_add(struct server *srv, json_t *c, SP_UNUSED struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	const char *name = text_of(c, "name"), *given = text_of(c, "token");
	struct account_token token;
	struct sp_id user;
	int r;

	if (!name)
		return sp_fail(e, SP_EINVAL, 0, "the user's name is missing");
	r = account_user_add(srv->store, name, json_is_true(json_object_get(c, "admin")), given, &token, &user, e);
	if (r == 0)
		r = store_event_add(srv->store, NULL, NULL, "account", name, e);
	if (r < 0)
		return r;
	*ret = json_pack("{s:b, s:s, s:s, s:s}", "ok", 1, "name", name, "id", user.s, "token", token.s);
	return 0;
}

static int user_list(struct server *srv, SP_UNUSED json_t *c, struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	struct store_user *users;
	json_t *list;
	size_t n;
	int r = store_user_list(srv->store, a, &users, &n, e);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_repo_query q = { .type = "space", .author = users[i].name, .viewer_is_admin = true };
		struct store_password password = { "" };
		int64_t spaces = 0;

		r = store_repo_count(srv->store, &q, &spaces, e);
		if (r == 0)
			r = store_user_password(srv->store, &users[i].id, &password, e);
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b, s:I, s:s}", "name", users[i].name, "fullname", users[i].fullname,
			"admin", users[i].is_admin, "password", password.hash[0] != '\0', "spaces", (json_int_t)spaces,
			"createdAt", sp_iso_ms(users[i].created_ms).s));
	}
	*ret = json_pack("{s:b, s:o}", "ok", 1, "users", list);
	return r;
}

static int user_show(struct server *srv, json_t *c, struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	struct store_user user;
	struct store_repo *repos;
	json_t *spaces;
	size_t n;
	int r = find_user(srv, c, &user, e);

	if (r == 0)
		r = account_owned(srv, &user, a, &repos, &n, e);
	if (r < 0)
		return r;
	spaces = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(spaces, json_sprintf("%s/%s", user.name, repos[i].name));
	*ret = json_pack("{s:b, s:s, s:b, s:o}", "ok", 1, "name", user.name, "admin", user.is_admin, "spaces", spaces);
	return 0;
}

static int user_del(struct server *srv, json_t *c, SP_UNUSED struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	struct store_user user;
	int r = find_user(srv, c, &user, e);

	if (r == 0)
		r = account_remove(srv, NULL, &user, json_is_true(json_object_get(c, "with_spaces")), e);
	if (r < 0)
		return r;
	*ret = json_pack("{s:b, s:s}", "ok", 1, "name", user.name);
	return 0;
}

static int user_reset(struct server *srv, json_t *c, SP_UNUSED struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	struct account_token link;
	struct store_user user;
	int r = find_user(srv, c, &user, e);

	if (r == 0)
		r = account_reset_new(srv->store, &user.id, &link, e);
	if (r == 0)
		r = store_event_add(srv->store, NULL, NULL, "reset-link", user.name, e);
	if (r < 0)
		return r;
	*ret = link_answer(srv, "/-/reset", link.s);
	return 0;
}

static int signin_link(struct server *srv, json_t *c, SP_UNUSED struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	struct account_token token;
	struct store_user user;
	int r = find_user(srv, c, &user, e);

	if (r == 0)
		r = account_signin_new(srv->store, &user.id, &token, e);
	if (r < 0)
		return r;
	*ret = link_answer(srv, "/-/signin", token.s);
	return 0;
}

static int invite_add(struct server *srv, json_t *c, SP_UNUSED struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	const char *name = text_of(c, "name");
	struct account_token link;
	struct store_invite row;
	int r = account_invite_new(srv->store, name ? name : "", json_is_true(json_object_get(c, "admin")), &link, &row, e);

	if (r == 0)
		r = store_event_add(srv->store, NULL, NULL, "invite", row.name, e);
	if (r < 0)
		return r;
	*ret = link_answer(srv, "/-/invite", link.s);
	json_object_set_new(*ret, "id", json_string(row.id.s));
	json_object_set_new(*ret, "expiresAt", json_string(sp_iso_ms(row.expires_ms).s));
	return 0;
}

static int invite_list(struct server *srv, SP_UNUSED json_t *c, struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	struct store_invite *rows;
	json_t *list;
	size_t n;
	int r = store_invite_list(srv->store, a, &rows, &n, e);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s, s:s}", "id", rows[i].id.s, "name", rows[i].name, "admin", rows[i].is_admin,
			"createdAt", sp_iso_ms(rows[i].created_ms).s, "expiresAt", sp_iso_ms(rows[i].expires_ms).s));
	*ret = json_pack("{s:b, s:o}", "ok", 1, "invitations", list);
	return 0;
}

static int invite_del(struct server *srv, json_t *c, SP_UNUSED struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	const char *given = text_of(c, "id");
	struct sp_id id;
	int r;

	if (!given || sp_id_parse(given, &id) < 0)
		return sp_fail(e, SP_EINVAL, 0, "an invitation is named by its id: 'vitrine admin invites' lists them");
	r = store_invite_del(srv->store, &id, e);
	if (r == 0)
		r = store_event_add(srv->store, NULL, NULL, "invite-revoke", id.s, e);
	if (r < 0)
		return r;
	*ret = json_pack("{s:b, s:s}", "ok", 1, "id", id.s);
	return 0;
}

static int status(struct server *srv, SP_UNUSED json_t *c, SP_UNUSED struct sp_arena *a, json_t **ret, struct sp_err *e)
{
	int64_t users;
	int r = store_user_count(srv->store, &users, e);

	if (r < 0)
		return r;
	*ret = json_pack("{s:b, s:i, s:I, s:s}", "ok", 1, "pid", (int)getpid(), "users", (json_int_t)users, "listen_name", srv->listen_name);
	return 0;
}

static const struct { const char *name; command *run; } commands[] = {
	{ "user-add",    user_add },
	{ "user-list",   user_list },
	{ "user-show",   user_show },
	{ "user-del",    user_del },
	{ "user-reset",  user_reset },
	{ "signin-link", signin_link },
	{ "invite-add",  invite_add },
	{ "invite-list", invite_list },
	{ "invite-del",  invite_del },
	{ "status",      status },
};

int admin_run(struct server *srv, json_t *c, json_t **ret, struct sp_err *e)
{
	const char *name = text_of(c, "cmd");
	json_t *answer = NULL;
	struct sp_arena a;
	int r = sp_fail(e, SP_EUNSUPPORTED, 0, "this server has no such command");

	sp_arena_init(&a);
	for (size_t i = 0; name && i < SP_COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			r = commands[i].run(srv, c, &a, &answer, e);
	sp_arena_fini(&a);
	if (r < 0)
		json_decref(answer);
	else
		*ret = answer;
	return r;
}
