/*
 * parse.h - the parts of a request that are text: percent-encoding, queries, forms, cookies, ranges. Pure and
 * fuzzed (tests/fuzz/http_parse.c). Malformed input is kept as text or skipped, never an error, except
 * NUL bytes, which no name or path of ours may hold.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/http/conn.h"

/* RAW with %XX decoded (and '+' as space when PLUS); a '%' that no two hex digits follow stays. NULL: holds %00. */
const char *parse_pct(struct sp_arena *a, struct sp_str raw, bool plus);

/* "a=1&b=2" to pairs; `k[]` is named `k` (C-HF-13). Pairs with a NUL byte are left out. */
struct http_pair *parse_query(struct sp_arena *a, struct sp_str raw);

/* The value of cookie NAME in the Cookie header, or NULL. The first one counts. */
const char *parse_cookie(struct sp_arena *a, const char *header, const char *name);

/* See http_range. HEADER may be NULL. */
SP_MUST int parse_range(const char *header, uint64_t size, uint64_t *ret_offset, uint64_t *ret_len, struct sp_err *e);

/* Standard base64 of the N bytes at S into OUT (at least N bytes); how many came out, or -1. For Basic credentials. */
int parse_base64(const char *s, size_t n, unsigned char *out);

/* May S be used in a URL of ours: letters, digits, '.', '-', ':', '[', ']' only, not empty, at most 255. */
bool parse_is_host(const char *s);
