/* The frame of every page: title, security headers, errors. */
#include <string.h>

#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

static bool is_loopback_name(const char *host)
{
	size_t n = strcspn(host, ":");

	if (sp_starts_with(host, "[::1]") || sp_starts_with(host, "127."))
		return true;
	return (n == 9 && strncmp(host, "localhost", 9) == 0) || (n > 10 && strncmp(host + n - 10, ".localhost", 10) == 0);
}

void page_begin(const struct http_req *rq, struct view_page *ret, const char *title)
{
	*ret = (struct view_page){
		.fragment = http_is_fragment(rq), .title = title, .icon = "", .icon_state = "", .query = "", .topics = "", .announce = "",
		.user = account_is_anonymous(&rq->actor) ? "" : rq->actor.name,
		.next = rq->method == HTTP_GET || rq->method == HTTP_HEAD ? page_local_path(rq->target) : "/",
		.insecure = sp_starts_with(rq->origin, "http://") && !is_loopback_name(rq->origin + strlen("http://")),
	};
}

bool page_wants_json(const struct http_req *rq)
{
	const char *accept = http_header(rq, "accept");

	return !http_wants_html(rq) && !http_is_fragment(rq) && accept && strstr(accept, "application/json");
}

static void set_security(struct http_req *rq, struct http_resp *rs, const char *frame)
{
	bool is_form = rq->method == HTTP_POST;         /* such an answer may show a new token */

	http_setf(rq, rs, "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
		"connect-src 'self'; frame-src %s; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", frame ? frame : "'none'");
	http_set(rq, rs, "X-Content-Type-Options", "nosniff");
	http_set(rq, rs, "X-Frame-Options", "DENY");
	http_set(rq, rs, "Referrer-Policy", "strict-origin-when-cross-origin");
	http_set(rq, rs, "Cross-Origin-Opener-Policy", "same-origin");
	http_set(rq, rs, "Vary", "Accept, Cookie, HX-Request");
	http_set(rq, rs, "Cache-Control", is_form ? "no-store" : "private, no-cache");
}

int page_reply(struct http_req *rq, struct http_resp *rs, int status, struct sp_buf *html, const char *frame)
{
	set_security(rq, rs, frame);
	return http_reply_html(rq, rs, status, html);
}

int page_see_other(struct http_req *rq, struct http_resp *rs, const char *location)
{
	set_security(rq, rs, NULL);
	return http_redirect(rq, rs, 303, location);
}

const char *page_local_path(const char *path)
{
	if (!path || path[0] != '/' || path[1] == '/' || path[1] == '\\')
		return "/";
	/* Browsers drop tabs and newlines before they read an address: "/\t/host" would be another host. */
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == '\\' || *p == 0x7f)
			return "/";
	return path;
}

static const char *heading_of(int status)
{
	switch (status) {
	case 400: return "This request was not understood";
	case 401: return "Sign in to see this";
	case 403: return "You may not do this";
	case 404: return "There is nothing here";
	case 405: return "This address does not take that";
	case 410: return "This is gone";
	case 413: return "This is too big";
	case 429: return "Too many requests";
	case 503: return "Not available right now";
	default:  return status >= 500 ? "Something went wrong on the server" : "This did not work";
	}
}

void page_error(struct http_req *rq, struct http_resp *rs, int status, const char *code, const char *sentence)
{
	struct sp_buf html = { 0 };
	struct view_error v = { .status = status, .heading = heading_of(status), .sentence = sentence, .code = code };

	page_begin(rq, &v.page, sp_arena_fmt(rq->arena, "%s · vitrine", v.heading));
	v.next = v.page.next;
	v.offer_signin = !v.page.user[0] && (status == 401 || status == 403 || status == 404);
	view_error(&html, &v);
	(void)page_reply(rq, rs, status, &html, NULL);
}
