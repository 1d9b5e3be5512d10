#include "tests/unit/runtime/store/temp_store.h"

#include <string.h>

static struct store_repo add_repo(struct temp_store *t, const char *name)
{
	struct store_repo r = temp_repo(&t->ada, name);

	assert_int_equal(store_repo_add(t->st, &r, NULL), 0);
	return r;
}

static void bytes_come_back_as_they_were_sealed(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = add_repo(t, "sealed");
	const uint8_t bytes[] = { 0, 1, 0xff, 0, 7 };
	struct store_secret s = { .key = "TOKEN", .sealed = bytes, .sealed_n = sizeof(bytes), .description = "why" }, *v;
	size_t n;

	assert_int_equal(store_secret_set(t->st, &r.id, &s, NULL), 0);
	assert_int_equal(store_secret_list(t->st, &r.id, &t->arena, &v, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].sealed_n, sizeof(bytes));
	assert_memory_equal(v[0].sealed, bytes, sizeof(bytes));
	assert_string_equal(v[0].description, "why");

	s.sealed_n = 2;         /* the same name again replaces it */
	s.description = NULL;
	assert_int_equal(store_secret_set(t->st, &r.id, &s, NULL), 0);
	assert_int_equal(store_secret_list(t->st, &r.id, &t->arena, &v, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].sealed_n, 2);
	assert_null(v[0].description);
}

static void absent_is_fine_and_a_repository_takes_its_secrets_along(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = add_repo(t, "gone");
	struct store_secret s = { .key = "TOKEN", .sealed = (const uint8_t *)"x", .sealed_n = 1 }, *v;
	struct sp_id nobody = sp_id_new();
	size_t n = 1;

	assert_int_equal(store_secret_del(t->st, &r.id, "NOT_THERE", NULL), 0);
	assert_int_equal(store_secret_set(t->st, &nobody, &s, NULL), -SP_ENOENT);
	assert_int_equal(store_secret_set(t->st, &r.id, &s, NULL), 0);
	assert_int_equal(store_repo_del(t->st, &r.id, NULL), 0);
	assert_int_equal(store_secret_list(t->st, &r.id, &t->arena, &v, &n, NULL), 0);
	assert_int_equal(n, 0);
}

static void a_change_is_remembered_also_when_it_deleted(void **state)
{
	struct temp_store *t = *state;
	struct store_repo r = add_repo(t, "changed");
	struct store_secret s = { .key = "TOKEN", .sealed = (const uint8_t *)"x", .sealed_n = 1, .changed_ms = 1000 };
	int64_t at = -1;

	assert_int_equal(store_environment_changed(t->st, &r.id, &at, NULL), 0);
	assert_int_equal(at, 0);
	assert_int_equal(store_secret_set(t->st, &r.id, &s, NULL), 0);
	assert_int_equal(store_environment_changed(t->st, &r.id, &at, NULL), 0);
	assert_int_equal(at, 1000);
	assert_int_equal(store_event_add(t->st, &t->ada.id, &r.id, "secret.delete", "TOKEN", NULL), 0);
	assert_int_equal(store_environment_changed(t->st, &r.id, &at, NULL), 0);
	assert_true(at > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_come_back_as_they_were_sealed, temp_store_make, temp_store_drop),
		cmocka_unit_test_setup_teardown(absent_is_fine_and_a_repository_takes_its_secrets_along, temp_store_make, temp_store_drop),
		cmocka_unit_test_setup_teardown(a_change_is_remembered_also_when_it_deleted, temp_store_make, temp_store_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
