/*
 * asset.h - style sheets, scripts and icons into the program, under names that change with their bytes.
 *
 * web/css/site.css becomes a row { "site.css", "/-/assets/site.0123456789abcdef.css", type, etag, bytes,
 * gzip } and #define ASSET_site_css with its address, which {{@asset site.css}} uses. The hash is
 * FNV-1a: it tells versions apart, it proves nothing.
 */
#pragma once

#include "err.h"
#include "str.h"

struct asset_in { const char *file; struct sp_str bytes; };

/* SP_EINVAL: a type that is not served, two files of one name. */
SP_MUST int asset_compile(const struct asset_in *files, size_t n, struct sp_buf *c, struct sp_buf *h, struct sp_err *e);
