#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "temp_repos.h"

static char *resolved(struct ctx *c, const struct sp_id *id, const char *rev)
{
	char *hex = sp_arena_get(&c->a, 41);

	return repo_resolve(c->rs, id, rev, hex, NULL) == 0 ? hex : NULL;
}

static void branches_and_tags_come_and_go(void **state)
{
	struct ctx *c = *state;
	struct sp_err e;

	assert_int_equal(repo_branch_add(c->rs, &c->id, "a", c->head, false, NULL), 0);
	assert_int_equal(repo_branch_add(c->rs, &c->id, "a", c->head, false, &e), -SP_EEXIST);
	assert_string_equal(e.msg, "Reference refs/heads/a already exists");
	assert_int_equal(repo_branch_add(c->rs, &c->id, "a", c->head, true, NULL), 0);
	assert_int_equal(repo_branch_add(c->rs, &c->id, "a/b", c->head, false, NULL), -SP_EEXIST);
	assert_int_equal(repo_branch_add(c->rs, &c->id, "../x", c->head, false, NULL), -SP_EINVAL);
	assert_int_equal(repo_branch_del(c->rs, &c->id, "main", NULL), -SP_EDENIED);
	assert_int_equal(repo_branch_del(c->rs, &c->id, "a", NULL), 0);
	assert_int_equal(repo_branch_del(c->rs, &c->id, "a", NULL), -SP_ENOENT);
	assert_int_equal(repo_branch_del(c->rs, &c->id, "../../HEAD", NULL), -SP_ENOENT);

	assert_int_equal(repo_tag_add(c->rs, &c->id, "v1", c->head, "words", &ada, NULL), 0);
	assert_int_equal(repo_tag_add(c->rs, &c->id, "v1", c->head, NULL, &ada, NULL), -SP_EEXIST);
	assert_string_equal(resolved(c, &c->id, "v1"), c->head);
	assert_int_equal(repo_tag_del(c->rs, &c->id, "v1", NULL), 0);
	assert_null(resolved(c, &c->id, "v1"));
}

static void squashing_keeps_files_and_drops_history(void **state)
{
	struct ctx *c = *state;
	struct repo_commit_info *log;
	char made[41];
	size_t n, total;

	assert_int_equal(repo_squash(c->rs, &c->id, "main", "one", &ada, made, NULL), 0);
	assert_string_equal(resolved(c, &c->id, "main"), made);
	assert_string_not_equal(made, c->head);
	assert_int_equal(repo_log(c->rs, &c->id, made, 0, 10, &c->a, &log, &n, &total, NULL), 0);
	assert_int_equal(total, 1);
	assert_string_equal(log[0].title, "one");
	assert_int_equal(repo_squash(c->rs, &c->id, "none", "one", &ada, made, NULL), -SP_ENOENT);
}

static void a_copy_has_everything_and_lives_alone(void **state)
{
	struct ctx *c = *state;
	struct sp_id to = sp_id_new();
	FILE *f = tmpfile();
	char head[41];
	uint64_t size;

	assert_true(f && fputs("hello", f) >= 0 && fflush(f) == 0);
	assert_int_equal(repo_lfs_put(c->rs, &c->id, fileno(f), HELLO_SHA, NULL), 0);
	fclose(f);
	assert_int_equal(repo_tag_add(c->rs, &c->id, "v1", c->head, "words", &ada, NULL), 0);
	assert_int_equal(repo_copy(c->rs, &c->id, &to, head, NULL), 0);
	assert_string_equal(head, c->head);
	assert_int_equal(repo_copy(c->rs, &c->id, &to, head, NULL), -SP_EEXIST);
	assert_int_equal(repo_delete(c->rs, &c->id, NULL), 0);
	assert_string_equal(resolved(c, &to, "v1"), c->head);
	assert_int_equal(repo_lfs_has(c->rs, &to, HELLO_SHA, &size, NULL), 0);
	assert_int_equal(size, 5);
	assert_int_equal(repo_squash(c->rs, &to, "main", "its own", &ada, head, NULL), 0);
	assert_int_equal(repo_copy(c->rs, &c->id, &c->id, head, NULL), -SP_ENOENT);     /* gone, and nothing half made stays */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ctx, close_ctx)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(branches_and_tags_come_and_go),
		TEST(squashing_keeps_files_and_drops_history),
		TEST(a_copy_has_everything_and_lives_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
