/*
 * mkfs.h - pack a tree as an erofs image with mkfs.erofs(1).
 *
 * No time stamps and no extended attributes: equal trees give equal images, and file capabilities or
 * overlay marks that a build left behind do not come along.
 */
#pragma once

#include <stdint.h>

#include "err.h"

enum mkfs_owner { MKFS_ROOT, MKFS_APP_USER };

/*
 * Pack TREE into the file OUT (it exists or is made). EXCLUDE are NAMES paths relative to TREE that are left
 * out. SP_EIO: it did not work; mkfs.erofs has written why to standard error.
 */
SP_MUST int mkfs_pack(const char *tree, const char *out, enum mkfs_owner owner, const char *const *exclude, unsigned names,
		uint64_t *ret_bytes, struct sp_err *e);
