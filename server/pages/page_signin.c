/*
 * Signing in and out in a browser: name and password, an access token, or a one-time link whose page asks for a click
 * first, so that a mail scanner that follows the link does not spend it.
 */
#include <string.h>

#include "runtime/account/account.h"
#include "runtime/store/store.h"
#include "server/http/auth.h"
#include "server/pages/account.h"
#include "server/server.h"
#include "views.h"

static int reply_form(struct http_req *rq, struct http_resp *rs, int status, const char *problem)
{
	bool is_post = rq->method == HTTP_POST;
	const char *next = is_post ? http_form(rq, "next") : http_query(rq, "next"), *name = is_post ? http_form(rq, "name") : NULL;
	struct view_signin v = { .error = problem, .next = page_local_path(next), .name = name ? name : "" };
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

static char *trimmed(struct http_req *rq, const char *text)
{
	const char *from = text ? text + strspn(text, " \t\r\n") : "";
	size_t n = strlen(from);

	while (n && strchr(" \t\r\n", from[n - 1]))
		n--;
	return sp_arena_mem(rq->arena, from, n);
}

static int by_token(struct http_req *rq, const char *token, struct sp_id *ret, struct sp_err *e)
{
	struct account_actor actor;
	int r = account_by_token(rq->srv->store, token, &actor, e);

	if (r == -SP_EAUTH)
		return sp_fail(e, SP_EAUTH, 0, "this token is not known here: copy it whole, it begins with hf_");
	if (r < 0)
		return r;
	/* A session has its user's whole role: a token that has less must not become one. */
	if (actor.role < (actor.is_admin ? ROLE_ADMIN : ROLE_WRITE))
		return sp_fail(e, SP_EDENIED, 0, "this token may do less than its user: sign in with your password or first token, or ask for a sign-in link");
	*ret = actor.user;
	return 0;
}

static int by_password(struct http_req *rq, const char *name, const char *password, struct sp_id *ret, struct sp_err *e)
{
	struct store_user user;
	int r = account_password_check(rq->srv->store, rq->srv->gate, name, password, rq->peer, &user, e);

	if (r < 0)
		return r;
	*ret = user.id;
	return 0;
}

static int who(struct http_req *rq, struct sp_id *ret, struct sp_err *e)
{
	const char *link = http_form(rq, "link"), *given = http_form(rq, "token");
	const char *name = trimmed(rq, http_form(rq, "name")), *token = trimmed(rq, given);

	if (link && *link)
		return account_signin_use(rq->srv->store, link, ret, e);
	if (!*token)
		return sp_fail(e, SP_EINVAL, 0, "type your name and password, or an access token alone");
	if (!*name || sp_starts_with(token, "hf_")) {
		int r = by_token(rq, token, ret, e);

		if (r != -SP_EAUTH || !*name)
			return r;
	}
	return by_password(rq, name, given, ret, e);    /* as typed: a password may end with a space */
}

int page_signin_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct sp_id user;
	int r = who(rq, &user, e), status;

	if (r >= 0)
		r = account_begin_session(rq, rs, &user, e);
	if (r >= 0)
		return page_see_other(rq, rs, page_local_path(http_form(rq, "next")));
	status = account_form_status(rq, rs, e);
	return status ? reply_form(rq, rs, status, account_sentence(rq->arena, e)) : r;
}

int page_signout(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *cookie = http_cookie(rq, auth_cookie_name(rq));
	int r = cookie ? account_session_end(rq->srv->store, cookie, e) : 0;

	if (r < 0)
		return r;
	if (rq->actor.by_session)
		server_account_changed(rq->srv, &rq->actor.user);
	auth_set_cookie(rq, rs, "");
	return page_see_other(rq, rs, "/");
}
