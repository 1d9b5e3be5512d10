/*
 * scan.h - look over a tree that a build wrote before it is packed.
 *
 * The packing worker is the app's user without capabilities: what it cannot read, the app could not
 * either, so such names (root's 0600 files of packages.txt) are left out instead of failing the build.
 */
#pragma once

#include <stdint.h>

#include "err.h"

enum { SCAN_LEAVE_OUT_MAX = 4096 };

struct scan {
	uint64_t files, bytes;
	char **leave_out;               /* paths relative to the tree; names of them, ours */
	unsigned names;
};

/* Fill RET. SP_EQUOTA: more than MAX_FILES or MAX_BYTES, or than SCAN_LEAVE_OUT_MAX unreadable names. */
SP_MUST int scan_tree(const char *tree, uint64_t max_files, uint64_t max_bytes, struct scan *ret, struct sp_err *e);

/* Leave PATH out too. */
SP_MUST int scan_leave_out(struct scan *s, const char *path, struct sp_err *e);

void scan_fini(struct scan *s);
