/*
 * temp_repos.h - a store of repositories in a folder of its own that goes with the test, with one repository in it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "runtime/repo/repo.h"

#define HELLO_SHA "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

struct ctx { char dir[256]; struct repos *rs; struct sp_id id; struct sp_arena a; char head[41]; };

static const struct repo_author ada __attribute__((unused)) = { "ada", "ada@localhost" };

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static inline int open_ctx(void **state)
{
	static const struct repo_file files[] = { { ".gitattributes", "", 0 }, { "README.md", "hello", 5 } };
	struct ctx *c = calloc(1, sizeof(*c));
	const char *tmp = getenv("TMPDIR");

	snprintf(c->dir, sizeof(c->dir), "%s/repo_test.XXXXXX", tmp ? tmp : P_tmpdir);
	if (!mkdtemp(c->dir))
		return -1;
	*state = c;
	c->id = sp_id_new();
	sp_arena_init(&c->a);
	if (repos_open(c->dir, &c->rs, NULL) < 0)
		return -1;
	return repo_create(c->rs, &c->id, files, 2, &ada, c->head, NULL);
}

static inline int close_ctx(void **state)
{
	struct ctx *c = *state;

	repos_close(c->rs);
	sp_arena_fini(&c->a);
	nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(c);
	return 0;
}
