/*
 * account_remove.h - deleting a user, for the page and the operator's command. Not on the loop thread.
 */
#pragma once

#include <stdbool.h>

#include "arena.h"
#include "err.h"

struct server;
struct sp_id;
struct store_repo;
struct store_user;

/* What USER owns; in A. */
SP_MUST int account_owned(struct server *srv, const struct store_user *user, struct sp_arena *a, struct store_repo **ret, size_t *ret_n,
		struct sp_err *e);

/*
 * Delete USER: sign-ins and tokens end first, then the Spaces go, then the row with likes and redirects. ACTOR is for the
 * record. SP_ESTATE: owns Spaces and WITH_SPACES was not said. SP_EDENIED: the last administrator. When it fails on
 * the way the account is left without sign-in, and may be deleted again.
 */
SP_MUST int account_remove(struct server *srv, const struct sp_id *actor, const struct store_user *user, bool with_spaces, struct sp_err *e);
