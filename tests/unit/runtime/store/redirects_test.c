#include <stdio.h>

#include "temp_store.h"

#include "limit.h"

static struct store_repo find(struct temp_store *t, const char *owner, const char *name)
{
	struct store_repo r = { 0 };

	assert_int_equal(store_repo_by_name(t->st, "space", owner, name, &t->arena, &r, NULL), 0);
	return r;
}

static int leads(struct temp_store *t, const char *owner, const char *name, struct sp_id *ret)
{
	return store_redirect_find(t->st, "space", owner, name, ret, NULL);
}

static void old_names_and_hosts_lead_to_the_last_one(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "First");
	struct sp_id to;

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_repo_move(t->st, &r.id, &t->ada.id, "second", NULL), 0);
	assert_int_equal(store_repo_move(t->st, &r.id, &t->bob.id, "third", NULL), 0);
	assert_string_equal(find(t, "bob", "third").label, "bob-third");
	assert_int_equal(leads(t, "ada", "first", &to), 0);
	assert_true(sp_id_eq(&to, &r.id));
	assert_int_equal(leads(t, "ADA", "Second", &to), 0);
	assert_int_equal(store_redirect_by_label(t->st, "ada-second", &to, NULL), 0);
	assert_true(sp_id_eq(&to, &r.id));
	assert_int_equal(store_redirect_by_label(t->st, "bob-third", &to, NULL), -SP_ENOENT);

	/* Back to where it was: that name is a place again and leads nowhere. */
	assert_int_equal(store_repo_move(t->st, &r.id, &t->ada.id, "first", NULL), 0);
	assert_int_equal(leads(t, "ada", "first", &to), -SP_ENOENT);
	assert_int_equal(leads(t, "bob", "third", &to), 0);
	assert_int_equal(store_repo_del(t->st, &r.id, NULL), 0);
	assert_int_equal(leads(t, "bob", "third", &to), -SP_ENOENT);
}

static void a_new_one_takes_the_name(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "one"), other = temp_repo(&t->ada, "ONE"), taken = temp_repo(&t->bob, "one");
	struct sp_id to;

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_repo_move(t->st, &r.id, &t->ada.id, "two", NULL), 0);
	assert_int_equal(store_repo_add(t->st, &other, NULL), 0);
	assert_int_equal(leads(t, "ada", "one", &to), -SP_ENOENT);
	assert_int_equal(store_repo_add(t->st, &taken, NULL), 0);
	assert_int_equal(store_repo_move(t->st, &r.id, &t->bob.id, "One", NULL), -SP_EEXIST);
	assert_string_equal(find(t, "ada", "two").name, "two");         /* nothing of it happened */
	assert_int_equal(leads(t, "ada", "two", &to), -SP_ENOENT);
}

static void only_the_case_keeps_host_and_leaves_no_redirect(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "name");
	struct sp_id to;

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	assert_int_equal(store_repo_move(t->st, &r.id, &t->ada.id, "NAME", NULL), 0);
	assert_string_equal(find(t, "ada", "name").name, "NAME");
	assert_string_equal(find(t, "ada", "name").label, "ada-name");
	assert_int_equal(leads(t, "ada", "name", &to), -SP_ENOENT);
}

static void a_space_has_so_many_former_names(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = temp_repo(&t->ada, "n0");
	unsigned leading = 0;
	struct sp_id to;
	char name[16];

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	for (unsigned i = 1; i <= SP_LIMIT_redirects + 8; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(store_repo_move(t->st, &r.id, &t->ada.id, name, NULL), 0);
	}
	for (unsigned i = 0; i <= SP_LIMIT_redirects + 8; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		leading += leads(t, "ada", name, &to) == 0;
	}
	assert_int_equal(leading, SP_LIMIT_redirects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		temp_store_test(old_names_and_hosts_lead_to_the_last_one),
		temp_store_test(a_new_one_takes_the_name),
		temp_store_test(only_the_case_keeps_host_and_leaves_no_redirect),
		temp_store_test(a_space_has_so_many_former_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
