/*
 * temp_store.h - a store in a folder of its own that goes with the test, with two users in it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "runtime/store/store.h"

struct temp_store { char path[200]; struct store *st; struct sp_arena arena; struct store_user ada, bob; };

static inline struct store_user temp_user(struct store *st, const char *name, bool is_admin)
{
	struct store_user u = { .id = sp_id_new(), .is_admin = is_admin, .created_ms = sp_wall_ms() };

	snprintf(u.name, sizeof(u.name), "%s", name);
	snprintf(u.fullname, sizeof(u.fullname), "%s L.", name);
	assert_int_equal(store_user_add(st, &u, NULL), 0);
	return u;
}

static inline struct store_repo temp_repo(const struct store_user *owner, const char *name)
{
	static int64_t created = 1000;
	struct store_repo r = { .id = sp_id_new(), .owner = owner->id, .type = "space", .sdk = "gradio",
			.created_ms = created, .changed_ms = created, .tags_json = "[\"gradio\",\"region:us\"]" };

	created += 10;
	snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

static inline int temp_store_make(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct temp_store *t = calloc(1, sizeof(*t));

	if (!t)
		return -1;
	snprintf(t->path, sizeof(t->path), "%s/store_test.XXXXXX", tmp ? tmp : P_tmpdir);
	if (!mkdtemp(t->path) || store_open(t->path, &t->st, NULL) < 0)
		return -1;
	t->ada = temp_user(t->st, "Ada", false);
	t->bob = temp_user(t->st, "bob", false);
	*state = t;
	return 0;
}

static inline int temp_store_drop(void **state)
{
	struct temp_store *t = *state;
	DIR *d = opendir(t->path);

	store_close(t->st);
	if (!d)
		return -1;
	for (struct dirent *at = readdir(d); at; at = readdir(d))
		unlinkat(dirfd(d), at->d_name, 0);
	closedir(d);
	rmdir(t->path);
	sp_arena_fini(&t->arena);
	free(t);
	return 0;
}

#define temp_store_test(name) cmocka_unit_test_setup_teardown(name, temp_store_make, temp_store_drop)
