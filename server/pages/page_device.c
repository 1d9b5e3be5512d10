/* /-/device: somebody who is signed in says yes or no to a program that waits (RFC 8628 3.3). */
#include <string.h>

#include "clock.h"
#include "runtime/account/devices.h"
#include "runtime/account/gate.h"
#include "runtime/store/store.h"
#include "server/pages/account.h"
#include "server/server.h"
#include "views.h"

static int reply_device(struct http_req *rq, struct http_resp *rs, int status, const struct device_login *login, const char *done,
		const char *problem)
{
	struct view_device v = { .error = problem, .done = done, .code = "", .client = "", .address = "" };
	struct sp_buf html = { 0 };

	page_begin(rq, &v.page, "Sign in a program · vitrine");
	v.page.account = true;
	if (login) {
		v.code = login->user_code;
		v.client = login->client;
		v.address = login->address;
		v.asked = page_when(rq->arena, login->created_ms);
	}
	view_device(&html, &v);
	return page_reply(rq, rs, status, &html, NULL);
}

/* A wrong code counts as a wrong password of this address: codes are short. */
static int find(struct http_req *rq, const char *code, struct device_login *ret, struct sp_err *e)
{
	int64_t now = sp_wall_ms();
	int r = gate_try(rq->srv->gate, NULL, rq->peer, now, e);

	if (r == 0)
		r = devices_find(rq->srv->devices, code, now, ret, e);
	if (r == 0)
		gate_undo(rq->srv->gate, NULL, rq->peer);
	return r;
}

static int reply_problem(struct http_req *rq, struct http_resp *rs, int r, const struct sp_err *e)
{
	int status = account_form_status(rq, rs, e);

	return status ? reply_device(rq, rs, status, NULL, "", account_sentence(rq->arena, e)) : r;
}

int page_device(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *code = http_query(rq, "code");
	struct device_login login;
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	if (!code || !*code)
		return reply_device(rq, rs, 200, NULL, "", "");
	r = find(rq, code, &login, e);
	return r < 0 ? reply_problem(rq, rs, r, e) : reply_device(rq, rs, 200, &login, "", "");
}

int page_device_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *code = http_form(rq, "code"), *answer = http_form(rq, "answer"), *role = http_form(rq, "role");
	bool yes = answer && strcmp(answer, "yes") == 0;
	enum account_role may = !yes ? ROLE_NONE : role && strcmp(role, "read") == 0 ? ROLE_READ : ROLE_WRITE;
	struct device_login login;
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	r = find(rq, code ? code : "", &login, e);
	if (r == 0 && yes)      /* recorded first: what is not on record must not happen */
		r = store_event_add(rq->srv->store, &rq->actor.user, NULL, "device", login.client, e);
	if (r == 0)
		r = devices_answer(rq->srv->devices, login.user_code, &rq->actor.user, may, sp_wall_ms(), e);
	if (r < 0)
		return reply_problem(rq, rs, r, e);
	return reply_device(rq, rs, 200, NULL, yes ? "Allowed. Your terminal goes on in a moment; you may close this page." :
		"Denied. The program gets nothing.", "");
}
