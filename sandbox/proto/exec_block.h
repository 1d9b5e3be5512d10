/*
 * exec_block.h - what vitrine-init shall execute, as bytes in a sealed memfd.
 *
 * Layout: magic "VTXB0001", u32 argc, u32 envc, u32 flags, u32 reserved, then argc + envc + 1 strings, each
 * with its NUL: argv, environment as NAME=value, working directory. At most 1 MiB. The server writes
 * it, init reads it inside the sandbox with the app's own rights; the launcher never looks inside.
 */
#pragma once

#include <stddef.h>

#include "err.h"

enum { EXEC_BLOCK_MAX = 1 << 20, EXEC_ARGS_MAX = 256, EXEC_ENV_MAX = 1024 };
enum { EXEC_LINE_BUFFERED = 1 };        /* reserved for later */

struct exec_block { char **argv, **envp; const char *cwd; };

/* A sealed memfd with ARGV, ENVP (NULL-terminated, lent) and CWD. SP_EQUOTA: over a limit above. */
SP_MUST int exec_block_write(const char *const *argv, const char *const *envp, const char *cwd, int *ret_fd, struct sp_err *e);

/*
 * Parse SIZE bytes at P (lent, must outlive RET; NUL-terminated strings inside). POINTERS is the caller's
 * array of EXEC_ARGS_MAX + EXEC_ENV_MAX + 2 pointers. No allocation. SP_EPROTO: anything unexpected.
 */
SP_MUST int exec_block_parse(char *p, size_t size, char **pointers, struct exec_block *ret, struct sp_err *e);
