#include "server/api/page.h"

#include <string.h>

#define OFFSET_MAX (INT64_C(1) << 40)

int page_read(const struct http_req *rq, int64_t max, struct page *ret, struct sp_err *e)
{
	struct page p;
	int r = http_query_int(rq, "limit", 0, INT64_MAX, max, &p.size, e);

	if (r == 0)
		r = http_query_int(rq, "cursor", 0, OFFSET_MAX, 0, &p.offset, e);
	if (r < 0)
		return r;
	if (p.size > max)
		p.size = max;
	*ret = p;
	return 0;
}

void page_link_next(struct http_req *rq, struct http_resp *rs, const struct page *page)
{
	const char *query = strchrnul(rq->target, '?'), *at, *end;
	sp_auto_buf struct sp_buf url = { 0 };

	sp_buf_fmt(&url, "%s%s?", rq->origin, rq->path);
	for (at = query; *at; at = end) {
		at++;                                   /* '?' or '&' */
		end = strchrnul(at, '&');
		if (end > at && !sp_starts_with(at, "cursor="))
			sp_buf_fmt(&url, "%.*s&", (int)(end - at), at);
	}
	sp_buf_fmt(&url, "cursor=%lld", (long long)(page->offset + page->size));
	http_setf(rq, rs, "Link", "<%s>; rel=\"next\"", url.p);
}

size_t page_cut(struct http_req *rq, struct http_resp *rs, const struct page *page, size_t n, size_t *ret_from)
{
	size_t from = (size_t)page->offset < n ? (size_t)page->offset : n, to = n;

	if ((int64_t)(n - from) > page->size) {
		to = from + (size_t)page->size;
		if (page->size > 0)
			page_link_next(rq, rs, page);
	}
	*ret_from = from;
	return to;
}
