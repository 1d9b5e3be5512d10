#include "tests/unit/runtime/store/temp_store.h"

#include "limit.h"
#include "runtime/account/account.h"
#include "runtime/account/gate.h"

static void tokens_look_like_tokens_and_differ(void **state)
{
	struct account_token a = account_token_new(), b = account_token_new();

	(void)state;
	assert_int_equal(strlen(a.s), 37);
	assert_int_equal(strncmp(a.s, "hf_", 3), 0);
	assert_int_equal(strspn(a.s + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 34);
	assert_string_not_equal(a.s, b.s);
}

static void a_new_user_can_use_its_token(void **state)
{
	struct temp_store *t = *state;
	struct account_actor who;
	struct account_token token;
	struct sp_id id;

	assert_int_equal(account_user_add(t->st, "Grace-H", false, NULL, &token, &id, NULL), 0);
	assert_int_equal(account_by_token(t->st, token.s, &who, NULL), 0);
	assert_string_equal(who.name, "Grace-H");
	assert_int_equal(who.role, ROLE_WRITE);
	assert_false(who.is_admin || who.by_session);
	assert_true(sp_id_eq(&who.user, &id));
	assert_int_equal(account_user_add(t->st, "grace-h", false, NULL, &token, &id, NULL), -SP_EEXIST);

	assert_int_equal(account_user_add(t->st, "admin", true, "my-own-secret-token", &token, NULL, NULL), 0);
	assert_string_equal(token.s, "my-own-secret-token");
	assert_int_equal(account_by_token(t->st, "my-own-secret-token", &who, NULL), 0);
	assert_true(who.is_admin && who.role == ROLE_ADMIN);
}

static void unknown_tokens_are_refused(void **state)
{
	struct temp_store *t = *state;
	struct account_actor who;
	char big[2000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(account_by_token(t->st, "", &who, NULL), -SP_EAUTH);
	assert_int_equal(account_by_token(t->st, "hf_nope", &who, NULL), -SP_EAUTH);
	assert_int_equal(account_by_token(t->st, big, &who, NULL), -SP_EAUTH);
}

static void bad_names_and_tokens_are_refused(void **state)
{
	static const char *const names[] = { "", "a", "-a", "a-", "a--b", "a_b", "a.b", "a/b", "\xc3\xa9v", "api", "Spaces",
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	static const char *const tokens[] = { "", "short", "has a space", "new\nline-token", "api_org_something", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" };
	struct temp_store *t = *state;
	struct account_token token;
	struct sp_err e;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(account_user_add(t->st, names[i], false, NULL, &token, NULL, &e), -SP_EINVAL);
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		assert_int_equal(account_user_add(t->st, "fine", false, tokens[i], &token, NULL, &e), -SP_EINVAL);
	assert_int_equal(account_user_add(t->st, "a1", false, NULL, &token, NULL, NULL), 0);
	assert_int_equal(account_user_add(t->st, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false, NULL, &token, NULL, NULL), 0);
}

static void a_browser_session_begins_and_ends(void **state)
{
	struct temp_store *t = *state;
	struct account_token cookie;
	struct account_actor who;

	assert_int_equal(account_session_new(t->st, &t->ada.id, "Chromium on Linux", &cookie, NULL), 0);
	assert_int_equal(account_by_session(t->st, cookie.s, &who, NULL), 0);
	assert_true(who.by_session);
	assert_int_equal(who.role, ROLE_WRITE);
	assert_int_equal(account_by_token(t->st, cookie.s, &who, NULL), -SP_EAUTH);     /* a cookie is no bearer token */
	assert_int_equal(account_session_end(t->st, cookie.s, NULL), 0);
	assert_int_equal(account_session_end(t->st, cookie.s, NULL), 0);
	assert_int_equal(account_by_session(t->st, cookie.s, &who, NULL), -SP_EAUTH);
}

static void a_sign_in_link_works_once(void **state)
{
	struct temp_store *t = *state;
	struct account_token link, token;
	struct account_actor who;
	struct sp_id user;

	assert_int_equal(account_signin_new(t->st, &t->bob.id, &link, NULL), 0);
	assert_int_equal(account_by_session(t->st, link.s, &who, NULL), -SP_EAUTH);
	assert_int_equal(account_by_token(t->st, link.s, &who, NULL), -SP_EAUTH);
	assert_int_equal(account_signin_use(t->st, link.s, &user, NULL), 0);
	assert_true(sp_id_eq(&user, &t->bob.id));
	assert_int_equal(account_signin_use(t->st, link.s, &user, NULL), -SP_EAUTH);

	assert_int_equal(account_user_add(t->st, "eve", false, NULL, &token, NULL, NULL), 0);
	assert_int_equal(account_signin_use(t->st, token.s, &user, NULL), -SP_EAUTH);   /* and does not spend it */
	assert_int_equal(account_by_token(t->st, token.s, &who, NULL), 0);
}

struct gated { struct temp_store *t; struct gate *g; };

static struct gated gated(void **state)
{
	struct gated w = { *state, NULL };

	assert_int_equal(gate_new(&w.g, NULL), 0);
	return w;
}

static void a_password_signs_its_user_in_and_nobody_else(void **state)
{
	struct gated w = gated(state);
	struct store_user found;
	struct account_token here, there;
	struct account_actor who;
	struct sp_err e;

	assert_int_equal(account_password_check(w.t->st, w.g, "Ada", "", "192.0.2.1", &found, &e), -SP_EAUTH);
	assert_int_equal(account_password_set(w.t->st, w.g, &w.t->ada, "short", NULL, &e), -SP_EINVAL);
	assert_int_equal(account_session_new(w.t->st, &w.t->ada.id, "here", &here, NULL), 0);
	assert_int_equal(account_session_new(w.t->st, &w.t->ada.id, "there", &there, NULL), 0);
	assert_int_equal(account_by_session(w.t->st, here.s, &who, NULL), 0);
	assert_int_equal(account_password_set(w.t->st, w.g, &w.t->ada, "a good password", &who.token, &e), 0);
	assert_int_equal(account_by_session(w.t->st, here.s, &who, NULL), 0);
	assert_int_equal(account_by_session(w.t->st, there.s, &who, NULL), -SP_EAUTH);

	assert_int_equal(account_password_check(w.t->st, w.g, "ADA", "a good password", "192.0.2.1", &found, &e), 0);
	assert_true(sp_id_eq(&found.id, &w.t->ada.id));
	assert_int_equal(account_password_check(w.t->st, w.g, "ada", "a good passwore", "192.0.2.1", &found, &e), -SP_EAUTH);
	assert_int_equal(account_password_check(w.t->st, w.g, "bob", "a good password", "192.0.2.1", &found, &e), -SP_EAUTH);
	assert_int_equal(account_password_check(w.t->st, w.g, "nobody", "a good password", "192.0.2.1", &found, &e), -SP_EAUTH);
	gate_free(w.g);
}

static void an_invitation_makes_one_user(void **state)
{
	struct gated w = gated(state);
	struct account_token link;
	struct store_invite row;
	struct sp_id user;
	struct sp_err e;

	assert_int_equal(account_invite_new(w.t->st, "ADA", false, &link, &row, &e), -SP_EEXIST);
	assert_int_equal(account_invite_new(w.t->st, "no good", false, &link, &row, &e), -SP_EINVAL);
	assert_int_equal(account_invite_new(w.t->st, "", true, &link, &row, &e), 0);
	assert_int_equal(account_invite_use(w.t->st, w.g, "nonsense", "grace", "a good password", &user, &e), -SP_EAUTH);
	assert_int_equal(account_invite_use(w.t->st, w.g, link.s, "bob", "a good password", &user, &e), -SP_EEXIST);
	assert_int_equal(account_invite_use(w.t->st, w.g, link.s, "grace", "short", &user, &e), -SP_EINVAL);
	assert_int_equal(account_invite_use(w.t->st, w.g, link.s, "grace", "a good password", &user, &e), 0);
	assert_int_equal(account_invite_use(w.t->st, w.g, link.s, "heidi", "a good password", &user, &e), -SP_EAUTH);
	assert_int_equal(account_invite_find(w.t->st, link.s, &row, &e), -SP_EAUTH);
	gate_free(w.g);
}

static void a_refresh_token_renews_once_and_goes_with_its_access_token(void **state)
{
	struct temp_store *t = *state;
	struct account_token access, refresh, next, next_refresh;
	struct account_actor who;

	assert_int_equal(account_grant_new(t->st, &t->ada.id, "hf auth login", ROLE_READ, &access, &refresh, NULL), 0);
	assert_int_equal(account_token_refresh(t->st, access.s, &next, &next_refresh, NULL), -SP_EAUTH);
	assert_int_equal(account_token_refresh(t->st, refresh.s, &next, &next_refresh, NULL), 0);
	assert_int_equal(account_token_refresh(t->st, refresh.s, &access, &refresh, NULL), -SP_EAUTH);
	assert_int_equal(account_by_token(t->st, next.s, &who, NULL), 0);
	assert_int_equal(who.role, ROLE_READ);
	assert_int_equal(store_token_revoke(t->st, &t->bob.id, &who.token, NULL), -SP_ENOENT);
	assert_int_equal(store_token_revoke(t->st, &t->ada.id, &who.token, NULL), 0);
	assert_int_equal(account_by_token(t->st, next.s, &who, NULL), -SP_EAUTH);
	assert_int_equal(account_token_refresh(t->st, next_refresh.s, &access, &refresh, NULL), -SP_EAUTH);
}

static void there_are_so_many_tokens_and_sessions(void **state)
{
	struct temp_store *t = *state;
	struct account_token token, first;
	struct account_actor who;
	struct store_token *rows;
	size_t n = 0;

	assert_int_equal(account_session_new(t->st, &t->ada.id, "first", &first, NULL), 0);
	for (int i = 0; i < SP_LIMIT_tokens_per_user; i++) {
		assert_int_equal(account_token_add(t->st, &t->ada.id, "one", ROLE_READ, &token, NULL), 0);
		assert_int_equal(account_by_session(t->st, first.s, &who, NULL), 0);
	}
	assert_int_equal(account_token_add(t->st, &t->ada.id, "more", ROLE_READ, &token, NULL), -SP_EQUOTA);
	for (int i = 0; i < SP_LIMIT_tokens_per_user; i++)
		assert_int_equal(account_session_new(t->st, &t->ada.id, "one", &token, NULL), 0);
	assert_int_equal(store_token_list(t->st, &t->ada.id, TOKEN_SESSION, &t->arena, &rows, &n, NULL), 0);
	assert_int_equal(n, SP_LIMIT_tokens_per_user);
}

static void a_deleted_user_leaves_no_like_and_the_last_administrator_stays(void **state)
{
	struct temp_store *t = *state;
	struct store_repo row = temp_repo(&t->bob, "app"), got;
	struct store_user root = temp_user(t->st, "root", true), *users;
	int64_t likes = 0;
	size_t n = 0;

	assert_int_equal(store_repo_add(t->st, &row, NULL), 0);
	assert_int_equal(store_like_set(t->st, &t->ada.id, &row.id, true, &likes, NULL), 0);
	assert_int_equal(store_like_set(t->st, &t->bob.id, &row.id, true, &likes, NULL), 0);
	assert_int_equal(store_user_del(t->st, &t->bob.id, NULL), -SP_EBUSY);
	assert_int_equal(store_repo_by_id(t->st, &row.id, &t->arena, &got, NULL), 0);
	assert_int_equal(got.likes, 2);
	assert_int_equal(store_user_del(t->st, &t->ada.id, NULL), 0);
	assert_int_equal(store_repo_by_id(t->st, &row.id, &t->arena, &got, NULL), 0);
	assert_int_equal(got.likes, 1);
	assert_int_equal(store_user_del(t->st, &t->ada.id, NULL), -SP_ENOENT);
	assert_int_equal(store_user_del(t->st, &root.id, NULL), -SP_EDENIED);
	assert_int_equal(store_user_list(t->st, &t->arena, &users, &n, NULL), 0);
	assert_int_equal(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_look_like_tokens_and_differ),
		temp_store_test(a_new_user_can_use_its_token),
		temp_store_test(unknown_tokens_are_refused),
		temp_store_test(bad_names_and_tokens_are_refused),
		temp_store_test(a_browser_session_begins_and_ends),
		temp_store_test(a_sign_in_link_works_once),
		temp_store_test(a_password_signs_its_user_in_and_nobody_else),
		temp_store_test(an_invitation_makes_one_user),
		temp_store_test(a_refresh_token_renews_once_and_goes_with_its_access_token),
		temp_store_test(there_are_so_many_tokens_and_sessions),
		temp_store_test(a_deleted_user_leaves_no_like_and_the_last_administrator_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
