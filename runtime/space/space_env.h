/*
 * space_env.h - what an app is given at its start: variables, secrets, and what happens when they change.
 */
#pragma once

#include "arena.h"
#include "err.h"
#include "id.h"
#include "runtime/account/keys.h"
#include "runtime/store/store.h"

struct spaces;
struct space;

/* What a secret is sealed for (keys.h): it opens in no other Space and under no other name. From A. */
const char *space_secret_context(struct sp_arena *a, const struct sp_id *space, const char *key);

/*
 * Variables and, in the clear, secrets of SPACE as one list, in A, which is to be wiped (sp_arena_wipe).
 * SP_EDENIED: a secret cannot be opened with K; RET_KEY (128 bytes) is its name.
 */
SP_MUST int space_env_read(struct store *st, const struct keys *k, const struct sp_id *space, struct sp_arena *a,
		struct store_variable **ret, size_t *ret_n, char ret_key[128], struct sp_err *e);

/*
 * [any] A variable or secret changed: an app that runs, starts or failed starts anew with it; one that is
 * paused or asleep reads it when it starts. The first change acts at once, more of them within a moment act together.
 */
void spaces_env_changed(struct spaces *sp, const struct sp_id *space);

/* Loop thread: the same. */
void space_env_changed(struct space *s);
