/*
 * sanitize_url.h - addresses in user HTML, read as browsers read them, before anything is decided about them. Pure.
 */
#pragma once

#include <stdbool.h>

#include "server/pages/sanitize.h"

enum url_use { URL_LINK, URL_IMAGE };

/*
 * Append the address that RAW may become to OUT; false and OUT untouched: none. *RET_REMOTE: it is an image of another host.
 */
bool sanitize_url(const char *raw, enum url_use use, const struct sanitize *how, struct sp_buf *out, bool *ret_remote);
