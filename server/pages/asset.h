/*
 * asset.h - the style sheets, scripts and icons inside the program, made by web/compiler.
 */
#pragma once

#include <stddef.h>

struct asset {
	const char *name;               /* "site.css" */
	const char *url;                /* "/-/assets/site.0123456789abcdef.css" */
	const char *type, *etag;
	const unsigned char *bytes;
	size_t len;
	const unsigned char *gzip;
	size_t gzip_len;
};

extern const struct asset asset_rows[];
extern const size_t asset_count;

/* By the last part of its address; NULL. */
const struct asset *asset_find(const char *hashed_name);
/* By its own name, for pages on other hosts; NULL. */
const struct asset *asset_named(const char *name);
