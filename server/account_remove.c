#include "server/account_remove.h"

#include "limit.h"
#include "runtime/store/store.h"
#include "server/repo_remove.h"
#include "server/server.h"

enum { ROUNDS = 3 };    /* a request that was admitted before the tokens went may still make a Space */

int account_owned(struct server *srv, const struct store_user *user, struct sp_arena *a, struct store_repo **ret, size_t *ret_n,
		struct sp_err *e)
{
	const struct store_repo_query q = { .type = "space", .author = user->name, .viewer_is_admin = true, .sort = SORT_CREATED,
			.limit = SP_LIMIT_spaces_per_user + ROUNDS };

	return store_repo_list(srv->store, &q, a, ret, ret_n, e);
}

static int check_not_last_admin(struct server *srv, const struct store_user *user, struct sp_arena *a, struct sp_err *e)
{
	struct store_user *users;
	size_t n, others = 0;
	int r = user->is_admin ? store_user_list(srv->store, a, &users, &n, e) : 1;

	if (r != 0)
		return r < 0 ? r : 0;
	for (size_t i = 0; i < n; i++)
		others += users[i].is_admin && !sp_id_eq(&users[i].id, &user->id);
	return others ? 0 : sp_fail(e, SP_EDENIED, 0, "this is the last administrator: make another one first");
}

static int sign_off(struct server *srv, const struct store_user *user, struct sp_err *e)
{
	static const int kinds[] = { TOKEN_ACCESS, TOKEN_SESSION, TOKEN_SIGNIN, TOKEN_RESET, TOKEN_REFRESH };
	const struct store_password none = { "" };
	int r = store_user_set_password(srv->store, &user->id, &none, e);

	for (size_t i = 0; r == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		r = store_token_revoke_all(srv->store, &user->id, kinds[i], NULL, e);
	server_account_changed(srv, &user->id);
	return r;
}

static int remove_spaces(struct server *srv, const struct sp_id *actor, const struct store_user *user, struct sp_arena *a, struct sp_err *e)
{
	struct store_repo *repos;
	size_t n;
	int r = account_owned(srv, user, a, &repos, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = repo_remove(srv, actor, &repos[i].id, repos[i].name, e);
		if (r == -SP_ENOENT)
			r = 0;
	}
	return r;
}

static int remove_all(struct server *srv, const struct sp_id *actor, const struct store_user *user, struct sp_arena *a, struct sp_err *e)
{
	int r = sign_off(srv, user, e);

	for (unsigned round = 0; r == 0 && round < ROUNDS; round++) {
		r = remove_spaces(srv, actor, user, a, e);
		if (r == 0)
			r = store_user_del(srv->store, &user->id, e);
		if (r != -SP_EBUSY)
			break;
		r = round + 1 < ROUNDS ? 0 : r;
	}
	return r;
}

int account_remove(struct server *srv, const struct sp_id *actor, const struct store_user *user, bool with_spaces, struct sp_err *e)
{
	struct store_repo *repos;
	struct sp_arena a;
	size_t n = 0;
	int r;

	sp_arena_init(&a);
	r = account_owned(srv, user, &a, &repos, &n, e);
	if (r == 0 && n > 0 && !with_spaces)
		r = sp_fail(e, SP_ESTATE, 0, "%s owns %zu Space%s: delete them first or together with the account", user->name, n, n == 1 ? "" : "s");
	if (r == 0)
		r = check_not_last_admin(srv, user, &a, e);
	if (r == 0)
		r = remove_all(srv, actor, user, &a, e);
	server_account_changed(srv, &user->id);         /* a request under way may have made a token after the others went */
	if (r == 0)
		r = store_event_add(srv->store, actor, NULL, "account-delete", user->name, e);
	sp_arena_fini(&a);
	return r;
}
