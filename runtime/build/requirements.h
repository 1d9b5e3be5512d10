/*
 * requirements.h - what requirements.txt and packages.txt say, as far as the cache of environments and
 * apt's command line care. Pure; uv parses the requirements themselves.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "err.h"
#include "str.h"

/*
 * Reads the file PATH of the repository; *RET is NUL-terminated, lent. SP_ENOENT: no such file. SP_EINVAL:
 * a NUL inside, which would hide what follows.
 */
typedef int req_read_fn(void *arg, const char *path, const char **ret, struct sp_err *e);

struct req_text {
	struct sp_buf text;             /* every line without its trailing white space, included files behind the line that names them */
	bool is_private;                /* leads into the repository, to a private index or carries credentials: not shared between Spaces */
};

/*
 * Normalise the requirements file PATH and what it includes (-r, -c; at most 16 files, 4 deep). SP_ENOENT:
 * PATH itself is not there. SP_EINVAL: it is larger or includes more.
 */
SP_MUST int req_normalise(const char *path, req_read_fn *read, void *arg, struct req_text *ret, struct sp_err *e);
void req_fini(struct req_text *r);

/* Names of packages.txt, one or more a line, '#' comments; lent from A, NULL-terminated. SP_EINVAL: not a Debian package name. */
SP_MUST int packages_parse(const char *text, struct sp_arena *a, const char *const **ret, size_t *ret_n, struct sp_err *e);
