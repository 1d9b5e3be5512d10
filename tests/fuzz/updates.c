/* fuzz: runtime/repo/updates.c sandbox/worker/pointer.c */
/* What a push's worker says about references and pointers: what is taken is what may be written, each name once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/repo/repo.h"
#include "sandbox/worker/pointer.h"

static void check(const struct repo_update *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strncmp(v[i].ref, "refs/heads/", 11) != 0 && strncmp(v[i].ref, "refs/tags/", 10) != 0)
			abort();
		if (strstr(v[i].ref, "..") || strpbrk(v[i].ref, " \n\t~^:?*[\\") || strlen(v[i].old) != 40 || strlen(v[i].new) != 40 || v[i].moved)
			abort();
		if (strcmp(v[i].ref, "refs/heads/main") == 0 && repo_update_deletes(&v[i]))
			abort();
		for (size_t j = 0; j < i; j++)
			if (strcmp(v[i].ref, v[j].ref) == 0)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct repo_update *v = NULL;
	struct sp_arena a;
	struct sp_err e;
	char sha256[65];
	size_t n = 0;

	sp_arena_init(&a);
	if (repo_updates_parse((const char *)data, size, &a, &v, &n, &e) == 0)
		check(v, n);
	sp_arena_fini(&a);
	if (pointer_parse((const char *)data, size, sha256) && strlen(sha256) != 64)
		abort();
	return 0;
}
