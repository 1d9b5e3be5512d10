/*
 * GET /-/assets/{name}: what web/ was compiled to; the name changes with the bytes.
 * GET /-/icon.svg: the emoji of a page with the dot of its state.
 */
#include <string.h>

#include "server/pages/asset.h"
#include "server/pages/page.h"

enum { EMOJI_BYTES_MAX = 40 };

const struct asset *asset_find(const char *hashed_name)
{
	for (size_t i = 0; i < asset_count; i++)
		if (strcmp(strrchr(asset_rows[i].url, '/') + 1, hashed_name) == 0)
			return &asset_rows[i];
	return NULL;
}

const struct asset *asset_named(const char *name)
{
	for (size_t i = 0; i < asset_count; i++)
		if (strcmp(asset_rows[i].name, name) == 0)
			return &asset_rows[i];
	return NULL;
}

static bool accepts_gzip(const struct http_req *rq)
{
	const char *accept = http_header(rq, "accept-encoding"), *at = accept ? strstr(accept, "gzip") : NULL;

	return at && !sp_starts_with(at + strlen("gzip"), ";q=0");
}

int page_asset(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const struct asset *a = asset_find(http_param(rq, "name"));
	const char *match = http_header(rq, "if-none-match");
	bool zip;

	if (!a)
		return sp_fail(e, SP_ENOENT, 0, "this file is of another version of the page: load the page again");
	zip = a->gzip_len < a->len && accepts_gzip(rq);
	http_set(rq, rs, "Content-Type", a->type);
	http_set(rq, rs, "Cache-Control", "public, max-age=31536000, immutable");
	http_set(rq, rs, "X-Content-Type-Options", "nosniff");
	http_set(rq, rs, "Cross-Origin-Resource-Policy", "same-origin");
	http_set(rq, rs, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox");
	http_set(rq, rs, "Vary", "Accept-Encoding");
	http_set(rq, rs, "ETag", a->etag);
	if (match && strstr(match, a->etag)) {
		rs->status = 304;
		return 0;
	}
	if (zip)
		http_set(rq, rs, "Content-Encoding", "gzip");
	rs->body = zip ? (const char *)a->gzip : (const char *)a->bytes;
	rs->body_len = zip ? a->gzip_len : a->len;
	return 0;
}

static const char *dot_colour(const char *tone)
{
	static const struct { const char *tone, *colour; } rows[] = {
		{ "green", "#16a34a" }, { "blue", "#2563eb" }, { "amber", "#d97706" }, { "red", "#dc2626" }, { "gray", "#6b7280" },
	};

	for (size_t i = 0; tone && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].tone, tone) == 0)
			return rows[i].colour;
	return NULL;
}

int page_icon(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *emoji = http_query(rq, "emoji"), *dot = dot_colour(http_query(rq, "tone"));
	sp_auto_buf struct sp_buf svg = { 0 };

	if (!emoji || strlen(emoji) > EMOJI_BYTES_MAX)
		return sp_fail(e, SP_EINVAL, 0, "emoji= is at most %d bytes", EMOJI_BYTES_MAX);
	sp_buf_puts(&svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">"
		"<text x=\"16\" y=\"26\" font-size=\"26\" text-anchor=\"middle\">");
	vt_put_text(&svg, emoji);
	sp_buf_puts(&svg, "</text>");
	if (dot)
		sp_buf_fmt(&svg, "<circle cx=\"25\" cy=\"25\" r=\"6\" fill=\"%s\" stroke=\"#fff\" stroke-width=\"2\"/>", dot);
	sp_buf_puts(&svg, "</svg>");
	http_set(rq, rs, "Content-Type", "image/svg+xml");
	http_set(rq, rs, "Cache-Control", "public, max-age=86400");
	http_set(rq, rs, "X-Content-Type-Options", "nosniff");
	http_set(rq, rs, "Content-Security-Policy", "default-src 'none'; sandbox");
	rs->body_len = svg.n;
	rs->body = sp_arena_mem(rq->arena, svg.p, svg.n);
	return 0;
}
