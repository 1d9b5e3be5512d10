/*
 * secrets.h - secrets of a Space: written by its API, its page, and when it is created; read by its app alone.
 *
 * Whoever calls has checked that ACTOR may write REPO. Values are never given back (C-HF-82).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "arena.h"
#include "err.h"

struct account_actor;
struct server;
struct store_repo;

/* Its body, as one of "secrets" of a new Space or alone: {"key":…, "value":…, "description":…}, checked; lent from BODY. */
struct secret_in { const char *key, *value, *description /* NULL: none */; };
SP_MUST int secret_read(const json_t *body, struct secret_in *ret, struct sp_err *e);

/*
 * Seal and keep VALUE; one of the same name is replaced, and a running app restarts soon (C-HF-84). DESCRIPTION may be NULL.
 * SP_EINVAL: the name or the value is none. SP_EEXIST: a variable has this name. SP_EQUOTA: a limit.
 */
SP_MUST int secret_put(struct server *srv, const struct account_actor *actor, const struct store_repo *repo, const char *key,
		const char *value, const char *description, struct sp_err *e);

/* Absent is fine, and restarts nothing. */
SP_MUST int secret_drop(struct server *srv, const struct account_actor *actor, const struct store_repo *repo, const char *key, struct sp_err *e);

/* By name. Strings in A. */
struct secret_info { const char *key, *description /* NULL: none */; int64_t changed_ms; };
SP_MUST int secret_list(struct server *srv, const struct store_repo *repo, struct sp_arena *a, struct secret_info **ret, size_t *ret_n, struct sp_err *e);
