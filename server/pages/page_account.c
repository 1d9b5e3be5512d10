/* /-/account: one's own name, password, access tokens and sessions. */
#include <string.h>

#include "runtime/account/account.h"
#include "server/pages/account.h"
#include "server/server.h"
#include "views.h"

enum { FULLNAME_MAX = 100 };

/* What is said above the settings after a form was sent. */
struct said { int status; const char *done, *error, *new_token; };

static const char *may_of(int role)
{
	switch (role) {
	case ROLE_ADMIN: return "administer";
	case ROLE_WRITE: return "read and write";
	default:         return "read only";
	}
}

static int list_tokens(struct http_req *rq, int kind, const struct view_token **ret, size_t *ret_n, struct sp_err *e)
{
	struct store_token *rows;
	struct view_token *shown;
	size_t n;
	int r = store_token_list(rq->srv->store, &rq->actor.user, kind, rq->arena, &rows, &n, e);

	if (r < 0)
		return r;
	shown = sp_arena_get(rq->arena, (n + 1) * sizeof(*shown));
	for (size_t i = 0; i < n; i++)
		shown[i] = (struct view_token){
			.id = rows[i].id.s, .label = rows[i].label, .may = may_of(rows[i].role), .is_this = sp_id_eq(&rows[i].id, &rq->actor.token),
			.created = page_when(rq->arena, rows[i].created_ms), .used = page_when(rq->arena, rows[i].used_ms),
			.ends = kind == TOKEN_ACCESS ? account_day(rq->arena, rows[i].expires_ms) : "",
		};
	*ret = shown;
	*ret_n = n;
	return 0;
}

static int reply_account(struct http_req *rq, struct http_resp *rs, const struct said *said, struct sp_err *e)
{
	struct view_account v = { .origin = rq->origin, .password_min = PASSWORD_MIN, .is_admin = rq->actor.is_admin,
			.done = said->done ? said->done : "", .error = said->error ? said->error : "",
			.new_token = said->new_token ? said->new_token : "" };
	struct store_password password;
	struct store_user user;
	struct sp_buf html = { 0 };
	int r = store_user_by_id(rq->srv->store, &rq->actor.user, &user, e);

	if (r == 0)
		r = store_user_password(rq->srv->store, &user.id, &password, e);
	if (r == 0)
		r = list_tokens(rq, TOKEN_ACCESS, &v.tokens, &v.n_tokens, e);
	if (r == 0)
		r = list_tokens(rq, TOKEN_SESSION, &v.sessions, &v.n_sessions, e);
	if (r < 0)
		return r;
	page_begin(rq, &v.page, "Account settings · vitrine");
	v.page.next = "/-/account";
	v.page.account = v.page.forms = true;
	v.user = user.name;
	v.fullname = strcmp(user.fullname, user.name) == 0 ? "" : user.fullname;
	v.has_password = password.hash[0] != '\0';
	v.has_others = v.n_sessions > 1;
	view_account(&html, &v);
	return page_reply(rq, rs, said->status, &html, NULL);
}

/* After a form: what E says beside the settings, or a failure that is not the user's. */
static int reply_problem(struct http_req *rq, struct http_resp *rs, int r, struct sp_err *e)
{
	struct said said = { .status = account_form_status(rq, rs, e), .error = account_sentence(rq->arena, e) };

	return said.status ? reply_account(rq, rs, &said, e) : r;
}

int page_account(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	static const struct { const char *word, *sentence; } done_rows[] = {
		{ "profile", "Saved." },
		{ "password", "The new password holds. Every other browser is signed out." },
		{ "revoked", "The token is revoked: nobody can use it any more." },
		{ "ended", "The session has ended." },
		{ "others", "All other sessions have ended." },
	};
	const char *word = http_query(rq, "done");
	struct said said = { .status = 200 };
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	for (size_t i = 0; word && i < sizeof(done_rows) / sizeof(done_rows[0]); i++)
		if (strcmp(done_rows[i].word, word) == 0)
			said.done = done_rows[i].sentence;
	return reply_account(rq, rs, &said, e);
}

int page_account_profile(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *fullname = http_form(rq, "fullname");
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	fullname = fullname && *fullname ? fullname : rq->actor.name;
	if (strlen(fullname) > FULLNAME_MAX)
		return reply_problem(rq, rs, sp_fail(e, SP_EINVAL, 0, "a full name has at most %d bytes", FULLNAME_MAX), e);
	r = store_user_set_fullname(rq->srv->store, &rq->actor.user, fullname, e);
	return r < 0 ? r : page_see_other(rq, rs, "/-/account?done=profile");
}

/* Whoever found an open browser must not take the account over with it. */
static int check_current(struct http_req *rq, struct sp_err *e)
{
	const char *current = http_form(rq, "current");
	struct store_password password;
	struct store_user user;
	int r = store_user_password(rq->srv->store, &rq->actor.user, &password, e);

	if (r < 0)
		return r;
	if (!password.hash[0])
		return account_need_fresh(rq, e);
	r = account_password_check(rq->srv->store, rq->srv->gate, rq->actor.name, current ? current : "", rq->peer, &user, e);
	return r == -SP_EAUTH ? sp_fail(e, SP_EDENIED, 0, "the present password is wrong") : r;
}

int page_account_password(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	struct store_user user;
	const char *password;
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	r = account_form_password(rq, &password, e);
	if (r == 0)
		r = check_current(rq, e);
	if (r == 0)
		r = store_user_by_id(rq->srv->store, &rq->actor.user, &user, e);
	if (r == 0)
		r = account_password_set(rq->srv->store, rq->srv->gate, &user, password, &rq->actor.token, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, NULL, "password", "changed", e);
	if (r < 0)
		return reply_problem(rq, rs, r, e);
	server_account_changed(rq->srv, &rq->actor.user);
	return page_see_other(rq, rs, "/-/account?done=password");
}

int page_tokens_post(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	const char *label = http_form(rq, "label"), *role = http_form(rq, "role");
	enum account_role may = role && strcmp(role, "read") == 0 ? ROLE_READ : ROLE_WRITE;
	struct said said = { .status = 200, .done = "" };
	struct account_token token;
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	if (!label || !*label)
		return reply_problem(rq, rs, sp_fail(e, SP_EINVAL, 0, "a token has a name: say what it is for"), e);
	r = account_token_add(rq->srv->store, &rq->actor.user, label, may, &token, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, NULL, "token", label, e);
	if (r < 0)
		return reply_problem(rq, rs, r, e);
	said.new_token = sp_arena_str(rq->arena, token.s);
	return reply_account(rq, rs, &said, e);
}

/* Row {id} of KIND, if it is one's own. */
static int own_row(struct http_req *rq, int kind, struct store_token *ret, struct sp_err *e)
{
	const char *id = http_param(rq, "id");
	struct store_token *rows;
	size_t n;
	int r = store_token_list(rq->srv->store, &rq->actor.user, kind, rq->arena, &rows, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].id.s, id) == 0) {
			*ret = rows[i];
			return 0;
		}
	return sp_fail(e, SP_ENOENT, 0, kind == TOKEN_ACCESS ? "there is no such token: it was revoked already" : "this session has ended already");
}

static int revoke(struct http_req *rq, int kind, const char *what, struct sp_err *e)
{
	struct store_token row;
	int r = own_row(rq, kind, &row, e);

	if (r == 0)
		r = store_token_revoke(rq->srv->store, &rq->actor.user, &row.id, e);
	if (r < 0)
		return r;
	server_account_changed(rq->srv, &rq->actor.user);
	return store_event_add(rq->srv->store, &rq->actor.user, NULL, what, row.label, e);
}

int page_token_revoke(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	r = revoke(rq, TOKEN_ACCESS, "token-revoke", e);
	return r < 0 ? reply_problem(rq, rs, r, e) : page_see_other(rq, rs, "/-/account?done=revoked");
}

int page_session_end(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int r = account_need_session(rq, e);

	if (r < 0)
		return r;
	r = revoke(rq, TOKEN_SESSION, "session-end", e);
	if (r < 0)
		return reply_problem(rq, rs, r, e);
	return page_see_other(rq, rs, strcmp(http_param(rq, "id"), rq->actor.token.s) == 0 ? "/" : "/-/account?done=ended");
}

int page_sessions_end(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	int r = account_need_session(rq, e);

	if (r == 0)
		r = store_token_revoke_all(rq->srv->store, &rq->actor.user, TOKEN_SESSION, &rq->actor.token, e);
	if (r == 0)
		r = store_event_add(rq->srv->store, &rq->actor.user, NULL, "session-end", "all others", e);
	if (r < 0)
		return r;
	server_account_changed(rq->srv, &rq->actor.user);
	return page_see_other(rq, rs, "/-/account?done=others");
}
