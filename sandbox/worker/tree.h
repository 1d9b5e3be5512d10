/*
 * tree.h - write files beneath a directory without ever following a link, within limits.
 *
 * Every step down is an openat with O_NOFOLLOW, so that a link which the archive made first leads
 * nowhere; a name that exists is never opened again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "path.h"

struct tree {
	int root;               /* lent */
	int dir;                /* the folder that was used last: archives go folder by folder */
	char dir_path[WORKER_PATH_MAX + 1];
	uint64_t files, bytes;  /* so far; folders count as files */
	uint64_t max_files, max_bytes;
};

void tree_init(struct tree *t, int root, uint64_t max_files, uint64_t max_bytes);
void tree_fini(struct tree *t);

/* PATH is plain (worker_path_clean). Errors of all: SP_EQUOTA over a limit, SP_EDENIED through a link or twice, SP_EIO. */
SP_MUST int tree_dir(struct tree *t, const char *path, struct sp_err *e);
SP_MUST int tree_link(struct tree *t, const char *path, const char *target, struct sp_err *e);

/* A new file, open for writing; the caller's. SIZE is reserved against the limit before a byte is written. */
SP_MUST int tree_file(struct tree *t, const char *path, bool executable, uint64_t size, int *ret_fd, struct sp_err *e);
