/*
 * Signing in and out in a browser: a pasted token, or a one-time link whose page asks for a click first, so that
 * a mail scanner that follows the link does not spend it.
 */
#include <string.h>

#include "runtime/account/account.h"
#include "server/http/auth.h"
#include "server/pages/page.h"
#include "server/server.h"
#include "views.h"

#define SESSION_SECONDS (30 * 24 * 3600)        /* as the store keeps it */

static int reply_form(struct http_req *rq, struct http_resp *rs, int status, const char *problem)
{
	const char *next = rq->method == HTTP_POST ? http_form(rq, "next") : http_query(rq, "next");
	struct view_signin v = { .error = problem, .next = page_local_path(next) };
	struct sp_buf html = { 0 };

	page_begin(rq, &v.page, "Sign in · vitrine");
	v.page.next = v.next;
	view_signin(&html, &v);
	return page_reply(rq, rs, status, &html, NULL);
}

int page_signin(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *token = http_query(rq, "token");
	struct view_signin_link v = { .token = token, .next = page_local_path(http_query(rq, "next")) };
	struct sp_buf html = { 0 };

	(void)e;
	if (!token || !*token)
		return reply_form(rq, rs, 200, "");
	page_begin(rq, &v.page, "Sign in · vitrine");
	v.page.next = "/";              /* the link's own address would carry the token on */
	view_signin_link(&html, &v);
	return page_reply(rq, rs, 200, &html, NULL);
}

/* The session cookie is Secure under https only: without TLS a banner says so (CONTRACTS 9.3). */
static void set_cookie(struct http_req *rq, struct http_resp *rs, const char *value, int seconds)
{
	const char *name = auth_cookie_name(rq);

	http_setf(rq, rs, "Set-Cookie", "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", name, value, seconds,
		sp_starts_with(rq->origin, "https:") ? "; Secure" : "");
}

static char *trimmed(struct http_req *rq, const char *token)
{
	const char *from = token + strspn(token, " \t\r\n");
	size_t n = strlen(from);

	while (n && strchr(" \t\r\n", from[n - 1]))
		n--;
	return sp_arena_mem(rq->arena, from, n);
}

static int who(struct http_req *rq, struct sp_id *ret, struct sp_err *e)
{
	const char *link = http_form(rq, "link"), *token = http_form(rq, "token");
	struct account_actor actor;
	int r;

	if (link && *link)
		return account_signin_use(rq->srv->store, link, ret, e);
	r = account_by_token(rq->srv->store, token ? trimmed(rq, token) : "", &actor, e);
	if (r < 0)
		return r;
	/* A session has its user's whole role: a token that has less must not become one. */
	if (actor.role < (actor.is_admin ? ROLE_ADMIN : ROLE_WRITE))
		return sp_fail(e, SP_EDENIED, 0, "a token that may do less than its user does not sign in");
	*ret = actor.user;
	return 0;
}

int page_signin_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *link = http_form(rq, "link");
	struct account_token cookie;
	struct sp_id user;
	int r = who(rq, &user, e);

	if (r == -SP_EAUTH || r == -SP_ENOENT || r == -SP_EINVAL)
		return reply_form(rq, rs, 401, link && *link ?
			"This link was used already or is older than a day. Sign in with a token, or ask for a new link." :
			"This token is not known here. Copy it whole: it begins with hf_.");
	if (r == -SP_EDENIED)
		return reply_form(rq, rs, 403, "This token may do less than its user. Sign in with your first token, or ask for a sign-in link.");
	if (r >= 0)
		r = account_session_new(rq->srv->store, &user, "browser", &cookie, e);
	if (r < 0)
		return r;
	set_cookie(rq, rs, cookie.s, SESSION_SECONDS);
	return page_see_other(rq, rs, page_local_path(http_form(rq, "next")));
}

int page_signout(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *cookie = http_cookie(rq, auth_cookie_name(rq));
	int r = cookie ? account_session_end(rq->srv->store, cookie, e) : 0;

	if (r < 0)
		return r;
	set_cookie(rq, rs, "", 0);
	return page_see_other(rq, rs, "/");
}
