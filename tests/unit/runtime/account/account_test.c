#include "tests/unit/runtime/store/temp_store.h"

#include "runtime/account/account.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_look_like_tokens_and_differ),
		temp_store_test(a_new_user_can_use_its_token),
		temp_store_test(unknown_tokens_are_refused),
		temp_store_test(bad_names_and_tokens_are_refused),
		temp_store_test(a_browser_session_begins_and_ends),
		temp_store_test(a_sign_in_link_works_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
