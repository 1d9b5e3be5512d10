/*
 * recipe.h - what a revision needs to be built and run: its front matter and its files, judged.
 *
 * Made once by the build; the part that runs is kept with the build's row as JSON.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "runtime/build/sdk.h"

/* What to run. Small and flat: every Space has one in memory. Strings are owned. */
struct recipe {
	const struct sdk *sdk;
	char *app_file, *headers, *title;       /* never NULL once filled */
	uint32_t port;
	uint64_t startup_ms;
	bool embed_off;
};

void recipe_fini(struct recipe *r);             /* zeroed is fine */
struct recipe recipe_dup(const struct recipe *r);

/* JSON of R, from the arena. */
const char *recipe_json(const struct recipe *r, struct sp_arena *a);
/* SP_EPROTO: not what recipe_json writes, or an SDK that is gone. */
SP_MUST int recipe_parse(const char *json, struct recipe *ret, struct sp_err *e);
