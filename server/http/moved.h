/*
 * moved.h - a repository that is called differently now: the same request under its new name (C-HF-37).
 */
#pragma once

#include "server/http/conn.h"

/*
 * {owner}/{name} of the route has no row. When it is an old name and the caller may read what it leads to, answer 307
 * with a Location without a host: HEAD on /resolve follows only such. 1: answered. 0: nothing leads on, or not for
 * them; a private Space's new name is nobody else's to know. On a pool thread.
 */
SP_MUST int moved_answer(struct http_conn *c, const char *type, struct sp_err *e);

/* PATH, which fits PATTERN, with {owner} and {name} exchanged. Pure. */
const char *moved_path(struct sp_arena *a, const char *pattern, const char *path, const char *owner, const char *name);
