/*
 * page.h - lists in pages: a JSON array, and a Link header with the absolute address of the next page that
 * repeats every parameter (C-HF-11).
 *
 * The place in the list is `cursor`, opaque to clients; here it is a number of entries.
 */
#pragma once

#include "server/http/http.h"

struct page { int64_t size, offset; };

/* limit and cursor of the query; at most MAX entries a page. SP_EINVAL. */
SP_MUST int page_read(const struct http_req *rq, int64_t max, struct page *ret, struct sp_err *e);

/* There is more behind this page. */
void page_link_next(struct http_req *rq, struct http_resp *rs, const struct page *page);

/* The part of N entries that the page shows: from *ret_from up to the result; sets Link when more follow. */
size_t page_cut(struct http_req *rq, struct http_resp *rs, const struct page *page, size_t n, size_t *ret_from);
