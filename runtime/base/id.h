/*
 * id.h - the one kind of identifier: 24 lower-case hex digits, for API, disk and messages alike.
 *
 * Random, never derived from owner or name: renaming a Space moves nothing on disk, and a message to
 * the launcher cannot carry a path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum { SP_ID_LEN = 24 };

struct sp_id { char s[SP_ID_LEN + 1]; };        /* all NUL: none */

struct sp_id sp_id_new(void);
bool sp_id_is_none(const struct sp_id *id);
bool sp_id_eq(const struct sp_id *a, const struct sp_id *b);

/* Exactly N lower-case hex digits and nothing else. */
bool sp_is_hex(const char *s, size_t n);

/* SP_EINVAL unless S is an id. */
SP_MUST int sp_id_parse(const char *s, struct sp_id *ret);

/* N bytes as 2N lower-case hex digits and NUL into OUT. */
void sp_hex(const void *bytes, size_t n, char *out);
