/*
 * space_state.h - what the server says of one Space, for status, ls, open and whoever waits for it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "arena.h"

struct space_state {
	const char *id, *stage, *host, *sdk, *sha, *since;      /* "" when unknown */
	const char *why, *next, *code, *evidence;               /* of runtime.cause; "" when it runs */
	bool is_private;
};

/* Out of an answer of /api/spaces/…; strings in A. */
void space_state_read(const json_t *info, struct sp_arena *a, struct space_state *ret);

bool space_state_is_failed(const struct space_state *s);        /* ended for good: somebody has to do something */

/* "3 min", "2 d" since ISO ("2026-11-23T22:08:17.000Z"); "" when it is none. From A. */
const char *space_state_age(const char *iso, struct sp_arena *a);

/* Why and what next on standard error, evidence above. */
void space_state_complain(const struct space_state *s, struct sp_arena *a);
