/*
 * multipart.h - multipart/form-data (RFC 7578) in a spooled body: where each part lies, without copying it.
 *
 * What a browser's form sends: text fields and files. Contents stay in the file and are read from there, so
 * memory is bounded by the heads of form_parts parts. Pure but for reads of the file; fuzzed
 * (tests/fuzz/multipart.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"

struct multipart_part {
	const char *name;
	const char *filename;           /* as sent, with the folders of a dropped folder; NULL: a text field */
	uint64_t offset, len;           /* in the file */
};

struct multipart {
	int fd;                         /* lent */
	const struct multipart_part *parts;
	size_t n;
};

/*
 * The SIZE bytes of FD as CONTENT_TYPE tells (the header's value; may be NULL). SP_EINVAL: not a form, cut off, a bad
 * head. SP_EQUOTA: over form_parts or form_head_bytes. Names are from A.
 */
SP_MUST int multipart_parse(int fd, uint64_t size, const char *content_type, struct sp_arena *a, struct multipart *ret, struct sp_err *e);

/* The first field NAME as text from A, or "" when there is none. SP_EQUOTA: longer than MAX. SP_EINVAL: holds a NUL. */
SP_MUST int multipart_text(const struct multipart *m, const char *name, size_t max, struct sp_arena *a, const char **ret, struct sp_err *e);
