#include <ctype.h>

#include "server/http/http.h"

/* One letter on a colour that follows from the name: nothing to upload, nothing to look up. */
int api_avatar(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *name = http_param(rq, "user");
	unsigned hue = 0;

	if (!isalnum((unsigned char)name[0]))
		return sp_fail(e, SP_ENOENT, 0, "there is no such picture");
	for (const char *p = name; *p; p++)
		hue = (hue * 31 + (unsigned)tolower((unsigned char)*p)) % 360;
	rs->body = sp_arena_fmt(rq->arena,
			"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\"><rect width=\"64\" height=\"64\" fill=\"hsl(%u 45%% 40%%)\"/>"
			"<text x=\"32\" y=\"43\" font-family=\"sans-serif\" font-size=\"32\" text-anchor=\"middle\" fill=\"#fff\">%c</text></svg>",
			hue, toupper((unsigned char)name[0]));
	rs->body_len = sp_str_of(rs->body).n;
	http_set(rq, rs, "Content-Type", "image/svg+xml");
	http_set(rq, rs, "Cache-Control", "public, max-age=86400");
	/* Opened by itself, an SVG is a document that could run scripts. */
	http_set(rq, rs, "Content-Security-Policy", "default-src 'none'; sandbox");
	return 0;
}
