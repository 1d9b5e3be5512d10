#include "server/pages/app_link.h"

#include <string.h>

#include "server/api/space_json.h"
#include "server/app_access.h"
#include "server/http/parse.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

/* URL is an absolute one with a path; the claim goes first, so that a query that is cut somewhere loses something else. */
static const char *with_sign(struct http_req *rq, const char *url, const char *sign)
{
	const char *query = strchr(url, '?');

	if (!query)
		return sp_arena_fmt(rq->arena, "%s?__sign=%s", url, sign);
	return sp_arena_fmt(rq->arena, "%.*s?__sign=%s%s%s", (int)(query - url), url, sign, query[1] ? "&" : "", query + 1);
}

const char *app_frame_url(struct http_req *rq, const struct store_repo *repo)
{
	const char *query = strchr(rq->target, '?'), *sign;
	const char *url = sp_arena_fmt(rq->arena, "%s/%s", space_host_url(rq, repo), query ? query : "");

	if (!repo->is_private || !rq->srv->app_access ||
	    app_access_sign_in(rq->srv->app_access, &rq->actor, &repo->id, rq->arena, &sign, NULL) < 0)
		return url;
	return with_sign(rq, url, sign);
}

/*
 * On to the app. Behind the sign-in form not by redirect: form-action 'self' holds for redirects of a form's answer
 * too (CSP 3, 6.4.1), and only a page of this host comes here as same-origin.
 */
static int lead(struct http_req *rq, struct http_resp *rs, const char *to)
{
	const char *site = http_header(rq, "sec-fetch-site");
	struct view_error v = { .status = 200, .heading = "Opening the app", .sentence = "If nothing happens, reload this page.", .code = "" };
	struct sp_buf html = { 0 };

	if (!site || strcmp(site, "same-origin") != 0)
		return http_redirect(rq, rs, 302, to);
	http_setf(rq, rs, "Refresh", "0; url=%s", to);
	page_begin(rq, &v.page, "Opening the app · vitrine");
	v.next = v.page.next;
	view_error(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

/*
 * GET /-/apps/sign?app=LABEL&to=PATH: edge sends browsers here that it cannot let in, and those that ask for an app
 * that does not exist, so that the two look the same to strangers.
 */
int page_app_sign(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *label = http_query(rq, "app"), *to = http_query(rq, "to"), *sign, *host;
	struct account_object on;
	struct store_repo repo;
	int r = label ? store_repo_by_label(rq->srv->store, label, rq->arena, &repo, e) : -SP_ENOENT;

	http_set(rq, rs, "Cache-Control", "no-store");
	if (r == 0) {
		on = (struct account_object){ .owner = repo.owner, .is_private = repo.is_private };
		r = account_may(&rq->actor, MAY_READ, &on, e);
	}
	if (r < 0 && r != -SP_ENOENT)
		return r;
	if (r == -SP_ENOENT) {
		host = label && parse_is_host(label) ? sp_arena_fmt(rq->arena, "%s.%s", label, rq->srv->domain) : "this address";
		return account_is_anonymous(&rq->actor) ?
			http_reply_error(rq, rs, 401, "RepoNotFound", "No public app answers at %s. If it is a private one, sign in to open it.", host) :
			http_reply_error(rq, rs, 404, "RepoNotFound", "No app answers at %s, or you may not see it. Check the address, or ask its owner.", host);
	}
	to = sp_arena_fmt(rq->arena, "%s%s", space_host_url(rq, &repo), page_local_path(to));
	if (!repo.is_private)
		return lead(rq, rs, to);
	r = app_access_sign_in(rq->srv->app_access, &rq->actor, &repo.id, rq->arena, &sign, e);
	return r < 0 ? r : lead(rq, rs, with_sign(rq, to, sign));
}
