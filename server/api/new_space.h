/*
 * new_space.h - the files that a Space begins with (hf-api.md 2.1).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "arena.h"
#include "runtime/repo/repo.h"

struct new_space {
	struct repo_file *files;        /* from the arena */
	size_t n_files;
	bool has_app;                   /* the request brought files of its own: worth a build */
};

bool new_space_is_sdk(const char *sdk);

/* Out of the create request BODY: .gitattributes, README.md with its settings, and BODY's own "files". SP_EINVAL. */
SP_MUST int new_space_plan(struct sp_arena *a, const char *name, const char *sdk, json_t *body, struct new_space *ret, struct sp_err *e);
