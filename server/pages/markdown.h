/*
 * markdown.h - Markdown files as HTML of a page: md4c in GitHub's dialect, then sanitize.h (ui.md 4.3).
 */
#pragma once

#include "arena.h"
#include "server/pages/sanitize.h"

/* SP_EQUOTA: longer than markdown_bytes or too nested; show the source instead. */
SP_MUST int markdown_html(const char *text, size_t n, const struct sanitize *how, struct sp_buf *out, struct sp_err *e);

/*
 * The same through a small cache: OID names the bytes for ever. From A; a file that cannot be rendered is remembered too and
 * comes as an empty one. Any thread.
 */
struct safe_html markdown_cached(const char *oid, const char *text, size_t n, const struct sanitize *how, struct sp_arena *a);

/* Does this path name Markdown? */
bool markdown_is(const char *path);
