/*
 * path.h - which names and links of an archive are allowed. Pure; fuzzed (tests/fuzz/worker_path.c).
 *
 * Rules that together keep a tree closed: a name never leads up, a directory on the way to a name is
 * never a link (tree.h), and a link leads up only at its start and never above the root. So every link
 * resolves inside, also through other links: the directory that it starts from is a real one, and from
 * there each step goes down or through a link of which the same is true.
 */
#pragma once

#include <stddef.h>

#include "err.h"

enum { WORKER_PATH_MAX = 1024, WORKER_NAME_MAX = 255, WORKER_DEPTH_MAX = 64 };

/*
 * Bring NAME into its plain form, "a/b/c" without "." and doubled slashes, in OUT of WORKER_PATH_MAX + 1
 * bytes; "" is the root itself. Returns the depth. SP_EDENIED: absolute, "..", too long, too deep, or a
 * control byte; the text says which.
 */
SP_MUST int worker_path_clean(const char *name, char *out, struct sp_err *e);

/* May a symbolic link at PATH (plain) point to TARGET? SP_EDENIED if not. */
SP_MUST int worker_link_check(const char *path, const char *target, struct sp_err *e);
