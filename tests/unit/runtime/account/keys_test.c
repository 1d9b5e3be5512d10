/* What the installation's key seals and signs, and for whom it opens again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "runtime/account/keys.h"

struct fixture { char dir[64]; struct keys *k; struct sp_arena a; };

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .dir = "/tmp/vitrine-keys-XXXXXX" };
	assert_non_null(mkdtemp(f.dir));
	sp_arena_init(&f.a);
	assert_int_equal(keys_open(f.dir, &f.k, NULL), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];

	keys_close(f->k);
	sp_arena_fini(&f->a);
	snprintf(path, sizeof(path), "%s/keys/master.key", f->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/keys", f->dir);
	rmdir(path);
	return rmdir(f->dir);
}

static void seals_for_one_context(void **state)
{
	struct fixture *f = *state;
	const uint8_t *sealed;
	uint8_t bent[64];
	char *plain;
	size_t n, plain_n;

	assert_int_equal(keys_seal(f->k, "secret R KEY", "hello", 5, &f->a, &sealed, &n, NULL), 0);
	assert_null(memmem(sealed, n, "hello", 5));
	assert_int_equal(keys_unseal(f->k, "secret R KEY", sealed, n, &f->a, &plain, &plain_n, NULL), 0);
	assert_int_equal(plain_n, 5);
	assert_string_equal(plain, "hello");
	assert_int_equal(keys_unseal(f->k, "secret R OTHER", sealed, n, &f->a, &plain, &plain_n, NULL), -SP_EDENIED);
	assert_int_equal(keys_unseal(f->k, "secret R KEY", sealed, n - 1, &f->a, &plain, &plain_n, NULL), -SP_EDENIED);
	assert_int_equal(keys_unseal(f->k, "secret R KEY", sealed, 3, &f->a, &plain, &plain_n, NULL), -SP_EDENIED);
	assert_true(n <= sizeof(bent));
	for (size_t i = 0; i < n; i++) {
		memcpy(bent, sealed, n);
		bent[i] ^= 1;
		assert_int_equal(keys_unseal(f->k, "secret R KEY", bent, n, &f->a, &plain, &plain_n, NULL), -SP_EDENIED);
	}
}

static void opens_after_a_restart(void **state)
{
	struct fixture *f = *state;
	const uint8_t *sealed;
	struct stat st;
	char *plain, path[128];
	size_t n, plain_n;

	assert_int_equal(keys_seal(f->k, "c", "", 0, &f->a, &sealed, &n, NULL), 0);
	keys_close(f->k);
	assert_int_equal(keys_open(f->dir, &f->k, NULL), 0);
	assert_int_equal(keys_unseal(f->k, "c", sealed, n, &f->a, &plain, &plain_n, NULL), 0);
	snprintf(path, sizeof(path), "%s/keys/master.key", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
}

static void a_damaged_key_is_not_replaced(void **state)
{
	struct fixture *f = *state;
	struct keys *k = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/keys/master.key", f->dir);
	assert_int_equal(truncate(path, 31), 0);
	assert_int_equal(keys_open(f->dir, &k, NULL), -SP_EPROTO);
}

static void claims_expire_and_have_one_purpose(void **state)
{
	struct fixture *f = *state;
	sp_auto_buf struct sp_buf b = { 0 };
	const char *payload;

	assert_int_equal(keys_sign(f->k, "lfs-upload", "R \"x\" 12", 1000, &b, NULL), 0);
	assert_int_equal(keys_check(f->k, "lfs-upload", b.p, 999, &f->a, &payload, NULL), 0);
	assert_string_equal(payload, "R \"x\" 12");
	assert_int_equal(keys_check(f->k, "lfs-upload", b.p, 1000, &f->a, &payload, NULL), -SP_EAUTH);
	assert_int_equal(keys_check(f->k, "lfs-download", b.p, 999, &f->a, &payload, NULL), -SP_EAUTH);
	for (size_t i = 0; i < b.n; i++) {
		char was = b.p[i];

		b.p[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(keys_check(f->k, "lfs-upload", b.p, 999, &f->a, &payload, NULL), -SP_EAUTH);
		b.p[i] = was;
	}
	assert_int_equal(keys_check(f->k, "lfs-upload", "", 0, &f->a, &payload, NULL), -SP_EAUTH);
	assert_int_equal(keys_check(f->k, "lfs-upload", "a.b", 0, &f->a, &payload, NULL), -SP_EAUTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(seals_for_one_context, setup, teardown),
		cmocka_unit_test_setup_teardown(opens_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_key_is_not_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_expire_and_have_one_purpose, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
