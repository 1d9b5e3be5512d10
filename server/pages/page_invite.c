/* Links by which somebody makes an account or chooses a new password. Looking at them spends nothing: mail scanners follow links. */
#include <string.h>

#include "runtime/account/account.h"
#include "runtime/store/store.h"
#include "server/pages/account.h"
#include "server/server.h"
#include "views.h"

static const char *given(const char *text)
{
	return text ? text : "";
}

static int reply_invite(struct http_req *rq, struct http_resp *rs, int status, const char *token, const char *name, const char *problem,
		struct sp_err *e)
{
	struct view_invite v = { .error = problem, .token = token, .name = name, .password_min = PASSWORD_MIN };
	struct store_invite invite;
	struct sp_buf html = { 0 };
	int r = account_invite_find(rq->srv->store, token, &invite, e);

	if (r < 0 && r != -SP_EAUTH)
		return r;
	if (r < 0) {
		v.error = account_sentence(rq->arena, e);
		status = 410;
	} else {
		v.is_open = true;
		v.is_admin = invite.is_admin;
		v.is_fixed = invite.name[0] != '\0';
		v.name = v.is_fixed ? invite.name : name;
	}
	page_begin(rq, &v.page, "Invitation · vitrine");
	v.page.next = "/";              /* the link's own address would carry the token on */
	view_invite(&html, &v);
	return page_reply(rq, rs, status, &html, NULL);
}

int page_invite(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return reply_invite(rq, rs, 200, given(http_query(rq, "token")), "", "", e);
}

int page_invite_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *token = given(http_form(rq, "link")), *name = given(http_form(rq, "name")), *password;
	struct sp_id user;
	int r = account_form_password(rq, &password, e), status;

	if (r == 0)
		r = account_invite_use(rq->srv->store, rq->srv->gate, token, name, password, &user, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &user, NULL, "account", "invited", e);
	if (r == 0)
		r = account_begin_session(rq, rs, &user, e);
	if (r == 0)
		return page_see_other(rq, rs, "/");
	status = account_form_status(rq, rs, e);
	return status ? reply_invite(rq, rs, status, token, name, account_sentence(rq->arena, e), e) : r;
}

static int reply_reset(struct http_req *rq, struct http_resp *rs, int status, const char *token, const char *problem, struct sp_err *e)
{
	struct view_reset v = { .error = problem, .token = token, .user = "", .password_min = PASSWORD_MIN };
	struct store_user user;
	struct sp_buf html = { 0 };
	int r = account_reset_find(rq->srv->store, token, &user, e);

	if (r < 0 && r != -SP_EAUTH)
		return r;
	if (r < 0) {
		v.error = account_sentence(rq->arena, e);
		status = 410;
	} else {
		v.is_open = true;
		v.user = user.name;
	}
	page_begin(rq, &v.page, "New password · vitrine");
	v.page.next = "/";
	view_reset(&html, &v);
	return page_reply(rq, rs, status, &html, NULL);
}

int page_reset(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	return reply_reset(rq, rs, 200, given(http_query(rq, "token")), "", e);
}

int page_reset_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *token = given(http_form(rq, "link")), *password;
	struct sp_id user;
	int r = account_form_password(rq, &password, e), status;

	if (r == 0)
		r = account_reset_use(rq->srv->store, rq->srv->gate, token, password, &user, e);
	if (r == 0) {
		server_account_changed(rq->srv, &user);
		r = store_event_add(rq->srv->store, &user, NULL, "password", "by a reset link", e);
	}
	if (r == 0)
		r = account_begin_session(rq, rs, &user, e);
	if (r == 0)
		return page_see_other(rq, rs, "/");
	status = account_form_status(rq, rs, e);
	return status ? reply_reset(rq, rs, status, token, account_sentence(rq->arena, e), e) : r;
}
