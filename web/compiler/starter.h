/*
 * starter.h - starter Spaces into the program: every file below templates/NAME/ becomes a row of NAME.
 *
 * What the list shows of one (title, emoji, sdk, short_description) is read from its README's first block,
 * one plain "key: value" a line.
 */
#pragma once

#include "err.h"
#include "str.h"

struct starter_in { const char *file; struct sp_str bytes; };

/* FILES are "templates/NAME/PATH" in the order of their names. SP_EINVAL: another shape, or no README with an sdk. */
SP_MUST int starter_compile(const struct starter_in *files, size_t n, struct sp_buf *c, struct sp_buf *h, struct sp_err *e);
