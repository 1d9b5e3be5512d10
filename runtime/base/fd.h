/*
 * fd.h - descriptors: whole reads and writes, names beneath a directory, sealed memory files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

SP_MUST int sp_write_all(int fd, const void *p, size_t n, struct sp_err *e);

/* Read until N bytes or the end; returns how many. */
SP_MUST int sp_read_full(int fd, void *p, size_t n, size_t *ret_n, struct sp_err *e);

/*
 * Open PATH beneath DIRFD: no "..", no symbolic link anywhere, no magic link, no crossing of a mount
 * (openat2(2)), so that a tree which hostile code wrote cannot lead out of itself. O_CLOEXEC is added.
 */
SP_MUST int sp_open_beneath(int dirfd, const char *path, int flags, mode_t mode, int *ret_fd, struct sp_err *e);

/* A memory file with these N bytes, sealed against any change, positioned at 0. */
SP_MUST int sp_memfd_sealed(const char *name, const void *p, size_t n, int *ret_fd, struct sp_err *e);

SP_MUST int sp_set_nonblock(int fd, bool on, struct sp_err *e);
SP_MUST int sp_set_cloexec(int fd, bool on, struct sp_err *e);
