/*
 * commit_parse.h - the NDJSON body of a commit (hf-api.md 4.7), read with bounded memory.
 *
 * A line may hold a whole file of 64 MB in base64, with its path behind it. Contents go to a spool file as
 * they are read and are decoded there in place; everything else is small and kept. Pure but for the two files.
 */
#pragma once

#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "runtime/repo/repo.h"

struct commit_parsed {
	const char *summary, *description, *parent;     /* parent NULL: not given */
	struct repo_op *ops;            /* OP_PUT: fd is SPOOL */
	size_t n_ops;
};

/*
 * Read BODY from its position to its end; contents go to SPOOL, an empty file open for reading and writing.
 * SP_EINVAL: "line N: …". SP_EQUOTA: over commit_files or a content over regular_file_bytes. Strings are from A.
 */
SP_MUST int commit_parse(int body, int spool, struct sp_arena *a, struct commit_parsed *ret, struct sp_err *e);
