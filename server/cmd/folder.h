/*
 * folder.h - the files of a folder that shall be uploaded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"

struct folder_file { const char *path; uint64_t size; char oid[41]; /* git's blob id */ };
struct folder { const char *root; struct folder_file *files; size_t n; uint64_t bytes; const char *skipped; /* names for people, or NULL */ };

/*
 * Every regular file below ROOT, sorted by path, except version control, caches, virtual environments and
 * .env (secrets). SP_EINVAL: a symbolic link or special file, named. SP_EQUOTA: too many or too large files.
 */
SP_MUST int folder_scan(const char *root, struct sp_arena *a, struct folder *ret, struct sp_err *e);

/* The whole of a small file (NULL when absent or over MAX). From the arena. */
const char *folder_read(const char *root, const char *path, size_t max, struct sp_arena *a, size_t *ret_n);

/* gradio, streamlit, static or docker by what lies there; NULL when nothing fits. */
const char *folder_guess_sdk(const struct folder *f, struct sp_arena *a);
