#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "runtime/repo/repo.h"

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static void leave(const char *dir, const struct sp_id *id, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/repos/%s.git/%s", dir, id->s, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* As kill -9 between libgit2's lock and its rename leaves them: without help the branch could never be changed again. */
static void locks_of_the_dead_stop_nobody(void **state)
{
	const struct repo_author ada = { "ada", "ada@localhost" };
	const struct repo_op op = { .kind = OP_PUT, .path = "a", .fd = -1, .bytes = "x", .len = 1 };
	const struct repo_commit_req req = { .branch = "main", .title = "t", .message = "", .author = ada, .ops = &op, .n_ops = 1 };
	char dir[] = "/tmp/stale_test.XXXXXX", head[41], made[41];
	struct sp_id id = sp_id_new();
	struct repos *rs;
	struct sp_err e = { 0 };
	bool changed;

	(void)state;
	log_init("test", LOG_LEVEL_ERR);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(repos_open(dir, &rs, &e), 0);
	assert_int_equal(repo_create(rs, &id, NULL, 0, &ada, head, &e), 0);
	leave(dir, &id, "refs/heads/main.lock");
	leave(dir, &id, "packed-refs.lock");
	leave(dir, &id, "HEAD.lock");
	assert_int_equal(repo_commit(rs, &id, &req, made, &changed, &e), 0);
	assert_true(changed && strcmp(made, head) != 0);
	repos_close(rs);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(locks_of_the_dead_stop_nobody) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
